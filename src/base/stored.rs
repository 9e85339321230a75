//! Facts as bytes, for the cache: a version, the tree depth first, the two texts, a digest of all that.
//!
//! A folder is its entries, each a name and a record, up to an empty name. Numbers are LEB128.

use super::facts::Facts;
use super::table::{FolderId, Kind, ROOT, Record, Table};
use super::{FactsError, Limits, Names};
use crate::oci::Digest;

/// Names the form; a change of the form is a new name.
const MAGIC: &[u8] = b"dockless facts 1\n";
const DIGEST_BYTES: usize = 32;

impl Facts {
    /// Returns the facts as bytes: the same facts give the same bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        let mut open = vec![self.table.children(ROOT)];
        while let Some(folder) = open.last_mut() {
            let Some((name, record)) = folder.next() else {
                put_bytes(&mut bytes, b"");
                open.pop();
                continue;
            };
            put_bytes(&mut bytes, name);
            self.put_record(&mut bytes, record);
            if let Kind::Directory(id) = record.kind {
                open.push(self.table.children(id));
            }
        }
        for text in [&self.names.passwd, &self.names.group] {
            put_number(&mut bytes, u64::from(text.is_some()));
            put_bytes(&mut bytes, text.as_deref().unwrap_or_default());
        }
        let digest = Digest::of(&bytes);
        bytes.extend_from_slice(digest.as_bytes());
        bytes
    }

    /// Reads what [`Facts::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`FactsError::Stored`] for anything else: another version, a truncated file, a flipped bit.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FactsError> {
        let stored = |reason| FactsError::Stored { reason };
        let body_end = bytes.len().checked_sub(DIGEST_BYTES).ok_or(stored("they are cut short"))?;
        let (body, digest) = bytes.split_at(body_end);
        let rest = body.strip_prefix(MAGIC).ok_or(stored("they are of another version"))?;
        if Digest::of(body).as_bytes() != digest {
            return Err(stored("their digest is wrong"));
        }
        Stored { rest }.facts().ok_or(stored("they are not well formed"))
    }

    fn put_record(&self, bytes: &mut Vec<u8>, record: &Record) {
        let tag = match record.kind {
            Kind::Directory(_) => 0,
            Kind::File => 1,
            Kind::Symlink(_) => 2,
            Kind::Other => 3,
        };
        let capability = self.table.capability(record);
        put_number(bytes, tag | u64::from(capability.is_some()) << 2 | u64::from(record.mode) << 3);
        put_number(bytes, u64::from(record.uid));
        put_number(bytes, u64::from(record.gid));
        put_number(bytes, record.mtime);
        if let Kind::Symlink(place) = record.kind {
            put_bytes(bytes, self.table.target(place));
        }
        if let Some(value) = capability {
            put_bytes(bytes, value);
        }
    }
}

struct Stored<'a> {
    rest: &'a [u8],
}

impl<'a> Stored<'a> {
    fn facts(mut self) -> Option<Facts> {
        let table = self.table()?;
        let mut text = || {
            let present = self.number()? != 0;
            let bytes = self.bytes()?;
            Some(present.then(|| bytes.to_vec()))
        };
        let names = Names { passwd: text()?, group: text()? };
        self.rest.is_empty().then(|| Facts::new(table, names))
    }

    fn table(&mut self) -> Option<Table> {
        let mut table = Table::default();
        let mut open: Vec<FolderId> = vec![ROOT];
        while let Some(folder) = open.last().copied() {
            let name = self.bytes()?;
            if name.is_empty() {
                open.pop();
                continue;
            }
            if table.len() as u64 >= Limits::default().entries || name.contains(&b'/') || matches!(name, b"." | b"..") {
                return None;
            }
            let record = self.record(&mut table)?;
            if let Kind::Directory(id) = record.kind {
                open.push(id);
            }
            table.put(folder, name, record);
        }
        Some(table)
    }

    fn record(&mut self, table: &mut Table) -> Option<Record> {
        let bits = self.number()?;
        let uid = u32::try_from(self.number()?).ok()?;
        let gid = u32::try_from(self.number()?).ok()?;
        let mtime = self.number()?;
        let kind = match bits & 3 {
            0 => table.new_folder(),
            1 => Kind::File,
            2 => table.new_symlink(self.bytes()?),
            _ => Kind::Other,
        };
        let capability = if bits & 4 == 0 { 0 } else { table.new_capability(self.bytes()?) };
        let mode = u16::try_from(bits >> 3).ok().filter(|mode| *mode <= 0o7777)?;
        Some(Record { kind, mode, layer: 0, uid, gid, capability, mtime })
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (bytes, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(bytes)
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            number |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }
}

fn put_bytes(bytes: &mut Vec<u8>, value: &[u8]) {
    put_number(bytes, value.len() as u64);
    bytes.extend_from_slice(value);
}

fn put_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(u8::try_from(number & 0x7f).expect("seven bits") | 0x80);
        number >>= 7;
    }
    bytes.push(u8::try_from(number).expect("seven bits"));
}
