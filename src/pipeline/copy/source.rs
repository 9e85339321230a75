//! An image of others, opened where it is: its documents as they came, and its blobs as they are needed.

use std::sync::Arc;

use serde_json::json;

use super::super::bridge::blocking;
use super::{CopyContext, CopyError, Place};
use crate::oci::{self, Descriptor, Digest, Document, Manifest, MediaType, Platform, Repository, Tag};
use crate::registry::{RepositoryClient, TagOrDigest};
use crate::store::{Blob, LocalImage, LocalSource, Store, StoreError};

/// An image, open for reading.
pub(crate) struct Source {
    /// What it is called in messages.
    pub(crate) name: String,
    /// Its manifest or index.
    pub(crate) root: Document,
    origin: Origin,
}

enum Origin {
    Registry(RepositoryClient),
    Layout(Arc<LocalSource>),
    /// An archive without manifests: the config's bytes and the layers.
    Docker(Box<LocalImage>),
}

impl Source {
    /// Opens an image.
    pub(crate) async fn open(context: &CopyContext, place: &Place) -> Result<Self, CopyError> {
        let name = place.to_string();
        match place {
            Place::Registry(reference) => {
                let failed = |source| CopyError::Read { name: name.clone(), source };
                let client = context.registry.repository(&reference.repository).map_err(failed)?;
                let (root, client) = client.find_manifest(&TagOrDigest::of(reference)).await.map_err(failed)?;
                Ok(Self { name, root, origin: Origin::Registry(client) })
            }
            Place::Layout { path, tag } => {
                let (path, tag) = (path.clone(), tag.clone());
                Self::files(context, name, move |_| LocalSource::layout(&path, tag.as_ref().map(Tag::as_str))).await
            }
            Place::OciArchive { path, tag } => {
                let (path, tag) = (path.clone().unwrap_or_default(), tag.clone());
                let open = move |store: &Store| LocalSource::oci_archive(&path, tag.as_ref().map(Tag::as_str), store);
                Self::files(context, name, open).await
            }
            Place::DockerArchive(path) => {
                let path = path.clone();
                Self::files(context, name, move |store| LocalSource::docker_archive(&path, store)).await
            }
        }
    }

    async fn files(
        context: &CopyContext,
        name: String,
        open: impl FnOnce(&Store) -> Result<LocalSource, StoreError> + Send + 'static,
    ) -> Result<Self, CopyError> {
        let store = Arc::clone(&context.store);
        let shown = name.clone();
        let opened = blocking(move || {
            let source = open(&store)?;
            match source.entries() {
                Some(entries) => {
                    let root = root_of(&source, entries)?;
                    Ok((root, Origin::Layout(Arc::new(source))))
                }
                None => {
                    let image = source.image(None)?;
                    Ok((Ok(manifest_of(&image)), Origin::Docker(Box::new(image))))
                }
            }
        });
        let (root, origin) = opened.await.map_err(|source| CopyError::ReadFiles { name: shown, source })?;
        let (digest, root) = match root {
            Ok(root) => (root.digest(), Ok(root)),
            Err((digest, error)) => (digest, Err(error)),
        };
        let root = root.map_err(|source| CopyError::Document { name: name.clone(), digest, source })?;
        Ok(Self { name, root, origin })
    }

    /// Returns the repository that has it, if a registry does: a place to mount from.
    pub(crate) fn repository(&self) -> Option<&Repository> {
        self.client().map(RepositoryClient::repository)
    }

    /// Returns the client of the registry that has it.
    pub(crate) fn client(&self) -> Option<&RepositoryClient> {
        match &self.origin {
            Origin::Registry(client) => Some(client),
            _ => None,
        }
    }

    /// Returns a manifest or index that the image names.
    pub(crate) async fn document(&self, descriptor: &Descriptor) -> Result<Document, CopyError> {
        let name = || self.name.clone();
        match &self.origin {
            Origin::Registry(client) => {
                let read = client.manifest(&descriptor.digest.into()).await;
                read.map_err(|source| CopyError::Read { name: name(), source })
            }
            Origin::Layout(source) => {
                let (source, wanted) = (Arc::clone(source), descriptor.clone());
                let bytes = blocking(move || source.document(&wanted)).await;
                let bytes = bytes.map_err(|source| CopyError::ReadFiles { name: name(), source })?;
                let digest = descriptor.digest;
                Document::parse(bytes, Some(&descriptor.media_type)).map_err(|source| CopyError::Document {
                    name: name(),
                    digest,
                    source,
                })
            }
            Origin::Docker(_) => Ok(self.root.clone()),
        }
    }

