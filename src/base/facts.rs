//! What placement asks of a base: which paths it has, and what they are.

use std::path::Path;

use super::stored::Reader;
use super::{Fact, FactKind, FactsError, Names};
use crate::oci::ImagePath;

/// What a folder holds: names with what they are, sorted.
pub(super) type Listing = Vec<(Vec<u8>, Fact)>;

/// The file system of a base without the bytes of its files.
///
/// It is a file that is looked into, so that a base of millions of paths takes no more memory than a small one; a small
/// one stays in memory until it is given a name.
#[derive(Debug, Default)]
pub struct Facts {
    /// `None` for scratch.
    stored: Option<Reader>,
}

static NO_NAMES: Names = Names { passwd: None, group: None };

impl Facts {
    /// Returns the facts of `scratch`: nothing but the root.
    pub fn empty() -> Self {
        Self::default()
    }

    pub(super) fn new(stored: Reader) -> Self {
        Self { stored: Some(stored) }
    }

    /// Opens what [`Facts::persist`] wrote. The whole file is held against its digest, in pieces.
    ///
    /// # Errors
    /// [`FactsError::Stored`] for anything else: another version, a truncated file, a flipped bit. Otherwise when it
    /// cannot be read.
    pub fn open(path: &Path) -> Result<Self, FactsError> {
        Reader::open(path).map(Self::new)
    }

    /// Gives the facts a file of this name, which is there only when it is whole. The same facts give the same bytes.
    /// Those of `scratch` have no file. The folder given to [`super::FactsBuilder::new`] must be on the same file system.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn persist(&mut self, path: &Path) -> Result<(), FactsError> {
        self.stored.as_mut().map_or(Ok(()), |stored| stored.persist(path))
    }

    /// Returns what stands at a path, or `None` when nothing does. Symlinks are not followed, so a path through one is
    /// absent too; the root has no fact.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn lookup(&self, path: &ImagePath) -> Result<Option<Fact>, FactsError> {
        self.stored.as_ref().map_or(Ok(None), |stored| stored.lookup(path))
    }

    /// Returns what a folder holds, sorted by the bytes of the names; `None` where there is no folder, or when it holds
    /// more than `limit`.
    pub(super) fn children(&self, folder: &ImagePath, limit: usize) -> Result<Option<Listing>, FactsError> {
        let is_folder = folder.is_root() || self.lookup(folder)?.is_some_and(|fact| fact.kind == FactKind::Directory);
        match &self.stored {
            _ if !is_folder => Ok(None),
            None => Ok(Some(Vec::new())),
            Some(stored) => stored.children(folder, limit),
        }
    }

    /// Returns the users and groups of `/etc/passwd` and `/etc/group`, wherever their symlinks lead.
    pub fn names(&self) -> &Names {
        self.stored.as_ref().map_or(&NO_NAMES, Reader::names)
    }

    /// Returns the number of paths.
    pub fn len(&self) -> u64 {
        self.stored.as_ref().map_or(0, Reader::count)
    }

    /// Returns whether there are no paths.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
