//! The distribution API (`/v2/`) as ECR answers it, with the state that ECR's own operations share.

mod auth;
mod bearer;
mod blob;
mod error;
mod immutability;
mod manifest;
mod placeholder;
mod referrer;
mod repository;
mod resolve;
mod route;
mod store;
mod tag;
mod upload;

pub(super) use auth::{TOKEN_LIFETIME, Tokens};
pub(super) use bearer::{TOKEN_SERVICE, token_answer};
pub(super) use error::RegistryError;
pub(super) use immutability::{Exclusion, Immutability};
pub(super) use repository::{Repository, RepositorySettings, StoredManifest};
pub(super) use resolve::Presence;
pub(super) use route::answer;
pub(super) use store::Registry;
