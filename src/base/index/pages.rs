//! Pages by number: some in memory, the others in a file.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::node::{Node, PAGE_BYTES};
use crate::ground::FileError;

/// The number of a page.
pub(super) type PageId = u32;

/// What a page of short keys takes in memory: three times its bytes, since each key is an allocation.
const RESIDENT_BYTES: usize = 3 * PAGE_BYTES;

/// No operation touches as many pages at once.
const LEAST_PAGES: usize = 64;

/// Pages by number.
#[derive(Debug)]
pub(super) struct Pages {
    folder: PathBuf,
    file: Option<File>,
    resident: HashMap<PageId, Resident>,
    most_resident: usize,
    clock: u64,
    count: PageId,
    free: Vec<PageId>,
}

#[derive(Debug)]
struct Resident {
    node: Node,
    changed: bool,
    used: u64,
}

impl Pages {
    /// No pages, of which about `memory` bytes may stay in memory.
    pub(super) fn new(folder: &Path, memory: usize) -> Self {
        Self {
            folder: folder.to_owned(),
            file: None,
            resident: HashMap::new(),
            most_resident: (memory / RESIDENT_BYTES).max(LEAST_PAGES),
            clock: 0,
            count: 0,
            free: Vec::new(),
        }
    }

    /// Adds a page.
    pub(super) fn add(&mut self, node: Node) -> PageId {
        let id = self.free.pop().unwrap_or_else(|| {
            self.count += 1;
            self.count - 1
        });
        self.clock += 1;
        self.resident.insert(id, Resident { node, changed: true, used: self.clock });
        id
    }

    /// Gives a page's number back.
    pub(super) fn remove(&mut self, id: PageId) {
        self.resident.remove(&id);
        self.free.push(id);
    }

    /// Returns a page.
    pub(super) fn node(&mut self, id: PageId) -> Result<&Node, FileError> {
        self.resident(id).map(|resident| &resident.node)
    }

    /// Returns a page that will be changed.
    pub(super) fn node_mut(&mut self, id: PageId) -> Result<&mut Node, FileError> {
        let resident = self.resident(id)?;
        resident.changed = true;
        Ok(&mut resident.node)
    }

    /// Returns the bytes that all pages take in a file.
    pub(super) fn bytes(&self) -> u64 {
        u64::from(self.count) * PAGE_BYTES as u64
    }

    /// Returns whether pages were written to a file.
    #[cfg(test)]
    pub(super) fn spilled(&self) -> bool {
        self.file.is_some()
    }

    /// Returns the number of pages in memory.
    #[cfg(test)]
    pub(super) fn in_memory(&self) -> usize {
        self.resident.len()
    }

    /// Moves pages to the file if there are more in memory than may be: the fourth that was used least recently.
    pub(super) fn make_room(&mut self) -> Result<(), FileError> {
        if self.resident.len() <= self.most_resident {
            return Ok(());
        }
        let mut oldest: Vec<(u64, PageId)> = self.resident.iter().map(|(id, page)| (page.used, *id)).collect();
        oldest.sort_unstable();
        for (_, id) in oldest.into_iter().take(self.most_resident / 4) {
            let Some(page) = self.resident.remove(&id) else { continue };
            if page.changed {
                let file = scratch(&mut self.file, &self.folder)?;
                let written = file.write_all_at(&page.node.encode(), offset(id));
                written.map_err(FileError::on("write a file in", &self.folder))?;
            }
        }
        Ok(())
    }

    fn resident(&mut self, id: PageId) -> Result<&mut Resident, FileError> {
        self.clock += 1;
        if !self.resident.contains_key(&id) {
            let node = self.load(id).map_err(FileError::on("read a file in", &self.folder))?;
            self.resident.insert(id, Resident { node, changed: false, used: 0 });
        }
        let resident = self.resident.get_mut(&id).expect("it was loaded");
        resident.used = self.clock;
        Ok(resident)
    }

    fn load(&self, id: PageId) -> io::Result<Node> {
        let damaged = || io::Error::new(io::ErrorKind::InvalidData, "a page is not what was written");
        let mut bytes = vec![0; PAGE_BYTES];
        self.file.as_ref().ok_or_else(damaged)?.read_exact_at(&mut bytes, offset(id))?;
        Node::decode(&bytes).ok_or_else(damaged)
    }
}

/// Returns the file, which is made on first use and has no name.
pub(super) fn scratch<'a>(file: &'a mut Option<File>, folder: &Path) -> Result<&'a mut File, FileError> {
    match file {
        Some(file) => Ok(file),
        None => Ok(file.insert(tempfile::tempfile_in(folder).map_err(FileError::on("create a file in", folder))?)),
    }
}

fn offset(id: PageId) -> u64 {
    u64::from(id) * PAGE_BYTES as u64
}
