//! The file system of a base while it is put together: records by folder and name, whiteouts applied.
//!
//! The work is bounded by what was written: a folder is swept at most once a layer, which a mark beside its records
//! remembers.

use std::path::Path;

use super::heap::Heap;
use super::ordered::Ordered;
use super::{Kind, Record, Span};
use crate::ground::FileError;

/// A folder's number. The root is 0; numbers of removed folders are not used again.
pub(in crate::base) type FolderId = u32;

/// The number of the root.
pub(in crate::base) const ROOT: FolderId = 0;

/// Which records a sweep removes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sweep {
    /// Those of layers below this one.
    Below(u16),
    /// All.
    Whole,
}

/// A folder that is swept.
struct Swept {
    id: FolderId,
    /// Its own key and record; none for the one the sweep began with.
    own: Option<(Vec<u8>, Record)>,
    /// The key after which the sweep goes on.
    after: Vec<u8>,
}

/// Records by folder and name.
#[derive(Debug)]
pub(in crate::base) struct Table {
    records: Ordered,
    heap: Heap,
    folders: FolderId,
    /// The steps of all sweeps, which tests look at.
    steps: u64,
}

impl Table {
    /// An empty root. About `memory` bytes stay in memory, the rest in files without a name in `folder`.
    pub(in crate::base) fn new(folder: &Path, memory: usize) -> Self {
        Self { records: Ordered::new(folder, memory), heap: Heap::new(folder), folders: ROOT, steps: 0 }
    }

    /// Returns the bytes that the table takes, in memory and in files.
    pub(in crate::base) fn bytes(&self) -> u64 {
        self.records.pages.bytes() + self.heap.len()
    }

    /// Returns a new folder's number.
    pub(in crate::base) fn new_folder(&mut self) -> Kind {
        self.folders += 1;
        Kind::Directory(self.folders)
    }

    /// Stores bytes that records point to.
    pub(in crate::base) fn store(&mut self, bytes: &[u8]) -> Result<Span, FileError> {
        self.heap.push(bytes)
    }

    /// Returns stored bytes.
    pub(in crate::base) fn stored(&self, span: Span) -> Result<Vec<u8>, FileError> {
        self.heap.read(span)
    }

    /// Returns what a folder holds under a name.
    pub(in crate::base) fn get(&mut self, folder: FolderId, name: &[u8]) -> Result<Option<Record>, FileError> {
        self.records.get(&key(folder, name))
    }

    /// Puts a record in place of what is there, which is returned. A folder that replaces a folder keeps its number and
    /// content; all that was below a folder that something else replaces is gone.
    pub(in crate::base) fn put(
        &mut self,
        folder: FolderId,
        name: &[u8],
        mut record: Record,
    ) -> Result<Option<Record>, FileError> {
        let old = self.get(folder, name)?;
        match (old.map(|old| old.kind), record.kind) {
            (Some(old @ Kind::Directory(_)), Kind::Directory(_)) => record.kind = old,
            (Some(Kind::Directory(old)), _) => self.sweep(old, Sweep::Whole)?,
            _ => {}
        }
        self.records.insert(&key(folder, name), record)?;
        Ok(old)
    }

    /// Removes what layers below `layer` put under a name (image-spec, layer.md, "Whiteouts").
    pub(in crate::base) fn remove(&mut self, folder: FolderId, name: &[u8], layer: u16) -> Result<(), FileError> {
        let Some(record) = self.get(folder, name)? else { return Ok(()) };
        if let Kind::Directory(id) = record.kind {
            self.prune(id, layer)?;
            if record.layer < layer && self.next_child(id, b"")?.is_none() {
                self.records.remove(&mark(id))?;
                self.records.remove(&key(folder, name))?;
            }
        } else if record.layer < layer {
            self.records.remove(&key(folder, name))?;
        }
        Ok(())
    }

