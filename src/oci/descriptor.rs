//! Descriptors: what a manifest says of its config and layers.

use serde::{Deserialize, Serialize};

use super::{Annotations, Digest, Platform};

/// A content descriptor (image-spec, descriptor.md): the type, identity and size in bytes of stored bytes.
///
/// The media type is kept as it was written; [`super::MediaType::parse`] reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// The media type, in the spelling of the document it came from.
    pub media_type: String,
    /// The digest of the bytes.
    pub digest: Digest,
    /// The count of the bytes.
    pub size: u64,
    /// Annotations; those of a base layer are kept with its descriptor.
    #[serde(default, skip_serializing_if = "Annotations::is_empty")]
    pub annotations: Annotations,
    /// What the described manifest runs on, in an index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
}

impl Descriptor {
    /// Makes a descriptor without annotations.
    pub fn new(media_type: super::MediaType, digest: Digest, size: u64) -> Self {
        Self {
            media_type: media_type.as_str().to_owned(),
            digest,
            size,
            annotations: Annotations::new(),
            platform: None,
        }
    }
}
