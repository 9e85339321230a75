//! Archives as `docker save` and `podman save` write them: `manifest.json`, a config, layers (Docker image spec v1.2).

use serde::Deserialize;

use super::archive::{Archive, Found};
use super::files::Files;
use super::local::{check_layers, check_platform};
use super::{Blob, LocalImage, LocalLayer, StoreError};
use crate::ground::FileError;
use crate::oci::{Config, Descriptor, DiffId, Digest, HashingReader, LayerCodec, MediaType, Platform};

/// An archive of one image.
#[derive(Debug)]
pub(super) struct DockerArchive {
    files: Files,
    config: Config,
    config_bytes: Vec<u8>,
    /// The names of the layers' members, lowest first.
    layers: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    config: String,
    repo_tags: Option<Vec<String>>,
    layers: Option<Vec<String>>,
}

impl DockerArchive {
    pub(super) fn open(archive: Archive) -> Result<Self, StoreError> {
        let files = Files::Archive(archive);
        let place = files.place().to_owned();
        let Some(bytes) = files.document("manifest.json")? else {
            let other_form = files.locate("oci-layout")?.map(|_| "oci-archive");
            return Err(StoreError::NoMember { place, member: "manifest.json".to_owned(), other_form });
        };
        let mut entries: Vec<Entry> = serde_json::from_slice(&bytes).map_err(|error| StoreError::Form {
            place: place.clone(),
            form: "docker-archive",
            why: format!("its `manifest.json` cannot be read: {error}"),
        })?;
        let entry = match entries.len() {
            0 => return Err(StoreError::NoImage(place)),
            1 => entries.remove(0),
            _ => {
                let tags = entries.into_iter().filter_map(|entry| entry.repo_tags).flatten().collect();
                return Err(StoreError::SeveralImages { place, tags, by_tag: false });
            }
        };
        let Some(config_bytes) = files.document(&entry.config)? else {
            return Err(StoreError::NoMember { place, member: entry.config, other_form: None });
        };
        check_config_name(&entry.config, &config_bytes)?;
        let layers = entry.layers.unwrap_or_default();
        let failed = |source| StoreError::Config { place: place.clone(), member: entry.config.clone(), source };
        let config = Config::parse(&config_bytes).map_err(failed)?;
        check_layers(&config, layers.len(), &place)?;
        Ok(Self { files, config, config_bytes, layers })
    }

    /// The error for a blob that is asked for by its digest: members of this form have other names.
    pub(super) fn no_blob(&self, descriptor: &Descriptor) -> StoreError {
        let member = descriptor.digest.to_string();
        StoreError::NoMember { place: self.files.place().to_owned(), member, other_form: None }
    }

    pub(super) fn platform(&self) -> Platform {
        self.config.platform()
    }

    pub(super) fn image(&self, wanted: Option<&Platform>) -> Result<LocalImage, StoreError> {
        check_platform(&self.config, wanted, self.files.place())?;
        let layers = self.layers.iter().zip(self.config.diff_ids()).map(|(name, id)| self.layer(name, *id));
        Ok(LocalImage {
            manifest: None,
            config: self.config.clone(),
            config_bytes: self.config_bytes.clone(),
            layers: layers.collect::<Result<_, _>>()?,
        })
    }

    fn layer(&self, name: &str, diff_id: DiffId) -> Result<LocalLayer, StoreError> {
        let place = self.files.place();
        let found = self.files.locate(name)?.ok_or_else(|| StoreError::NoMember {
            place: place.to_owned(),
            member: name.to_owned(),
            other_form: None,
        })?;
        let codec = codec(&found)?;
        let digest = match (codec, digest_in(name)) {
            // The stored bytes are the tar itself.
            (LayerCodec::None, _) => diff_id.0,
            (_, Some(digest)) => digest,
            (_, None) => hash(&found)?,
        };
        let blob = Blob { digest, size: found.size, bytes: found.bytes() };
        Ok(LocalLayer { descriptor: Descriptor::new(MediaType::Layer(codec), digest, found.size), blob, diff_id })
    }
}

/// The name of a config says its digest, where it is one: `HEX.json` or `blobs/sha256/HEX`.
fn check_config_name(name: &str, bytes: &[u8]) -> Result<(), StoreError> {
    let hex = name.rsplit('/').next().unwrap_or(name).trim_end_matches(".json");
    match format!("sha256:{hex}").parse::<Digest>() {
        Ok(expected) if expected != Digest::of(bytes) => {
            let (found, length) = (Digest::of(bytes), bytes.len() as u64);
            Err(StoreError::Mismatch { what: format!("`{name}`"), expected, size: length, found, length })
        }
        _ => Ok(()),
    }
}

/// Newer engines write layers as the blobs of a layout, whose name is their digest.
fn digest_in(name: &str) -> Option<Digest> {
    format!("sha256:{}", name.strip_prefix("blobs/sha256/")?).parse().ok()
}

fn codec(found: &Found) -> Result<LayerCodec, StoreError> {
    let mut magic = Vec::new();
    let blob = Blob { digest: Digest::of(b""), size: found.size.min(4), bytes: found.bytes() };
    std::io::Read::read_to_end(&mut blob.open()?, &mut magic).map_err(FileError::on("read", &found.path))?;
    Ok(LayerCodec::of_magic(&magic))
}

fn hash(found: &Found) -> Result<Digest, StoreError> {
    let blob = Blob { digest: Digest::of(b""), size: found.size, bytes: found.bytes() };
    let (digest, _) = HashingReader::new(blob.open()?).finish().map_err(FileError::on("read", &found.path))?;
    Ok(digest)
}
