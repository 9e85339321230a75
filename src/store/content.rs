//! The content store under the cache folder, laid out as an OCI image layout (image-spec, image-layout.md).

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;

use super::{Blob, BlobBytes, Received, Staged, StoreError};
use crate::ground::{FileError, files};
use crate::oci::Digest;

/// A folder of blobs named by their digest, shared safely by threads and processes.
///
/// `blobs/sha256/` holds them; `tmp/` what is being written, in the same file system; `records/` small facts by key.
#[derive(Clone, Debug)]
pub struct Store {
    place: Arc<Place>,
}

#[derive(Debug)]
struct Place {
    root: PathBuf,
    /// Removes a temporary store with its last handle.
    _temporary: Option<TempDir>,
}

impl Store {
    /// Opens the store in a folder, and makes it if there is none. What dead processes left unfinished is removed.
    ///
    /// # Errors
    /// When the folder cannot be made or written; [`Store::temporary`] is the way out.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        Self::prepare(Place { root: folder.to_owned(), _temporary: None })
    }

    /// Makes a store in `parent` that vanishes with its last handle, for hosts without a writable cache folder.
    ///
    /// # Errors
    /// When nothing can be made in `parent` either.
    pub fn temporary(parent: &Path) -> Result<Self, StoreError> {
        let folder = tempfile::Builder::new()
            .prefix("dockless-")
            .tempdir_in(parent)
            .map_err(FileError::on("create a folder in", parent))?;
        Self::prepare(Place { root: folder.path().to_owned(), _temporary: Some(folder) })
    }

    fn prepare(place: Place) -> Result<Self, StoreError> {
        let store = Self { place: Arc::new(place) };
        for folder in [store.root().join("blobs/sha256"), store.tmp(), store.root().join("records")] {
            files::create_dir_all(&folder)?;
        }
        remove_orphans(&store.tmp());
        // Also the proof that the folder can be written at all.
        drop(files::temporary_in(&store.tmp())?);
        for (name, content) in super::layout::MARKERS {
            let path = store.root().join(name);
            // An index that is there may be somebody's: a cache folder that is also a layout keeps its images.
            if !path.exists() {
                files::write_atomic(&path, content)?;
            }
        }
        Ok(store)
    }

    /// Returns the store's folder.
    pub fn root(&self) -> &Path {
        &self.place.root
    }

    /// Returns the folder of files that are being written, on the file system of all others. A file in it that nobody
    /// holds a lock on is removed when a store is opened.
    pub fn scratch(&self) -> PathBuf {
        self.tmp()
    }

    pub(super) fn tmp(&self) -> PathBuf {
        self.root().join("tmp")
    }

    pub(super) fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.root().join("blobs/sha256").join(digest.hex())
    }

    /// Starts a blob whose digest the caller computes while writing.
    ///
    /// # Errors
    /// When no temporary file can be made.
    pub fn stage(&self) -> Result<Staged, StoreError> {
        Staged::new(self, &self.tmp())
    }

    /// Returns an empty file without a name, for bytes that this run alone needs: the system frees it with its last user.
    ///
    /// # Errors
    /// When no temporary file can be made.
    pub fn spool(&self) -> Result<fs::File, StoreError> {
        let folder = self.tmp();
        Ok(tempfile::tempfile_in(&folder).map_err(FileError::on("create a file in", &folder))?)
    }

    /// Starts a blob that was announced by its digest and size and is verified while it comes.
    ///
    /// # Errors
    /// When no temporary file can be made.
    pub fn receive(&self, expected: Digest, size: u64) -> Result<Received, StoreError> {
        Ok(Received::new(self.stage()?, expected, size))
    }

    /// Returns a blob that is there with this size. Its bytes are not hashed: whoever reads them does.
    ///
    /// # Errors
    /// When the store cannot be looked at.
    pub fn find(&self, digest: &Digest, size: u64) -> Result<Option<Blob>, StoreError> {
        let path = self.blob_path(digest);
        match fs::metadata(&path) {
            Ok(found) if found.is_file() && found.len() == size => {
                Ok(Some(Blob { digest: *digest, size, bytes: BlobBytes::File { path, offset: 0 } }))
            }
            // Of another size: a torn write. The next commit replaces it.
            Ok(_) => Ok(None),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(FileError::on("look at", &path)(error).into()),
        }
    }

    /// Stores bytes from memory.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn put(&self, bytes: &[u8]) -> Result<Blob, StoreError> {
        let digest = Digest::of(bytes);
        let size = bytes.len() as u64;
        if let Some(blob) = self.find(&digest, size)? {
            return Ok(blob);
        }
        let mut staged = self.stage()?;
        staged.write_all(bytes).map_err(FileError::on("write", &self.blob_path(&digest)))?;
        staged.commit(digest, size)
    }

    /// Removes a blob, such as one whose bytes turned out not to be those of its digest. One that is not there is no
    /// error.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove(&self, digest: &Digest) -> Result<(), StoreError> {
        Ok(files::remove_if_present(&self.blob_path(digest))?)
    }
}

/// Removes temporary files whose owner is gone: each owner holds a lock on its file as long as it lives.
///
/// The removal happens under the lock, and an owner that gets its lock late sees that its file is gone. A file that
/// cannot be opened or locked is left to a later run.
fn remove_orphans(tmp: &Path) {
    let Ok(entries) = fs::read_dir(tmp) else { return };
    for entry in entries.flatten() {
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        let Some(file) = is_file.then(|| File::open(entry.path()).ok()).flatten() else { continue };
        if file.try_lock().is_ok() {
            let _ = fs::remove_file(entry.path());
        }
    }
}
