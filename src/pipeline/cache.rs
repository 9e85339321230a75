//! The cache as a whole: how large it is, and what goes first when it is too large.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Error, FormVersion};
use crate::store::{Inventory, Leftover, Store, is_orphan};
use eviction::Eviction;

mod eviction;

/// The bound of a cache whose user says nothing, in bytes: 10 GiB.
pub const DEFAULT_CACHE_SIZE: u64 = 10 << 30;

/// The folder of the stand-ins' state, which is no cache: it is made by hand, and counts for no bound.
const SANDBOX: &str = "sandbox";

/// A count of files and of their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Held {
    /// How many files.
    pub files: u64,
    /// How many bytes.
    pub bytes: u64,
}

impl Held {
    /// Counts one more file.
    fn add(&mut self, bytes: u64) {
        self.files += 1;
        self.bytes += bytes;
    }
}

/// What a cache holds: report schema 1.
#[derive(Clone, Debug, Serialize)]
pub struct CacheReport {
    /// The version of this form.
    pub schema: FormVersion,
    /// The cache's folder.
    pub cache: PathBuf,
    /// The bound in bytes.
    pub max_size: u64,
    /// The bytes that count for the bound.
    pub bytes: u64,
    /// What is held, by kind: `blobs`, the kinds of records, `temporary`, `sandbox`.
    pub kinds: BTreeMap<String, Held>,
}

/// What was removed from a cache: report schema 1.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PruneReport {
    /// The version of this form.
    pub schema: FormVersion,
    /// The cache's folder.
    pub cache: PathBuf,
    /// Whether nothing was removed in truth.
    pub dry_run: bool,
    /// The bound in bytes.
    pub max_size: u64,
    /// The bytes that were removed.
    pub removed_bytes: u64,
    /// What was removed, by kind.
    pub removed: BTreeMap<String, Held>,
    /// The bytes that are kept.
    pub kept_bytes: u64,
    /// The bytes of blobs that running processes use; they are kept whatever the bound is.
    pub in_use_bytes: u64,
    /// Why nothing could be removed, if so.
    pub skipped: Option<&'static str>,
}

impl PruneReport {
    fn remove(&mut self, kind: &str, bytes: u64) {
        self.removed.entry(kind.to_owned()).or_default().add(bytes);
        self.removed_bytes += bytes;
    }
}

/// Returns what a cache's folder holds. It need not be there, nor be one that can be written.
pub fn measure_cache(folder: &Path, max_size: u64) -> CacheReport {
    let Inventory { blobs, records, temporary, .. } = Inventory::of(folder);
    let mut kinds: BTreeMap<String, Held> = BTreeMap::new();
    let mut add = |kind: &str, bytes| kinds.entry(kind.to_owned()).or_default().add(bytes);
    blobs.iter().for_each(|blob| add("blobs", blob.size));
    records.iter().for_each(|record| add(&record.kind, record.size));
    temporary.iter().for_each(|file| add("temporary", file.size));
    let bytes = kinds.values().map(|held| held.bytes).sum();
    let sandbox = folder_size(&folder.join(SANDBOX));
    if sandbox.files > 0 {
        kinds.insert(SANDBOX.to_owned(), sandbox);
    }
    CacheReport { schema: FormVersion::default(), cache: folder.to_owned(), max_size, bytes, kinds }
}

/// Removes what was used longest ago until the rest is within `max_size` bytes, and what killed runs left behind. What a
/// running process uses stays, also beyond the bound.
///
/// Each blob goes with the records that lead to it, these first. With `dry_run` nothing is removed.
///
/// # Errors
/// When the store cannot be looked at, or a file not be removed; what was removed by then leaves a whole store.
pub fn prune_cache(store: &Store, max_size: u64, dry_run: bool) -> Result<PruneReport, Error> {
    let mut report = PruneReport { cache: store.root().to_owned(), dry_run, max_size, ..PruneReport::default() };
    let now_ns = store.file_clock()?.now_ns;
    let Some(sweep) = store.sweep()? else {
        report.skipped = Some("the file system has no locks, so nobody knows what other runs use");
        return Ok(report);
    };
    let inventory = sweep.inventory();
    let leased = |digest: &_| sweep.is_leased(digest);
    let Eviction { records, blobs, kept_bytes } = Eviction::plan(store, &inventory, &leased, now_ns, max_size);
    let in_use = inventory.blobs.iter().filter(|blob| sweep.is_leased(&blob.digest));
    (report.kept_bytes, report.in_use_bytes) = (kept_bytes, in_use.map(|blob| blob.size).sum());
    for record in records {
        report.remove(&record.kind, record.size);
        if !dry_run {
            sweep.remove_record(record)?;
        }
    }
    for blob in blobs {
        report.remove("blobs", blob.size);
        if !dry_run {
            sweep.remove_blob(&blob.digest)?;
        }
    }
    for mark in &inventory.stale_marks {
        report.remove("uses", 0);
        if !dry_run {
            sweep.remove_stale_mark(mark);
        }
    }
    let gone = |file: &Leftover| if dry_run { is_orphan(file) } else { sweep.remove_leftover(file) };
    for file in inventory.temporary.iter().filter(|file| gone(file)) {
        report.remove("temporary", file.size);
    }
    Ok(report)
}

/// Keeps a store within its bound after a run that added to it. Returns what was removed, if anything was.
///
/// # Errors
/// As [`prune_cache`].
pub fn bound_cache(store: &Store, max_size: u64) -> Result<Option<PruneReport>, Error> {
    if store.is_temporary() || !store.has_grown() {
        return Ok(None);
    }
    let report = prune_cache(store, max_size, false)?;
    Ok((report.removed_bytes > 0).then_some(report))
}

/// Returns what a folder holds, with all below it.
pub fn folder_size(folder: &Path) -> Held {
    let mut held = Held::default();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(found) = fs::symlink_metadata(entry.path()) else { continue };
        if found.is_dir() {
            let below = folder_size(&entry.path());
            held = Held { files: held.files + below.files, bytes: held.bytes + below.bytes };
        } else {
            held.add(found.len());
        }
    }
    held
}
