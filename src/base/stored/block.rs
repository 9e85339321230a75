//! A block: sorted keys, each without what it shares with the one before, and what stands beside them.

use std::ops::Range;

use super::number::{bytes, number, put_bytes, put_number};
use super::{Place, damaged};
use crate::base::FactsError;

/// A block that is being filled.
#[derive(Debug, Default)]
pub(super) struct Block {
    pub(super) bytes: Vec<u8>,
    /// The key that was added first.
    pub(super) first: Vec<u8>,
    last: Vec<u8>,
}

impl Block {
    /// Adds a key that is greater than all before it.
    pub(super) fn push(&mut self, key: &[u8], value: &[u8]) {
        if self.bytes.is_empty() {
            self.first = key.to_vec();
            self.last.clear();
        }
        let shared = self.last.iter().zip(key).take_while(|(one, other)| one == other).count();
        put_number(&mut self.bytes, shared as u64);
        put_bytes(&mut self.bytes, &key[shared..]);
        put_bytes(&mut self.bytes, value);
        self.last = key.to_vec();
    }
}

/// A block that was read: every key whole.
#[derive(Debug)]
pub(super) struct Opened {
    bytes: Vec<u8>,
    /// The keys, sorted, each with the range of its value.
    entries: Vec<(Box<[u8]>, Range<usize>)>,
}

impl Opened {
    /// Reads a block.
    pub(super) fn new(block: Vec<u8>) -> Result<Self, FactsError> {
        let mut entries = Vec::new();
        let mut rest = block.as_slice();
        let mut key = Vec::new();
        while !rest.is_empty() {
            let mut read = || {
                let shared = usize::try_from(number(&mut rest)?).ok().filter(|shared| *shared <= key.len())?;
                key.truncate(shared);
                key.extend_from_slice(bytes(&mut rest)?);
                let length = bytes(&mut rest)?.len();
                let end = block.len() - rest.len();
                Some((key.as_slice().into(), end - length..end))
            };
            entries.push(read().ok_or_else(damaged)?);
        }
        Ok(Self { bytes: block, entries })
    }

    /// Returns about how many bytes it takes in memory.
    pub(super) fn weight(&self) -> usize {
        self.bytes.len() + self.entries.iter().map(|(key, _)| key.len() + 48).sum::<usize>()
    }

    /// Returns the key and value of a place.
    pub(super) fn at(&self, place: usize) -> Option<(&[u8], &[u8])> {
        self.entries.get(place).map(|(key, value)| (key.as_ref(), &self.bytes[value.clone()]))
    }

    /// Returns the place of a key, or the place of the first greater one.
    pub(super) fn search(&self, key: &[u8]) -> Result<usize, usize> {
        self.entries.binary_search_by(|(it, _)| it.as_ref().cmp(key))
    }

    /// Returns the place of the block in which a key stands if it does; also if it is less than all keys.
    pub(super) fn child(&self, key: &[u8]) -> usize {
        self.search(key).unwrap_or_else(|place| place.saturating_sub(1))
    }

    /// Returns the block that is named at a place.
    pub(super) fn block(&self, at: usize) -> Result<Option<Place>, FactsError> {
        self.at(at).map(|(_, value)| place(value).ok_or_else(damaged)).transpose()
    }
}

/// Writes where a block stands.
pub(super) fn put_place(value: &mut Vec<u8>, place: Place) {
    put_number(value, place.at);
    put_number(value, place.length);
}

fn place(mut value: &[u8]) -> Option<Place> {
    Some(Place { at: number(&mut value)?, length: number(&mut value)? })
}
