//! The lock: what a run takes from it, and how it is written.

mod lookup;
mod write;

pub(crate) use lookup::Lookup;
pub use write::{LockReport, check_lock, lock};

use std::path::PathBuf;

use super::base::ResolvedBase;
use super::{Context, Error};

/// Returns the lock's file: beside the build file, with its stem.
fn lock_file(context: &Context) -> PathBuf {
    context.spec.file.with_extension("lock")
}
