//! Entries to a tar stream, handed on chunk by chunk.

use std::ops::Range;
use std::sync::Arc;

use crate::guard::{Inspected, Inspection, Subject};
use crate::oci::{Digest, Hasher, ImagePath};
use crate::plan::{Content, Entry, EntryKind, Mtime};
use crate::store::FileClock;
use crate::tree::TreeError;

use super::chunk::Lengths;
use super::content::{Reading, changed, time_of};
use super::error::PackError;
use super::fingerprint::Fingerprint;
use super::header::{self, BLOCK};

/// Takes the chunks of a stream in order.
pub(super) trait Chunks<E> {
    /// Takes a copy of the next chunk; may wait until there is room for it.
    fn take(&mut self, chunk: &[u8], about: About) -> Result<(), PackError<E>>;

    /// Fails when nobody wants more chunks.
    fn wanted(&self) -> Result<(), PackError<E>>;
}

/// What is known of a chunk beside its bytes.
#[derive(Default)]
pub(super) struct About {
    /// The files in it that are still to be looked at.
    pub(super) looks: Vec<Look>,
    /// What was seen meanwhile.
    pub(super) seen: Inspected,
    /// Set if packing may go on right after it.
    pub(super) mark: Option<Mark>,
}

impl About {
    /// Has the files looked at that are in the chunk; returns all that was seen in it.
    pub(super) fn see(self, inspection: Option<&Inspection>, chunk: &[u8]) -> Inspected {
        let Some(inspection) = inspection.filter(|_| !self.looks.is_empty()) else { return self.seen };
        let apart = inspection.apart();
        apart.add(self.seen);
        self.looks.iter().for_each(|look| look.look(&apart, chunk));
        apart.take()
    }
}

/// The entries up to the end of a chunk.
pub(super) struct Mark {
    /// Their fingerprint, with the settings.
    pub(super) prefix: Digest,
    pub(super) entries: u64,
    /// The path of the last of them.
    pub(super) last: ImagePath,
}

/// The fingerprint of what was packed so far.
pub(super) struct Trace {
    pub(super) fingerprint: Fingerprint,
    /// The time before the first file was read.
    pub(super) clock: FileClock,
    /// The last entry, if a walk can begin right after it.
    last: Option<ImagePath>,
}

impl Trace {
    pub(super) fn new(fingerprint: Fingerprint, clock: FileClock) -> Self {
        Self { fingerprint, clock, last: None }
    }

    pub(super) fn entry(&mut self, entry: &Entry) {
        self.fingerprint.entry(entry);
        let is_removal = entry.path.file_name().is_some_and(|name| name.starts_with(b".wh."));
        self.last = (entry.kind != EntryKind::Directory && !is_removal).then(|| entry.path.clone());
    }

    pub(super) fn mark(&self, entries: u64) -> Option<Mark> {
        let last = self.last.clone()?;
        if !self.fingerprint.is_settled(self.clock.device, self.clock.now_ns) {
            return None;
        }
        Some(Mark { prefix: self.fingerprint.clone().finish()?, entries, last })
    }
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
    fn look(&self, inspection: &Inspection, chunk: &[u8]) {
        inspection.file(&self.subject, &chunk[self.content.clone()]);
    }
}

/// Writes entries into chunks.
pub(super) struct Tape<C> {
    chunks: C,
    lengths: Lengths,
    /// Sees what is not left to those who take the chunks.
    inspection: Option<Arc<Inspection>>,
    trace: Option<Trace>,
    looks: Vec<Look>,
    /// The chunk so far. One buffer serves all chunks; what is handed on is an exact copy, so that no spare capacity lies
    /// in the queue.
    chunk: Vec<u8>,
    scratch: Vec<u8>,
    entries: u64,
    bytes: u64,
}

impl<C> Tape<C> {
    pub(super) fn new(chunks: C, lengths: Lengths, inspection: Option<&Inspection>) -> Self {
        let inspection = inspection.map(|inspection| Arc::new(inspection.apart()));
        let (looks, chunk, scratch) = (Vec::new(), Vec::new(), Vec::new());
        Self { chunks, lengths, inspection, trace: None, looks, chunk, scratch, entries: 0, bytes: 0 }
    }

    /// Says at the ends of chunks what was packed so far.
    pub(super) fn traced(self, trace: Option<Trace>) -> Self {
        Self { trace, ..self }
    }

    /// Goes on where so many entries and bytes are packed already.
    pub(super) fn after(self, entries: u64, bytes: u64) -> Self {
        Self { entries, bytes, ..self }
    }

