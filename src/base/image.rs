//! A base image without its layers' bytes.

use crate::oci::{Config, Descriptor, DiffId, Digest};

/// What is built on: manifest digest, config and layer descriptors. No layer bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseImage {
    /// The base as the build file names it, for `org.opencontainers.image.base.name`; `None` for scratch.
    pub name: Option<String>,
    /// The digest of its manifest for the platform; `None` for scratch.
    pub digest: Option<Digest>,
    /// Its config, every key kept.
    pub config: Config,
    /// Its layers, lowest first. The media types are OCI's already.
    pub layers: Vec<BaseLayer>,
}

/// A layer of a base.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseLayer {
    /// The stored bytes: OCI media type, digest, size.
    pub blob: Descriptor,
    /// The digest of the uncompressed tar.
    pub diff_id: DiffId,
}
