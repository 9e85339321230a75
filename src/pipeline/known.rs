//! Layers that were packed, or taken over, before: by their fingerprint, without opening a file of the project.
//!
//! The record is named by the fingerprint alone: what is found under it is right for whatever layer, project and platform
//! has it, and no record of an older state can be taken for a newer one.

use std::os::unix::ffi::OsStrExt;

use serde::{Deserialize, Serialize};

use crate::guard::{Inspected, RULES};
use crate::layer::{Fingerprint, Packed};
use crate::oci::Digest;
use crate::registry::PushedBlob;
use crate::store::{Blob, FileClock, Store, StoreError};

use super::Context;
use super::placed::Placed;

/// The kind of record that keeps a packed layer.
pub(crate) const LAYER: &str = "layer";

/// A part of a layer that is packed.
#[derive(Clone)]
pub(crate) struct PackedPart {
    pub(crate) packed: Packed,
    /// Its blob; a part without entries has none.
    pub(crate) blob: Option<Blob>,
    /// What was seen of its content.
    pub(crate) seen: Inspected,
    /// How it came to be at the target, if it was taken over and never packed here.
    pub(crate) taken: Option<PushedBlob>,
}

impl PackedPart {
    /// Returns whether only its digests are at hand: its blob was taken over in an earlier run, or removed since.
    pub(crate) fn is_elsewhere(&self) -> bool {
        self.packed.entries > 0 && self.blob.is_none() && self.taken.is_none()
    }
}

/// What is recorded.
#[derive(Serialize, Deserialize)]
struct Record {
    packed: Packed,
    seen: Inspected,
}

/// Returns a fingerprint of all settings that decide a layer's bytes, or what is seen in it.
pub(crate) fn settings(context: &Context, images: &[Placed]) -> Fingerprint {
    let mut settings = Fingerprint::default();
    settings.text(b"dockless layer 2");
    // Another version may have another fault: it packs for itself.
    settings.text(env!("CARGO_PKG_VERSION").as_bytes());
    settings.text(crate::image::layer_method(context.spec.format, context.spec.compression).as_bytes());
    settings.number(u64::from(RULES));
    list(&mut settings, context.spec.secrets_allow.iter().map(String::as_bytes));
    list(&mut settings, images.iter().map(|image| image.base.image.config.platform().to_string()));
    list(&mut settings, context.machine_paths.iter().map(|path| path.as_os_str().as_bytes()));
    settings
}

fn list(settings: &mut Fingerprint, items: impl ExactSizeIterator<Item = impl AsRef<[u8]>>) {
    settings.number(items.len() as u64);
    items.for_each(|item| settings.text(item.as_ref()));
}

/// Returns the part with a fingerprint, if it was packed or measured before. Its blob is with it if the store has it.
pub(crate) fn find(store: &Store, fingerprint: &Digest) -> Result<Option<PackedPart>, StoreError> {
    let record = store.record(LAYER, &fingerprint.to_string())?;
    let record: Option<Record> = record.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let Some(Record { packed, seen }) = record else { return Ok(None) };
    let blob = match packed.entries {
        0 => None,
        _ => store.find_verified(&packed.digest, packed.size)?,
    };
    Ok(Some(PackedPart { packed, blob, seen, taken: None }))
}

/// Returns the blob that a record leads to, which a part without entries has not; `None` for what is no such record.
pub(crate) fn blob_of(record: &[u8]) -> Option<Option<Digest>> {
    let Record { packed, .. } = serde_json::from_slice(record).ok()?;
    Some((packed.entries > 0).then_some(packed.digest))
}

/// Records a part, unless one of its files may change without a trace. `clock` is of before the first file was read.
pub(crate) fn keep(
    store: &Store,
    fingerprint: Fingerprint,
    clock: FileClock,
    part: &PackedPart,
) -> Result<(), StoreError> {
    if !fingerprint.is_settled(clock.device, clock.now_ns) {
        return Ok(());
    }
    let Some(fingerprint) = fingerprint.finish() else { return Ok(()) };
    let record = Record { packed: part.packed, seen: part.seen.clone() };
    let record = serde_json::to_vec(&record).expect("plain data");
    store.set_record(LAYER, &fingerprint.to_string(), &record)
}
