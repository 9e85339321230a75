//! The headers of a layer's tar, with the extensions of PAX and GNU applied to them.
//!
//! Own reading on top of the `tar` crate's header: that crate's iterator keeps extensions of any size in memory.

use std::io::{self, Read};

use tar::{EntryType, Header};

use super::pax::{Records, decimal, parse_records};
use super::{Budget, FactsError, Limits};

const BLOCK: usize = 512;

/// An entry of a layer's tar.
#[derive(Debug)]
pub struct Member {
    /// The path as it is written.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: EntryType,
    /// The target of a link.
    pub link: Vec<u8>,
    /// The twelve permission bits.
    pub mode: u32,
    /// The owner's number.
    pub uid: u64,
    /// The group's number.
    pub gid: u64,
    /// Whole seconds since the epoch.
    pub mtime: u64,
    /// The bytes that follow.
    pub size: u64,
    /// Whether the bytes that follow are only the parts of a file that are not holes.
    pub sparse: bool,
    /// The value of `security.capability`.
    pub capability: Option<Vec<u8>>,
}

/// Reads a tar header by header.
pub(super) struct Members<'a, R> {
    bytes: R,
    limits: &'a Limits,
    layer: u16,
    budget: Budget<'a>,
    /// Bytes of the present entry, with their padding, that were not read yet.
    rest: u64,
    /// Records of global PAX headers.
    global: Records,
}

/// What precedes an entry and belongs to it.
#[derive(Default)]
struct Extensions {
    records: Records,
    long_name: Option<Vec<u8>>,
    long_link: Option<Vec<u8>>,
}

impl<'a, R: Read> Members<'a, R> {
    /// Begins with the first header.
    pub(super) fn new(bytes: R, limits: &'a Limits, layer: u16, budget: Budget<'a>) -> Self {
        Self { bytes, limits, layer, budget, rest: 0, global: Records::new() }
    }

    /// Returns the next entry, or `None` at the end of the archive; what was not read of the last one is skipped.
    pub(super) fn next(&mut self) -> Result<Option<Member>, FactsError> {
        let mut extensions = Extensions::default();
        loop {
            self.skip(self.rest)?;
            let Some(header) = self.header()? else { return Ok(None) };
            let size = header.entry_size().map_err(|_| self.malformed("a size is no number"))?;
            match header.entry_type() {
                EntryType::GNULongName => extensions.long_name = Some(terminated(self.extension(size)?)),
                EntryType::GNULongLink => extensions.long_link = Some(terminated(self.extension(size)?)),
                EntryType::XHeader => extensions.records = self.records(size)?,
                EntryType::XGlobalHeader => {
                    let records = self.records(size)?;
                    self.global.extend(records);
                }
                _ => return self.member(&header, size, extensions).map(Some),
            }
        }
    }

    /// Reads the bytes of the present entry, at most `limit` of them.
    pub(super) fn body(&mut self, size: u64, limit: u64, what: &'static str) -> Result<Vec<u8>, FactsError> {
        if size > limit {
            return Err(FactsError::Limit { layer: self.layer, what, limit });
        }
        let mut body = Vec::new();
        self.spend(size)?;
        let read = (&mut self.bytes).take(size).read_to_end(&mut body).map_err(|source| self.failed(source))?;
        if read as u64 != size {
            return Err(self.malformed("it ends within an entry"));
        }
        self.rest -= size;
        Ok(body)
    }

    /// Returns whether bytes of the present entry are left; the size that a link or folder states says nothing.
    pub(super) fn has_bytes(&self) -> bool {
        self.rest > 0
    }

