//! Entries to a tar stream, handed on chunk by chunk.

use std::ops::Range;

use crate::guard::{Inspection, Subject};
use crate::oci::{Digest, Hasher};
use crate::plan::{Content, Entry, EntryKind, Mtime};

use super::chunk;
use super::content::{Reading, changed, time_of};
use super::error::PackError;
use super::header::{self, BLOCK};

/// Takes the chunks of a stream in order.
pub(super) trait Chunks<E> {
    /// Takes a copy of the next chunk, and the files in it that are still to be looked at; may wait until there is room
    /// for it.
    fn take(&mut self, chunk: &[u8], looks: Vec<Look>) -> Result<(), PackError<E>>;

    /// Fails when nobody wants more chunks.
    fn wanted(&self) -> Result<(), PackError<E>>;
}

/// A file that is whole in a chunk and still to be looked at.
///
/// Small files are looked at where chunks are compressed, on all cores; large ones on the thread that reads them, since
/// their pieces must come in order.
pub(super) struct Look {
    subject: Subject,
    content: Range<usize>,
}

impl Look {
    /// Looks at the file, in the chunk that it was handed on with.
    pub(super) fn look(&self, inspection: &Inspection, chunk: &[u8]) {
        inspection.file(&self.subject, &chunk[self.content.clone()]);
    }
}

/// Writes entries into chunks.
pub(super) struct Tape<'a, C> {
    chunks: C,
    inspection: Option<&'a Inspection>,
    looks: Vec<Look>,
    /// The chunk so far. One buffer serves all chunks; what is handed on is an exact copy, so that no spare capacity lies
    /// in the queue.
    chunk: Vec<u8>,
    scratch: Vec<u8>,
    entries: u64,
    bytes: u64,
}

impl<'a, C> Tape<'a, C> {
    pub(super) fn new(chunks: C, inspection: Option<&'a Inspection>) -> Self {
        Self { chunks, inspection, looks: Vec::new(), chunk: Vec::new(), scratch: Vec::new(), entries: 0, bytes: 0 }
    }

    /// Writes one entry.
    pub(super) fn write<E>(&mut self, entry: &Entry) -> Result<(), PackError<E>>
    where
        C: Chunks<E>,
    {
        self.chunks.wanted()?;
        if entry.path.is_root() {
            return Err(PackError::Root);
        }
        self.entries += 1;
        match &entry.kind {
            EntryKind::File(content) if content.len() > chunk::LARGE => self.write_large(entry, content),
            EntryKind::File(Content::Bytes(bytes)) => self.write_small(entry, bytes),
            EntryKind::File(content) => {
                let mut bytes = std::mem::take(&mut self.scratch);
                bytes.clear();
                let mut reading = Reading::open(content)?;
                reading.append(in_memory(content.len()), &mut bytes)?;
                reading.finish()?;
                let written = self.write_small(entry, &bytes);
                self.scratch = bytes;
                written
            }
            EntryKind::Directory | EntryKind::Symlink(_) => self.write_small(entry, &[]),
        }
    }

    fn write_small<E>(&mut self, entry: &Entry, content: &[u8]) -> Result<(), PackError<E>>
    where
        C: Chunks<E>,
    {
        let mtime = match (entry.mtime, &entry.kind) {
            (Mtime::Seconds(seconds), _) => seconds,
            (Mtime::Content, EntryKind::File(_)) => time_of(&Digest::of(content)),
            (Mtime::Content, _) => 1,
        };
        let blocks = header::blocks(entry, content.len() as u64, mtime);
        let length = blocks.len() + content.len().next_multiple_of(BLOCK);
        if self.chunk.len() + length > chunk::MOST {
            self.cut()?;
        }
        self.chunk.extend_from_slice(&blocks);
        self.inspect(entry, content);
        self.chunk.extend_from_slice(content);
        self.pad();
        if chunk::ends_after(&entry.path, length, self.chunk.len()) {
            self.cut()?;
        }
        Ok(())
    }

