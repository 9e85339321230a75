//! The blobs that this run has found or brought somewhere: none is asked for twice, and none is sent by two at a time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::oci::{Digest, Repository};

/// What is known of a blob; locked by whoever sees to it.
type Cell = Arc<tokio::sync::Mutex<Presence>>;

/// Whether a blob is in a repository, as far as this run knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Presence {
    /// Nobody has asked.
    #[default]
    Unknown,
    /// It was asked for and is to be sent.
    Absent,
    /// It was found, mounted or sent.
    Here,
}

/// The blobs of all repositories. A blob that could not be brought is tried again by the next who wants it.
#[derive(Debug, Default)]
pub(super) struct KnownBlobs(Mutex<BTreeMap<(String, Digest), Cell>>);

impl KnownBlobs {
    /// Returns the cell of a blob.
    pub(super) fn cell(&self, repository: &Repository, digest: &Digest) -> Cell {
        let mut cells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(cells.entry((repository.to_string(), *digest)).or_default())
    }

    /// Forgets the blobs of a repository: it does not have one of them after all.
    pub(super) fn forget(&self, repository: &Repository) {
        let mut cells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let name = repository.to_string();
        cells.retain(|(repository, _), _| *repository != name);
    }
}
