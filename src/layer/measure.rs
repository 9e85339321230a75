//! The diff id of a layer without its blob: every file is read and hashed, nothing is compressed or kept.

use std::sync::mpsc;

use crate::guard::Inspection;
use crate::oci::{DiffId, Hasher};
use crate::plan::Entry;

use super::chunk::Lengths;
use super::error::PackError;
use super::flow::{Flow, Room, Stopped};
use super::pack::PackOptions;
use super::read_ahead;
use super::tape::{About, Chunks, Finished, Tape};

/// What a layer would be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measured {
    /// The digest of the tar stream.
    pub diff_id: DiffId,
    /// The count of entries.
    pub entries: u64,
    /// The length of the tar stream in bytes.
    pub tar_bytes: u64,
}

/// Reads entries as [`pack`](super::pack()) does, on the caller's thread, while another one hashes and inspects what was
/// read; returns what the layer would be.
///
/// # Errors
/// As [`pack`](super::pack()), where nothing is encoded or written.
pub fn measure<I, E>(entries: I, options: &PackOptions) -> Result<Measured, PackError<E>>
where
    I: Iterator<Item = Result<Entry, E>>,
{
    let flow = Flow::new(options.budget, options.cancelled.clone());
    let inspection = options.inspection.as_deref();
    let (sender, receiver) = mpsc::channel();
    let (read, diff_id) = std::thread::scope(|scope| {
        let hashing = scope.spawn(move || hash(&receiver, inspection));
        let read = read(entries, options, Handing { flow: &flow, sender });
        (read, hashing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    });
    let (entries, tar_bytes) = read?;
    Ok(Measured { diff_id, entries, tar_bytes })
}

fn read<I, E>(entries: I, options: &PackOptions, handing: Handing<'_>) -> Result<(u64, u64), PackError<E>>
where
    I: Iterator<Item = Result<Entry, E>>,
{
    let mut tape = Tape::new(handing, Lengths::of(options.compression), options.inspection.as_deref());
    read_ahead::write_all(entries, &mut tape)?;
    let Finished { entries, bytes, .. } = tape.finish()?;
    Ok((entries, bytes))
}

/// A chunk on its way to the thread that hashes.
struct Piece<'flow> {
    tar: Box<[u8]>,
    about: About,
    _room: Room<'flow>,
}

fn hash(pieces: &mpsc::Receiver<Piece<'_>>, inspection: Option<&Inspection>) -> DiffId {
    let mut hasher = Hasher::default();
    for Piece { tar, about, .. } in pieces {
        hasher.update(&tar);
        if let Some(inspection) = inspection {
            inspection.add(about.see(Some(inspection), &tar));
        }
    }
    DiffId(hasher.finish())
}

/// Hands chunks on as long as there is room.
struct Handing<'flow> {
    flow: &'flow Flow,
    sender: mpsc::Sender<Piece<'flow>>,
}

impl<E> Chunks<E> for Handing<'_> {
    fn take(&mut self, chunk: &[u8], about: About) -> Result<(), PackError<E>> {
        let room = self.flow.reserve(chunk.len()).map_err(|Stopped| PackError::Cancelled)?;
        // Only a panic ends the other side early, and that goes on where it is waited for.
        self.sender.send(Piece { tar: chunk.into(), about, _room: room }).map_err(|_| PackError::Cancelled)
    }

    fn wanted(&self) -> Result<(), PackError<E>> {
        self.flow.going().map_err(|Stopped| PackError::Cancelled)
    }
}
