//! Floor 2: the base image, and the facts of its file system that placement asks for.

mod answers;
mod base_tree;
mod builder;
mod decoder;
mod error;
mod fact;
mod facts;
mod image;
mod layer_members;
mod limits;
mod lock;
mod member;
mod names;
mod stored;
mod table;

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

#[cfg(test)]
mod tests;
