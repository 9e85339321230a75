//! Where the tar stream is cut.
//!
//! The unit is an entry with its headers, content and padding. Three rules, in this order:
//!
//! 1. A file of more than 1 MiB begins a chunk of its own and is cut every 1 MiB of its content, from its own start: the
//!    first chunk holds its headers too, the last one its padding. What follows begins a new chunk.
//! 2. An entry that would make the chunk longer than 4 MiB begins a new one.
//! 3. A chunk of at least 256 KiB ends after an entry of `n` bytes when the first eight bytes of the SHA-256 of its path,
//!    big-endian, modulo 768 KiB, are less than `n`: about every 1 MiB.
//!
//! The two zero blocks that end the stream stand in the last chunk, or in one of their own where a rule has ended it.
//!
//! Since rule 3 looks at the entry alone, an entry that is added, changed or removed moves the cuts near it and no others.

use crate::oci::{Digest, ImagePath};

/// Files above this are cut at multiples of it.
pub(super) const LARGE: u64 = 1 << 20;
/// No chunk is longer, but for the blocks that end the stream.
pub(super) const MOST: usize = 4 << 20;
/// No chunk that ends by its content is shorter.
const LEAST: usize = 256 << 10;
/// The mean distance of cuts once a chunk has its least length.
const SPREAD: u64 = 768 << 10;

/// Returns whether a chunk of `length` bytes ends after the entry at `path`, which takes `entry` of them.
pub(super) fn ends_after(path: &ImagePath, entry: usize, length: usize) -> bool {
    if length < LEAST {
        return false;
    }
    let digest = Digest::of(path.as_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&digest.as_bytes()[..8]);
    u64::from_be_bytes(first) % SPREAD < entry as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_entries_make_chunks_of_about_a_mebibyte() {
        let (mut chunks, mut length) = (0, 0);
        let entries = 20_000;
        for number in 0..entries {
            let path = ImagePath::parse(format!("a/file-{number}").as_bytes()).unwrap();
            length += 8192;
            if ends_after(&path, 8192, length) {
                chunks += 1;
                length = 0;
            }
        }
        let mean = entries * 8192 / chunks;
        assert!((700 << 10..1400 << 10).contains(&mean), "{mean}");
    }
}
