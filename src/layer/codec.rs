//! One chunk compressed on its own: the same bytes on every thread, whatever the thread compressed before.

use std::cell::RefCell;
use std::io;

use flate2::{Compress, FlushCompress, Status};

use crate::spec::Compression;

/// The final block of a deflate stream: fixed codes, nothing in it.
pub(super) const FINAL_BLOCK: [u8; 2] = [0x03, 0x00];
/// An output buffer of more than this is not kept for the next chunk: chunks are seldom longer, threads may be many.
const KEPT: usize = 2 << 20;
/// The same for zstd, whose chunks are longer and whose threads fewer: room for the longest, taken once. Only what was
/// written to takes memory, whereas blocks of mebibytes that come and go leave holes in the allocator's heap.
const KEPT_OF_ZSTD: usize = 9 << 20;

/// A compressor that is used for one chunk after another.
pub(super) struct Encoder {
    codec: Codec,
    out: Vec<u8>,
}

enum Codec {
    Plain,
    Deflate(Box<Compress>),
    Zstd(Box<zstd::bulk::Compressor<'static>>),
}

impl Encoder {
    pub(super) fn new(compression: Compression) -> io::Result<Self> {
        let codec = match compression {
            Compression::None => Codec::Plain,
            Compression::Gzip(level) => Codec::Deflate(Box::new(Compress::new(flate2::Compression::new(level), false))),
            Compression::Zstd(level) => Codec::Zstd(Box::new(zstd::bulk::Compressor::new(level)?)),
        };
        Ok(Self { codec, out: Vec::new() })
    }

    /// Compresses a chunk with this thread's own encoder, which lives as long as the thread.
    pub(super) fn encode_here(compression: Compression, chunk: &[u8]) -> io::Result<Option<Box<[u8]>>> {
        thread_local! {
            static OWN: RefCell<Option<(Compression, Encoder)>> = const { RefCell::new(None) };
        }
        OWN.with_borrow_mut(|own| match own {
            Some((made_for, encoder)) if *made_for == compression => encoder.encode(chunk),
            _ => own.insert((compression, Self::new(compression)?)).1.encode(chunk),
        })
    }

    /// Compresses a chunk without memory of those before it. Plain chunks need no second buffer: `None`.
    pub(super) fn encode(&mut self, chunk: &[u8]) -> io::Result<Option<Box<[u8]>>> {
        self.out.clear();
        match &mut self.codec {
            Codec::Plain => return Ok(None),
            Codec::Deflate(compress) => deflate(compress, chunk, &mut self.out)?,
            Codec::Zstd(compressor) => {
                self.out.reserve_exact(zstd::zstd_safe::compress_bound(chunk.len()).max(KEPT_OF_ZSTD));
                compressor.compress_to_buffer(chunk, &mut self.out)?;
            }
        }
        // An exact copy waits for its turn; the room for the worst case serves the next chunk.
        let encoded = self.out.as_slice().into();
        let kept = if matches!(self.codec, Codec::Zstd(_)) { KEPT_OF_ZSTD } else { KEPT };
        if self.out.capacity() > kept {
            self.out = Vec::new();
        }
        Ok(Some(encoded))
    }
}

fn deflate(compress: &mut Compress, chunk: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
    compress.reset();
    // Room for the worst that fixed codes can do (nine bits for a byte) and the flush, so that one call takes all: the
    // output never depends on buffer sizes.
    out.reserve_exact(chunk.len() + chunk.len() / 8 + 1024);
    match compress.compress_vec(chunk, out, FlushCompress::Sync) {
        Ok(Status::Ok) if compress.total_in() == chunk.len() as u64 && out.len() < out.capacity() => Ok(()),
        Ok(_) => Err(io::Error::other("the deflate encoder stopped early")),
        Err(error) => Err(io::Error::other(error)),
    }
}

/// Returns the ten bytes that begin a gzip member.
pub(super) fn gzip_header(level: u32) -> [u8; 10] {
    let hint = match level {
        1 => 4,
        9 => 2,
        _ => 0,
    };
    [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, hint, 0xff]
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Decompress, FlushDecompress};

    /// Random bytes from 144 on have nine bits in fixed codes and do not compress: the worst there is.
    fn hostile(length: usize) -> Vec<u8> {
        let mut state = 1_u32;
        std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            144 + ((state >> 16) % 112) as u8
        })
        .take(length)
        .collect()
    }

    #[test]
    fn the_room_for_a_chunk_suffices_for_the_worst_one() {
        for level in 1..=9 {
            let mut encoder = Encoder::new(Compression::Gzip(level)).unwrap();
            for length in [1, 511, 65_536, 300_001, 4 << 20] {
                let chunk = hostile(length);
                let encoded = encoder.encode(&chunk).unwrap().unwrap();
                assert!(encoded.ends_with(&[0, 0, 0xff, 0xff]), "a sync flush on a byte boundary");
                let mut inflated = Vec::with_capacity(length + 1);
                Decompress::new(false).decompress_vec(&encoded, &mut inflated, FlushDecompress::Sync).unwrap();
                assert!(inflated == chunk, "level {level}, {length} bytes");
            }
        }
    }

    #[test]
    fn what_was_compressed_before_leaves_no_trace() {
        let text: Vec<u8> =
            hostile(600_000).iter().map(|byte| b"the quick brown fox\n"[usize::from(byte % 20)]).collect();
        let gzip = (1..=9).map(Compression::Gzip);
        for compression in gzip.chain([1, 3, 5, 6, 9, 12, 13].map(Compression::Zstd)) {
            let fresh = Encoder::new(compression).unwrap().encode(&text).unwrap();
            let mut used = Encoder::new(compression).unwrap();
            for before in [&text[100..], &hostile(400_000), &text[7..90_000], &text] {
                used.encode(before).unwrap();
            }
            assert!(used.encode(&text).unwrap() == fresh, "{compression:?}");
        }
    }
}
