//! Who we are to a registry: where credentials are found, and how they are shown.

mod authorizer;
mod challenge;
mod credentials;
mod docker_config;
mod helper;
mod token;

pub(super) use authorizer::{Access, Authorization, Authorizer};
pub(super) use credentials::Credentials;
pub use credentials::{CredentialError, CredentialFile, CredentialSources};
