//! The bytes of the file: in memory while they are few.

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempPath};

use super::Place;
use crate::ground::{FileError, files};
use crate::oci::Hasher;

/// Bytes that are being written.
pub(super) struct Sink {
    folder: PathBuf,
    memory: usize,
    held: Vec<u8>,
    file: Option<BufWriter<NamedTempFile>>,
    hasher: Hasher,
}

impl Sink {
    /// No bytes; from `memory` of them on they go to a file in the folder.
    pub(super) fn new(folder: &Path, memory: usize) -> Self {
        Self { folder: folder.to_owned(), memory, held: Vec::new(), file: None, hasher: Hasher::default() }
    }

    /// Appends bytes and returns where they stand.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<Place, FileError> {
        let place = Place { at: self.hasher.length(), length: bytes.len() as u64 };
        self.hasher.update(bytes);
        self.append(bytes)?;
        Ok(place)
    }

    /// Ends the bytes with their digest.
    pub(super) fn finish(mut self) -> Result<Bytes, FileError> {
        let digest = std::mem::take(&mut self.hasher).finish();
        self.append(digest.as_bytes())?;
        let Some(file) = self.file else { return Ok(Bytes::Memory(self.held)) };
        let written =
            file.into_inner().map_err(|error| FileError::on("write a file in", &self.folder)(error.into_error()));
        let (file, name) = written?.into_parts();
        Ok(Bytes::File { file, path: name.to_path_buf(), name: Some(name) })
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        let failed = FileError::on("write a file in", &self.folder);
        if let Some(file) = &mut self.file {
            return file.write_all(bytes).map_err(failed);
        }
        self.held.extend_from_slice(bytes);
        if self.held.len() > self.memory {
            let mut file = BufWriter::with_capacity(1 << 16, files::locked_temporary_in(&self.folder)?);
            file.write_all(&std::mem::take(&mut self.held)).map_err(failed)?;
            self.file = Some(file);
        }
        Ok(())
    }
}

/// Bytes that were written.
#[derive(Debug)]
pub(super) enum Bytes {
    /// Held.
    Memory(Vec<u8>),
    /// In a file, which vanishes with its name if it still has that of a temporary file.
    File {
        /// The file.
        file: File,
        /// Where it is.
        path: PathBuf,
        /// Its name while it is a temporary one.
        name: Option<TempPath>,
    },
}

impl Bytes {
    /// Opens a file.
    pub(super) fn open(path: &Path) -> Result<Self, FileError> {
        Ok(Self::File { file: files::open(path)?, path: path.to_owned(), name: None })
    }

    /// Returns the count of all bytes.
    pub(super) fn len(&self) -> Result<u64, FileError> {
        match self {
            Self::Memory(bytes) => Ok(bytes.len() as u64),
            Self::File { file, path, .. } => Ok(file.metadata().map_err(FileError::on("look at", path))?.len()),
        }
    }

    /// Returns the bytes of a place, or `None` if there are not so many.
    pub(super) fn read(&self, place: Place) -> Result<Option<Vec<u8>>, FileError> {
        let end = place.at.checked_add(place.length);
        if end.is_none_or(|end| self.len().is_ok_and(|length| end > length)) {
            return Ok(None);
        }
        let Ok(length) = usize::try_from(place.length) else { return Ok(None) };
        match self {
            Self::Memory(bytes) => {
                let at = usize::try_from(place.at).expect("checked above");
                Ok(Some(bytes[at..at + length].to_vec()))
            }
            Self::File { file, path, .. } => {
                let mut bytes = vec![0; length];
                file.read_exact_at(&mut bytes, place.at).map_err(FileError::on("read", path))?;
                Ok(Some(bytes))
            }
        }
    }

    /// Hands the first `count` bytes to a hasher.
    pub(super) fn hash(&self, count: u64, hasher: &mut Hasher) -> Result<(), FileError> {
        match self {
            Self::Memory(bytes) => hasher.update(&bytes[..usize::try_from(count).expect("they are in memory")]),
            Self::File { file, path, .. } => {
                // The file was just opened: it stands at its beginning.
                std::io::copy(&mut file.take(count), hasher).map_err(FileError::on("read", path))?;
            }
        }
        Ok(())
    }

    /// Gives the file its final name.
    pub(super) fn persist(&mut self, to: &Path) -> Result<(), FileError> {
        match self {
            Self::Memory(bytes) => files::write_atomic(to, bytes),
            Self::File { path, name, .. } => {
                files::create_dir_all(files::folder_of(to))?;
                let Some(temporary) = name.take() else { return Ok(()) };
                temporary.persist(to).map_err(|error| FileError::on("write", to)(error.error))?;
                to.clone_into(path);
                Ok(())
            }
        }
    }
}
