//! Blobs whose bytes are known to be those of their digest, without hashing them each time.
//!
//! Whoever wrote or hashed a blob vouches for it: the file's stamp and the boot of the machine are recorded. As long as
//! both are the same nobody wrote to the file and no crash tore it, since what a killed process had written stays written.
//! After a crash, or where a cache came from elsewhere, the blob is hashed once. What only a failing disk changes is not
//! seen here: a registry verifies what it is sent.

use std::fs::Metadata;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::{Blob, BlobBytes, Store, StoreError};
use crate::ground::{FileError, files};
use crate::oci::{Digest, HashingReader};

/// The kind of record that vouches for a blob, under the text of its digest.
pub const VERIFIED: &str = "verified";
/// Linux names each boot here.
const BOOT: &str = "/proc/sys/kernel/random/boot_id";

/// What the file system of a store says the time is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileClock {
    /// The device of the file system.
    pub device: u64,
    /// The modification time of a file written just now, in nanoseconds since the epoch.
    pub now_ns: i128,
}

impl Store {
    /// Asks the store's file system for the time. The system's own clock may be another one.
    ///
    /// # Errors
    /// When no file can be written.
    pub fn file_clock(&self) -> Result<FileClock, StoreError> {
        let mut file = files::temporary_in(&self.tmp())?;
        let written = file.write_all(b"now").and_then(|()| file.as_file().metadata());
        let found = written.map_err(FileError::on("write", file.path()))?;
        Ok(FileClock { device: found.dev(), now_ns: nanoseconds(found.mtime(), found.mtime_nsec()) })
    }

    /// Returns a blob that is there with this size and whose bytes are known to be those of the digest; they are hashed
    /// unless somebody vouched for them. A blob of other bytes is as good as absent, and replaced by the next commit.
    ///
    /// # Errors
    /// When the store cannot be looked at, or the blob not be read.
    pub fn find_verified(&self, digest: &Digest, size: u64) -> Result<Option<Blob>, StoreError> {
        let Some(blob) = self.find(digest, size)? else { return Ok(None) };
        let Some(voucher) = voucher(&blob)? else { return self.hashed(blob) };
        match self.record(VERIFIED, &digest.to_string())? {
            Some(known) if known == voucher.as_bytes() => Ok(Some(blob)),
            _ => self.hashed(blob),
        }
    }

    /// Records that the bytes of a blob are those of its digest: the caller has just written or hashed them.
    ///
    /// # Errors
    /// When the blob cannot be looked at, or the record not be written.
    pub fn vouch(&self, blob: &Blob) -> Result<(), StoreError> {
        match voucher(blob)? {
            Some(voucher) => self.set_record(VERIFIED, &blob.digest.to_string(), voucher.as_bytes()),
            None => Ok(()),
        }
    }

    fn hashed(&self, blob: Blob) -> Result<Option<Blob>, StoreError> {
        // The stamp of before: a change while it is hashed shows in the next one.
        let before = voucher(&blob)?;
        let found = HashingReader::new(blob.open()?).finish().map_err(FileError::on("read", path(&blob)))?;
        if found != (blob.digest, blob.size) {
            // Left where it is: somebody may have it open, and the next commit replaces it.
            return Ok(None);
        }
        if let Some(voucher) = before {
            self.set_record(VERIFIED, &blob.digest.to_string(), voucher.as_bytes())?;
        }
        Ok(Some(blob))
    }
}

/// Returns what is recorded of a blob: its stamp and the boot. `None` where boots have no name.
fn voucher(blob: &Blob) -> Result<Option<String>, StoreError> {
    let path = path(blob);
    let found = std::fs::metadata(path).map_err(FileError::on("look at", path))?;
    let boot = files::read_if_present(Path::new(BOOT)).ok().flatten();
    Ok(boot.map(|boot| format!("{} {}", String::from_utf8_lossy(&boot).trim(), stamp(&found))))
}

fn stamp(found: &Metadata) -> String {
    let mtime = nanoseconds(found.mtime(), found.mtime_nsec());
    let ctime = nanoseconds(found.ctime(), found.ctime_nsec());
    format!("{} {} {} {mtime} {ctime}", found.dev(), found.ino(), found.len())
}

pub(super) fn nanoseconds(seconds: i64, fraction: i64) -> i128 {
    i128::from(seconds) * 1_000_000_000 + i128::from(fraction)
}

fn path(blob: &Blob) -> &Path {
    match &blob.bytes {
        BlobBytes::File { path, .. } => path,
        BlobBytes::Memory(_) | BlobBytes::Remote(_) => unreachable!("the store hands out files"),
    }
}
