//! Floor 2: the files of the project, listed in tar order and never followed through a symlink.

mod disk;
mod error;
mod glob;
mod listing;
mod look_ahead;
mod memory;
mod open_file;
mod patterns;
mod root;
mod source_file;
mod sources;
mod stamp;

pub use disk::DiskSources;
pub use error::TreeError;
pub use listing::Listing;
pub use look_ahead::LookAhead;
pub use memory::MemorySources;
pub use open_file::{OpenFile, Spool, SpoolReader, Spooled};
pub use patterns::{PatternState, Patterns};
pub use root::ProjectRoot;
pub use source_file::{FileOrigin, SourceFile, stamp_of};
pub use sources::{Child, Node, NodeKind, Sources};
pub use stamp::FileStamp;
