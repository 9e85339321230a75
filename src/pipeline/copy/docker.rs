//! Copying into a docker-archive, for `docker load` and `podman load`: config and layers stay, the manifest does not.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::content::bytes;
use super::source::Source;
use super::{CONFIG_LIMIT, CopyContext, CopyError, Place};
use crate::image::export::{Export, Exported, to_docker_archive, to_file};
use crate::image::{Image, ImageError, ImageLayer, Origin};
use crate::oci::{Config, Digest, Document, Manifest, MediaType, Reference, Tag};
use crate::pipeline::bridge::blocking;
use crate::store::{Blob, StoreError};

/// Writes an image to a docker-archive, and returns the digest of the manifest that it gets when it is read. `tag` is its
/// name there, with the repository that it comes from.
pub(super) async fn write(
    context: &CopyContext,
    source: &Source,
    to: &Place,
    path: PathBuf,
    tag: Option<Tag>,
) -> Result<Digest, CopyError> {
    let failed = |source| CopyError::WriteFiles { name: to.to_string(), source };
    let manifest = match &source.root {
        Document::Manifest(manifest) => manifest,
        Document::Index(index) => {
            let platforms = index.images().filter_map(|image| image.platform.clone()).collect();
            return Err(failed(ImageError::SeveralPlatforms { platforms }));
        }
    };
    let image = image_of(source, manifest).await?.ok_or_else(|| failed(ImageError::NotForDocker))?;
    let mut blobs: BTreeMap<Digest, Blob> = BTreeMap::new();
    for layer in &image.layers {
        blobs.insert(layer.descriptor.digest, source.blob(&layer.descriptor).await?);
    }
    let repository = source.repository().cloned();
    let written = blocking(move || {
        let find = |digest: &Digest| -> Result<Blob, StoreError> {
            Ok(blobs.get(digest).expect("a blob for each layer was put there above").clone())
        };
        let tags: Vec<Tag> = tag.into_iter().collect();
        let repository = repository.as_ref().filter(|_| !tags.is_empty());
        let export = Export { image: Exported::Image(&image), blobs: &find, repository, tags: &tags };
        to_file(&path, |out| to_docker_archive(&export, out))
    });
    written.await.map_err(failed)?;
    context
        .note("a docker-archive keeps no manifest: the digest is that of the one it gets when it is read".to_owned());
    Ok(Source::open(context, to).await?.root.digest())
}

/// Reads a manifest as an image; `None` where it is none that a runtime runs, such as a signature.
async fn image_of(source: &Source, manifest: &Manifest) -> Result<Option<Image>, CopyError> {
    if MediaType::parse(&manifest.config.media_type) != Some(MediaType::Config) {
        return Ok(None);
    }
    let config_bytes = source.small_blob(&manifest.config, CONFIG_LIMIT).await?;
    let Ok(config) = Config::parse(&config_bytes) else { return Ok(None) };
    let is_layer = |text: &str| matches!(MediaType::parse(text), Some(MediaType::Layer(_)));
    let whole = config.diff_ids().len() == manifest.layers.len();
    if !whole || !manifest.layers.iter().all(|layer| is_layer(&layer.media_type)) {
        return Ok(None);
    }
    let layer = |(descriptor, diff_id): (&crate::oci::Descriptor, &crate::oci::DiffId)| ImageLayer {
        descriptor: descriptor.clone(),
        diff_id: *diff_id,
        origin: Origin::Base,
    };
    Ok(Some(Image {
        config: Blob::of_bytes(config_bytes),
        manifest: Blob::of_bytes(bytes(&source.root).to_vec()),
        layers: manifest.layers.iter().zip(config.diff_ids()).map(layer).collect(),
        platform: config.platform(),
    }))
}

/// Returns the tag that a place names an image by.
pub(super) fn tag_of(from: &Place) -> Option<Tag> {
    match from {
        Place::Registry(Reference { tag: None, digest: None, .. }) => Some(Tag::latest()),
        other => other.tag().cloned(),
    }
}
