//! What placement asks of a base: which paths it has, and what they are.

use super::fact::Fact;
use super::table::Table;
use crate::oci::ImagePath;

/// The file system of a base without the bytes of its files.
#[derive(Debug, Default)]
pub struct Facts {
    pub(super) table: Table,
    pub(super) passwd: Option<Vec<u8>>,
    pub(super) group: Option<Vec<u8>>,
    symlinks: Vec<ImagePath>,
}

impl Facts {
    /// Returns the facts of `scratch`: nothing but the root.
    pub fn empty() -> Self {
        Self::default()
    }

    pub(super) fn new(table: Table, passwd: Option<Vec<u8>>, group: Option<Vec<u8>>) -> Self {
        let symlinks = table.symlinks();
        Self { table, passwd, group, symlinks }
    }

    /// Returns what stands at a path, or `None` when nothing does. Symlinks are not followed, so a path through one is
    /// absent too; the root has no fact.
    pub fn lookup(&self, path: &ImagePath) -> Option<Fact> {
        self.table.at(path).map(|record| self.table.fact(record))
    }

    /// Returns the paths of the symlinks below a folder, sorted.
    pub fn symlinks_below(&self, folder: &ImagePath) -> impl Iterator<Item = &ImagePath> {
        let from = self.symlinks.partition_point(|link| link <= folder);
        self.symlinks[from..].iter().take_while(move |link| link.starts_with(folder))
    }

    /// Returns the bytes of `/etc/passwd`, wherever its symlinks lead.
    pub fn passwd(&self) -> Option<&[u8]> {
        self.passwd.as_deref()
    }

    /// Returns the bytes of `/etc/group`, wherever its symlinks lead.
    pub fn group(&self) -> Option<&[u8]> {
        self.group.as_deref()
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
