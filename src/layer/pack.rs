//! One layer, from entries to a blob: a producer, a pool that compresses, and a writer that keeps the order.
//!
//! The caller's thread lists, reads and cuts; the pool compresses chunks; one more thread writes them in order and
//! computes both digests. A chunk takes room for its bytes and for the worst its encoder can do from a fixed budget before
//! it is handed on, and gives it back when it is written, so that memory does not grow with the layer, the count of
//! threads, or a slow disk.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, mpsc};

use serde::{Deserialize, Serialize};
use zlib_rs::crc32::crc32;

use crate::guard::Inspection;
use crate::oci::{DiffId, Digest};
use crate::plan::Entry;
use crate::spec::{Compression, Format};
use crate::store::FileClock;

use super::checkpoint::{Checkpoint, Resume};
use super::chunk::Lengths;
use super::chunk_table::{ChunkTable, KnownChunks};
use super::codec::Encoder;
use super::error::PackError;
use super::fingerprint::Fingerprint;
use super::flow::{Flow, Stopped};
use super::read_ahead;
use super::tape::{About, Chunks, Finished, Tape, Trace};
use super::writer::{self, Chunk, ChunkDigests, Encoded, Message, WriteError, Written};

/// How a layer is packed. Only `format` and `compression` have a say in its bytes.
#[derive(Clone, Debug)]
pub struct PackOptions {
    /// The bytes that are written.
    pub format: Format,
    /// The codec and its level.
    pub compression: Compression,
    /// Threads that compress; at least one is used, and no more than the budget feeds.
    pub threads: usize,
    /// Bytes in flight, read and compressed; there is always room for one chunk.
    pub budget: usize,
    /// Set from outside when nobody waits for the layer any more.
    pub cancelled: Option<Arc<AtomicBool>>,
    /// Looks at all entries on the way, each byte once. What it saw is whole when packing ended well.
    pub inspection: Option<Arc<Inspection>>,
    /// Counts the bytes of the tar stream that are packed, for whoever wants to see how far it is.
    pub advanced: Option<Arc<AtomicU64>>,
}

/// The bytes in flight that feed many threads.
const MOST_IN_FLIGHT: usize = 32 << 20;

impl PackOptions {
    /// Returns the bytes in flight that so many threads need: more only lie in the queue.
    pub fn budget_of(threads: usize) -> usize {
        threads.saturating_add(4).saturating_mul(4 << 20).min(MOST_IN_FLIGHT)
    }
}

impl Default for PackOptions {
    fn default() -> Self {
        Self {
            format: Format::V1,
            compression: Compression::default(),
            threads: 1,
            budget: MOST_IN_FLIGHT,
            cancelled: None,
            inspection: None,
            advanced: None,
        }
    }
}

/// What a packed layer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packed {
    /// The digest of the blob.
    pub digest: Digest,
    /// The size of the blob in bytes.
    pub size: u64,
    /// The digest of the tar stream.
    pub diff_id: DiffId,
    /// The count of entries.
    pub entries: u64,
    /// The length of the tar stream in bytes.
    pub tar_bytes: u64,
}

/// Packs entries into a blob, and returns it with the writer.
///
/// The writer gets nothing that reads as a whole blob unless all of it was written.
///
/// # Errors
/// The first failure in the order of the stream: of the listing, of a file, of the encoder or of the writer. No thread is
/// left running.
///
/// ```
/// use dockless::layer::{PackOptions, pack};
/// let none = std::iter::empty::<Result<dockless::plan::Entry, std::io::Error>>();
/// let (packed, blob) = pack(none, &PackOptions::default(), Vec::new()).unwrap();
/// assert_eq!((packed.entries, packed.tar_bytes, packed.size), (0, 1024, blob.len() as u64));
/// ```
pub fn pack<I, E, W>(entries: I, options: &PackOptions, out: W) -> Result<(Packed, W), PackError<E>>
where
    I: Iterator<Item = Result<Entry, E>>,
    E: std::error::Error + Send + 'static,
    W: Write + Send,
{
    pack_chunks(entries, options, None, out).map(|(packed, _, out)| (packed, out))
}

