//! Where a path leads in the tree so far.

use super::FactsError;
use super::index::{FolderId, Kind, ROOT, Record, Table};

/// How many symlinks a path may lead through (Linux: 40).
pub(super) const MAX_SYMLINKS: u32 = 40;

/// A path that is being gone along.
#[derive(Debug)]
pub(super) struct Walk {
    /// What is still to be gone along, the next name last.
    names: Vec<Vec<u8>>,
    /// The folders from the root down, each with the bytes of its path.
    folders: Vec<(FolderId, u64)>,
    followed: u32,
    /// The bytes of names and targets that were gone along.
    pub(super) walked: u64,
}

impl Walk {
    /// Begins at the root.
    pub(super) fn new<'a>(names: impl DoubleEndedIterator<Item = &'a [u8]>) -> Self {
        let names: Vec<Vec<u8>> = names.rev().map(<[u8]>::to_vec).collect();
        let walked = names.iter().map(|name| name.len() as u64 + 1).sum();
        Self { names, folders: vec![(ROOT, 0)], followed: 0, walked }
    }

    /// Returns the next name, parents of the present folder gone to.
    pub(super) fn next(&mut self) -> Option<Vec<u8>> {
        while let Some(name) = self.names.pop() {
            if name != b".." {
                return Some(name);
            }
            self.folders.truncate((self.folders.len() - 1).max(1));
        }
        None
    }

    /// Returns whether no name is left.
    pub(super) fn is_last(&self) -> bool {
        self.names.is_empty()
    }

    /// Returns the present folder.
    pub(super) fn here(&self) -> FolderId {
        self.folders.last().expect("the root stays").0
    }

    /// Returns the bytes of the present folder's path.
    pub(super) fn length(&self) -> u64 {
        self.folders.last().expect("the root stays").1
    }

    /// Goes into a folder.
    pub(super) fn enter(&mut self, id: FolderId, name: &[u8]) {
        let length = self.length() + name.len() as u64 + 1;
        self.folders.push((id, length));
    }

    /// Puts a symlink's target before what is still to be gone along. Returns whether these are not too many by now.
    pub(super) fn follow(&mut self, target: &[u8]) -> bool {
        if target.starts_with(b"/") {
            self.folders.truncate(1);
        }
        let parts = target.split(|byte| *byte == b'/').filter(|name| !matches!(*name, b"" | b"."));
        self.names.extend(parts.rev().map(<[u8]>::to_vec));
        self.walked += target.len() as u64;
        self.followed += 1;
        self.followed <= MAX_SYMLINKS
    }

    /// Goes to the end through symlinks of all layers, the last name's own only if `through`, and returns what stands
    /// there.
    pub(super) fn end(&mut self, table: &mut Table, through: bool) -> Result<Option<Record>, FactsError> {
        while let Some(name) = self.next() {
            let Some(record) = table.get(self.here(), &name)? else { return Ok(None) };
            match record.kind {
                Kind::Symlink(target) if through || !self.is_last() => {
                    if !self.follow(&table.stored(target)?) {
                        return Ok(None);
                    }
                }
                _ if self.is_last() => return Ok(Some(record)),
                Kind::Directory(id) => self.enter(id, &name),
                _ => return Ok(None),
            }
        }
        Ok(None)
    }
}