    /// Removes what layers below `layer` put into a folder ("Opaque Whiteout").
    pub(in crate::base) fn prune(&mut self, folder: FolderId, layer: u16) -> Result<(), FileError> {
        if self.is_swept(folder, layer)? { Ok(()) } else { self.sweep(folder, Sweep::Below(layer)) }
    }

    /// Returns the first child of a folder whose name is greater than `after`.
    pub(in crate::base) fn next_child(
        &mut self,
        folder: FolderId,
        after: &[u8],
    ) -> Result<Option<(Vec<u8>, Record)>, FileError> {
        let mut from = key(folder, after);
        // Names hold no zero byte, so this is the least key above; it also passes over the folder's mark.
        from.push(0);
        let found = self.records.first_from(&from)?;
        let of_folder =
            |(key, record): (Box<[u8]>, Record)| Some((key.strip_prefix(&folder.to_be_bytes())?.to_vec(), record));
        Ok(found.and_then(of_folder))
    }

    /// Goes depth first through a folder, without holding more than one name a level.
    fn sweep(&mut self, folder: FolderId, sweep: Sweep) -> Result<(), FileError> {
        let mut open = vec![Swept { id: folder, own: None, after: Vec::new() }];
        while let Some(top) = open.last_mut() {
            let id = top.id;
            self.steps += 1;
            let Some((name, record)) = self.next_child(id, &top.after)? else {
                let own = open.pop().and_then(|swept| swept.own);
                self.leave(id, own, sweep)?;
                continue;
            };
            top.after.clone_from(&name);
            if let Kind::Directory(child) = record.kind {
                let own = Some((key(id, &name), record));
                match sweep {
                    // Its content was looked at; whether it stays itself may not have been asked.
                    Sweep::Below(layer) if self.is_swept(child, layer)? => self.leave(child, own, sweep)?,
                    _ => open.push(Swept { id: child, own, after: Vec::new() }),
                }
            } else if is_removed(&record, sweep) {
                self.records.remove(&key(id, &name))?;
            }
        }
        Ok(())
    }

    /// Ends the sweep of a folder: it stays if this layer wrote it or something in it.
    fn leave(&mut self, id: FolderId, own: Option<(Vec<u8>, Record)>, sweep: Sweep) -> Result<(), FileError> {
        match (own, sweep) {
            (Some((key, record)), _) if is_removed(&record, sweep) && self.next_child(id, b"")?.is_none() => {
                self.records.remove(&mark(id))?;
                self.records.remove(&key).map(drop)
            }
            (_, Sweep::Below(layer)) => {
                let swept =
                    Record { kind: Kind::Other, mode: 0, layer, uid: 0, gid: 0, mtime: 0, capability: Span::default() };
                self.records.insert(&mark(id), swept).map(drop)
            }
            (_, Sweep::Whole) => self.records.remove(&mark(id)).map(drop),
        }
    }

    fn is_swept(&mut self, folder: FolderId, layer: u16) -> Result<bool, FileError> {
        Ok(self.records.get(&mark(folder))?.is_some_and(|mark| mark.layer >= layer))
    }

    /// Returns about how many bytes are in memory.
    #[cfg(test)]
    pub(in crate::base) fn resident_bytes(&self) -> usize {
        self.records.pages.in_memory() * super::node::PAGE_BYTES
    }

    /// Returns how many names sweeps have looked at.
    #[cfg(test)]
    pub(super) fn steps(&self) -> u64 {
        self.steps
    }
}

fn is_removed(record: &Record, sweep: Sweep) -> bool {
    match sweep {
        Sweep::Below(layer) => record.layer < layer,
        Sweep::Whole => true,
    }
}

fn key(folder: FolderId, name: &[u8]) -> Vec<u8> {
    [&folder.to_be_bytes(), name].concat()
}

/// The key beside a folder's names that remembers the last layer below which it was swept.
fn mark(folder: FolderId) -> Vec<u8> {
    key(folder, b"")
}
