//! The uncompressed bytes that may still be read of a base.

use std::cell::Cell;

use super::Limits;

/// What is left while a layer is read.
#[derive(Debug)]
pub(super) struct Budget<'a> {
    limits: &'a Limits,
    /// What is left for this layer and all above it.
    pub(super) left: u64,
    /// What was read of this layer, uncompressed.
    unpacked: u64,
    /// What was read of this layer as it is stored; the decoder's reader counts it.
    packed: &'a Cell<u64>,
}

impl<'a> Budget<'a> {
    /// Begins a layer.
    pub(super) fn new(limits: &'a Limits, left: u64, packed: &'a Cell<u64>) -> Self {
        Self { limits, left, unpacked: 0, packed }
    }

    /// Takes bytes out. Returns what there is too much of, with the limit, if they are not there.
    pub(super) fn spend(&mut self, count: u64) -> Result<(), (&'static str, u64)> {
        let exceeded = ("uncompressed bytes", self.limits.unpacked_bytes);
        self.left = self.left.checked_sub(count).ok_or(exceeded)?;
        self.unpacked += count;
        let by_ratio = self.packed.get().saturating_mul(self.limits.ratio);
        if self.unpacked > self.limits.ratio_free_bytes.max(by_ratio) {
            return Err(("uncompressed bytes for each of its bytes", self.limits.ratio));
        }
        Ok(())
    }
}
