//! Blobs on their way into the store: a temporary file that becomes a blob, or vanishes.

use std::io::{self, Write};
use std::path::Path;

use tempfile::NamedTempFile;

use super::content::Store;
use super::{Blob, StoreError};
use crate::ground::{FileError, files};
use crate::oci::{Digest, Hasher};

/// Bytes that are not yet a blob. Dropped without [`Staged::commit`], they are gone.
#[derive(Debug)]
pub struct Staged {
    file: NamedTempFile,
    length: u64,
    store: Store,
}

impl Staged {
    pub(super) fn new(store: &Store, folder: &Path) -> Result<Self, StoreError> {
        let file = files::locked_temporary_in(folder)?;
        Ok(Self { file, length: 0, store: store.clone() })
    }

    /// Makes the bytes a blob, under a digest that the caller computed while writing.
    ///
    /// A blob that is there already is replaced: nobody knows what became of its bytes. The rename is atomic: other
    /// processes see one whole blob or the other. It is not synced to the disk; after a power failure the size tells, and
    /// whoever reads a blob hashes it.
    ///
    /// # Errors
    /// When another count of bytes was written, or the file cannot be renamed.
    pub fn commit(self, digest: Digest, size: u64) -> Result<Blob, StoreError> {
        if self.length != size {
            return Err(StoreError::Size { digest, size, length: self.length });
        }
        let path = self.store.blob_path(&digest);
        let gate = self.store.gate()?;
        self.store.lease(&digest, gate.as_ref())?;
        self.store.grow();
        persist(self.file, &path)?;
        Ok(Blob { digest, size, bytes: super::BlobBytes::File { path, offset: 0 } })
    }
}

/// Gives a file the name of its blob. A folder that stands there is nobody's if it is empty.
fn persist(file: NamedTempFile, path: &Path) -> Result<(), StoreError> {
    let failed = match file.persist(path) {
        Ok(_) => return Ok(()),
        Err(failed) => failed,
    };
    if !std::fs::symlink_metadata(path).is_ok_and(|found| found.is_dir()) {
        return Err(FileError::on("write", path)(failed.error).into());
    }
    let taken = |_| StoreError::Taken { path: path.to_owned() };
    std::fs::remove_dir(path).map_err(taken)?;
    failed.file.persist(path).map(drop).map_err(|failed| FileError::on("write", path)(failed.error).into())
}

impl Write for Staged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.as_file_mut().write(bytes).map_err(|error| {
            // The path travels inside the I/O error, the kind outside: a full disk stays recognisable.
            io::Error::new(error.kind(), FileError::on("write", self.file.path())(error))
        })?;
        self.length += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_file_mut().flush()
    }
}

/// A blob that comes from elsewhere: it is hashed while it is written and refused unless it is what was announced.
pub struct Received {
    staged: Staged,
    hasher: Hasher,
    expected: Digest,
    size: u64,
}

impl Received {
    pub(super) fn new(staged: Staged, expected: Digest, size: u64) -> Self {
        Self { staged, hasher: Hasher::default(), expected, size }
    }

    /// Makes the bytes a blob if they are the announced ones.
    ///
    /// # Errors
    /// When digest or size differ; then nothing is kept.
    pub fn commit(self) -> Result<Blob, StoreError> {
        let (expected, size, length) = (self.expected, self.size, self.hasher.length());
        let found = self.hasher.finish();
        if found != expected || length != size {
            return Err(StoreError::Mismatch { what: "the received blob".to_owned(), expected, size, found, length });
        }
        self.staged.commit(expected, size)
    }
}

impl Write for Received {
    /// Takes the next bytes; more than were announced are an error at once, so that no sender can fill the disk.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.hasher.length() + bytes.len() as u64 > self.size {
            let message = format!("more than the announced {} bytes came for {}", self.size, self.expected);
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        let written = self.staged.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.staged.flush()
    }
}
