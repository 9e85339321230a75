//! OCI image layouts (image-spec, image-layout.md), in a folder or in a tar.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::files::Files;
use super::local::{check_layers, check_platform, layer_codec};
use super::{LocalImage, LocalLayer, StoreError};
use crate::oci::{
    CONTAINERD_NAME, Config, Descriptor, Digest, Document, Index, Manifest, ManifestError, MediaType, Platform,
    REF_NAME,
};

/// The files that make a folder an image layout without images; our store has them, so that other tools can read it.
pub(super) const MARKERS: [(&str, &[u8]); 2] = [
    ("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#),
    ("index.json", br#"{"manifests":[],"mediaType":"application/vnd.oci.image.index.v1+json","schemaVersion":2}"#),
];

/// Indexes within indexes that are followed.
const DEPTH_LIMIT: usize = 4;

/// A layout with the image that was chosen in it: one manifest, or one for each platform.
#[derive(Debug)]
pub(super) struct Layout {
    files: Files,
    /// The entries of `index.json` that are the chosen image.
    entries: Vec<Descriptor>,
    /// The manifests of the chosen image, indexes followed.
    manifests: Vec<Descriptor>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Marker {
    image_layout_version: String,
}

impl Layout {
    pub(super) fn open(files: Files, tag: Option<&str>) -> Result<Self, StoreError> {
        let place = files.place().to_owned();
        let form = |why: String| StoreError::Form { place: place.clone(), form: "OCI image layout", why };
        let Some(marker) = files.document("oci-layout")? else {
            let other_form = files.locate("manifest.json")?.map(|_| "docker-archive");
            return Err(StoreError::NoMember { place, member: "oci-layout".to_owned(), other_form });
        };
        match serde_json::from_slice::<Marker>(&marker) {
            Ok(marker) if marker.image_layout_version.starts_with("1.") => {}
            Ok(marker) => return Err(form(format!("its version is `{}`", marker.image_layout_version))),
            Err(error) => return Err(form(format!("its `oci-layout` cannot be read: {error}"))),
        }
        let Some(bytes) = files.document("index.json")? else {
            return Err(StoreError::NoMember { place, member: "index.json".to_owned(), other_form: None });
        };
        let failed = |source| StoreError::Manifest { place: place.clone(), member: "index.json".to_owned(), source };
        let Document::Index(index) = Document::parse(bytes, None).map_err(failed)? else {
            return Err(form("its `index.json` is no index".to_owned()));
        };
        let chosen = choose(&files, &index, tag)?;
        let mut manifests = Vec::new();
        collect(&files, chosen.clone(), DEPTH_LIMIT, &mut BTreeSet::new(), &mut manifests)?;
        if manifests.is_empty() {
            return Err(StoreError::NoImage(place));
        }
        Ok(Self { files, entries: chosen, manifests })
    }

    pub(super) fn entries(&self) -> &[Descriptor] {
        &self.entries
    }

    pub(super) fn files(&self) -> &Files {
        &self.files
    }

    pub(super) fn platforms(&self) -> Result<Vec<Platform>, StoreError> {
        let mut platforms = Vec::new();
        for descriptor in &self.manifests {
            platforms.push(match &descriptor.platform {
                Some(platform) => platform.clone(),
                None => self.config(&self.manifest(descriptor)?)?.1.platform(),
            });
        }
        platforms.sort();
        platforms.dedup();
        Ok(platforms)
    }

    pub(super) fn image(&self, wanted: Option<&Platform>) -> Result<LocalImage, StoreError> {
        let place = self.files.place();
        let manifest = self.manifest(self.select(wanted)?)?;
        let (config_bytes, config) = self.config(&manifest)?;
        check_platform(&config, wanted, place)?;
        check_layers(&config, manifest.layers.len(), place)?;
        let mut layers = Vec::new();
        for (descriptor, diff_id) in manifest.layers.iter().zip(config.diff_ids()) {
            let codec = layer_codec(descriptor, place)?;
            let descriptor =
                Descriptor { media_type: MediaType::Layer(codec).as_str().to_owned(), ..descriptor.clone() };
            let blob = self.files.blob(&descriptor.digest, descriptor.size)?;
            layers.push(LocalLayer { descriptor, blob, diff_id: *diff_id });
        }
        Ok(LocalImage { manifest: Some(manifest), config, config_bytes, layers })
    }

    /// Finds the manifest for a platform; an equal variant wins over one that merely serves.
    fn select(&self, wanted: Option<&Platform>) -> Result<&Descriptor, StoreError> {
        let place = || self.files.place().to_owned();
        if let [only] = &self.manifests[..] {
            // What its config says decides, which is looked at in any case.
            return Ok(only);
        }
        let Some(wanted) = wanted else {
            return Err(StoreError::SeveralPlatforms { place: place(), have: self.platforms()? });
        };
        let mut serving = None;
        for descriptor in &self.manifests {
            let platform = match &descriptor.platform {
                Some(platform) => platform.clone(),
                None => self.config(&self.manifest(descriptor)?)?.1.platform(),
            };
            if platform.serves(wanted) && platform.variant == wanted.variant {
                return Ok(descriptor);
            }
            serving = serving.or_else(|| platform.serves(wanted).then_some(descriptor));
        }
        match serving {
            Some(descriptor) => Ok(descriptor),
            None => Err(StoreError::NoPlatform {
                place: place(),
                wanted: Box::new(wanted.clone()),
                have: self.platforms()?,
            }),
        }
    }

    fn manifest(&self, descriptor: &Descriptor) -> Result<Manifest, StoreError> {
        match document(&self.files, descriptor)? {
            Document::Manifest(manifest) => Ok(manifest),
            Document::Index(_) => {
                let said = descriptor.media_type.clone();
                Err(unusable(&self.files, &descriptor.digest, ManifestError::Contradiction { said, holds: "an index" }))
            }
        }
    }

    fn config(&self, manifest: &Manifest) -> Result<(Vec<u8>, Config), StoreError> {
        let Descriptor { digest, media_type, .. } = &manifest.config;
        let place = self.files.place().to_owned();
        if MediaType::parse(media_type) != Some(MediaType::Config) {
            return Err(StoreError::MediaType { place, digest: *digest, media_type: media_type.clone() });
        }
        let bytes = self.files.verified(&manifest.config)?;
        let failed = |source| StoreError::Config { place, member: digest.to_string(), source };
        let config = Config::parse(&bytes).map_err(failed)?;
        Ok((bytes, config))
    }
}

fn document(files: &Files, descriptor: &Descriptor) -> Result<Document, StoreError> {
    let bytes = files.verified(descriptor)?;
    Document::parse(bytes, Some(&descriptor.media_type)).map_err(|source| unusable(files, &descriptor.digest, source))
}

fn unusable(files: &Files, digest: &Digest, source: ManifestError) -> StoreError {
    StoreError::Manifest { place: files.place().to_owned(), member: digest.to_string(), source }
}

/// Chooses the entries of `index.json` that are the image: those with the tag, else those of the only one there is.
///
/// Several entries with one name are one image for several platforms.
fn choose(files: &Files, index: &Index, tag: Option<&str>) -> Result<Vec<Descriptor>, StoreError> {
    let place = || files.place().to_owned();
    let name = |child: &Descriptor| child.annotations.get(REF_NAME).cloned();
    let names: BTreeSet<_> = index.images().map(name).collect();
    let tags = || names.iter().flatten().cloned().collect::<Vec<_>>();
    let chosen: Vec<_> = match tag {
        Some(tag) => {
            let full = |child: &Descriptor| child.annotations.get(CONTAINERD_NAME).is_some_and(|full| full == tag);
            index.images().filter(|child| name(child).as_deref() == Some(tag) || full(child)).cloned().collect()
        }
        None => {
            let digests: BTreeSet<_> = index.images().map(|child| child.digest).collect();
            if names.len() > 1 && digests.len() > 1 {
                return Err(StoreError::SeveralImages { place: place(), tags: tags(), by_tag: true });
            }
            index.images().cloned().collect()
        }
    };
    match tag {
        Some(tag) if chosen.is_empty() => Err(StoreError::NoTag { place: place(), tag: tag.to_owned(), tags: tags() }),
        _ => Ok(chosen),
    }
}

/// Collects the image manifests below some descriptors, each once. What is neither a manifest nor an index is no image.
fn collect(
    files: &Files,
    descriptors: Vec<Descriptor>,
    depth: usize,
    seen: &mut BTreeSet<Digest>,
    manifests: &mut Vec<Descriptor>,
) -> Result<(), StoreError> {
    for descriptor in descriptors {
        if !seen.insert(descriptor.digest) {
            continue;
        }
        match MediaType::parse(&descriptor.media_type) {
            Some(MediaType::Manifest) => manifests.push(descriptor),
            Some(MediaType::Index) if depth > 0 => {
                let Document::Index(index) = document(files, &descriptor)? else {
                    let said = descriptor.media_type;
                    let source = ManifestError::Contradiction { said, holds: "an image manifest" };
                    return Err(unusable(files, &descriptor.digest, source));
                };
                collect(files, index.images().cloned().collect(), depth - 1, seen, manifests)?;
            }
            _ => {}
        }
    }
    Ok(())
}
