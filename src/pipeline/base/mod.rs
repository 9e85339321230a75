//! Bases and other images that are built from: resolved to manifest and config, their layers fetched where they are
//! needed.

mod facts;
mod fate;
mod layer_images;
mod local;
mod resolve;

pub(crate) use fate::{Fate, Fates};
pub(crate) use layer_images::{layer_images, resolve_layer_image};
pub(crate) use resolve::{resolve_base, written_name};

use std::io::Read;

use tokio_util::io::SyncIoBridge;

use crate::base::{Answers, BaseImage};
use crate::oci::{Descriptor, Reference, Repository};
use crate::registry::{RepositoryClient, pull_image};
use crate::store::Blob;

use super::bridge::blocking;
use super::{Context, Error};

/// An image whose layers can be opened.
#[derive(Clone)]
pub(crate) struct ResolvedBase {
    /// Manifest, config and layer descriptors.
    pub(crate) image: BaseImage,
    /// The manifest and the config as they came, for the lock; an image that has no manifest has none here.
    pub(crate) manifest: Option<Vec<u8>>,
    pub(crate) config: Vec<u8>,
    /// What the lock knows of its file system.
    pub(crate) answers: Option<Answers>,
    /// What is to become of its layers while it is pushed.
    pub(crate) fates: Fates,
    /// Where its layers are.
    origin: Origin,
}

#[derive(Clone)]
enum Origin {
    /// In files: one blob for each layer.
    Files(Vec<Blob>),
    /// In a registry that was asked.
    Registry(RepositoryClient),
    /// In a registry that was not asked, because the lock said enough: the reference with its digest.
    Unasked(Reference),
}

/// Returns a blob of a registry as a reader for synchronous work, which runs on a thread that may wait.
fn readable(client: &RepositoryClient, descriptor: &Descriptor) -> impl Read + Send + 'static {
    SyncIoBridge::new(Box::pin(client.blob(&descriptor.digest, descriptor.size).into_reader()))
}

impl ResolvedBase {
    /// Returns the repository that holds the layers, if a registry does: a place to mount them from.
    pub(crate) fn repository(&self) -> Option<&Repository> {
        match &self.origin {
            Origin::Files(_) => None,
            Origin::Registry(client) => Some(client.repository()),
            Origin::Unasked(reference) => Some(&reference.repository),
        }
    }

    /// Returns what it is called in messages.
    pub(crate) fn shown(&self) -> String {
        self.image.name.clone().unwrap_or_default()
    }

    /// Returns a layer's blob in files: where the image is, or our store, into which it is downloaded if it is missing.
    pub(crate) async fn layer_blob(&self, context: &Context, index: usize) -> Result<Blob, Error> {
        let descriptor = &self.image.layers[index].blob;
        if let Origin::Files(blobs) = &self.origin {
            return Ok(blobs[index].clone());
        }
        if let Some(blob) = context.store.find(&descriptor.digest, descriptor.size)? {
            return Ok(blob);
        }
        let client = self.client(context, index).await?;
        let mut received = context.store.receive(descriptor.digest, descriptor.size)?;
        let mut reader = readable(&client, descriptor);
        let copied = blocking(move || std::io::copy(&mut reader, &mut received).map(|_| received)).await;
        let received =
            copied.map_err(|source| Error::Download { base: self.shown(), digest: descriptor.digest, source })?;
        Ok(received.commit()?)
    }

    /// Returns a reader of a layer's stored bytes: from files, from our store, or straight from the registry.
    async fn layer_reader(&self, context: &Context, index: usize) -> Result<Box<dyn Read + Send>, Error> {
        let descriptor = &self.image.layers[index].blob;
        if let Origin::Files(blobs) = &self.origin {
            return Ok(blobs[index].open()?);
        }
        self.fates.settled(&descriptor.digest).await;
        if let Some(blob) = context.store.find(&descriptor.digest, descriptor.size)? {
            return Ok(blob.open()?);
        }
        let client = self.client(context, index).await?;
        Ok(Box::new(readable(&client, descriptor)))
    }

    /// Returns the client of the registry that has the layers. One that was not asked yet is asked for the manifest
    /// first, because a mirror may have to answer.
    async fn client(&self, context: &Context, index: usize) -> Result<RepositoryClient, Error> {
        let reference = match &self.origin {
            Origin::Registry(client) => return Ok(client.clone()),
            Origin::Unasked(reference) => reference,
            Origin::Files(_) => unreachable!("what lies in files is not asked for"),
        };
        if context.resolving.offline {
            return Err(Error::Offline { base: self.shown(), what: format!("its layer {}", self.layer_digest(index)) });
        }
        let failed = |source| Error::Base { base: self.shown(), source };
        let client = context.registry.repository(&reference.repository).map_err(failed)?;
        Ok(pull_image(&client, reference, None).await.map_err(failed)?.source)
    }

    fn layer_digest(&self, index: usize) -> crate::oci::Digest {
        self.image.layers[index].blob.digest
    }
}
