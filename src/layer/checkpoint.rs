//! Where packing can go on: states at the ends of chunks, kept beside a blob.
//!
//! The digest of a tar stream needs every byte of it. So that a change near the end of a layer does not cost reading all
//! that is before it, the state of that digest is kept at the end of each chunk, together with a fingerprint of the entries
//! up to there, the checksum of gzip, and what was seen in the files. Whoever finds the same fingerprint copies the
//! compressed chunks up to that point and goes on with the entries behind it: what is before is neither read nor hashed.
//!
//! A checkpoint is made only right after a file, and only if none of the files so far may change without a trace (see
//! `fingerprint`). Chunks that are copied are held against their digests.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::chunk_table::ChunkTable;
use super::fingerprint::Fingerprint;
use crate::guard::Inspected;
use crate::oci::{Digest, HashState, Hasher, ImagePath};
use crate::store::Blob;

/// A state of packing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The fingerprint of the settings and of all entries so far.
    pub(super) prefix: Digest,
    /// The count of these entries.
    pub(super) entries: u64,
    /// The path of the last of them.
    pub(super) last: ImagePath,
    /// The count of chunks so far.
    pub(super) chunks: u64,
    /// The digest of the tar stream so far, unfinished.
    pub(super) tar: HashState,
    /// The CRC-32 of the tar stream so far; 0 where the codec has none.
    pub(super) crc: u32,
    /// What was seen since the checkpoint before.
    pub(super) seen: Inspected,
}

/// Checkpoints of earlier blobs, by what comes before them.
#[derive(Clone, Debug, Default)]
pub struct Checkpoints {
    by_prefix: HashMap<Digest, Resume>,
    /// After how many entries there are some: nowhere else a fingerprint is finished.
    counts: HashSet<u64>,
}

/// A checkpoint at which packing goes on.
#[derive(Clone, Debug)]
pub struct Resume {
    kept: Arc<Kept>,
    number: usize,
}

#[derive(Debug)]
struct Kept {
    blob: Blob,
    table: ChunkTable,
    points: Vec<Checkpoint>,
}

impl Checkpoints {
    /// Adds the checkpoints of a blob. Those that do not fit its table are left out.
    pub fn add(&mut self, blob: Blob, table: ChunkTable, points: Vec<Checkpoint>) {
        let kept = Arc::new(Kept { blob, table, points });
        for (number, point) in kept.points.iter().enumerate() {
            if point.chunks <= kept.table.chunks() && point.hasher().is_some() {
                self.counts.insert(point.entries);
                self.by_prefix.insert(point.prefix, Resume { kept: Arc::clone(&kept), number });
            }
        }
    }

    /// Returns the checkpoint right after the entries of a fingerprint.
    pub(super) fn find(&self, entries: u64, fingerprint: &Fingerprint) -> Option<Resume> {
        if !self.counts.contains(&entries) {
            return None;
        }
        let resume = self.by_prefix.get(&fingerprint.clone().finish()?)?;
        (resume.point().entries == entries).then(|| resume.clone())
    }
}

impl Resume {
    /// Returns the path of the last entry that is not packed again.
    pub fn last(&self) -> &ImagePath {
        &self.point().last
    }

    pub(super) fn point(&self) -> &Checkpoint {
        &self.kept.points[self.number]
    }

    /// Returns this checkpoint and those before it.
    pub(super) fn points(&self) -> &[Checkpoint] {
        &self.kept.points[..=self.number]
    }

    pub(super) fn blob(&self) -> &Blob {
        &self.kept.blob
    }

    pub(super) fn table(&self) -> &ChunkTable {
        &self.kept.table
    }
}

impl PartialEq for Resume {
    fn eq(&self, other: &Self) -> bool {
        self.point() == other.point() && self.kept.blob.digest == other.kept.blob.digest
    }
}

impl Eq for Resume {}

impl Checkpoint {
    /// Returns the length of the tar stream so far in bytes.
    pub(super) fn tar_bytes(&self) -> u64 {
        self.hasher().map_or(0, |hasher| hasher.length())
    }

    /// Returns the digest of the tar stream, to go on with; `None` where the state is none.
    pub(super) fn hasher(&self) -> Option<Hasher> {
        // Between entries a tar stream has whole blocks.
        self.tar.resume().filter(|hasher| hasher.length() > 0 && hasher.length().is_multiple_of(512))
    }
}

#[cfg(test)]
mod tests;
