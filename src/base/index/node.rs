//! A page of the B-tree: records, or the pages below it.

use super::Record;
use super::cells::{Cells, Key};
use super::pages::PageId;
use super::record::take;

/// The bytes of a page. Two of the longest cells fit into half of it.
pub(super) const PAGE_BYTES: usize = 16 << 10;

const HEADER_BYTES: usize = 3;

/// A page.
#[derive(Debug)]
pub(super) enum Node {
    /// Records by key.
    Leaf(Cells<Record>),
    /// Pages by the least key that may stand in them; the first one also takes what is less.
    Branch(Cells<PageId>),
}

impl Node {
    /// A page without records.
    pub(super) fn empty() -> Self {
        Self::Leaf(Cells::new())
    }

    /// Returns whether it holds nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// Returns whether it does not fit into a page any more.
    pub(super) fn is_over(&self) -> bool {
        let size = match self {
            Self::Leaf(cells) => cells.size(),
            Self::Branch(cells) => cells.size(),
        };
        HEADER_BYTES + size > PAGE_BYTES
    }

    /// Takes off the upper half; returns it with its least key. `key` is the one that was inserted last.
    pub(super) fn split(&mut self, key: &[u8]) -> (Key, Self) {
        fn appended<T: super::cells::Payload + Copy>(cells: &Cells<T>, key: &[u8]) -> bool {
            cells.at(cells.len() - 1).is_some_and(|(last, _)| **last == *key)
        }
        fn least<T: super::cells::Payload + Copy>(cells: &Cells<T>) -> Key {
            cells.at(0).expect("neither half is empty").0.clone()
        }
        match self {
            Self::Leaf(cells) => {
                let upper = cells.split(appended(cells, key));
                (least(&upper), Self::Leaf(upper))
            }
            Self::Branch(cells) => {
                let upper = cells.split(appended(cells, key));
                (least(&upper), Self::Branch(upper))
            }
        }
    }

    /// Returns the bytes of the page.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![u8::from(matches!(self, Self::Branch(_)))];
        let count = u16::try_from(self.count()).expect("a page has fewer cells than bytes");
        bytes.extend_from_slice(&count.to_le_bytes());
        match self {
            Self::Leaf(cells) => cells.encode(&mut bytes),
            Self::Branch(cells) => cells.encode(&mut bytes),
        }
        bytes.resize(PAGE_BYTES, 0);
        bytes
    }

    /// Reads the bytes of a page.
    pub(super) fn decode(mut bytes: &[u8]) -> Option<Self> {
        let [branch] = take(&mut bytes)?;
        let count = usize::from(u16::from_le_bytes(take(&mut bytes)?));
        match branch {
            0 => Cells::decode(count, bytes).map(Self::Leaf),
            1 => Cells::decode(count, bytes).map(Self::Branch),
            _ => None,
        }
    }

    fn count(&self) -> usize {
        match self {
            Self::Leaf(cells) => cells.len(),
            Self::Branch(cells) => cells.len(),
        }
    }
}
