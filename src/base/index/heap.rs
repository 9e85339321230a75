//! Bytes that records point to: targets of symlinks, capabilities, texts of passwd and group. They are only added.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::ground::FileError;

/// The most bytes that wait in memory to be written.
const TAIL_BYTES: usize = 1 << 20;

/// A stretch of the heap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::base) struct Span {
    pub(super) at: u64,
    pub(super) length: u32,
}

impl Span {
    /// Returns whether it holds no bytes.
    pub(in crate::base) fn is_empty(self) -> bool {
        self.length == 0
    }
}

/// Bytes by stretch, the older ones in a file.
#[derive(Debug)]
pub(super) struct Heap {
    folder: PathBuf,
    file: Option<File>,
    written: u64,
    tail: Vec<u8>,
}

impl Heap {
    /// An empty heap, whose file is made in a folder when it is needed.
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), file: None, written: 0, tail: Vec::new() }
    }

    /// Adds bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Span, FileError> {
        if !self.tail.is_empty() && self.tail.len() + bytes.len() > TAIL_BYTES {
            self.spill()?;
        }
        let span = Span { at: self.len(), length: u32::try_from(bytes.len()).expect("extensions are limited") };
        self.tail.extend_from_slice(bytes);
        Ok(span)
    }

    /// Returns the bytes of a stretch.
    pub(super) fn read(&self, span: Span) -> Result<Vec<u8>, FileError> {
        let length = span.length as usize;
        let Some(begin) = span.at.checked_sub(self.written) else {
            let mut bytes = vec![0; length];
            let file = self.file.as_ref().expect("what was written is in a file");
            file.read_exact_at(&mut bytes, span.at).map_err(FileError::on("read a file in", &self.folder))?;
            return Ok(bytes);
        };
        let begin = usize::try_from(begin).expect("the tail is in memory");
        Ok(self.tail[begin..begin + length].to_vec())
    }

    /// Returns the count of all bytes.
    pub(super) fn len(&self) -> u64 {
        self.written + self.tail.len() as u64
    }

    fn spill(&mut self) -> Result<(), FileError> {
        let file = super::pages::scratch(&mut self.file, &self.folder)?;
        file.write_all_at(&self.tail, self.written).map_err(FileError::on("write a file in", &self.folder))?;
        self.written += self.tail.len() as u64;
        self.tail.clear();
        Ok(())
    }
}
