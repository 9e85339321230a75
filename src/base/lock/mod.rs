//! The lock: what a build needs to know of its base so that no tag is asked and no layer is read.
//!
//! It is committed beside the build file and read in reviews: one line for each answered path, sorted, without times or
//! versions of its writer. Nothing in it is trusted: manifest and config are held against their digests.

mod base;
mod error;
mod form;
mod word;

use std::collections::BTreeMap;

pub use base::LockedBase;
pub use error::LockError;

use crate::oci::{Digest, Platform};

/// The longest lock that is read, in bytes: a base asked about every path of a large project stays far below.
const MAX_BYTES: usize = 64 << 20;

/// What stands in a lock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lock {
    /// The base for each platform that is built. Versions and features of the operating system are not kept.
    pub platforms: BTreeMap<Platform, LockedBase>,
    /// Other images that layers are taken from, as the build file names them: the digest of each platform's manifest.
    pub images: BTreeMap<String, BTreeMap<Platform, Digest>>,
}

impl Lock {
    /// Reads a lock. What it says of a base is held against its digests by [`LockedBase::image`].
    ///
    /// # Errors
    /// When it is no lock of this version: cut short, merged with conflicts, edited into something else.
    pub fn parse(bytes: &[u8]) -> Result<Self, LockError> {
        if bytes.len() > MAX_BYTES {
            return Err(LockError::TooLong { bytes: bytes.len(), limit: MAX_BYTES });
        }
        if let Some(line) = conflict(bytes) {
            return Err(LockError::Conflict { line });
        }
        form::read(bytes)
    }

    /// Returns the lock as text: the same lock gives the same bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        form::write(self)
    }
}

/// Returns the line, from 1, on which a merge began that was not resolved.
fn conflict(bytes: &[u8]) -> Option<usize> {
    let marks: [&[u8]; 2] = [b"<<<<<<< ", b">>>>>>> "];
    let marked = |line: &[u8]| marks.iter().any(|mark| line.starts_with(mark));
    bytes.split(|byte| *byte == b'\n').position(marked).map(|at| at + 1)
}

#[cfg(test)]
mod tests;