    /// Reads some of the present entry's bytes; the caller asks for no more than are left of them.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<usize, FactsError> {
        let read = loop {
            match self.bytes.read(buffer) {
                Ok(0) if !buffer.is_empty() => return Err(self.malformed("it ends within an entry")),
                Ok(read) => break read as u64,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failed(error)),
            }
        };
        self.spend(read)?;
        self.rest -= read;
        Ok(usize::try_from(read).expect("no longer than the buffer"))
    }

    /// Reads all that follows the archive: whoever hashes the stream wants to see its last byte. Returns how many
    /// uncompressed bytes are left for the layers above.
    pub(super) fn finish(mut self) -> Result<u64, FactsError> {
        let mut buffer = vec![0; 1 << 13];
        loop {
            match self.bytes.read(&mut buffer) {
                Ok(0) => return Ok(self.budget.left),
                Ok(read) => self.spend(read as u64)?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failed(error)),
            }
        }
    }

    fn header(&mut self) -> Result<Option<Header>, FactsError> {
        let mut block = [0; BLOCK];
        let mut filled = 0;
        while filled < BLOCK {
            match self.bytes.read(&mut block[filled..]) {
                Ok(0) if filled == 0 => return Ok(None),
                Ok(0) => return Err(self.malformed("it ends within a header")),
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failed(error)),
            }
        }
        self.spend(BLOCK as u64)?;
        if block == [0; BLOCK] {
            return Ok(None);
        }
        let header = Header::from_byte_slice(&block).clone();
        if !header.cksum().is_ok_and(|told| sums(&block).contains(&i64::from(told))) {
            return Err(self.malformed("a header's checksum is wrong"));
        }
        Ok(Some(header))
    }

    fn member(&mut self, header: &Header, size: u64, extensions: Extensions) -> Result<Member, FactsError> {
        let mut records = self.global.clone();
        records.extend(extensions.records);
        let record = |key: &str| records.get(key.as_bytes());
        let number = |key: &str, field: &[u8], read: io::Result<u64>| match record(key) {
            Some(value) => decimal(value),
            None if field.iter().all(|byte| matches!(byte, 0 | b' ')) => Some(0),
            None => read.ok(),
        };
        let old = header.as_old();
        let kind = header.entry_type();
        let path = record("GNU.sparse.name").or_else(|| record("path")).cloned();
        let path = path.or(extensions.long_name).unwrap_or_else(|| header.path_bytes().into_owned());
        let link = record("linkpath").cloned().or(extensions.long_link);
        let link = link.unwrap_or_else(|| header.link_name_bytes().unwrap_or_default().into_owned());
        let size = number("size", &old.size, Ok(size)).ok_or(self.malformed("a size is no number"))?;
        let mode = number("", &old.mode, header.mode().map(u64::from)).ok_or(self.malformed("a mode is no number"))?;
        let member = Member {
            path,
            kind,
            link,
            mode: u32::try_from(mode & 0o7777).expect("twelve bits"),
            uid: number("uid", &old.uid, header.uid()).ok_or(self.malformed("a uid is no number"))?,
            gid: number("gid", &old.gid, header.gid()).ok_or(self.malformed("a gid is no number"))?,
            // Negative times are before all that the product writes; nothing asks for them.
            mtime: number("mtime", &old.mtime, header.mtime()).unwrap_or(0),
            size,
            sparse: kind.is_gnu_sparse() || record("GNU.sparse.name").or(record("GNU.sparse.map")).is_some(),
            capability: record("SCHILY.xattr.security.capability").cloned(),
        };
        self.check(&member)?;
        self.begin_body(header, size)?;
        Ok(member)
    }

    fn check(&self, member: &Member) -> Result<(), FactsError> {
        let limit = self.limits.path_bytes;
        if member.path.len() as u64 > limit || member.link.len() as u64 > limit {
            return Err(FactsError::Limit { layer: self.layer, what: "bytes in a path", limit });
        }
        if member.link.contains(&0) {
            return Err(self.malformed("a link's target holds a zero byte"));
        }
        if member.uid > u64::from(u32::MAX) || member.gid > u64::from(u32::MAX) {
            return Err(self.malformed("a uid or gid is larger than any system's"));
        }
        Ok(())
    }

    /// Notes how many bytes follow a header, and reads the extra headers of an old GNU sparse file.
    fn begin_body(&mut self, header: &Header, size: u64) -> Result<(), FactsError> {
        // Links, folders and devices have no bytes, whatever their size says: some writers give a link its target's.
        let bodiless = matches!(
            header.entry_type(),
            EntryType::Link
                | EntryType::Symlink
                | EntryType::Char
                | EntryType::Block
                | EntryType::Directory
                | EntryType::Fifo
        );
        self.rest = if bodiless { 0 } else { self.padded(size)? };
        let mut extended =
            header.as_gnu().filter(|_| header.entry_type().is_gnu_sparse()).is_some_and(|gnu| gnu.is_extended());
        while extended {
            let mut block = [0; BLOCK];
            self.spend(BLOCK as u64)?;
            self.bytes.read_exact(&mut block).map_err(|source| self.failed(source))?;
            extended = block[504] == 1;
        }
        Ok(())
    }

    fn extension(&mut self, size: u64) -> Result<Vec<u8>, FactsError> {
        self.rest = self.padded(size)?;
        self.body(size, self.limits.extension_bytes, "bytes in an extension header")
    }

    fn records(&mut self, size: u64) -> Result<Records, FactsError> {
        let body = self.extension(size)?;
        parse_records(&body).ok_or_else(|| self.malformed("a PAX header is broken"))
    }

    fn padded(&self, size: u64) -> Result<u64, FactsError> {
        size.checked_next_multiple_of(BLOCK as u64).ok_or(self.malformed("a size is absurd"))
    }

    fn skip(&mut self, count: u64) -> Result<(), FactsError> {
        self.spend(count)?;
        let skipped =
            io::copy(&mut (&mut self.bytes).take(count), &mut io::sink()).map_err(|source| self.failed(source))?;
        self.rest = 0;
        if skipped == count { Ok(()) } else { Err(self.malformed("it ends within an entry")) }
    }

    fn spend(&mut self, count: u64) -> Result<(), FactsError> {
        let layer = self.layer;
        self.budget.spend(count).map_err(|(what, limit)| FactsError::Limit { layer, what, limit })
    }

    fn malformed(&self, reason: &'static str) -> FactsError {
        FactsError::Malformed { layer: self.layer, reason }
    }

    fn failed(&self, source: io::Error) -> FactsError {
        FactsError::Read { layer: self.layer, source }
    }
}

/// Returns the sum of a header's bytes, and the one that writers with signed bytes told.
fn sums(block: &[u8; BLOCK]) -> [i64; 2] {
    let bytes = || block[..148].iter().chain(&[b' '; 8]).chain(&block[156..]);
    let unsigned = bytes().map(|byte| i64::from(*byte)).sum();
    [unsigned, bytes().map(|byte| i64::from(byte.cast_signed())).sum()]
}

fn terminated(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.truncate(bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len()));
    bytes
}
