//! Floor 2: content-addressed bytes: our own store, and the image layouts and archives that others wrote.
//!
//! [`Store`] keeps blobs and small records under the cache folder; [`LocalSource`] reads an OCI image layout, a tar of
//! one, or what `docker save` writes. Both hand out [`Blob`]s, whose bytes can be opened as often as a retry needs them.
//!
//! # Processes at once, and crashes
//!
//! Blobs and records get their name by a rename when they are whole, and nothing is synced: what a killed process had
//! written stays written, and after a crash of the machine nobody's word counts until a blob was hashed again
//! (`verified.rs`) and every record carries its own sum (`record.rs`). What is removed is never what a living process
//! uses (`lease.rs`, `sweep.rs`).

mod archive;
mod blob;
mod content;
mod docker_archive;
mod error;
mod files;
mod inventory;
mod layout;
mod lease;
mod local;
mod record;
mod staged;
mod sweep;
#[cfg(test)]
mod tests;
mod verified;

pub use blob::{Blob, BlobBytes, RemoteBytes};
pub use content::Store;
pub use error::StoreError;
pub use inventory::{Inventory, Leftover, StoredBlob, StoredRecord};
pub use local::{LocalImage, LocalLayer, LocalSource};
pub use staged::{Received, Staged};
pub use sweep::{Sweep, is_orphan};
pub use verified::{FileClock, VERIFIED};
