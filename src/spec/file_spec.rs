//! Entries that the build file writes itself.

use std::path::PathBuf;

use super::{Capabilities, MtimeRule, OwnerSpec};
use crate::oci::ImagePath;

/// An entry that the build file writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSpec {
    /// Its path in the image.
    pub path: ImagePath,
    /// What stands there.
    pub what: FileWhat,
    /// The owner; the layer's by default.
    pub owner: Option<OwnerSpec>,
    /// The mode; 0644 for files and 0755 for folders by default.
    pub mode: Option<u32>,
    /// The time; the layer's by default.
    pub mtime: Option<MtimeRule>,
    /// The capabilities, of a regular file only.
    pub capabilities: Option<Capabilities>,
}

/// What an entry of `files` is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileWhat {
    /// A regular file.
    File(FileContent),
    /// A symlink with its target, verbatim.
    Link(String),
    /// A folder.
    Dir,
    /// A whiteout: the path below is hidden.
    Remove,
}

/// Where the bytes of a written file come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileContent {
    /// The build file itself.
    Inline(Vec<u8>),
    /// A file of the project, relative to it, without `..`.
    From(PathBuf),
}