/// What is known of earlier states of a layer, and what is to be known of this one.
#[derive(Debug)]
pub struct Earlier<'a> {
    /// Chunks that are copied and not compressed.
    pub known: &'a KnownChunks,
    /// The settings, to which the entries are added.
    pub settings: Fingerprint,
    /// The time before the first file is read.
    pub clock: FileClock,
    /// Where to go on, with the fingerprint up to there: then the entries are those behind it.
    pub resume: Option<(Resume, Fingerprint)>,
}

/// What is kept of a layer for the next time.
#[derive(Debug)]
pub struct Kept {
    /// Its chunks.
    pub table: ChunkTable,
    /// Where the next packing may go on.
    pub checkpoints: Vec<Checkpoint>,
    /// The fingerprint of its entries.
    pub fingerprint: Fingerprint,
}

/// Packs as [`pack`] does, to the same bytes: chunks that are known are copied, what is before a checkpoint is not even
/// read, and what the next packing needs for that is returned too.
///
/// # Errors
/// As [`pack`], and [`PackError::Stale`] where a blob cannot be continued: without `resume` that does not happen. A known
/// chunk that cannot be read is compressed like any other.
pub fn pack_with<I, E, W>(
    entries: I,
    options: &PackOptions,
    earlier: Earlier<'_>,
    out: W,
) -> Result<(Packed, Kept, W), PackError<E>>
where
    I: Iterator<Item = Result<Entry, E>>,
    E: std::error::Error + Send + 'static,
    W: Write + Send,
{
    pack_chunks(entries, options, Some(earlier), out)
}

fn pack_chunks<I, E, W>(
    entries: I,
    options: &PackOptions,
    earlier: Option<Earlier<'_>>,
    out: W,
) -> Result<(Packed, Kept, W), PackError<E>>
where
    I: Iterator<Item = Result<Entry, E>>,
    E: std::error::Error + Send + 'static,
    W: Write + Send,
{
    let (Format::V1, compression) = (options.format, options.compression);
    let flow = Flow::new(options.budget.max(IN_FLIGHT * Lengths::of(compression).most), options.cancelled.clone());
    let pool = pool(options)?;
    let inspection = options.inspection.as_deref();
    let known = earlier.as_ref().map(|earlier| earlier.known);
    let (resume, trace) = earlier.map(Earlier::begin).unzip();
    let resume = resume.flatten();
    let (sender, receiver) = mpsc::channel();
    let (produced, written) = std::thread::scope(|scope| {
        let (flow, resume) = (&flow, resume.as_ref());
        let advanced = options.advanced.as_deref();
        let write = move || writer::write_in_order(&receiver, compression, resume, advanced, out);
        let writer = scope.spawn(move || flow.guard(write));
        let produced = pool.in_place_scope_fifo(|tasks| {
            let compressors = Compressors { tasks, flow, sender, next: 0, compression, known, inspection };
            produce(entries, compressors, trace, resume)
        });
        (produced, writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    });
    // What the writer was at comes before what the producer was at.
    match (written, produced) {
        (Err(WriteError::Encode(error)), _) => Err(PackError::Encode(error)),
        (Err(WriteError::Write(error)), _) => Err(PackError::Write(error)),
        (Err(WriteError::Stale), _) => Err(PackError::Stale),
        (_, Err(error)) => Err(error),
        (Err(WriteError::Unfinished), Ok(_)) => Err(PackError::Cancelled),
        (Ok(written), Ok((entries, tar_bytes, fingerprint))) => {
            let Written { digest, size, diff_id, table, points: checkpoints, seen, out } = written;
            if let Some(inspection) = inspection {
                inspection.add(seen);
            }
            let kept = Kept { table, checkpoints, fingerprint: fingerprint.unwrap_or_default() };
            Ok((Packed { digest, size, diff_id, entries, tar_bytes }, kept, out))
        }
    }
}

impl Earlier<'_> {
    fn begin(self) -> (Option<Resume>, Trace) {
        let (resume, fingerprint) = match self.resume {
            Some((resume, fingerprint)) => (Some(resume), fingerprint),
            None => (None, self.settings),
        };
        (resume, Trace::new(fingerprint, self.clock))
    }
}