    /// Writes one entry; `read` is what came of reading its file ahead.
    pub(super) fn write<E>(
        &mut self,
        entry: &Entry,
        read: Option<Result<Vec<u8>, TreeError>>,
    ) -> Result<(), PackError<E>>
    where
        C: Chunks<E>,
    {
        self.chunks.wanted()?;
        if entry.path.is_root() {
            return Err(PackError::Root);
        }
        if let Some(content) = read {
            return self.write_small(entry, &content?);
        }
        match &entry.kind {
            EntryKind::File(content) if self.lengths.is_large(content.len()) => self.write_large(entry, content),
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
        if self.chunk.len() + length > self.lengths.most {
            self.cut_within()?;
        }
        self.begin(entry);
        self.chunk.extend_from_slice(&blocks);
        self.inspect(entry, content);
        self.chunk.extend_from_slice(content);
        self.pad();
        if self.lengths.ends_after(&entry.path, length, self.chunk.len()) {
            self.cut()?;
        }
        Ok(())
    }

    /// Counts an entry that stands in the chunk from now on.
    fn begin(&mut self, entry: &Entry) {
        self.entries += 1;
        if let Some(trace) = &mut self.trace {
            trace.entry(entry);
        }
    }

    /// Has an entry looked at, whose content, if it has any, comes next in the chunk.
    fn inspect(&mut self, entry: &Entry, content: &[u8]) {
        let Some(inspection) = &self.inspection else { return };
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
        self.cut_within()?;
        let (mtime, expected) = match entry.mtime {
            Mtime::Seconds(seconds) => (seconds, None),
            Mtime::Content => {
                let digest = self.digest_of(content)?;
                (time_of(&digest), Some(digest))
            }
        };
        self.begin(entry);
        self.chunk.extend_from_slice(&header::blocks(entry, content.len(), mtime));
        let mut hasher = expected.map(|_| Hasher::default());
        let inspection = self.inspection.clone();
        let mut examination = inspection.as_ref().map(|inspection| inspection.pieces(subject(entry, content)));
        self.read_pieces(content, |tape, start, last| {
            if let Some(examination) = &mut examination {
                examination.feed(&tape.chunk[start..]);
            }
            if let Some(hasher) = &mut hasher {
                hasher.update(&tape.chunk[start..]);
            }
            if !last {
                return tape.cut_within();
            }
            tape.pad();
            Ok(())
        })?;
        if let Some(examination) = examination {
            examination.end();
        }
        match content {
            // Bytes written through a memory map may leave the stamp as it was for a while.
            Content::File(source) if hasher.map(Hasher::finish) != expected => Err(changed(source).into()),
            // The last piece goes when all is said of the file.
            _ => self.cut(),
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
            let (start, count) = (self.chunk.len(), left.min(self.lengths.mean as u64));
            reading.append(in_memory(count), &mut self.chunk)?;
            left -= count;
            then(self, start, left == 0)?;
        }
        Ok(reading.finish()?)
    }

    /// Ends the stream.
    pub(super) fn finish<E>(mut self) -> Result<Finished<C>, PackError<E>>
    where
        C: Chunks<E>,
    {
        self.chunk.resize(self.chunk.len() + 2 * BLOCK, 0);
        self.cut_within()?;
        let Self { entries, bytes, chunks, trace, .. } = self;
        Ok(Finished { entries, bytes, chunks, fingerprint: trace.map(|trace| trace.fingerprint) })
    }

    fn pad(&mut self) {
        self.chunk.resize(self.chunk.len().next_multiple_of(BLOCK), 0);
    }

    /// Ends a chunk after an entry, whatever comes next.
    fn cut<E>(&mut self) -> Result<(), PackError<E>>
    where
        C: Chunks<E>,
    {
        let mark = self.trace.as_ref().filter(|_| !self.chunk.is_empty()).and_then(|trace| trace.mark(self.entries));
        self.hand_on(mark)
    }

    /// Ends a chunk where packing cannot go on: within a file, at the end of the stream, or because of what comes next, since
    /// that may be something else the next time.
    fn cut_within<E>(&mut self) -> Result<(), PackError<E>>
    where
        C: Chunks<E>,
    {
        self.hand_on(None)
    }

    fn hand_on<E>(&mut self, mark: Option<Mark>) -> Result<(), PackError<E>>
    where
        C: Chunks<E>,
    {
        if self.chunk.is_empty() {
            return Ok(());
        }
        self.bytes += self.chunk.len() as u64;
        let seen = self.inspection.as_deref().map(Inspection::take).unwrap_or_default();
        self.chunks.take(&self.chunk, About { looks: std::mem::take(&mut self.looks), seen, mark })?;
        self.chunk.clear();
        Ok(())
    }
}

/// A stream that has ended.
pub(super) struct Finished<C> {
    pub(super) entries: u64,
    pub(super) bytes: u64,
    /// Who took the chunks.
    pub(super) chunks: C,
    /// The fingerprint of all entries, if they were traced.
    pub(super) fingerprint: Option<Fingerprint>,
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
    usize::try_from(length).expect("some mebibytes at most")
}
