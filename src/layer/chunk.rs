//! Where the tar stream is cut.
//!
//! The unit is an entry with its headers, content and padding. Three rules, in this order, with `n` for 1 MiB:
//!
//! 1. A file of more than `n` begins a chunk of its own and is cut every `n` of its content, from its own start: the
//!    first chunk holds its headers too, the last one its padding. What follows begins a new chunk.
//! 2. An entry that would make the chunk longer than 4 MiB begins a new one.
//! 3. A chunk of at least `n / 4` ends after an entry of `m` bytes when the first eight bytes of the SHA-256 of its path,
//!    big-endian, modulo `3/4 n`, are less than `m`: about every `n`.
//!
//! For zstd `n` is 4 MiB, and 8 MiB are the most: it finds what is alike further back than gzip's 32 KiB, so that short
//! chunks cost it 7 % in size.
//!
//! The two zero blocks that end the stream stand in the last chunk, or in one of their own where a rule has ended it.
//!
//! Since rule 3 looks at the entry alone, an entry that is added, changed or removed moves the cuts near it and no others.

use crate::oci::{Digest, ImagePath};
use crate::spec::Compression;

/// How long chunks are, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lengths {
    /// The mean; files above it are cut at multiples of it.
    pub(super) mean: usize,
    /// No chunk is longer, but for the blocks that end the stream.
    pub(super) most: usize,
    /// No chunk that ends by its content is shorter.
    least: usize,
    /// The mean distance of cuts once a chunk has its least length.
    spread: u64,
}

impl Lengths {
    /// Returns the lengths for a codec. Plain tar is cut for the sake of the work alone.
    pub(super) const fn of(compression: Compression) -> Self {
        let (mean, most): (usize, usize) = match compression {
            Compression::None | Compression::Gzip(_) => (1 << 20, 4 << 20),
            Compression::Zstd(_) => (4 << 20, 8 << 20),
        };
        Self { mean, most, least: mean / 4, spread: mean as u64 / 4 * 3 }
    }

    /// Returns whether a file of so many bytes is cut from its own start.
    pub(super) fn is_large(self, length: u64) -> bool {
        length > self.mean as u64
    }

    /// Returns whether a chunk of `length` bytes ends after the entry at `path`, which takes `entry` of them.
    pub(super) fn ends_after(self, path: &ImagePath, entry: usize, length: usize) -> bool {
        if length < self.least {
            return false;
        }
        let digest = Digest::of(path.as_bytes());
        let mut first = [0; 8];
        first.copy_from_slice(&digest.as_bytes()[..8]);
        u64::from_be_bytes(first) % self.spread < entry as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_entries_make_chunks_of_about_a_mebibyte() {
        let lengths = Lengths::of(Compression::default());
        let (mut chunks, mut length) = (0, 0);
        let entries = 20_000;
        for number in 0..entries {
            let path = ImagePath::parse(format!("a/file-{number}").as_bytes()).unwrap();
            length += 8192;
            if lengths.ends_after(&path, 8192, length) {
                chunks += 1;
                length = 0;
            }
        }
        let mean = entries * 8192 / chunks;
        assert!((700 << 10..1400 << 10).contains(&mean), "{mean}");
    }
}
