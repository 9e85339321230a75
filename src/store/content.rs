//! The content store under the cache folder, laid out as an OCI image layout (image-spec, image-layout.md).

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tempfile::TempDir;

use super::inventory::{self, BLOBS, RECORDS, TMP};
use super::lease::{Gate, Lease};
use super::{Blob, BlobBytes, Received, Staged, StoreError};
use crate::ground::{FileError, files};
use crate::oci::Digest;

/// A folder of blobs named by their digest, shared safely by threads and processes.
///
/// `blobs/sha256/` holds them; `tmp/` what is being written, in the same file system; `records/` small facts by key;
/// `leases/` what living processes use; `uses/` when a blob was used last.
#[derive(Clone, Debug)]
pub struct Store {
    place: Arc<Place>,
}

#[derive(Debug)]
struct Place {
    root: PathBuf,
    /// Removes a temporary store with its last handle.
    temporary: Option<TempDir>,
    /// What this process uses.
    lease: Lease,
    /// Whether something was added since it was opened.
    grown: AtomicBool,
}

impl Place {
    fn new(root: &Path, temporary: Option<TempDir>) -> Self {
        Self { root: root.to_owned(), temporary, lease: Lease::default(), grown: AtomicBool::new(false) }
    }
}

impl Store {
    /// Opens the store in a folder, and makes it if there is none. What dead processes left unfinished is removed.
    ///
    /// # Errors
    /// When the folder cannot be made or written; [`Store::temporary`] is the way out.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let store = Self::prepare(Place::new(folder, None))?;
        remove_orphans(&store.tmp());
        Ok(store)
    }

    /// Opens the store in a folder as it is: what dead processes left unfinished stays, for those who tidy up.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn attach(folder: &Path) -> Result<Self, StoreError> {
        Self::prepare(Place::new(folder, None))
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
        let root = folder.path().to_owned();
        Self::prepare(Place::new(&root, Some(folder)))
    }

    fn prepare(place: Place) -> Result<Self, StoreError> {
        let store = Self { place: Arc::new(place) };
        for folder in [store.root().join(BLOBS), store.tmp(), store.root().join(RECORDS)] {
            files::create_dir_all(&folder)?;
        }
        // Also the proof that the folder can be used at all: parts of it may be another user's.
        for folder in [store.tmp(), store.root().join(BLOBS), store.root().join(RECORDS)] {
            drop(files::temporary_in(&folder)?);
        }
        if store.gate()?.is_some() {
            super::lease::prepare(store.root())?;
        }
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

    /// Returns whether it vanishes with its last handle.
    pub fn is_temporary(&self) -> bool {
        self.place.temporary.is_some()
    }

    /// Returns whether this process added something to it: one that did not need not ask whether it is too large now.
    pub fn has_grown(&self) -> bool {
        self.place.grown.load(Ordering::Relaxed)
    }

    /// Notes that something is added.
    pub(super) fn grow(&self) {
        self.place.grown.store(true, Ordering::Relaxed);
    }

    /// Makes sure that nobody removes a blob which is there, or is about to be, as long as the gate is held; and, after
    /// [`Self::lease`], as long as this process lives. A temporary store has no one else.
    pub(super) fn gate(&self) -> Result<Option<Gate>, StoreError> {
        if self.is_temporary() {
            return Ok(None);
        }
        Ok(Some(Gate::shared(self.root())?))
    }

    /// Notes that this process uses a blob from now on, under the gate.
    pub(super) fn lease(&self, digest: &Digest, gate: Option<&Gate>) -> Result<(), StoreError> {
        if gate.is_some() {
            self.place.lease.add(self.root(), digest)?;
            inventory::mark_used(self.root(), digest);
        }
        Ok(())
    }

    pub(super) fn tmp(&self) -> PathBuf {
        self.root().join(TMP)
    }

    pub(super) fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.root().join(BLOBS).join(digest.hex())
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

    /// Returns a blob that is there with this size, and keeps others from removing it. Its bytes are not hashed: whoever
    /// reads them does.
    ///
    /// # Errors
    /// When the store cannot be looked at.
    pub fn find(&self, digest: &Digest, size: u64) -> Result<Option<Blob>, StoreError> {
        let path = self.blob_path(digest);
        let gate = self.gate()?;
        match fs::metadata(&path) {
            Ok(found) if found.is_file() && found.len() == size => {
                self.lease(digest, gate.as_ref())?;
                Ok(Some(Blob { digest: *digest, size, bytes: BlobBytes::File { path, offset: 0 } }))
            }
            // Not there, of another size (a torn write), or what cannot be looked at: the next commit replaces it.
            Ok(_) | Err(_) => Ok(None),
        }
    }

    /// Stores bytes from memory.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn put(&self, bytes: &[u8]) -> Result<Blob, StoreError> {
        let digest = Digest::of(bytes);
        let size = bytes.len() as u64;
        if let Some(blob) = self.find(&digest, size)?
            && blob.read_at(0, bytes.len()).is_ok_and(|found| found == bytes)
        {
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
