//! The chunks of a layer as it was packed last: what is the same today is copied from there.
//!
//! One record leads to them: it names the blobs that a layer of a project had; it is a hint, and a wrong one costs only
//! time. Two more stand under a blob's digest: its table, which tells of each chunk what it is, and its checkpoints, where
//! packing goes on behind a beginning that did not change.

use serde::{Deserialize, Serialize};

use crate::image::layer_method;
use crate::layer::{Checkpoint, Checkpoints, ChunkTable, Fingerprint, Kept, KnownChunks};
use crate::oci::Digest;
use crate::store::{Blob, Store, StoreError};

use super::Context;
use super::placed::Placed;

/// The kind of record that names the last blobs of a layer.
pub(crate) const LAST: &str = "last";
/// The kind of record that keeps a blob's table.
pub(crate) const CHUNKS: &str = "chunks";
/// The kind of record that keeps a blob's checkpoints.
pub(crate) const STATES: &str = "states";
/// Names the form of what is recorded of checkpoints.
const FORM: &str = "dockless states 2";

/// A layer of a project, over all its states.
#[derive(Clone, Debug)]
pub(crate) struct LayerLine(String);

/// A blob that a layer had.
#[derive(Serialize, Deserialize)]
struct LastBlob {
    digest: Digest,
    size: u64,
}

impl LayerLine {
    /// Names a layer by the project and its place there, and by all that decides how a chunk is compressed.
    pub(crate) fn new(context: &Context, image: &Placed, index: usize) -> Self {
        let mut key = Fingerprint::default();
        let (spec, platform) = (&context.spec, image.base.image.config.platform());
        key.text(spec.file.as_os_str().as_encoded_bytes());
        key.text(platform.to_string().as_bytes());
        key.text(image.spec(context).layers[index].name.as_bytes());
        key.text(layer_method(spec.format, spec.compression).as_bytes());
        key.text(env!("CARGO_PKG_VERSION").as_bytes());
        Self(key.finish().map(|digest| digest.to_string()).unwrap_or_default())
    }

    /// Returns the chunks of its last blobs, as far as there are any.
    pub(crate) fn known(&self, store: &Store) -> Result<KnownChunks, StoreError> {
        let mut known = KnownChunks::default();
        for (blob, table) in self.last(store)? {
            known.add(blob, &table);
        }
        Ok(known)
    }

    /// Returns the checkpoints of its last blobs, as far as there are any.
    pub(crate) fn checkpoints(&self, store: &Store) -> Result<Checkpoints, StoreError> {
        let mut known = Checkpoints::default();
        for (blob, table) in self.last(store)? {
            let states = store.record(STATES, &blob.digest.to_string())?;
            let states: Option<States> = states.and_then(|bytes| serde_json::from_slice(&bytes).ok());
            if let Some(States { points, .. }) = states.filter(|states| states.form == FORM) {
                known.add(blob, table, points);
            }
        }
        Ok(known)
    }

    fn last(&self, store: &Store) -> Result<Vec<(Blob, ChunkTable)>, StoreError> {
        let last = store.record(LAST, &self.0)?;
        let last: Vec<LastBlob> = last.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        let mut found = Vec::new();
        for LastBlob { digest, size } in last {
            let table = store.record(CHUNKS, &digest.to_string())?;
            if let Some(table) = table.and_then(|bytes| ChunkTable::from_bytes(&bytes))
                && let Some(blob) = store.find(&digest, size)?
            {
                found.push((blob, table));
            }
        }
        Ok(found)
    }

    /// Returns whether blobs of an earlier state of the layer are here: then little of it is left to compress.
    pub(crate) fn is_kept(&self, store: &Store) -> Result<bool, StoreError> {
        Ok(!self.last(store)?.is_empty())
    }

    /// Records the blobs that the layer has now.
    pub(crate) fn set<'a>(&self, store: &Store, blobs: impl Iterator<Item = &'a Blob>) -> Result<(), StoreError> {
        let last: Vec<LastBlob> = blobs.map(|blob| LastBlob { digest: blob.digest, size: blob.size }).collect();
        store.set_record(LAST, &self.0, &serde_json::to_vec(&last).expect("plain data"))
    }
}

/// What is recorded of a blob's checkpoints.
#[derive(Serialize, Deserialize)]
struct States {
    form: String,
    points: Vec<Checkpoint>,
}

/// Records what a blob is made of, and where packing may go on.
pub(crate) fn keep(store: &Store, digest: &Digest, kept: Kept) -> Result<(), StoreError> {
    if kept.table.chunks() == 0 {
        return Ok(());
    }
    let key = digest.to_string();
    store.set_record(CHUNKS, &key, &kept.table.to_bytes())?;
    let states = States { form: FORM.to_owned(), points: kept.checkpoints };
    store.set_record(STATES, &key, &serde_json::to_vec(&states).expect("plain data"))
}

/// Returns the blobs that a record of last blobs names.
pub(crate) fn blobs_of(record: &[u8]) -> Vec<Digest> {
    let last: Vec<LastBlob> = serde_json::from_slice(record).unwrap_or_default();
    last.into_iter().map(|blob| blob.digest).collect()
}
