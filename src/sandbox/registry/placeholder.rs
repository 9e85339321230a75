//! The image that stands in a fresh service before the first deployment.

use serde_json::json;

use super::{Registry, RegistryError, RepositorySettings, manifest};
use crate::oci::{Digest, LayerCodec, MediaType, Reference, json};

impl Registry {
    /// Makes an image reference resolvable: its repository, and an image of one empty layer under its tag. What is
    /// there already is left alone.
    ///
    /// # Errors
    /// When the reference is malformed, or pinned to a digest that is not here.
    pub(in crate::sandbox) fn ensure_placeholder(&self, image: &str) -> Result<(), RegistryError> {
        let reference: Reference = image
            .parse()
            .map_err(|error: crate::oci::ReferenceError| RegistryError::manifest_invalid(error.to_string()))?;
        let name = reference.repository.name();
        self.create_repository(name, RepositorySettings::default())?;
        let tag = reference.tag.as_ref().map_or("latest", |tag| tag.as_str());
        let wanted = reference.digest.map_or_else(|| tag.to_owned(), |digest| digest.to_string());
        if self.repositories().get(name).is_some_and(|repository| repository.manifest_digest(&wanted).is_some()) {
            return Ok(());
        }
        if reference.digest.is_some() {
            return Err(RegistryError::manifest_unknown(&wanted));
        }
        // An archive without members is two blocks of zeros.
        let layer = vec![0_u8; 1024];
        let diff_id = Digest::of(&layer).to_string();
        let config = json::to_bytes(&json!({
            "architecture": "amd64", "os": "linux", "config": {},
            "rootfs": { "type": "layers", "diff_ids": [diff_id] },
            "history": [{ "created_by": "placeholder" }],
        }));
        let describe = |kind: MediaType, bytes: &[u8]| {
            let digest = Digest::of(bytes);
            json!({ "mediaType": kind.as_str(), "digest": digest, "size": bytes.len() })
        };
        let manifest = json::to_bytes(&json!({
            "schemaVersion": 2, "mediaType": MediaType::Manifest.as_str(),
            "config": describe(MediaType::Config, &config),
            "layers": [describe(MediaType::Layer(LayerCodec::None), &layer)],
        }));
        for bytes in [&layer, &config] {
            let digest = self.store_bytes(bytes)?;
            self.link_blob(name, digest)?;
        }
        manifest::admit(self, name, &manifest, None, &[tag])?;
        Ok(())
    }
}
