//! A B-tree over pages: records by key, in order.

use std::path::Path;

use super::Record;
use super::cells::{Cells, Key};
use super::node::Node;
use super::pages::{PageId, Pages};
use crate::ground::FileError;

/// Records by key.
#[derive(Debug)]
pub(super) struct Ordered {
    pub(super) pages: Pages,
    root: PageId,
}

/// The branches above a leaf, each with the place of the next page in it.
type Way = Vec<(PageId, usize)>;

impl Ordered {
    /// No records; about `memory` bytes of pages may stay in memory.
    pub(super) fn new(folder: &Path, memory: usize) -> Self {
        let mut pages = Pages::new(folder, memory);
        let root = pages.add(Node::empty());
        Self { pages, root }
    }

    /// Returns the record of a key.
    pub(super) fn get(&mut self, key: &[u8]) -> Result<Option<Record>, FileError> {
        self.pages.make_room()?;
        let mut id = self.root;
        loop {
            match self.pages.node(id)? {
                Node::Leaf(cells) => return Ok(cells.get(key)),
                Node::Branch(children) => id = child(children, key).1,
            }
        }
    }

    /// Sets the record of a key and returns the one it had.
    pub(super) fn insert(&mut self, key: &[u8], record: Record) -> Result<Option<Record>, FileError> {
        self.pages.make_room()?;
        let (mut way, mut id) = self.descend(key)?;
        let Node::Leaf(cells) = self.pages.node_mut(id)? else { unreachable!("a way ends in a leaf") };
        let old = cells.insert(key.into(), record);
        let mut inserted: Key = key.into();
        loop {
            let node = self.pages.node_mut(id)?;
            if !node.is_over() {
                return Ok(old);
            }
            let (least, upper) = node.split(&inserted);
            let upper = self.pages.add(upper);
            let parent = match way.pop() {
                Some((parent, _)) => parent,
                None => self.grow(),
            };
            if let Node::Branch(children) = self.pages.node_mut(parent)? {
                children.insert(least.clone(), upper);
            }
            (id, inserted) = (parent, least);
        }
    }

    /// Removes the record of a key and returns it.
    pub(super) fn remove(&mut self, key: &[u8]) -> Result<Option<Record>, FileError> {
        self.pages.make_room()?;
        let (mut way, mut id) = self.descend(key)?;
        let Node::Leaf(cells) = self.pages.node_mut(id)? else { unreachable!("a way ends in a leaf") };
        let Ok(place) = cells.search(key) else { return Ok(None) };
        let old = cells.remove(place);
        // A page without cells is given back, so that a scan never goes through a desert of them.
        while self.pages.node(id)?.is_empty() {
            let Some((parent, place)) = way.pop() else {
                *self.pages.node_mut(id)? = Node::empty();
                break;
            };
            self.pages.remove(id);
            if let Node::Branch(children) = self.pages.node_mut(parent)? {
                children.remove_below_bound(place);
            }
            id = parent;
        }
        Ok(Some(old))
    }

    /// Returns the first record whose key is `from` or greater.
    pub(super) fn first_from(&mut self, from: &[u8]) -> Result<Option<(Key, Record)>, FileError> {
        self.pages.make_room()?;
        self.first_in(self.root, from)
    }

    fn first_in(&mut self, id: PageId, from: &[u8]) -> Result<Option<(Key, Record)>, FileError> {
        let mut place = match self.pages.node(id)? {
            Node::Leaf(cells) => return Ok(cells.at(cells.search(from).unwrap_or_else(|place| place)).cloned()),
            Node::Branch(children) => child(children, from).0,
        };
        loop {
            let Node::Branch(children) = self.pages.node(id)? else { return Ok(None) };
            let Some(next) = children.at(place).map(|(_, id)| *id) else { return Ok(None) };
            if let Some(found) = self.first_in(next, from)? {
                return Ok(Some(found));
            }
            place += 1;
        }
    }

    fn descend(&mut self, key: &[u8]) -> Result<(Way, PageId), FileError> {
        let mut way = Way::new();
        let mut id = self.root;
        while let Node::Branch(children) = self.pages.node(id)? {
            let (place, next) = child(children, key);
            way.push((id, place));
            id = next;
        }
        Ok((way, id))
    }

    /// Puts a root above the root.
    fn grow(&mut self) -> PageId {
        let mut children = Cells::new();
        children.insert(Key::default(), self.root);
        self.root = self.pages.add(Node::Branch(children));
        self.root
    }
}

/// Returns the page in which a key stands if it does, with its place.
fn child(children: &Cells<PageId>, key: &[u8]) -> (usize, PageId) {
    let place = children.search(key).unwrap_or_else(|place| place.saturating_sub(1));
    (place, children.at(place).expect("a branch has children").1)
}
