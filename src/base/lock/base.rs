//! The base of one platform, as a lock keeps it.

use super::LockError;
use crate::base::{Answers, BaseImage, BaseLayer};
use crate::oci::{Config, Descriptor, DiffId, Digest, Document, Manifest, MediaType};

/// What a lock knows of the base for one platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockedBase {
    /// The base as the build file names it: a lock whose `base` is another is stale.
    pub base: String,
    /// [`BaseImage::name`].
    pub name: Option<String>,
    /// The digest of the manifest for the platform, where there is a manifest.
    pub digest: Option<Digest>,
    /// The manifest, verbatim. Archives as `docker save` writes them have none, and neither has scratch.
    pub manifest: Option<String>,
    /// The config, verbatim.
    pub config: String,
    /// The layers' stored bytes, lowest first, with OCI media types; empty where the manifest says it.
    pub layers: Vec<Descriptor>,
    /// What placement asked of the base's file system.
    pub answers: Answers,
}

impl LockedBase {
    /// Writes down a base with what was asked of it. `manifest` and `config` are the bytes as they came; without a
    /// manifest the layers are kept as the image has them.
    ///
    /// # Errors
    /// When the parts do not make this image, which [`LockedBase::image`] would find later.
    pub fn of(
        base: &str,
        image: &BaseImage,
        manifest: Option<&[u8]>,
        config: &[u8],
        answers: Answers,
    ) -> Result<Self, LockError> {
        let text = |bytes: &[u8], what| {
            String::from_utf8(bytes.to_vec()).map_err(|_| unsuited(base, format!("its {what} is no text")))
        };
        let locked = Self {
            base: base.to_owned(),
            name: image.name.clone(),
            digest: image.digest,
            manifest: manifest.map(|bytes| text(bytes, "manifest")).transpose()?,
            config: text(config, "config")?,
            layers: match manifest {
                Some(_) => Vec::new(),
                None => image.layers.iter().map(|layer| layer.blob.clone()).collect(),
            },
            answers: answers.needed(),
        };
        if locked.image()? == *image {
            Ok(locked)
        } else {
            Err(unsuited(base, "its manifest and config make another image".to_owned()))
        }
    }

    /// Returns the base as it was resolved when the lock was written.
    ///
    /// # Errors
    /// When manifest or config are not what the digests name, or do not fit together.
    pub fn image(&self) -> Result<BaseImage, LockError> {
        let manifest = self.manifest()?;
        if let Some(manifest) = &manifest {
            self.check("config", manifest.config.digest, &self.config)?;
        }
        let config = Config::parse(self.config.as_bytes())
            .map_err(|source| LockError::Config { base: self.base.clone(), source })?;
        let descriptors = manifest.as_ref().map_or(&self.layers, |manifest| &manifest.layers);
        let (layers, diff_ids) = (descriptors.len(), config.diff_ids().len());
        if layers != diff_ids {
            return Err(self.unsuited(format!("it has {layers} layers and its config {diff_ids}")));
        }
        let blobs: Vec<_> = descriptors.iter().map(|blob| self.layer(blob)).collect::<Result<_, _>>()?;
        let layer = |(blob, diff_id): (Descriptor, &DiffId)| BaseLayer { blob, diff_id: *diff_id };
        let layers = blobs.into_iter().zip(config.diff_ids()).map(layer).collect();
        Ok(BaseImage { name: self.name.clone(), digest: self.digest, config, layers })
    }

    fn manifest(&self) -> Result<Option<Manifest>, LockError> {
        let (text, digest) = match (&self.manifest, self.digest) {
            (Some(text), Some(digest)) => (text, digest),
            (None, None) => return Ok(None),
            (Some(_), None) => return Err(self.unsuited("its manifest has no digest beside it".to_owned())),
            (None, Some(_)) => return Err(self.unsuited("it has a digest and no manifest".to_owned())),
        };
        self.check("manifest", digest, text)?;
        if !self.layers.is_empty() {
            return Err(self.unsuited("it has layers beside those of its manifest".to_owned()));
        }
        match Document::parse(text.clone().into_bytes(), None) {
            Ok(Document::Manifest(manifest)) => Ok(Some(manifest)),
            Ok(Document::Index(_)) => Err(self.unsuited("its manifest is an index".to_owned())),
            Err(source) => Err(LockError::Manifest { base: self.base.clone(), source }),
        }
    }

    fn check(&self, what: &'static str, expected: Digest, text: &str) -> Result<(), LockError> {
        let found = Digest::of(text.as_bytes());
        if found == expected {
            return Ok(());
        }
        Err(LockError::Digest { base: self.base.clone(), what, expected, found })
    }

    /// Docker's media types become OCI's, as they do when the base is resolved.
    fn layer(&self, blob: &Descriptor) -> Result<Descriptor, LockError> {
        match MediaType::parse(&blob.media_type) {
            Some(known @ MediaType::Layer(_)) => {
                Ok(Descriptor { media_type: known.as_str().to_owned(), ..blob.clone() })
            }
            _ => Err(self.unsuited(format!("layer `{}` is of the type `{}`", blob.digest, blob.media_type))),
        }
    }

    fn unsuited(&self, why: String) -> LockError {
        unsuited(&self.base, why)
    }
}

fn unsuited(base: &str, why: String) -> LockError {
    LockError::Unsuited { base: base.to_owned(), why }
}
