//! What a manifest is asked for by: a tag, or its digest.

use std::fmt;

use crate::oci::{Digest, Reference, Tag};

/// The `<reference>` of a manifest URL (distribution-spec, "Pulling manifests").
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TagOrDigest {
    /// A name that may move.
    Tag(Tag),
    /// The manifest itself.
    Digest(Digest),
}

impl TagOrDigest {
    /// Returns what a reference asks for: its digest if it has one, else its tag, else `latest`.
    pub fn of(reference: &Reference) -> Self {
        match (&reference.digest, &reference.tag) {
            (Some(digest), _) => Self::Digest(*digest),
            (None, Some(tag)) => Self::Tag(tag.clone()),
            (None, None) => Self::Tag(Tag::latest()),
        }
    }

    /// Returns the tag, if it is one.
    pub fn tag(&self) -> Option<&Tag> {
        match self {
            Self::Tag(tag) => Some(tag),
            Self::Digest(_) => None,
        }
    }
}

impl From<Tag> for TagOrDigest {
    fn from(tag: Tag) -> Self {
        Self::Tag(tag)
    }
}

impl From<Digest> for TagOrDigest {
    fn from(digest: Digest) -> Self {
        Self::Digest(digest)
    }
}

impl fmt::Display for TagOrDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(f),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}
