//! Floor 2: the base image, the facts of its file system that placement asks for, and the lock that holds both.

mod answers;
mod base_tree;
mod budget;
mod builder;
mod decoder;
mod error;
mod fact;
mod facts;
mod image;
mod index;
mod layer_members;
mod limits;
mod lock;
mod member;
mod names;
mod pax;
mod stored;
mod walk;

pub use answers::Answers;
pub use base_tree::BaseTree;
pub use builder::FactsBuilder;
pub use error::FactsError;
pub use fact::{Fact, FactKind};
pub use facts::Facts;
pub use image::{BaseImage, BaseLayer};
pub use layer_members::{MemberBytes, read_layer};
pub use limits::Limits;
pub use lock::{Lock, LockError, LockedBase};
pub use member::Member;
pub use names::Names;

use budget::Budget;
use fact::CAPABILITY;
use facts::Listing;

#[cfg(test)]
mod tests;
