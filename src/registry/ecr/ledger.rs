//! What a run has learned of one host beside its answers to single requests: layers that ECR was asked for in advance,
//! and mounts that were refused.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Availability;
use crate::oci::Digest;

/// A mount that did not come about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::registry) struct RefusedMount {
    /// The blob.
    pub(in crate::registry) digest: Digest,
    /// What the registry said, where it said more than "send it".
    pub(in crate::registry) said: Option<String>,
}

/// One host's notes.
#[derive(Default)]
pub(in crate::registry) struct Ledger {
    ahead: Mutex<BTreeMap<(String, Digest), Availability>>,
    denied: AtomicBool,
    believed: AtomicBool,
    images: Mutex<BTreeSet<String>>,
    refused: Mutex<BTreeMap<(String, String), RefusedMount>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Ledger {
    /// Notes what a repository has of some layers.
    pub(in crate::registry) fn note_layers(&self, repository: &str, layers: BTreeMap<Digest, Availability>) {
        lock(&self.ahead).extend(layers.into_iter().map(|(digest, size)| ((repository.to_owned(), digest), size)));
    }

    /// Takes the note of a layer out: it answers one question. Later ones are about what happened since.
    pub(in crate::registry) fn take_layer(&self, repository: &str, digest: &Digest) -> Option<Availability> {
        lock(&self.ahead).remove(&(repository.to_owned(), *digest))
    }

    /// Notes that layers may not be asked for in advance.
    pub(in crate::registry) fn deny_layers(&self) {
        self.denied.store(true, Ordering::Relaxed);
    }

    /// Returns whether layers may be asked for in advance, as far as is known.
    pub(in crate::registry) fn may_ask_layers(&self) -> bool {
        !self.denied.load(Ordering::Relaxed)
    }

    /// Notes that a repository has an image, so probably layers.
    pub(in crate::registry) fn note_image(&self, repository: &str) {
        lock(&self.images).insert(repository.to_owned());
    }

    /// Notes that what is said of layers in advance was held against one of them.
    pub(in crate::registry) fn believe_layers(&self) {
        self.believed.store(true, Ordering::Relaxed);
    }

    /// Returns whether it is believed that a repository has none of some layers.
    pub(in crate::registry) fn believes_layers(&self, repository: &str) -> bool {
        self.believed.load(Ordering::Relaxed) || !lock(&self.images).contains(repository)
    }

    /// Notes a refused mount; the first for each pair of repositories is enough to find the reason.
    pub(in crate::registry) fn note_refused(&self, to: &str, from: &str, mount: RefusedMount) {
        lock(&self.refused).entry((to.to_owned(), from.to_owned())).or_insert(mount);
    }

    /// Takes the refused mounts of a repository out, each with its source.
    pub(in crate::registry) fn take_refused(&self, to: &str) -> Vec<(String, RefusedMount)> {
        let mut refused = lock(&self.refused);
        let (own, others) = std::mem::take(&mut *refused).into_iter().partition(|((target, _), _)| target == to);
        *refused = others;
        let own: BTreeMap<(String, String), RefusedMount> = own;
        own.into_iter().map(|((_, from), mount)| (from, mount)).collect()
    }
}
