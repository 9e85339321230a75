//! The index of a base's paths while its layers are read: a B-tree in pages, of which a budget stays in memory.
//!
//! Under the budget nothing is written. Past it the pages that were used least recently go to a file without a name, so
//! that nothing is left behind by a process that dies.

mod cells;
mod heap;
mod node;
mod ordered;
mod pages;
mod record;
mod table;

pub(super) use heap::Span;
pub(super) use record::{Kind, Record};
pub(super) use table::{FolderId, ROOT, Table};

#[cfg(test)]
mod tests;
