//! What placement asks of a base: which paths it has, and what they are.

use super::Names;
use super::fact::Fact;
use super::table::{Kind, ROOT, Table};
use crate::oci::ImagePath;

/// The file system of a base without the bytes of its files.
#[derive(Debug, Default)]
pub struct Facts {
    pub(super) table: Table,
    pub(super) names: Names,
}

impl Facts {
    /// Returns the facts of `scratch`: nothing but the root.
    pub fn empty() -> Self {
        Self::default()
    }

    pub(super) fn new(table: Table, names: Names) -> Self {
        Self { table, names }
    }

    /// Returns what stands at a path, or `None` when nothing does. Symlinks are not followed, so a path through one is
    /// absent too; the root has no fact.
    pub fn lookup(&self, path: &ImagePath) -> Option<Fact> {
        self.table.at(path).map(|record| self.table.fact(record))
    }

    /// Returns what a folder holds, sorted by the bytes of the names; `None` where there is no folder, or when it holds
    /// more than `limit`.
    pub(super) fn children(&self, folder: &ImagePath, limit: usize) -> Option<Vec<(Vec<u8>, Fact)>> {
        let id = match self.table.at(folder).map(|record| record.kind) {
            Some(Kind::Directory(id)) => id,
            None if folder.is_root() => ROOT,
            _ => return None,
        };
        let children = self.table.children(id).take(limit + 1);
        let children: Vec<_> = children.map(|(name, record)| (name.to_vec(), self.table.fact(record))).collect();
        (children.len() <= limit).then_some(children)
    }

    /// Returns the users and groups of `/etc/passwd` and `/etc/group`, wherever their symlinks lead.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// Returns the number of paths.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Returns whether there are no paths.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
