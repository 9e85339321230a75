//! Floor 3: what will be built, as data. Nothing here touches a network or a clock, and a disk only through
//! [`Sources`](crate::tree::Sources).

mod entry;
mod error;
mod files;
mod fixed;
mod found;
mod frame;
mod laid_out;
mod left_out;
mod owner;
mod placement;
mod redirects;
mod resolve;
mod rules;
mod takes;
mod tree_below;
mod walk;

pub use entry::{Content, Entry, EntryKind, Mtime};
pub use error::PlanError;
pub use found::{Found, FoundKind};
pub use frame::Start;
pub use left_out::LeftOut;
pub use placement::{Placement, Roots};
pub use walk::Entries;

#[cfg(test)]
mod tests;
