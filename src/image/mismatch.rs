//! What can be wrong with an image, as findings that are collected and not thrown.

use crate::oci::{DiffId, Digest, LayerCodec};

/// One way in which an image is not what it says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// The manifest has another digest than it was asked for by.
    #[error("the manifest is {found}, not {expected}")]
    ManifestDigest {
        /// The digest it was asked for by.
        expected: Digest,
        /// That of its bytes.
        found: Digest,
    },
    /// The manifest cannot be read.
    #[error("the manifest cannot be used: {0}")]
    Manifest(String),
    /// A member of the manifest is not what the specification wants.
    #[error("the manifest's `{member}` is {found}, not {expected}")]
    Member {
        /// The member.
        member: &'static str,
        /// What it should be.
        expected: &'static str,
        /// What it is, as JSON.
        found: String,
    },
    /// Docker's and OCI's media types in one manifest; some registries refuse it.
    #[error("the media types of OCI and of Docker are mixed: `{0}`")]
    MixedTypes(String),
    /// A config or layer has a media type that is none.
    #[error("{digest} has the media type `{media_type}`, which names no {role}")]
    MediaType {
        /// The blob.
        digest: Digest,
        /// Its media type.
        media_type: String,
        /// What it stands for.
        role: &'static str,
    },
    /// A blob cannot be opened or read to its end.
    #[error("{digest} cannot be read: {reason}")]
    Unreadable {
        /// The blob.
        digest: Digest,
        /// Why, in one line.
        reason: String,
    },
    /// A blob has other bytes.
    #[error("{digest} of {size} bytes is in truth {found} of {length} bytes")]
    Bytes {
        /// The digest in the manifest.
        digest: Digest,
        /// The size in the manifest.
        size: u64,
        /// That of the bytes.
        found: Digest,
        /// Their count.
        length: u64,
    },
    /// The config cannot be used.
    #[error("the config cannot be used: {0}")]
    Config(String),
    /// The config lists another number of diff ids than there are layers.
    #[error("there are {layers} layers but {diff_ids} diff ids")]
    DiffIdCount {
        /// Layers of the manifest.
        layers: usize,
        /// Diff ids of the config.
        diff_ids: usize,
    },
    /// The history names another number of layers than there are.
    #[error("there are {layers} layers but the history names {named}")]
    History {
        /// Layers of the manifest.
        layers: usize,
        /// Entries of the history that are not empty.
        named: usize,
    },
    /// A layer's uncompressed bytes have another digest.
    #[error("layer {digest} unpacks to {found}, not to the diff id {expected}")]
    DiffId {
        /// The layer.
        digest: Digest,
        /// The diff id in the config.
        expected: DiffId,
        /// That of the bytes.
        found: DiffId,
    },
    /// A layer is compressed in another way than its media type says.
    #[error("layer {digest} is `{media_type}` but its bytes are {}", words(*found))]
    Codec {
        /// The layer.
        digest: Digest,
        /// Its media type.
        media_type: String,
        /// The codec that its first bytes show.
        found: LayerCodec,
    },
    /// A path occurs twice in a layer of ours.
    #[error("layer {digest} has `{path}` twice")]
    Duplicate {
        /// The layer.
        digest: Digest,
        /// The path.
        path: String,
    },
    /// A layer of ours has an entry that would change the root or lead out of it.
    #[error("layer {digest} has an entry `{path}`, which is no path below the root")]
    Path {
        /// The layer.
        digest: Digest,
        /// The name as it stands.
        path: String,
    },
    /// An index names no image at all.
    #[error("the index holds no image")]
    NoImage,
    /// An index describes a child by another platform than the child's config says.
    #[error("{digest} is for `{found}`, and the index says `{said}`")]
    Platform {
        /// The child's manifest.
        digest: Digest,
        /// What the index says, or `nothing`.
        said: String,
        /// What the child's config says.
        found: String,
    },
}

/// What bytes are, in words.
fn words(codec: LayerCodec) -> &'static str {
    match codec {
        LayerCodec::None => "a bare tar",
        LayerCodec::Gzip => "gzip",
        LayerCodec::Zstd => "zstd",
    }
}
