//! Looks into the file: from the highest block down to the one in which a path stands.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::block::Opened;
use super::fact::fact;
use super::file::Bytes;
use super::trailer::{TRAILER_BYTES, Trailer};
use super::{MAGIC, Place, damaged, key};
use crate::base::{Fact, FactsError, Listing, Names};
use crate::oci::{Hasher, ImagePath};

const DIGEST_BYTES: u64 = 32;

/// Levels of blocks: a block names two or more, so that these are more than any file has.
const MAX_HEIGHT: u64 = 48;

/// How many bytes of blocks stay in memory.
const HELD_BYTES: usize = 8 << 20;

/// A file of facts.
#[derive(Debug)]
pub(in crate::base) struct Reader {
    bytes: Bytes,
    trailer: Trailer,
    names: Names,
    held: Mutex<Held>,
}

/// Blocks by their place, with the time of their last use.
#[derive(Debug, Default)]
struct Held {
    blocks: HashMap<u64, (u64, Arc<Opened>)>,
    weight: usize,
    clock: u64,
}

impl Reader {
    pub(super) fn new(bytes: Bytes, trailer: Trailer, names: Names) -> Self {
        Self { bytes, trailer, names, held: Mutex::default() }
    }

    /// Opens a file and holds it against its digest, which takes the time of reading it and no memory.
    pub(in crate::base) fn open(path: &Path) -> Result<Self, FactsError> {
        let stored = |reason| FactsError::Stored { reason };
        let bytes = Bytes::open(path)?;
        let end = bytes.len()?.checked_sub(DIGEST_BYTES).ok_or(stored("they are cut short"))?;
        let at = end.checked_sub(TRAILER_BYTES).ok_or(stored("they are cut short"))?;
        let read = |at, length| bytes.read(Place { at, length })?.ok_or_else(|| stored("they are cut short"));
        if read(0, MAGIC.len() as u64)? != MAGIC {
            return Err(stored("they are of another version"));
        }
        let mut hasher = Hasher::default();
        bytes.hash(end, &mut hasher)?;
        if hasher.finish().as_bytes().as_slice() != read(end, DIGEST_BYTES)? {
            return Err(stored("their digest is wrong"));
        }
        let trailer = Trailer::decode(&read(at, TRAILER_BYTES)?).filter(|trailer| trailer.height <= MAX_HEIGHT);
        let trailer = trailer.ok_or_else(damaged)?;
        let text = |place: Option<Place>| place.map(|place| read(place.at, place.length)).transpose();
        let names = Names { passwd: text(trailer.passwd)?, group: text(trailer.group)? };
        Ok(Self::new(bytes, trailer, names))
    }

    /// Gives the file its final name, under which it can be opened again.
    pub(in crate::base) fn persist(&mut self, path: &Path) -> Result<(), FactsError> {
        Ok(self.bytes.persist(path)?)
    }

    /// Returns the number of paths.
    pub(in crate::base) fn count(&self) -> u64 {
        self.trailer.count
    }

    /// Returns the texts of passwd and group.
    pub(in crate::base) fn names(&self) -> &Names {
        &self.names
    }

    /// Returns what stands at a path.
    pub(in crate::base) fn lookup(&self, path: &ImagePath) -> Result<Option<Fact>, FactsError> {
        let key = key(path);
        let mut place = self.trailer.root;
        for _ in 0..self.trailer.height {
            let block = self.block(place)?;
            place = block.block(block.child(&key))?.ok_or_else(damaged)?;
        }
        let block = self.block(place)?;
        let found = block.search(&key).ok().and_then(|at| block.at(at));
        found.map(|(_, value)| fact(value).ok_or_else(damaged)).transpose()
    }

    /// Returns what a folder holds, or `None` if that is more than `limit`.
    pub(in crate::base) fn children(&self, folder: &ImagePath, limit: usize) -> Result<Option<Listing>, FactsError> {
        let mut prefix = key(folder);
        if !folder.is_root() {
            prefix.push(0);
        }
        let mut found = Vec::new();
        let mut from = prefix.clone();
        while let Some((mut key, fact)) = self.first_from(self.trailer.root, self.trailer.height, &from)? {
            let Some(name) = key.strip_prefix(&*prefix) else { break };
            if found.len() == limit {
                return Ok(None);
            }
            found.push((name.to_vec(), fact));
            // All that is below this child is less, all its later siblings are not.
            key.push(1);
            from = key;
        }
        Ok(Some(found))
    }

    fn first_from(&self, place: Place, height: u64, from: &[u8]) -> Result<Option<(Vec<u8>, Fact)>, FactsError> {
        let block = self.block(place)?;
        if height == 0 {
            let found = block.at(block.search(from).unwrap_or_else(|at| at));
            return found.map(|(key, value)| Ok((key.to_vec(), fact(value).ok_or_else(damaged)?))).transpose();
        }
        let mut at = block.child(from);
        while let Some(below) = block.block(at)? {
            if let Some(found) = self.first_from(below, height - 1, from)? {
                return Ok(Some(found));
            }
            at += 1;
        }
        Ok(None)
    }

    fn block(&self, place: Place) -> Result<Arc<Opened>, FactsError> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(block) = held.find(place) {
            return Ok(block);
        }
        let block = Arc::new(Opened::new(self.bytes.read(place)?.ok_or_else(damaged)?)?);
        held.keep(place, &block);
        Ok(block)
    }
}

impl Held {
    fn find(&mut self, place: Place) -> Option<Arc<Opened>> {
        self.clock += 1;
        let (used, block) = self.blocks.get_mut(&place.at)?;
        *used = self.clock;
        Some(Arc::clone(block))
    }

    fn keep(&mut self, place: Place, block: &Arc<Opened>) {
        if self.weight > HELD_BYTES {
            let mut used: Vec<u64> = self.blocks.values().map(|(used, _)| *used).collect();
            used.sort_unstable();
            let middle = used[used.len() / 2];
            self.blocks.retain(|_, (used, _)| *used > middle);
            self.weight = self.blocks.values().map(|(_, block)| block.weight()).sum();
        }
        self.weight += block.weight();
        self.blocks.insert(place.at, (self.clock, Arc::clone(block)));
    }
}
