//! Floor 2: content-addressed bytes: our own store, and the image layouts and archives that others wrote.
//!
//! [`Store`] keeps blobs and small records under the cache folder; [`LocalSource`] reads an OCI image layout, a tar of
//! one, or what `docker save` writes. Both hand out [`Blob`]s, whose bytes can be opened as often as a retry needs them.

mod archive;
mod blob;
mod content;
mod docker_archive;
mod error;
mod files;
mod layout;
mod local;
mod record;
mod staged;
#[cfg(test)]
mod tests;
mod verified;

pub use blob::{Blob, BlobBytes, RemoteBytes};
pub use content::Store;
pub use error::StoreError;
pub use local::{LocalImage, LocalLayer, LocalSource};
pub use staged::{Received, Staged};
pub use verified::FileClock;
