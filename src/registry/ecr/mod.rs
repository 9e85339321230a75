//! Amazon ECR beside the distribution protocol: its host names, its own API, its quotas, and what its refusals mean.
//!
//! Everything here makes a push cheaper or its failures clearer; a principal that may do no more than push can push. The
//! API is asked only where a host is one of ECR's and there is an AWS configuration.

mod availability;
mod client;
mod clients;
mod denied;
mod error;
mod host;
mod ledger;
mod mount;
mod mutability;
mod newest;
mod pace;
mod public;
mod repository;
#[cfg(test)]
mod tests;
mod tokens;

pub(super) use availability::Availability;
pub(super) use clients::EcrClients;
pub use denied::Denied;
pub use error::EcrError;
pub use host::EcrHost;
pub(super) use host::is_public;
pub(super) use ledger::{Ledger, RefusedMount};
pub use mutability::Mutability;
pub(super) use pace::Pace;
pub use repository::{EcrRepository, EcrSettings};
pub(super) use tokens::EcrToken;