    /// Has an entry looked at, whose content, if it has any, comes next in the chunk.
    fn inspect(&mut self, entry: &Entry, content: &[u8]) {
        let Some(inspection) = self.inspection else { return };
        match &entry.kind {
            EntryKind::Directory => inspection.directory(&entry.path, entry.mode),
            EntryKind::Symlink(target) => inspection.symlink(&entry.path, target),
            EntryKind::File(source) if content.is_empty() => inspection.file(&subject(entry, source), content),
            EntryKind::File(source) => {
                let start = self.chunk.len();
                self.looks.push(Look { subject: subject(entry, source), content: start..start + content.len() });
            }
        }
    }

    /// Writes a file that is too large to be kept while its header waits for its digest: such a one is read twice.
    fn write_large<E>(&mut self, entry: &Entry, content: &Content) -> Result<(), PackError<E>>
    where
        C: Chunks<E>,
    {
        self.cut()?;
        let (mtime, expected) = match entry.mtime {
            Mtime::Seconds(seconds) => (seconds, None),
            Mtime::Content => {
                let digest = self.digest_of(content)?;
                (time_of(&digest), Some(digest))
            }
        };
        self.chunk.extend_from_slice(&header::blocks(entry, content.len(), mtime));
        let mut hasher = expected.map(|_| Hasher::default());
        let mut examination = self.inspection.map(|inspection| inspection.pieces(subject(entry, content)));
        self.read_pieces(content, |tape, start, last| {
            if let Some(examination) = &mut examination {
                examination.feed(&tape.chunk[start..]);
            }
            if let Some(hasher) = &mut hasher {
                hasher.update(&tape.chunk[start..]);
            }
            if last {
                tape.pad();
            }
            tape.cut()
        })?;
        if let Some(examination) = examination {
            examination.end();
        }
        match content {
            // Bytes written through a memory map may leave the stamp as it was for a while.
            Content::File(source) if hasher.map(Hasher::finish) != expected => Err(changed(source).into()),
            _ => Ok(()),
        }
    }

    fn digest_of<E>(&mut self, content: &Content) -> Result<Digest, PackError<E>>
    where
        C: Chunks<E>,
    {
        let mut hasher = Hasher::default();
        self.read_pieces(content, |tape, _, _| {
            hasher.update(&tape.chunk);
            tape.chunk.clear();
            Ok(())
        })?;
        Ok(hasher.finish())
    }

    /// Appends a content to the chunk, piece by piece; after each, `then` learns where the piece begins and whether it is
    /// the last one.
    fn read_pieces<E>(
        &mut self,
        content: &Content,
        mut then: impl FnMut(&mut Self, usize, bool) -> Result<(), PackError<E>>,
    ) -> Result<(), PackError<E>>
    where
        C: Chunks<E>,
    {
        let mut reading = Reading::open(content)?;
        let mut left = content.len();
        while left > 0 {
            self.chunks.wanted()?;
            let (start, count) = (self.chunk.len(), left.min(chunk::LARGE));
            reading.append(in_memory(count), &mut self.chunk)?;
            left -= count;
            then(self, start, left == 0)?;
        }
        Ok(reading.finish()?)
    }

    /// Ends the stream; returns the count of entries and of bytes, and who took the chunks.
    pub(super) fn finish<E>(mut self) -> Result<(u64, u64, C), PackError<E>>
    where
        C: Chunks<E>,
    {
        self.chunk.resize(self.chunk.len() + 2 * BLOCK, 0);
        self.cut()?;
        Ok((self.entries, self.bytes, self.chunks))
    }

    fn pad(&mut self) {
        self.chunk.resize(self.chunk.len().next_multiple_of(BLOCK), 0);
    }

    fn cut<E>(&mut self) -> Result<(), PackError<E>>
    where
        C: Chunks<E>,
    {
        if self.chunk.is_empty() {
            return Ok(());
        }
        self.bytes += self.chunk.len() as u64;
        self.chunks.take(&self.chunk, std::mem::take(&mut self.looks))?;
        self.chunk.clear();
        Ok(())
    }
}

/// Returns what an inspection is to know of a file.
fn subject(entry: &Entry, content: &Content) -> Subject {
    let source = match content {
        Content::Bytes(_) => None,
        Content::File(source) => Some(source.clone()),
    };
    Subject { path: entry.path.clone(), mode: entry.mode, source }
}

/// Returns the length of what is read at once: a piece, or a file that is no longer than one.
fn in_memory(length: u64) -> usize {
    debug_assert!(length <= chunk::LARGE, "{length}");
    usize::try_from(length).expect("a mebibyte at most")
}
