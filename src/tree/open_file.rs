//! The bytes of a regular file that was opened, wherever they are.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::oci::Digest;

/// A file that is being read, from its first byte.
#[derive(Debug)]
pub enum OpenFile {
    /// A file on disk.
    Disk(File),
    /// A part of a spool.
    Spool(SpoolReader),
}

/// A file without a name, in which the bytes of many files lie one after another. It may be made when it is first read.
pub struct Spool {
    file: Mutex<Option<Arc<File>>>,
    fill: Option<Box<Fill>>,
}

/// Makes a spool.
type Fill = dyn Fn() -> io::Result<File> + Send + Sync;

impl Spool {
    /// A spool that holds its bytes already.
    pub fn filled(file: File) -> Self {
        Self { file: Mutex::new(Some(Arc::new(file))), fill: None }
    }

    /// A spool that is filled when the first of its bytes is wanted.
    pub fn unfilled(fill: impl Fn() -> io::Result<File> + Send + Sync + 'static) -> Self {
        Self { file: Mutex::new(None), fill: Some(Box::new(fill)) }
    }

    /// Returns the file, filled.
    ///
    /// # Errors
    /// When filling it fails.
    pub fn file(&self) -> io::Result<Arc<File>> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        match (&*file, &self.fill) {
            (Some(file), _) => Ok(Arc::clone(file)),
            (None, Some(fill)) => Ok(Arc::clone(file.insert(Arc::new(fill()?)))),
            (None, None) => Err(io::Error::other("the spool is gone")),
        }
    }
}

impl std::fmt::Debug for Spool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Spool").finish_non_exhaustive()
    }
}

/// A part of a spool.
#[derive(Clone, Debug)]
pub struct Spooled {
    spool: Arc<Spool>,
    offset: u64,
    length: u64,
    /// What the files belong to, for messages.
    owner: Arc<str>,
    /// What decides the bytes of all files of the owner, if it is known.
    identity: Option<Digest>,
}

/// Reads a part of a spool without moving the spool's own position, so that many may read at once.
#[derive(Debug)]
pub struct SpoolReader {
    part: Spooled,
    position: u64,
}

impl Spooled {
    /// Names `length` bytes of a spool from `offset` on. `owner` says in messages whose files lie there.
    pub fn new(spool: Arc<Spool>, offset: u64, length: u64, owner: Arc<str>) -> Self {
        Self { spool, offset, length, owner, identity: None }
    }

    /// Says what decides the bytes of all files of the owner: two owners of one identity have the same bytes under the
    /// same path.
    #[must_use]
    pub fn identified(self, identity: Option<Digest>) -> Self {
        Self { identity, ..self }
    }

    pub(super) fn identity(&self) -> Option<&Digest> {
        self.identity.as_ref()
    }

    /// Begins to read.
    pub(super) fn reader(&self) -> SpoolReader {
        SpoolReader { part: self.clone(), position: 0 }
    }

    /// Returns how a message names a file of the owner.
    pub(super) fn display(&self, path: &Path) -> PathBuf {
        let mut whole = std::ffi::OsString::from(format!("{}:/", self.owner));
        whole.push(path);
        whole.into()
    }
}

impl PartialEq for Spooled {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.spool, &other.spool) && (self.offset, self.length) == (other.offset, other.length)
    }
}

impl SpoolReader {
    /// Returns the length of the part.
    pub(super) fn len(&self) -> u64 {
        self.part.length
    }
}

impl Read for SpoolReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.part.length - self.position;
        let count = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.part.spool.file()?.read_at(&mut buffer[..count], self.part.offset + self.position)?;
        self.position += read as u64;
        Ok(read)
    }
}

impl Read for OpenFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Disk(file) => file.read(buffer),
            Self::Spool(part) => part.read(buffer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::{FileStamp, SourceFile, TreeError};

    fn spool() -> Arc<Spool> {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(b"abcdefgh", 0).unwrap();
        Arc::new(Spool::filled(file))
    }

    fn file(spool: &Arc<Spool>, offset: u64, length: u64, listed: u64) -> SourceFile {
        let stamp = FileStamp { size: listed, ..FileStamp::default() };
        SourceFile::spooled(Spooled::new(Arc::clone(spool), offset, length, "e.com/a:1".into()), "x/y".into(), stamp)
    }

    #[test]
    fn parts_of_one_spool_are_read_independently() {
        let spool = spool();
        let (left, right) = (file(&spool, 1, 3, 3), file(&spool, 3, 4, 4));
        let (mut one, mut other) = (left.open().unwrap(), right.open().unwrap());
        let (mut first, mut second) = ([0; 2], String::new());
        one.read_exact(&mut first).unwrap();
        other.read_to_string(&mut second).unwrap();
        let mut rest = String::new();
        one.read_to_string(&mut rest).unwrap();
        assert_eq!((&first, second.as_str(), rest.as_str()), (b"bc", "defg", "d"));
        left.verify(&one).unwrap();
        assert!(left == left.clone() && left != right);
    }

    #[test]
    fn a_part_that_is_not_what_was_listed_is_refused_by_the_image_and_the_path() {
        let error = file(&spool(), 0, 3, 4).open().unwrap_err();
        assert!(matches!(error, TreeError::Changed { .. }));
        assert_eq!(error.to_string(), "`e.com/a:1:/x/y` changed while it was read: shrank from 4 to 3 bytes");
    }

    #[test]
    fn a_spool_is_filled_once_and_not_before_its_bytes_are_wanted() {
        let filled = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counted = Arc::clone(&filled);
        let spool = Arc::new(Spool::unfilled(move || {
            counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let file = tempfile::tempfile()?;
            file.write_all_at(b"abc", 0)?;
            Ok(file)
        }));
        let (one, other) = (file(&spool, 0, 2, 2), file(&spool, 1, 2, 2));
        let (mut one, mut other) = (one.open().unwrap(), other.open().unwrap());
        assert_eq!(filled.load(std::sync::atomic::Ordering::Relaxed), 0);
        let mut text = String::new();
        one.read_to_string(&mut text).unwrap();
        other.read_to_string(&mut text).unwrap();
        assert_eq!((text.as_str(), filled.load(std::sync::atomic::Ordering::Relaxed)), ("abbc", 1));
    }
}
