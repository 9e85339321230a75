//! The last stage: chunks in order into the blob, and both digests on the way.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::mpsc::Receiver;

use flate2::Crc;

use crate::oci::{DiffId, Digest, Hasher};
use crate::spec::Compression;

use super::codec::{FINAL_BLOCK, gzip_header};
use super::flow::Room;

/// What the other stages tell the writer.
pub(super) enum Message<'flow> {
    /// A chunk, in whatever order the pool finishes.
    Chunk(Chunk<'flow>),
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
    /// `None` where the tar itself is written.
    pub(super) encoded: io::Result<Option<Box<[u8]>>>,
    /// For gzip.
    pub(super) crc: Option<Crc>,
    /// Given back when the chunk is written.
    pub(super) room: Room<'flow>,
}

/// A failure of the writing stage.
#[derive(Debug)]
pub(super) enum WriteError {
    Encode(io::Error),
    Write(io::Error),
    /// The stream has no end: another stage failed and says why.
    Unfinished,
}

/// A blob that was written.
pub(super) struct Written<W> {
    pub(super) digest: Digest,
    pub(super) size: u64,
    pub(super) diff_id: DiffId,
    pub(super) out: W,
}

/// Writes the chunks in order as they come, between the codec's beginning and end.
pub(super) fn write_in_order<W: Write>(
    receiver: &Receiver<Message<'_>>,
    compression: Compression,
    out: W,
) -> Result<Written<W>, WriteError> {
    let mut blob = Blob { out, hasher: Hasher::default(), tar: Hasher::default(), crc: Crc::new() };
    if let Compression::Gzip(level) = compression {
        blob.write(&gzip_header(level))?;
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
            blob.append(chunk)?;
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
    crc: Crc,
}

impl<W: Write> Blob<W> {
    fn append(&mut self, chunk: Chunk<'_>) -> Result<(), WriteError> {
        let Chunk { tar, encoded, crc, room, .. } = chunk;
        let encoded = encoded.map_err(WriteError::Encode)?;
        self.write(encoded.as_deref().unwrap_or(&tar))?;
        self.tar.update(&tar);
        if let Some(crc) = &crc {
            self.crc.combine(crc);
        }
        drop((tar, encoded, room));
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        self.hasher.update(bytes);
        self.out.write_all(bytes).map_err(WriteError::Write)
    }

    fn finish(mut self, compression: Compression) -> Result<Written<W>, WriteError> {
        if let Compression::Gzip(_) = compression {
            self.write(&FINAL_BLOCK)?;
            self.write(&self.crc.sum().to_le_bytes())?;
            // RFC 1952: the length modulo 2^32.
            self.write(&(self.tar.length() as u32).to_le_bytes())?;
        }
        self.out.flush().map_err(WriteError::Write)?;
        let size = self.hasher.length();
        Ok(Written { digest: self.hasher.finish(), size, diff_id: DiffId(self.tar.finish()), out: self.out })
    }
}
