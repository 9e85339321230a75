//! Floor 5: images: configs and manifests put together, written to layouts and archives, and checked.
//!
//! [`assemble`] and [`assemble_index`] are pure: the same base, layers and settings give the same bytes. [`export`] writes an image so that a
//! reader finds all of it or nothing; [`validate`] recomputes every digest, size and diff id of one.

mod assemble;
mod error;
pub mod export;
mod history;
mod index;
mod manifest;
mod mismatch;
mod settings;
mod start;
#[cfg(test)]
mod tests;
mod validate;

pub use assemble::{Assembly, Image, ImageLayer, LAYER_LIMIT, LayerBlob, Origin, OwnLayer, assemble, layer_method};
pub use error::ImageError;
pub use settings::settings;
pub use start::{StartError, StartWarning, check_start};

pub use index::assemble_index;
pub use mismatch::Mismatch;
pub use validate::{OpenBlob, validate};
