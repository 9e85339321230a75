//! A layer read entry by entry by others than the facts: with the same decoders, the same limits, and the bytes.

use std::cell::Cell;
use std::io::{self, BufReader, Cursor, Read};

use super::decoder::{Counted, Decoder, magic};
use super::member::{Member, Members};
use super::{Budget, FactsError, Limits};

/// The bytes of an entry, as far as they were not read yet. What is left unread is skipped.
pub struct MemberBytes<'a> {
    read: &'a mut dyn FnMut(&mut [u8]) -> Result<usize, FactsError>,
    left: u64,
}

impl MemberBytes<'_> {
    /// Reads the next bytes into a buffer, and returns their number: 0 at the end.
    ///
    /// # Errors
    /// When the layer cannot be read, is cut short, or exceeds a limit.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize, FactsError> {
        let count = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        if count == 0 {
            return Ok(0);
        }
        let read = (self.read)(&mut buffer[..count])?;
        self.left -= read as u64;
        Ok(read)
    }
}

/// Hands every entry of a layer to `each`: gzip (one member or several), zstd or plain tar, told by its first bytes.
///
/// `layer` is counted from 1 and named by errors. `budget` is what may still be unpacked, and is lowered by what was.
/// Reads `bytes` to their end, also what follows the tar, and verifies no digest: the caller hands in a reader that
/// hashes.
///
/// # Errors
/// When the layer cannot be read, is no tar, or exceeds a limit; and what `each` returns.
pub fn read_layer<E: From<FactsError>>(
    mut bytes: impl Read,
    limits: &Limits,
    layer: u16,
    budget: &mut u64,
    mut each: impl FnMut(&Member, &mut MemberBytes<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let failed = |source| FactsError::Read { layer, source };
    let head = magic(&mut bytes).map_err(failed)?;
    let packed = Cell::new(0);
    let counted = Counted::new(Cursor::new(head.clone()).chain(bytes), &packed);
    let mut whole = BufReader::with_capacity(1 << 16, counted);
    let decoder = Decoder::new(&head, &mut whole).map_err(failed)?;
    let left = Budget::new(limits, *budget, &packed);
    let mut members = Members::new(BufReader::with_capacity(1 << 16, decoder), limits, layer, left);
    while let Some(member) = members.next()? {
        let left = if members.has_bytes() { member.size } else { 0 };
        each(&member, &mut MemberBytes { read: &mut |buffer| members.read(buffer), left })?;
    }
    *budget = members.finish()?;
    io::copy(&mut whole, &mut io::sink()).map_err(failed)?;
    Ok(())
}
