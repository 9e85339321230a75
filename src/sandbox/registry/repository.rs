//! What one repository holds.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Exclusion, Immutability};
use crate::oci::Digest;

/// A repository: its settings, manifests, tags and blobs.
#[derive(Clone, Debug, Default)]
pub(in crate::sandbox) struct Repository {
    /// All but the blobs: one document on disk.
    pub(in crate::sandbox) document: RepositoryDocument,
    /// The blobs; each is a link file on disk, so that a repository of ten thousand is not rewritten for one more.
    pub(in crate::sandbox) blobs: BTreeSet<Digest>,
}

/// The document that is kept of a repository.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::sandbox) struct RepositoryDocument {
    /// The name within the registry.
    pub(in crate::sandbox) name: String,
    /// When it was made, in milliseconds.
    pub(in crate::sandbox) created_at: i64,
    /// What can be set.
    pub(in crate::sandbox) settings: RepositorySettings,
    /// The manifests and indexes.
    pub(in crate::sandbox) manifests: BTreeMap<Digest, StoredManifest>,
    /// The tags.
    pub(in crate::sandbox) tags: BTreeMap<String, Digest>,
}

/// What can be set for a repository.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::sandbox) struct RepositorySettings {
    /// Which tags may move.
    pub(in crate::sandbox) immutability: Immutability,
    /// The tags for which it is the other way around.
    pub(in crate::sandbox) exclusions: Vec<Exclusion>,
    /// Settings that change nothing here, kept as they came.
    pub(in crate::sandbox) others: Map<String, Value>,
}

/// What is kept of a manifest beside its bytes, which are a blob of their own.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::sandbox) struct StoredManifest {
    /// The media type that it was pushed with.
    pub(in crate::sandbox) media_type: String,
    /// The count of its bytes.
    pub(in crate::sandbox) size: u64,
    /// When it came first, in milliseconds.
    pub(in crate::sandbox) pushed_at: i64,
    /// The blobs that it refers to, with the media types that it gives them.
    pub(in crate::sandbox) blobs: BTreeMap<Digest, String>,
    /// The count of the config's and the layers' bytes.
    pub(in crate::sandbox) image_size: u64,
    /// The manifest that it refers to.
    pub(in crate::sandbox) subject: Option<Digest>,
    /// What it is, for the referrers API: `artifactType`, else the config's media type.
    pub(in crate::sandbox) artifact_type: Option<String>,
    /// Its annotations.
    pub(in crate::sandbox) annotations: Map<String, Value>,
}

impl Repository {
    /// Returns the digest that a tag or a digest names here, if there is such a manifest.
    pub(in crate::sandbox) fn manifest_digest(&self, reference: &str) -> Option<Digest> {
        let digest = match reference.parse::<Digest>() {
            Ok(digest) => digest,
            Err(_) => *self.document.tags.get(reference)?,
        };
        self.document.manifests.contains_key(&digest).then_some(digest)
    }

    /// Returns the tags of a manifest.
    pub(in crate::sandbox) fn tags_of(&self, digest: Digest) -> Vec<&str> {
        self.document.tags.iter().filter(|(_, at)| **at == digest).map(|(tag, _)| tag.as_str()).collect()
    }

    /// Returns whether a manifest refers to a blob.
    pub(super) fn is_committed(&self, blob: Digest) -> bool {
        self.document.manifests.values().any(|manifest| manifest.blobs.contains_key(&blob))
    }
}
