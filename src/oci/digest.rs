//! Content digests: of stored bytes ([`Digest`]) and of uncompressed layers ([`DiffId`]).

use std::fmt;
use std::io::{self, Read, Write};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::digest::common::hazmat::SerializableState;
use sha2::{Digest as _, Sha256};

/// The SHA-256 digest of stored bytes, as `sha256:` and 64 lower-case hexadecimal digits (image-spec, descriptor.md).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

/// A text that is no digest dockless can use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    /// Registries may use other algorithms; ours and ECR's is SHA-256.
    #[error("`{0}` is not a SHA-256 digest")]
    Algorithm(String),
    /// The part after the algorithm is not 64 lower-case hexadecimal digits.
    #[error("`{0}` is not `sha256:` followed by 64 lower-case hexadecimal digits")]
    Malformed(String),
}

impl Digest {
    /// Makes a digest from its 32 bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the digest's 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Computes the digest of bytes in memory.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Returns the 64 hexadecimal digits without the algorithm.
    pub fn hex(&self) -> String {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        self.0
            .iter()
            .flat_map(|byte| [DIGITS[usize::from(byte >> 4)] as char, DIGITS[usize::from(byte & 15)] as char])
            .collect()
    }

    /// Returns the first twelve hexadecimal digits, for people.
    pub fn short(&self) -> String {
        self.hex()[..12].to_owned()
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let hex = match text.split_once(':') {
            Some(("sha256", hex)) => hex,
            Some(_) => return Err(DigestError::Algorithm(text.to_owned())),
            None => return Err(DigestError::Malformed(text.to_owned())),
        };
        let malformed = || DigestError::Malformed(text.to_owned());
        let digits = hex.as_bytes();
        if digits.len() != 64 {
            return Err(malformed());
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let high = nibble(pair[0]).ok_or_else(malformed)?;
            let low = nibble(pair[1]).ok_or_else(malformed)?;
            *byte = high << 4 | low;
        }
        Ok(Self(bytes))
    }
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The digest of a layer's *uncompressed* tar stream, as an image config lists it (image-spec, config.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DiffId(pub Digest);

impl fmt::Display for DiffId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Computes a digest of bytes that come in pieces; also a sink for `std::io::copy`.
#[derive(Clone, Debug, Default)]
pub struct Hasher {
    state: Sha256,
    length: u64,
}

impl Hasher {
    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.state.update(bytes);
        self.length += bytes.len() as u64;
    }

    /// Returns the count of bytes taken so far.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Returns the state, to go on from later.
    pub fn state(&self) -> HashState {
        HashState { state: self.state.serialize().to_vec(), length: self.length }
    }

    /// Returns the digest of all bytes taken.
    pub fn finish(self) -> Digest {
        Digest(self.state.finalize().into())
    }
}

impl Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The state of a [`Hasher`] as bytes, so that it can go on in another run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HashState {
    state: Vec<u8>,
    length: u64,
}

impl HashState {
    /// Returns the hasher in this state, or `None` where the bytes are none.
    pub fn resume(&self) -> Option<Hasher> {
        let state = Sha256::deserialize(self.state.as_slice().try_into().ok()?).ok()?;
        // The length stands in the state too, in whole blocks.
        let blocks = self.state.get(32..40).and_then(|bytes| Some(u64::from_le_bytes(bytes.try_into().ok()?)))?;
        (blocks == self.length / 64).then_some(Hasher { state, length: self.length })
    }
}

/// A reader that hashes what passes through it.
pub struct HashingReader<R> {
    inner: R,
    hasher: Hasher,
}

impl<R: Read> HashingReader<R> {
    /// Wraps a reader.
    pub fn new(inner: R) -> Self {
        Self { inner, hasher: Hasher::default() }
    }

    /// Reads what is left, and returns the digest and the length of all bytes that came.
    pub fn finish(mut self) -> io::Result<(Digest, u64)> {
        io::copy(&mut self.inner, &mut self.hasher)?;
        let length = self.hasher.length();
        Ok((self.hasher.finish(), length))
    }
}

impl<R: Read> Read for HashingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn a_digest_prints_as_it_was_parsed() {
        assert_eq!(EMPTY.parse::<Digest>().expect("a digest").to_string(), EMPTY);
        assert_eq!(Digest::of(b"").to_string(), EMPTY);
    }

    #[test]
    fn other_texts_are_refused() {
        let upper = EMPTY.to_uppercase();
        for text in ["", "sha256:", "sha512:00", "sha256:zz", &EMPTY[..70], upper.as_str()] {
            assert!(text.parse::<Digest>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_hasher_goes_on_from_its_state_at_any_length() {
        let bytes: Vec<u8> = (0..=255).cycle().take(1000).collect();
        for at in [0, 1, 63, 64, 65, 512, 999, 1000] {
            let mut first = Hasher::default();
            first.update(&bytes[..at]);
            let kept = serde_json::to_string(&first.state()).expect("plain data");
            let mut second = serde_json::from_str::<HashState>(&kept).expect("as it was").resume().expect("a state");
            second.update(&bytes[at..]);
            assert_eq!((second.length(), second.finish()), (1000, Digest::of(&bytes)), "{at}");
        }
    }

    #[test]
    fn bytes_that_are_no_state_do_not_go_on() {
        let mut hasher = Hasher::default();
        hasher.update(&[7; 640]);
        let state = hasher.state();
        let short = state.state[1..].to_vec();
        for broken in [HashState { state: short, ..state.clone() }, HashState { length: 641 + 64, ..state.clone() }] {
            assert!(broken.resume().is_none(), "{broken:?}");
        }
    }

    #[test]
    fn a_hashing_reader_also_counts_what_nobody_read() {
        let mut reader = HashingReader::new(&b"abc"[..]);
        reader.read_exact(&mut [0; 1]).expect("one byte");
        assert_eq!(reader.finish().expect("no I/O error"), (Digest::of(b"abc"), 3));
    }
}
