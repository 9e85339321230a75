//! Annotation keys of the image specification and our own.

use std::collections::BTreeMap;

/// Annotations, sorted by key so that they serialise to the same bytes everywhere.
pub type Annotations = BTreeMap<String, String>;

/// The reference of the base image, on a manifest.
pub const BASE_NAME: &str = "org.opencontainers.image.base.name";
/// The digest of the base image's manifest, on a manifest.
pub const BASE_DIGEST: &str = "org.opencontainers.image.base.digest";
/// The tag of a manifest, on its descriptor in the index of an image layout.
pub const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// The full name of an image, `registry/repository:tag`, on its descriptor in an index: containerd's and Docker's key.
pub const CONTAINERD_NAME: &str = "io.containerd.image.name";
/// How one of our layers was made, on its descriptor: `FORMAT;CODEC:LEVEL`, such as `1;gzip:6`.
pub const LAYER: &str = "dev.dockless.layer";
