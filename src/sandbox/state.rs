//! The folder that survives between runs, owned by one process at a time.

use std::collections::hash_map::RandomState;
use std::fs::{self, File, TryLockError};
use std::hash::{BuildHasher, Hasher};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::SandboxError;
use crate::ground::{FileError, files};

/// What a state folder holds; a reset removes these and nothing else.
const MEMBERS: [&str; 6] = ["blobs", "repositories", "uploads", "ecs.json", "schedules.json", "secret"];

/// A state folder that this process alone works on, for as long as the value lives.
#[derive(Debug)]
pub(super) struct StateFolder {
    root: PathBuf,
    /// The system frees the lock when the file is closed, also after a kill.
    _lock: File,
}

impl StateFolder {
    /// Creates or opens a state folder.
    ///
    /// # Errors
    /// When another process holds it, or it cannot be written.
    pub(super) fn open(root: &Path) -> Result<Self, SandboxError> {
        files::create_dir_all(root)?;
        let path = root.join("lock");
        let lock = File::create(&path).map_err(FileError::on("create", &path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { root: root.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(SandboxError::Locked(root.to_owned())),
            Err(TryLockError::Error(error)) => Err(FileError::on("lock", &path)(error).into()),
        }
    }

    /// Removes all state; the folder itself and what else is in it stays.
    ///
    /// # Errors
    /// When a member cannot be removed.
    pub(super) fn clear(&self) -> Result<(), SandboxError> {
        MEMBERS.iter().try_for_each(|member| remove(&self.root.join(member)))
    }

    /// Returns a path within the folder.
    pub(super) fn path(&self, member: &str) -> PathBuf {
        self.root.join(member)
    }

    /// Returns the secret that tokens are made with; it is made on first use and kept, so that tokens outlive a run.
    ///
    /// # Errors
    /// When it can neither be read nor written.
    pub(super) fn secret(&self) -> Result<Vec<u8>, SandboxError> {
        let path = self.path("secret");
        if let Some(secret) = files::read_if_present(&path)? {
            return Ok(secret);
        }
        let secret: Vec<u8> = (0..4).flat_map(|_| random().to_be_bytes()).collect();
        files::write_atomic(&path, &secret)?;
        Ok(secret)
    }
}

/// Returns an unpredictable number: the standard library's hash keys come from the system's source of randomness.
pub(super) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// Reads a JSON document, if there is one.
///
/// # Errors
/// When it cannot be read or is no such document.
pub(super) fn load<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, SandboxError> {
    let Some(bytes) = files::read_if_present(path)? else { return Ok(None) };
    serde_json::from_slice(&bytes).map(Some).map_err(|source| SandboxError::Damaged { path: path.to_owned(), source })
}

/// Writes a JSON document whole or not at all.
///
/// # Errors
/// When it cannot be written.
pub(super) fn save(path: &Path, document: &impl Serialize) -> Result<(), FileError> {
    files::write_atomic(path, &crate::oci::json::to_bytes(document))
}

/// Removes a file or a folder; one that is not there is no error.
pub(super) fn remove(path: &Path) -> Result<(), SandboxError> {
    let result = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match result {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(FileError::on("remove", path)(error).into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_owner_at_a_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = StateFolder::open(folder.path()).expect("the first owner");
        assert!(matches!(StateFolder::open(folder.path()), Err(SandboxError::Locked(_))));
        drop(first);
        assert!(StateFolder::open(folder.path()).is_ok());
    }

    #[test]
    fn a_reset_leaves_alone_what_is_not_ours() {
        let folder = tempfile::tempdir().expect("a folder");
        let state = StateFolder::open(folder.path()).expect("a state folder");
        for name in ["ecs.json", "mine.txt"] {
            fs::write(folder.path().join(name), "{}").expect("a file");
        }
        state.clear().expect("a reset");
        assert!(!folder.path().join("ecs.json").exists());
        assert!(folder.path().join("mine.txt").exists());
    }
}
