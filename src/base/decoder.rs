//! The uncompressed bytes of a layer, whatever it is compressed with.

use std::cell::Cell;
use std::io::{self, BufRead, Read};

use flate2::bufread::MultiGzDecoder;
use zstd::stream::read::Decoder as ZstdDecoder;

/// A layer's tar stream. The codec is told by the first bytes: media types of real registries are wrong at times.
pub(super) enum Decoder<R: BufRead> {
    /// gzip, of one member or several.
    Gzip(Box<MultiGzDecoder<R>>),
    /// zstd, of one frame or several.
    Zstd(ZstdDecoder<'static, R>),
    /// No compression.
    Plain(R),
}

/// The bytes that name a codec.
const MAGIC_BYTES: usize = 4;

/// Reads the first bytes of a stream and returns them; fewer only at its end.
pub(super) fn magic(mut bytes: impl Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(MAGIC_BYTES);
    bytes.by_ref().take(MAGIC_BYTES as u64).read_to_end(&mut head)?;
    Ok(head)
}

impl<R: BufRead> Decoder<R> {
    /// Begins to decode a stream that starts with `magic`.
    pub(super) fn new(magic: &[u8], bytes: R) -> io::Result<Self> {
        Ok(match magic {
            [0x1f, 0x8b, ..] => Self::Gzip(Box::new(MultiGzDecoder::new(bytes))),
            // RFC 8878: a frame, or a skippable frame before it.
            [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => Self::Zstd(ZstdDecoder::with_buffer(bytes)?),
            _ => Self::Plain(bytes),
        })
    }
}

impl<R: BufRead> Read for Decoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Gzip(decoder) => decoder.read(buffer),
            Self::Zstd(decoder) => decoder.read(buffer),
            Self::Plain(bytes) => bytes.read(buffer),
        }
    }
}

/// Counts the bytes that are read.
pub(super) struct Counted<'a, R> {
    inner: R,
    count: &'a Cell<u64>,
}

impl<'a, R> Counted<'a, R> {
    /// Counts in `count`.
    pub(super) fn new(inner: R, count: &'a Cell<u64>) -> Self {
        Self { inner, count }
    }
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.count.set(self.count.get() + read as u64);
        Ok(read)
    }
}
