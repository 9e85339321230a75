//! What a stored blob is made of, so that a later one need not compress the same chunk again.
//!
//! A table has a row for each chunk, in order: the digest of its tar bytes, and the digest and length of its compressed
//! ones. Whoever packs a layer anew looks up each chunk by the first and copies the compressed bytes, if they have the
//! second: bytes of a damaged or exchanged blob are never copied, whatever else is known of that blob. That costs a digest
//! of a fifth of what is read; to inflate the copy and compare would cost as much as reading everything again.

use std::collections::HashMap;
use std::sync::Arc;

use crate::oci::Digest;
use crate::store::Blob;

/// Names the form of a stored table; a change of the form is a new name.
const MAGIC: &[u8] = b"dockless chunks 1\n";
const ROW: usize = 32 + 32 + 4;

/// The chunks of one blob.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChunkTable {
    rows: Vec<Row>,
    /// Where the first chunk begins.
    start: u32,
    copied: u64,
}

/// A chunk of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// The digest of the tar bytes.
    pub(super) tar: Digest,
    /// The digest of the compressed bytes.
    pub(super) encoded: Digest,
    /// The count of the compressed bytes.
    pub(super) length: u32,
}

impl ChunkTable {
    /// Begins the table of a blob whose first chunk comes after `start` bytes.
    pub(super) fn new(start: u32) -> Self {
        Self { start, ..Self::default() }
    }

    /// Adds the next chunk.
    pub(super) fn add(&mut self, row: Row, copied: bool) {
        self.rows.push(row);
        self.copied += u64::from(copied);
    }

    /// Returns the count of chunks.
    pub fn chunks(&self) -> u64 {
        self.rows.len() as u64
    }

    /// Returns the first chunks, each with where its compressed bytes begin in the blob.
    pub(super) fn first(&self, chunks: u64) -> impl Iterator<Item = (Row, u64)> {
        let count = usize::try_from(chunks).unwrap_or(usize::MAX).min(self.rows.len());
        let mut offset = u64::from(self.start);
        self.rows[..count].iter().map(move |row| {
            let here = offset;
            offset += u64::from(row.length);
            (*row, here)
        })
    }

    /// Returns how many of them were copied and not compressed. It is not stored.
    pub fn copied(&self) -> u64 {
        self.copied
    }

    /// Returns the table as bytes, for [`ChunkTable::from_bytes`].
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&self.start.to_be_bytes());
        for Row { tar, encoded, length } in &self.rows {
            bytes.extend_from_slice(tar.as_bytes());
            bytes.extend_from_slice(encoded.as_bytes());
            bytes.extend_from_slice(&length.to_be_bytes());
        }
        bytes
    }

    /// Reads a table; `None` for anything that is none of this version.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (start, rows) = bytes.strip_prefix(MAGIC)?.split_first_chunk::<4>()?;
        let (rows, rest) = rows.as_chunks::<ROW>();
        let row = |row: &[u8; ROW]| {
            let (tar, rest) = row.split_first_chunk::<32>()?;
            let (encoded, length) = rest.split_first_chunk::<32>()?;
            let length = u32::from_be_bytes(length.try_into().ok()?);
            Some(Row { tar: Digest::from_bytes(*tar), encoded: Digest::from_bytes(*encoded), length })
        };
        let rows: Option<Vec<Row>> = rows.iter().map(row).collect();
        rest.is_empty().then_some(Self { rows: rows?, start: u32::from_be_bytes(*start), copied: 0 })
    }
}

/// Chunks of blobs in a store, by the digest of their tar bytes. All blobs are of one codec and level.
#[derive(Clone, Debug, Default)]
pub struct KnownChunks {
    chunks: HashMap<Digest, Place>,
}

#[derive(Clone, Debug)]
struct Place {
    blob: Arc<Blob>,
    offset: u64,
    row: Row,
}

impl KnownChunks {
    /// Adds the chunks of a blob.
    pub fn add(&mut self, blob: Blob, table: &ChunkTable) {
        let blob = Arc::new(blob);
        let mut offset = u64::from(table.start);
        for row in &table.rows {
            self.chunks.entry(row.tar).or_insert_with(|| Place { blob: Arc::clone(&blob), offset, row: *row });
            offset += u64::from(row.length);
        }
    }

    /// Returns the compressed bytes of a chunk, with their digest. Bytes that cannot be read, or are not those that were
    /// written, are as good as unknown.
    pub(super) fn get(&self, tar: &Digest) -> Option<(Box<[u8]>, Digest)> {
        let Place { blob, offset, row } = self.chunks.get(tar)?;
        let bytes = blob.read_at(*offset, row.length as usize).ok()?;
        (Digest::of(&bytes) == row.encoded).then(|| (bytes.into(), row.encoded))
    }
}

#[cfg(test)]
mod tests;