    /// Returns a blob that can be opened as often as it is needed. Whoever reads it verifies it.
    pub(crate) async fn blob(&self, descriptor: &Descriptor) -> Result<Blob, CopyError> {
        let failed = |source| CopyError::ReadFiles { name: self.name.clone(), source };
        match &self.origin {
            Origin::Registry(client) => Ok(client.remote_blob(&descriptor.digest, descriptor.size)),
            Origin::Layout(source) => {
                let (source, wanted) = (Arc::clone(source), descriptor.clone());
                blocking(move || source.blob(&wanted)).await.map_err(failed)
            }
            Origin::Docker(image) => {
                let layers = image.layers.iter().map(|layer| &layer.blob);
                let config = Blob::of_bytes(image.config_bytes.clone());
                let found = layers.chain([&config]).find(|blob| blob.digest == descriptor.digest).cloned();
                Ok(found.unwrap_or(config))
            }
        }
    }

    /// Returns the bytes of a small blob, verified.
    pub(crate) async fn small_blob(&self, descriptor: &Descriptor, limit: u64) -> Result<Vec<u8>, CopyError> {
        let excess = CopyError::Excess { name: self.name.clone(), what: "a config that is too large to be one" };
        if descriptor.size > limit {
            return Err(excess);
        }
        if let Origin::Registry(client) = &self.origin {
            let failed = |source| CopyError::Read { name: self.name.clone(), source };
            let mut stream = client.blob(&descriptor.digest, descriptor.size);
            let mut bytes = Vec::new();
            while let Some(chunk) = stream.chunk().await.map_err(failed)? {
                bytes.extend_from_slice(&chunk);
            }
            return Ok(bytes);
        }
        let (blob, wanted) = (self.blob(descriptor).await?, descriptor.clone());
        let failed = |source| CopyError::ReadFiles { name: self.name.clone(), source };
        let read = blocking(move || {
            let mut bytes = Vec::new();
            let read = std::io::Read::read_to_end(&mut blob.open()?, &mut bytes);
            read.map_err(crate::ground::FileError::on("read", std::path::Path::new(&wanted.digest.to_string())))?;
            let (found, length) = (Digest::of(&bytes), bytes.len() as u64);
            if found == wanted.digest {
                return Ok(bytes);
            }
            let what = "the config".to_owned();
            Err(StoreError::Mismatch { what, expected: wanted.digest, size: wanted.size, found, length })
        });
        read.await.map_err(failed)
    }

    /// Narrows an index to the manifest of one platform.
    pub(crate) async fn narrowed(mut self, wanted: &Platform) -> Result<Self, CopyError> {
        let have = match &self.root {
            Document::Index(index) => match index.find(wanted) {
                Some(child) => {
                    let child = child.clone();
                    self.root = self.document(&child).await?;
                    return Ok(self);
                }
                None => index.images().filter_map(|image| image.platform.clone()).collect(),
            },
            Document::Manifest(manifest) => {
                let own = self.platform(&manifest.clone()).await?;
                if own.serves(wanted) {
                    return Ok(self);
                }
                vec![own]
            }
        };
        Err(CopyError::NoPlatform { name: self.name, wanted: Box::new(wanted.clone()), have })
    }

    /// Returns the platform that the config of a manifest says.
    async fn platform(&self, manifest: &Manifest) -> Result<Platform, CopyError> {
        let bytes = self.small_blob(&manifest.config, super::CONFIG_LIMIT).await?;
        Ok(oci::Config::parse(&bytes).map_or_else(|_| Platform::new("unknown", "unknown"), |config| config.platform()))
    }
}

type Root = Result<Document, (Digest, oci::ManifestError)>;

/// Returns the document of a layout's entry; of several, which are one image for several platforms, an index of them.
fn root_of(source: &LocalSource, entries: &[Descriptor]) -> Result<Root, StoreError> {
    if let [entry] = entries {
        let bytes = source.document(entry)?;
        return Ok(Document::parse(bytes, Some(&entry.media_type)).map_err(|error| (entry.digest, error)));
    }
    let index = json!({"schemaVersion": 2, "mediaType": MediaType::Index.as_str(), "manifests": entries});
    let bytes = oci::json::to_bytes(&index);
    let digest = Digest::of(&bytes);
    Ok(Document::parse(bytes, None).map_err(|error| (digest, error)))
}

/// Makes the manifest that a docker-archive does not have. Config and layers stay as they are.
fn manifest_of(image: &LocalImage) -> Document {
    let config = Descriptor::new(MediaType::Config, Digest::of(&image.config_bytes), image.config_bytes.len() as u64);
    let layers: Vec<&Descriptor> = image.layers.iter().map(|layer| &layer.descriptor).collect();
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MediaType::Manifest.as_str(), "config": config, "layers": layers,
    });
    Document::parse(oci::json::to_bytes(&manifest), None).expect("it has a config and layers")
}
