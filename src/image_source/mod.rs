//! Floor 3: files of another image as a source of layers, read out of its blobs without unpacking them anywhere.
//!
//! Two readings: the first tells where the wanted paths lead ([`Facts`](crate::base::Facts)), the second keeps what is
//! there: names in memory, bytes in one spool file without a name. A reading more is needed where a taken path is a hard
//! link to one that is not taken.

mod error;
mod files;
mod index;
mod lead;
mod links;
mod record;
mod scan;
#[cfg(test)]
mod tests;

pub use error::ImageSourceError;
pub use files::ImageFiles;
