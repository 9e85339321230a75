//! The sorted cells of a page: keys, each with a payload of a fixed size.

use super::record::take;

/// A key: compared by its bytes.
pub(super) type Key = Box<[u8]>;

/// What stands beside a key.
pub(super) trait Payload: Sized {
    /// Its encoded size.
    const BYTES: usize;

    /// Appends it to a page.
    fn encode(&self, out: &mut Vec<u8>);

    /// Takes it from a page.
    fn decode(bytes: &mut &[u8]) -> Option<Self>;
}

/// The number of a page.
impl Payload for u32 {
    const BYTES: usize = 4;

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_le_bytes());
    }

    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        take(bytes).map(Self::from_le_bytes)
    }
}

/// Cells, sorted by key.
#[derive(Debug)]
pub(super) struct Cells<T> {
    cells: Vec<(Key, T)>,
    /// The encoded size.
    size: usize,
}

impl<T: Payload + Copy> Cells<T> {
    /// No cells.
    pub(super) fn new() -> Self {
        Self { cells: Vec::new(), size: 0 }
    }

    /// Returns the encoded size in bytes.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Returns the number of cells.
    pub(super) fn len(&self) -> usize {
        self.cells.len()
    }

    /// Returns the cell at a place.
    pub(super) fn at(&self, place: usize) -> Option<&(Key, T)> {
        self.cells.get(place)
    }

    /// Returns the place of a key, or the place where it would be.
    pub(super) fn search(&self, key: &[u8]) -> Result<usize, usize> {
        self.cells.binary_search_by(|(it, _)| it.as_ref().cmp(key))
    }

    /// Returns a payload by its key.
    pub(super) fn get(&self, key: &[u8]) -> Option<T> {
        self.search(key).ok().map(|place| self.cells[place].1)
    }

    /// Inserts a cell, or replaces the payload of one that is there, which is returned.
    pub(super) fn insert(&mut self, key: Key, payload: T) -> Option<T> {
        match self.search(&key) {
            Ok(place) => Some(std::mem::replace(&mut self.cells[place].1, payload)),
            Err(place) => {
                self.size += Self::bytes(&key);
                self.cells.insert(place, (key, payload));
                None
            }
        }
    }

    /// Removes the cell at a place.
    pub(super) fn remove(&mut self, place: usize) -> T {
        let (key, payload) = self.cells.remove(place);
        self.size -= Self::bytes(&key);
        payload
    }

    /// Removes the cell at a place. Where it was the first, the next one takes its key: the least key of a page's cells
    /// is a bound of all that stands below them.
    pub(super) fn remove_below_bound(&mut self, place: usize) {
        let (key, _) = self.cells.remove(place);
        self.size -= Self::bytes(&key);
        if let Some((next, _)) = self.cells.first_mut().filter(|_| place == 0) {
            self.size = self.size + key.len() - next.len();
            *next = key;
        }
    }

    /// Takes off the upper half, by bytes. When `appended`, the cells came in order, so only the last is taken: pages
    /// that are filled in order stay full.
    pub(super) fn split(&mut self, appended: bool) -> Self {
        let half = self.size / 2;
        let mut kept = 0;
        let first_over = self.cells.iter().position(|(key, _)| {
            kept += Self::bytes(key);
            kept > half
        });
        let last = self.cells.len() - 1;
        let place = if appended { last } else { first_over.unwrap_or(last).clamp(1, last) };
        let upper = self.cells.split_off(place);
        let size = upper.iter().map(|(key, _)| Self::bytes(key)).sum();
        self.size -= size;
        Self { cells: upper, size }
    }

    /// Appends all cells to a page.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        for (key, payload) in &self.cells {
            let length = u16::try_from(key.len()).expect("paths are limited to less");
            out.extend_from_slice(&length.to_le_bytes());
            out.extend_from_slice(key);
            payload.encode(out);
        }
    }

    /// Reads `count` cells.
    pub(super) fn decode(count: usize, mut bytes: &[u8]) -> Option<Self> {
        let mut cells = Self::new();
        for _ in 0..count {
            let length = usize::from(u16::from_le_bytes(take(&mut bytes)?));
            let (key, rest) = bytes.split_at_checked(length)?;
            bytes = rest;
            cells.size += Self::bytes(key);
            cells.cells.push((key.into(), T::decode(&mut bytes)?));
        }
        Some(cells)
    }

    fn bytes(key: &[u8]) -> usize {
        2 + key.len() + T::BYTES
    }
}