/// Bytes that a byte of the tar stream may take in flight: itself and its compressed form.
const IN_FLIGHT: usize = 2;

fn pool<E>(options: &PackOptions) -> Result<rayon::ThreadPool, PackError<E>> {
    let fed = options.budget / (IN_FLIGHT * Lengths::of(options.compression).mean);
    rayon::ThreadPoolBuilder::new()
        .num_threads(options.threads.min(fed).max(1))
        .thread_name(|number| format!("pack-{number}"))
        .build()
        .map_err(PackError::Threads)
}

/// Writes the entries, and tells the end of the stream only when there is one.
fn produce<E>(
    entries: impl Iterator<Item = Result<Entry, E>>,
    compressors: Compressors<'_, '_>,
    trace: Option<Trace>,
    resume: Option<&Resume>,
) -> Result<(u64, u64, Option<Fingerprint>), PackError<E>> {
    let (inspection, lengths) = (compressors.inspection, Lengths::of(compressors.compression));
    let mut tape = Tape::new(compressors, lengths, inspection).traced(trace);
    if let Some(point) = resume.map(Resume::point) {
        tape = tape.after(point.entries, point.tar_bytes());
    }
    read_ahead::write_all(entries, &mut tape)?;
    let Finished { entries, bytes, chunks, fingerprint } = tape.finish()?;
    // A writer that ended early has said so by itself.
    let _ = chunks.sender.send(Message::End { chunks: chunks.next });
    Ok((entries, bytes, fingerprint))
}

/// Hands chunks to the pool.
struct Compressors<'scope, 'tasks> {
    tasks: &'tasks rayon::ScopeFifo<'scope>,
    flow: &'scope Flow,
    sender: mpsc::Sender<Message<'scope>>,
    next: u64,
    compression: Compression,
    known: Option<&'scope KnownChunks>,
    inspection: Option<&'scope Inspection>,
}

impl<E> Chunks<E> for Compressors<'_, '_> {
    fn take(&mut self, chunk: &[u8], mut about: About) -> Result<(), PackError<E>> {
        let mut room = self.flow.reserve(IN_FLIGHT * chunk.len()).map_err(|Stopped| PackError::Cancelled)?;
        let (number, tar): (_, Box<[u8]>) = (self.next, chunk.into());
        self.next += 1;
        let (flow, compression, sender) = (self.flow, self.compression, self.sender.clone());
        let (inspection, known, mark) = (self.inspection, self.known, about.mark.take());
        self.tasks.spawn_fifo(move |_| {
            // Without its chunk the writer does not finish: nothing else is to be told.
            let _ = flow.guard(|| {
                flow.going()?;
                let seen = about.see(inspection, &tar);
                let encoded = encode(compression, &tar, known);
                let kept = encoded.as_ref().map_or(0, Encoded::len);
                room.shrink_to(tar.len() + kept);
                let crc = matches!(compression, Compression::Gzip(_)).then(|| crc32(0, &tar));
                let chunk = Chunk { number, tar, encoded, crc, seen, mark, room };
                sender.send(Message::Chunk(Box::new(chunk))).map_err(|_| Stopped)
            });
        });
        Ok(())
    }

    fn wanted(&self) -> Result<(), PackError<E>> {
        self.flow.going().map_err(|Stopped| PackError::Cancelled)
    }
}

/// Compresses a chunk, or copies what an earlier blob has of it.
fn encode(compression: Compression, tar: &[u8], known: Option<&KnownChunks>) -> io::Result<Encoded> {
    let Some(known) = known.filter(|_| compression != Compression::None) else {
        return Ok(Encoded { bytes: Encoder::encode_here(compression, tar)?, digests: None });
    };
    let digest = Digest::of(tar);
    let (bytes, encoded, copied) = match known.get(&digest) {
        Some((bytes, encoded)) => (bytes, encoded, true),
        None => {
            let bytes = Encoder::encode_here(compression, tar)?.unwrap_or_default();
            let encoded = Digest::of(&bytes);
            (bytes, encoded, false)
        }
    };
    Ok(Encoded { bytes: Some(bytes), digests: Some(ChunkDigests { tar: digest, encoded, copied }) })
}

#[cfg(test)]
mod tests;
