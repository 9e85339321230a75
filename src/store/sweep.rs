//! Removing from a store that other processes work on.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::Path;

use super::inventory::{Inventory, Leftover, StoredRecord, use_mark};
use super::lease::{self, Gate};
use super::{Store, StoreError};
use crate::ground::files;
use crate::oci::Digest;

/// The right to remove. As long as it is held nobody finds a blob or commits one.
///
/// What it removes, and what it leaves when its process is killed, is never trusted wrongly: a record without its blob
/// leads nowhere, and a blob that nobody vouches for is hashed before it is used.
#[derive(Debug)]
pub struct Sweep<'a> {
    store: &'a Store,
    _gate: Gate,
    leased: BTreeSet<Digest>,
}

impl Store {
    /// Begins to remove. `None` where that cannot be done safely: on a file system without locks.
    ///
    /// # Errors
    /// When the leases of other processes cannot be read.
    pub fn sweep(&self) -> Result<Option<Sweep<'_>>, StoreError> {
        let Some(gate) = Gate::alone(self.root())? else { return Ok(None) };
        let leased = lease::living(self.root())?;
        Ok(Some(Sweep { store: self, _gate: gate, leased }))
    }
}

impl Sweep<'_> {
    /// Returns what the store holds.
    pub fn inventory(&self) -> Inventory {
        Inventory::of(self.store.root())
    }

    /// Returns whether a living process uses a blob; this one counts.
    pub fn is_leased(&self, digest: &Digest) -> bool {
        self.leased.contains(digest)
    }

    /// Removes a blob, with the mark of its last use. Records that lead to it are to be removed before.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove_blob(&self, digest: &Digest) -> Result<(), StoreError> {
        debug_assert!(!self.is_leased(digest), "somebody uses it");
        self.store.remove(digest)?;
        Ok(files::remove_if_present(&use_mark(self.store.root(), digest))?)
    }

    /// Removes a record. Who reads it just now has it whole: a file that is open outlives its name.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove_record(&self, record: &StoredRecord) -> Result<(), StoreError> {
        Ok(files::remove_if_present(&record.path)?)
    }

    /// Removes the mark of a blob that is not there; best effort, since it stands for nothing.
    pub fn remove_stale_mark(&self, mark: &Path) {
        let _ = fs::remove_file(mark);
    }

    /// Removes a temporary file if its owner is gone, and returns whether it did.
    pub fn remove_leftover(&self, leftover: &Leftover) -> bool {
        is_orphan(leftover) && fs::remove_file(&leftover.path).is_ok()
    }
}

/// Returns whether the owner of a temporary file is gone: each holds a lock on its file as long as it lives.
pub fn is_orphan(leftover: &Leftover) -> bool {
    File::open(&leftover.path).is_ok_and(|file| file.try_lock().is_ok())
}
