//! One entry of a layer, decided in every respect but the bytes of its file.

use std::sync::Arc;

use crate::oci::ImagePath;
use crate::tree::SourceFile;

/// An entry as it will stand in a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its final path: symlinks of the tree below are resolved. Never the root. For a whiteout the name begins with
    /// `.wh.`.
    pub path: ImagePath,
    /// What it is.
    pub kind: EntryKind,
    /// The twelve permission bits.
    pub mode: u32,
    /// The owner's number.
    pub uid: u64,
    /// The group's number.
    pub gid: u64,
    /// Its time.
    pub mtime: Mtime,
    /// Extended attributes, name to value; written as `SCHILY.xattr.NAME`.
    pub xattrs: std::collections::BTreeMap<String, Vec<u8>>,
}

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A folder.
    Directory,
    /// A regular file.
    File(Content),
    /// A symlink with its target, verbatim.
    Symlink(Vec<u8>),
}

/// The bytes of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// In memory: what the build file wrote.
    Bytes(Arc<[u8]>),
    /// In a file of the project, which must be the same before and after it is read.
    File(SourceFile),
}

impl Content {
    /// Returns the number of bytes.
    pub fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File(file) => file.len(),
        }
    }

    /// Returns whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The time of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mtime {
    /// From the content of the file, see [`crate::spec::MtimeRule::Content`]; the packer computes it.
    Content,
    /// Seconds since the epoch.
    Seconds(u64),
}
