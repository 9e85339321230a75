//! The last stage: chunks in order into the blob, and both digests on the way.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Receiver;

use zlib_rs::crc32::crc32_combine;

use crate::guard::Inspected;
use crate::oci::{DiffId, Digest, Hasher};
use crate::spec::Compression;

use super::checkpoint::{Checkpoint, Resume};
use super::chunk_table::{ChunkTable, Row};
use super::codec::{FINAL_BLOCK, gzip_header};
use super::flow::Room;
use super::tape::Mark;

/// What the other stages tell the writer.
pub(super) enum Message<'flow> {
    /// A chunk, in whatever order the pool finishes.
    Chunk(Box<Chunk<'flow>>),
    /// The stream ended well and has so many chunks.
    End {
        /// The count of chunks.
        chunks: u64,
    },
}

/// A chunk after its compression.
pub(super) struct Chunk<'flow> {
    pub(super) number: u64,
    pub(super) tar: Box<[u8]>,
    pub(super) encoded: io::Result<Encoded>,
    /// Of the tar bytes, for gzip.
    pub(super) crc: Option<u32>,
    /// What was seen in it.
    pub(super) seen: Inspected,
    /// Set if packing may go on right after it.
    pub(super) mark: Option<Mark>,
    /// Given back when the chunk is written.
    pub(super) room: Room<'flow>,
}

/// What is written of a chunk.
pub(super) struct Encoded {
    /// `None` where the tar itself is written.
    pub(super) bytes: Option<Box<[u8]>>,
    /// Its digests, if a table is made.
    pub(super) digests: Option<ChunkDigests>,
}

impl Encoded {
    pub(super) fn len(&self) -> usize {
        self.bytes.as_ref().map_or(0, |bytes| bytes.len())
    }
}

/// What a table is to know of a chunk.
pub(super) struct ChunkDigests {
    pub(super) tar: Digest,
    pub(super) encoded: Digest,
    /// Whether the bytes come from an earlier blob.
    pub(super) copied: bool,
}

/// A failure of the writing stage.
#[derive(Debug)]
pub(super) enum WriteError {
    Encode(io::Error),
    Write(io::Error),
    /// The blob that is continued is not what it was.
    Stale,
    /// The stream has no end: another stage failed and says why.
    Unfinished,
}

/// A blob that was written.
pub(super) struct Written<W> {
    pub(super) digest: Digest,
    pub(super) size: u64,
    pub(super) diff_id: DiffId,
    /// Empty unless the chunks came with digests.
    pub(super) table: ChunkTable,
    pub(super) points: Vec<Checkpoint>,
    /// What was seen in all chunks.
    pub(super) seen: Inspected,
    pub(super) out: W,
}

/// Writes the chunks in order as they come, between the codec's beginning and end.
pub(super) fn write_in_order<W: Write>(
    receiver: &Receiver<Message<'_>>,
    compression: Compression,
    resume: Option<&Resume>,
    advanced: Option<&AtomicU64>,
    out: W,
) -> Result<Written<W>, WriteError> {
    let mut blob = Blob::new(out);
    if let Compression::Gzip(level) = compression {
        let header = gzip_header(level);
        blob.write(&header)?;
        blob.table = ChunkTable::new(header.len() as u32);
    }
    if let Some(resume) = resume {
        blob.resume(resume)?;
    }
    let (mut waiting, mut next, mut end) = (BTreeMap::new(), 0, None);
    for message in receiver {
        match message {
            Message::Chunk(chunk) => waiting.insert(chunk.number, chunk),
            Message::End { chunks } => {
                end = Some(chunks);
                continue;
            }
        };
        while let Some(chunk) = waiting.remove(&next) {
            let length = chunk.tar.len() as u64;
            blob.append(chunk)?;
            advanced.inspect(|advanced| _ = advanced.fetch_add(length, Ordering::Relaxed));
            next += 1;
        }
    }
    if end != Some(next) {
        return Err(WriteError::Unfinished);
    }
    blob.finish(compression)
}

struct Blob<W> {
    out: W,
    hasher: Hasher,
    tar: Hasher,
    crc: u32,
    table: ChunkTable,
    points: Vec<Checkpoint>,
    seen: Inspected,
    /// What was seen since the last checkpoint.
    seen_since: Inspected,
}

impl<W: Write> Blob<W> {
    fn new(out: W) -> Self {
        let (hasher, tar, table) = (Hasher::default(), Hasher::default(), ChunkTable::default());
        let (seen, seen_since) = (Inspected::default(), Inspected::default());
        Self { out, hasher, tar, crc: 0, table, points: Vec::new(), seen, seen_since }
    }

    /// Copies the chunks of an earlier blob up to a checkpoint.
    fn resume(&mut self, resume: &Resume) -> Result<(), WriteError> {
        let point = resume.point();
        for (row, offset) in resume.table().first(point.chunks) {
            let bytes = resume.blob().read_at(offset, row.length as usize).map_err(|_| WriteError::Stale)?;
            if Digest::of(&bytes) != row.encoded {
                return Err(WriteError::Stale);
            }
            self.write(&bytes)?;
            self.table.add(row, true);
        }
        self.tar = point.hasher().ok_or(WriteError::Stale)?;
        self.crc = point.crc;
        self.points = resume.points().to_vec();
        self.points.iter().for_each(|point| self.seen.merge(point.seen.clone()));
        Ok(())
    }

    fn append(&mut self, chunk: Box<Chunk<'_>>) -> Result<(), WriteError> {
        let Chunk { tar, encoded, crc, room, seen, mark, .. } = *chunk;
        let Encoded { bytes: encoded, digests } = encoded.map_err(WriteError::Encode)?;
        let bytes = encoded.as_deref().unwrap_or(&tar);
        self.write(bytes)?;
        if let Some(ChunkDigests { tar, encoded, copied }) = digests {
            let length = u32::try_from(bytes.len()).expect("a few mebibytes");
            self.table.add(Row { tar, encoded, length }, copied);
        }
        self.tar.update(&tar);
        if let Some(crc) = crc {
            self.crc = crc32_combine(self.crc, crc, tar.len() as u64);
        }
        self.seen.merge(seen.clone());
        self.seen_since.merge(seen);
        if let Some(mark) = mark.filter(|_| self.table.chunks() > 0) {
            self.point(mark);
        }
        drop((tar, encoded, room));
        Ok(())
    }

    fn point(&mut self, Mark { prefix, entries, last }: Mark) {
        let (chunks, tar, crc) = (self.table.chunks(), self.tar.state(), self.crc);
        let seen = std::mem::take(&mut self.seen_since);
        self.points.push(Checkpoint { prefix, entries, last, chunks, tar, crc, seen });
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        self.hasher.update(bytes);
        self.out.write_all(bytes).map_err(WriteError::Write)
    }

    fn finish(mut self, compression: Compression) -> Result<Written<W>, WriteError> {
        if let Compression::Gzip(_) = compression {
            self.write(&FINAL_BLOCK)?;
            self.write(&self.crc.to_le_bytes())?;
            // RFC 1952: the length modulo 2^32.
            self.write(&(self.tar.length() as u32).to_le_bytes())?;
        }
        self.out.flush().map_err(WriteError::Write)?;
        let size = self.hasher.length();
        Ok(Written {
            digest: self.hasher.finish(),
            size,
            diff_id: DiffId(self.tar.finish()),
            table: self.table,
            points: self.points,
            seen: self.seen,
            out: self.out,
        })
    }
}
