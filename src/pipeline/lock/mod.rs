//! The lock: what a run takes from it, and how it is written.

mod lookup;
mod write;

pub(crate) use lookup::Lookup;
pub use write::{LockReport, check_lock, lock};

use super::base::ResolvedBase;
use super::{Context, Error};
