//! Facts as a file that is looked into without being read: sorted blocks, and blocks that name them.
//!
//! The file is written from front to back in the order of a layer's entries: a line that names the form; blocks of paths;
//! above each level of blocks one that holds the first key of each, up to a single block; passwd and group; a trailer;
//! the SHA-256 of all that. A key is a path whose slashes are zero bytes, so that the order of bytes is the order of paths.

mod block;
mod fact;
mod file;
mod number;
mod reader;
mod trailer;
mod writer;

pub(super) use reader::Reader;
pub(super) use writer::Writer;

use super::FactsError;
use crate::oci::ImagePath;

/// Names the form; a change of the form is a new name.
const MAGIC: &[u8] = b"dockless facts 2\n";

/// Where something stands in the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Place {
    at: u64,
    length: u64,
}

/// Returns the key of a path.
fn key(path: &ImagePath) -> Vec<u8> {
    path.as_bytes().iter().map(|byte| if *byte == b'/' { 0 } else { *byte }).collect()
}

fn damaged() -> FactsError {
    FactsError::Stored { reason: "they are not well formed" }
}

#[cfg(test)]
mod tests;
