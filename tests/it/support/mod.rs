//! What the tests of the binary share: projects in temporary folders, runs in a cleared environment, and the stand-in.

pub(crate) mod bench;
mod project;
mod run;
mod standin;

pub(crate) use project::Project;
pub(crate) use run::{Run, Runner};
pub(crate) use standin::{StandIn, account_host};
