//! The diff id of a layer without its blob: every file is read and hashed, nothing is compressed or kept.

use crate::guard::Inspection;
use crate::oci::{DiffId, Hasher};
use crate::plan::Entry;

use super::chunk::Lengths;
use super::error::PackError;
use super::flow::{Flow, Stopped};
use super::pack::PackOptions;
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

/// Reads entries as [`pack`](super::pack()) does, on the caller's thread alone, and returns what the layer would be.
///
/// # Errors
/// As [`pack`](super::pack()), where nothing is encoded or written.
pub fn measure<I, E>(entries: I, options: &PackOptions) -> Result<Measured, PackError<E>>
where
    I: Iterator<Item = Result<Entry, E>>,
{
    let flow = Flow::new(options.budget, options.cancelled.clone());
    let inspection = options.inspection.as_deref();
    let hashing = Hashing { hasher: Hasher::default(), flow: &flow, inspection };
    let mut tape = Tape::new(hashing, Lengths::of(options.compression), inspection);
    for entry in entries {
        tape.write(&entry.map_err(PackError::Entry)?)?;
    }
    let Finished { entries, bytes: tar_bytes, chunks, .. } = tape.finish()?;
    Ok(Measured { diff_id: DiffId(chunks.hasher.finish()), entries, tar_bytes })
}

/// Hashes chunks and forgets them.
struct Hashing<'a> {
    hasher: Hasher,
    flow: &'a Flow,
    inspection: Option<&'a Inspection>,
}

impl<E> Chunks<E> for Hashing<'_> {
    fn take(&mut self, chunk: &[u8], about: About) -> Result<(), PackError<E>> {
        if let Some(inspection) = self.inspection {
            inspection.add(about.see(Some(inspection), chunk));
        }
        self.hasher.update(chunk);
        Ok(())
    }

    fn wanted(&self) -> Result<(), PackError<E>> {
        self.flow.going().map_err(|Stopped| PackError::Cancelled)
    }
}
