//! Leases: what a running process uses of the store, so that no other removes it.
//!
//! Each process that finds or commits a blob writes its digest into a file of its own under `leases/`, which it keeps
//! locked. The system frees the lock when the process ends, however it ends: a lease without a lock is nobody's. Finding
//! a blob and leasing it is one step under the shared side of the gate; whoever removes blobs holds the other side alone,
//! and leaves what a living lease names. No clock is asked.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use tempfile::NamedTempFile;

use crate::ground::{FileError, files};
use crate::oci::Digest;

/// The folder of leases.
const LEASES: &str = "leases";
/// The file whose lock is the gate.
const GATE: &str = "gate";

/// A side of the gate, held until it is dropped. On a file system without locks it holds nothing, and nothing is removed
/// there.
#[derive(Debug)]
pub(super) struct Gate {
    _file: File,
}

impl Gate {
    /// Holds the gate together with all others that find and commit.
    pub(super) fn shared(root: &Path) -> Result<Self, FileError> {
        let file = open(root)?;
        let _ = file.lock_shared();
        Ok(Self { _file: file })
    }

    /// Holds the gate alone; waits for those who find and commit, which takes them no longer than a rename. `None` where
    /// there are no locks.
    pub(super) fn alone(root: &Path) -> Result<Option<Self>, FileError> {
        let file = open(root)?;
        Ok(file.lock().is_ok().then_some(Self { _file: file }))
    }
}

fn open(root: &Path) -> Result<File, FileError> {
    let path = root.join(GATE);
    let opened = File::options().read(true).write(true).create(true).truncate(false).open(&path);
    opened.map_err(FileError::on("open", &path))
}

/// Makes the folder of leases, as far as it is not there.
pub(super) fn prepare(root: &Path) -> Result<(), FileError> {
    let folder = root.join(LEASES);
    files::create_dir_all(&folder)?;
    drop(files::temporary_in(&folder)?);
    Ok(())
}

/// The lease of a process. Its file is made when the first blob is used, and vanishes with the lease.
#[derive(Debug, Default)]
pub(super) struct Lease(Mutex<Option<Held>>);

#[derive(Debug)]
struct Held {
    file: NamedTempFile,
    digests: BTreeSet<Digest>,
}

impl Lease {
    /// Adds a blob. The caller holds the gate.
    pub(super) fn add(&self, root: &Path, digest: &Digest) -> Result<(), FileError> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let held = match &mut *held {
            Some(held) => held,
            none => {
                let folder = root.join(LEASES);
                files::create_dir_all(&folder)?;
                let file = files::locked_temporary_in(&folder)?;
                none.insert(Held { file, digests: BTreeSet::new() })
            }
        };
        if held.digests.insert(*digest) {
            let line = format!("{digest}\n");
            let written = held.file.as_file_mut().write_all(line.as_bytes());
            written.map_err(FileError::on("write", held.file.path()))?;
        }
        Ok(())
    }
}

/// Returns the blobs that living processes use, and removes the leases of dead ones. The caller holds the gate alone.
pub(super) fn living(root: &Path) -> Result<BTreeSet<Digest>, FileError> {
    let folder = root.join(LEASES);
    let mut used = BTreeSet::new();
    let Ok(entries) = fs::read_dir(&folder) else { return Ok(used) };
    for entry in entries.flatten() {
        let path = entry.path();
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(FileError::on("open", &path)(error)),
        };
        match file.try_lock() {
            Ok(()) => files::remove_if_present(&path)?,
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => {
                let text = String::from_utf8_lossy(&files::read(&path)?).into_owned();
                used.extend(text.lines().filter_map(|line| line.parse::<Digest>().ok()));
            }
        }
    }
    Ok(used)
}
