//! What an image holds at and below the paths that are taken of it, while its layers are applied one after another.

use std::collections::BTreeMap;
use std::ops::Bound;

use serde::{Deserialize, Deserializer, Serialize};

use crate::base::FactsError;
use crate::oci::ImagePath;

/// The most that is kept of the names of one image, in bytes.
const INDEX_BYTES: usize = 1 << 30;

/// What an item costs beside its path and target, in bytes, roughly.
const ITEM_COST: usize = 160;

/// A path of the image.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Item {
    /// The layer that wrote it, from 1.
    pub(super) layer: u16,
    pub(super) kind: ItemKind,
    /// The twelve permission bits.
    pub(super) mode: u32,
    /// Seconds since the epoch.
    pub(super) mtime: u64,
}

/// What a path of the image is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum ItemKind {
    Directory,
    /// A regular file; without bytes where it does not last, or its hard link leads to what was not kept.
    File(Option<Kept>),
    Symlink(Vec<u8>),
    /// A device or FIFO, with the word for it.
    Special(#[serde(deserialize_with = "word")] Word),
}

/// A word of the code. By this name serde does not take it for something to borrow.
type Word = &'static str;

/// Reads a word back that the code knows.
fn word<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Word, D::Error> {
    let word = String::deserialize(deserializer)?;
    let known = SPECIAL.into_iter().find(|known| *known == word);
    known.ok_or_else(|| serde::de::Error::custom("no word for a special file"))
}

/// What special files are called.
const SPECIAL: [Word; 2] = ["FIFO", "device"];

/// The bytes of a file, in the spool.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) offset: u64,
    pub(super) length: u64,
    /// The first 16 bytes of the SHA-256 of the bytes: what tells two files apart, since an image has no inodes.
    pub(super) identity: [u64; 2],
}

/// The items so far, depth first.
#[derive(Debug, Default)]
pub(super) struct Index {
    items: BTreeMap<ImagePath, Item>,
    bytes: usize,
}

/// Returns the bounds of all that is strictly below a path.
pub(super) fn below(path: &ImagePath) -> (Bound<ImagePath>, Bound<ImagePath>) {
    let end = match (path.parent(), path.file_name()) {
        // Names hold no zero byte: this is the least of all names that follow what is below the path.
        (Some(parent), Some(name)) => Bound::Excluded(parent.join(&[name, b"\x01"].concat())),
        _ => Bound::Unbounded,
    };
    (Bound::Excluded(path.clone()), end)
}

impl Item {
    /// A folder that no entry describes.
    pub(super) fn implied_folder(layer: u16) -> Self {
        Self { layer, kind: ItemKind::Directory, mode: 0o755, mtime: 1 }
    }

    fn is_folder(&self) -> bool {
        matches!(self.kind, ItemKind::Directory)
    }
}

impl Index {
    /// Returns all items, depth first.
    pub(super) fn items(&self) -> &BTreeMap<ImagePath, Item> {
        &self.items
    }

    /// Makes an index of items that were in one before.
    pub(super) fn of(items: BTreeMap<ImagePath, Item>) -> Self {
        Self { items, bytes: 0 }
    }

    /// Returns what stands at a path.
    pub(super) fn get(&self, path: &ImagePath) -> Option<&Item> {
        self.items.get(path)
    }

    /// Returns the names in a folder and what they are, sorted by bytes.
    pub(super) fn children<'a>(&'a self, folder: &ImagePath) -> impl Iterator<Item = (&'a ImagePath, &'a Item)> {
        let (mut from, end) = below(folder);
        std::iter::from_fn(move || {
            let (path, item) = self.items.range((from.clone(), end.clone())).next()?;
            // What follows all that is below this child: the next child.
            from = match below(path).1 {
                Bound::Excluded(next) => Bound::Included(next),
                other => other,
            };
            Some((path, item))
        })
    }

    /// Returns all items below a path.
    pub(super) fn all_below(&self, path: &ImagePath) -> impl Iterator<Item = (&ImagePath, &Item)> {
        self.items.range(below(path))
    }

    /// Puts an item in place of what is there. A folder that replaces a folder keeps its content.
    pub(super) fn put(&mut self, path: &ImagePath, item: Item) -> Result<(), FactsError> {
        let target = if let ItemKind::Symlink(target) = &item.kind { target.len() } else { 0 };
        self.charge(item.layer, path.as_bytes().len() + target)?;
        if !item.is_folder() {
            self.clear(path);
        }
        self.items.insert(path.clone(), item);
        Ok(())
    }

    /// Counts what one more name costs.
    pub(super) fn charge(&mut self, layer: u16, bytes: usize) -> Result<(), FactsError> {
        self.bytes += bytes + ITEM_COST;
        if self.bytes > INDEX_BYTES {
            let limit = INDEX_BYTES as u64;
            return Err(FactsError::Limit { layer, what: "bytes of names among what is taken", limit });
        }
        Ok(())
    }

    /// Removes all that is below a path: something else than a folder stands there now.
    pub(super) fn clear(&mut self, path: &ImagePath) {
        let gone: Vec<ImagePath> = self.items.range(below(path)).map(|(path, _)| path.clone()).collect();
        gone.iter().for_each(|path| drop(self.items.remove(path)));
    }

    /// Removes what layers below `layer` put at a path and below it (image-spec, layer.md, "Whiteouts").
    pub(super) fn remove(&mut self, path: &ImagePath, layer: u16) {
        self.prune(path, layer);
        self.remove_old(path, layer);
    }

    /// Removes what layers below `layer` put into a folder ("Opaque Whiteout").
    pub(super) fn prune(&mut self, folder: &ImagePath, layer: u16) {
        let within: Vec<ImagePath> = self.items.range(below(folder)).map(|(path, _)| path.clone()).collect();
        // From the leaves up: a folder stays if this layer wrote it or something below it.
        within.iter().rev().for_each(|path| self.remove_old(path, layer));
    }

    fn remove_old(&mut self, path: &ImagePath, layer: u16) {
        let old = self.items.get(path).is_some_and(|item| item.layer < layer);
        if old && self.items.range(below(path)).next().is_none() {
            self.items.remove(path);
        }
    }
}
