//! Which records and blobs go: what leads nowhere, and what was used longest ago.

use std::collections::{BTreeMap, BTreeSet};

use crate::ground::files;
use crate::oci::Digest;
use crate::pipeline::{chunks, known};
use crate::store::{Inventory, Store, StoredBlob, StoredRecord, VERIFIED};

/// Records of layers that are kept of one blob: each checkout of an unchanged project makes another.
const LAYERS_OF_BLOB: usize = 32;

/// What is to be removed: first the records, then the blobs.
#[derive(Debug, Default)]
pub(super) struct Eviction<'a> {
    pub(super) records: Vec<&'a StoredRecord>,
    pub(super) blobs: Vec<&'a StoredBlob>,
    /// The bytes that stay.
    pub(super) kept_bytes: u64,
}

/// What goes at once.
struct Unit<'a> {
    used_ns: i128,
    blob: Option<&'a StoredBlob>,
    records: Vec<&'a StoredRecord>,
}

impl Unit<'_> {
    fn bytes(&self) -> u64 {
        self.blob.map_or(0, |blob| blob.size) + self.records.iter().map(|record| record.size).sum::<u64>()
    }
}

/// What a record is to the blobs of a store.
enum Role {
    /// It leads to a blob, or tells of one.
    Of(Digest),
    /// It stands for itself.
    Alone,
    /// It is a hint at several blobs.
    Hint(Vec<Digest>),
    /// It leads nowhere.
    Dangling,
}

impl<'a> Eviction<'a> {
    /// Plans what goes, so that the rest has at most `max_size` bytes, as far as nobody uses more. A use in time to come,
    /// from a clock that went wrong, counts as one of now.
    pub(super) fn plan(
        store: &Store,
        inventory: &'a Inventory,
        leased: &dyn Fn(&Digest) -> bool,
        now_ns: i128,
        max_size: u64,
    ) -> Self {
        let mut plan = Self::default();
        let blobs: BTreeMap<Digest, &StoredBlob> = inventory.blobs.iter().map(|blob| (blob.digest, blob)).collect();
        let told = told_of(store, &blobs);
        let mut units: BTreeMap<Digest, Unit<'a>> = BTreeMap::new();
        for (digest, blob) in &blobs {
            let used_ns = blob.used_ns.min(now_ns);
            units.insert(*digest, Unit { used_ns, blob: Some(blob), records: Vec::new() });
        }
        let (mut alone, mut hints) = (Vec::new(), Vec::new());
        for record in &inventory.records {
            match role(record, &told) {
                Role::Of(digest) if record.kind == known::LAYER || units.contains_key(&digest) => {
                    // A layer that was taken over has no blob here: its records live by their own use.
                    let used_ns = record.used_ns.min(now_ns);
                    let absent = Unit { used_ns, blob: None, records: Vec::new() };
                    let unit = units.entry(digest).or_insert(absent);
                    unit.records.push(record);
                    if unit.blob.is_none() {
                        unit.used_ns = unit.used_ns.max(used_ns);
                    }
                }
                Role::Alone => {
                    let used_ns = record.used_ns.min(now_ns);
                    alone.push(Unit { used_ns, blob: None, records: vec![record] });
                }
                Role::Hint(digests) => hints.push((record, digests)),
                Role::Of(_) | Role::Dangling => plan.records.push(record),
            }
        }
        units.values_mut().for_each(|unit| plan.thin_out(unit));
        let hinted: u64 = hints.iter().map(|(record, _)| record.size).sum();
        let mut all: Vec<Unit<'a>> = units.into_values().chain(alone).collect();
        plan.kept_bytes = hinted + all.iter().map(Unit::bytes).sum::<u64>();
        // Of the same time, the order of digests and paths decides: the sort is stable.
        all.sort_by_key(|unit| unit.used_ns);
        plan.evict(all, leased, max_size);
        plan.drop_hints(hints, &blobs, max_size);
        plan
    }

    /// Drops the oldest of many records that lead to one blob.
    fn thin_out(&mut self, unit: &mut Unit<'a>) {
        unit.records.sort_by_key(|record| std::cmp::Reverse((record.kind != known::LAYER, record.used_ns)));
        let others = unit.records.iter().filter(|record| record.kind != known::LAYER).count();
        self.records.extend(unit.records.split_off(unit.records.len().min(others + LAYERS_OF_BLOB)));
    }

    fn evict(&mut self, units: Vec<Unit<'a>>, leased: &dyn Fn(&Digest) -> bool, max_size: u64) {
        for unit in units {
            if self.kept_bytes <= max_size && max_size > 0 {
                return;
            }
            if unit.blob.is_none_or(|blob| !leased(&blob.digest)) {
                self.kept_bytes -= unit.bytes();
                self.records.extend(&unit.records);
                self.blobs.extend(unit.blob);
            }
        }
    }

    /// A hint goes with the last of its blobs.
    fn drop_hints(
        &mut self,
        hints: Vec<(&'a StoredRecord, Vec<Digest>)>,
        blobs: &BTreeMap<Digest, &StoredBlob>,
        max_size: u64,
    ) {
        let gone: BTreeSet<Digest> = self.blobs.iter().map(|blob| blob.digest).collect();
        for (record, digests) in hints {
            let kept = digests.iter().any(|digest| blobs.contains_key(digest) && !gone.contains(digest));
            if !kept || max_size == 0 {
                self.kept_bytes -= record.size;
                self.records.push(record);
            }
        }
    }
}

/// The files of the records that are named by the digest of a blob.
fn told_of(store: &Store, blobs: &BTreeMap<Digest, &StoredBlob>) -> BTreeMap<std::path::PathBuf, Digest> {
    let files = |digest: &Digest| {
        [VERIFIED, chunks::CHUNKS, chunks::STATES].map(|kind| store.record_file(kind, &digest.to_string()))
    };
    blobs.keys().flat_map(|digest| files(digest).map(|path| (path, *digest))).collect()
}

fn role(record: &StoredRecord, told: &BTreeMap<std::path::PathBuf, Digest>) -> Role {
    let content = || {
        let frame = files::read(&record.path).ok()?;
        Store::content_of(&frame).map(<[u8]>::to_vec)
    };
    match record.kind.as_str() {
        VERIFIED | chunks::CHUNKS | chunks::STATES => {
            told.get(&record.path).map_or(Role::Dangling, |digest| Role::Of(*digest))
        }
        known::LAYER => match content().and_then(|content| known::blob_of(&content)) {
            None => Role::Dangling,
            Some(None) => Role::Alone,
            Some(Some(digest)) => Role::Of(digest),
        },
        chunks::LAST => Role::Hint(content().map(|content| chunks::blobs_of(&content)).unwrap_or_default()),
        _ => Role::Alone,
    }
}
