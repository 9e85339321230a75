//! What a base holds at one path.

use std::collections::BTreeMap;

/// A path of a base's file system, as its layers leave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What it is.
    pub kind: FactKind,
    /// The twelve permission bits.
    pub mode: u32,
    /// The owner's number.
    pub uid: u64,
    /// The group's number.
    pub gid: u64,
    /// The modification time in whole seconds since the epoch.
    pub mtime: u64,
    /// The extended attributes that are kept: `security.capability` alone.
    pub xattrs: BTreeMap<String, Vec<u8>>,
}

/// What a path of a base is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FactKind {
    /// A folder.
    Directory,
    /// A regular file.
    File,
    /// A symlink with its target, verbatim.
    Symlink(Vec<u8>),
    /// A device or FIFO.
    Other,
}

/// The one extended attribute that is kept.
pub(super) const CAPABILITY: &str = "security.capability";
