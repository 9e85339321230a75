//! What the tests of the binary share: projects in temporary folders, runs in a cleared environment, and the stand-in.

pub(crate) mod bench;
#[cfg(target_os = "linux")]
pub(crate) mod opened;
mod project;
pub(crate) mod raw;
mod rights;
pub(crate) mod row;
mod run;
pub(crate) mod snapshot;
mod stage;
mod standin;
mod terminal;
pub(crate) mod tls;

pub(crate) use project::Project;
pub(crate) use run::{Run, Runner};
pub(crate) use stage::{Stage, chain, definition, digest, image, target};
pub(crate) use standin::{StandIn, account_host};
pub(crate) use terminal::OnTerminal;
