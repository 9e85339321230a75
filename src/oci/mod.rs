//! Floor 1: the words of the OCI specifications, as pure data.
//!
//! Identity is a type: a [`Digest`] names stored bytes, a [`DiffId`] the uncompressed layer, and one cannot be passed
//! for the other. Foreign documents keep the bytes that came, beside their typed view ([`Manifest`], [`Config`]).

mod annotation;
mod config;
mod descriptor;
mod digest;
pub mod json;
mod manifest;
mod media_type;
mod path;
mod platform;
mod reference;

pub use annotation::{Annotations, BASE_DIGEST, BASE_NAME, CONTAINERD_NAME, LAYER, REF_NAME};
pub use config::{Config, ConfigError};
pub use descriptor::Descriptor;
pub use digest::{DiffId, Digest, DigestError, HashState, Hasher, HashingReader};
pub use manifest::{Child, Document, Index, Manifest, ManifestError};
pub use media_type::{LayerCodec, MediaType};
pub use path::ImagePath;
pub use platform::{Platform, PlatformError};
pub use reference::{Reference, ReferenceError, Repository, Tag, TagError};
