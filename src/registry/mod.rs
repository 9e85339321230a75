//! Floor 6: the distribution client: pull of bases, push of images, and all that registries do differently.
//!
//! `wire` sends one request; `client` adds credentials, redirects and retries; `blob`, `push` and `manifest` are the
//! nouns of the distribution specification. What decides (`upload`, `retry`, `location`, `redirect`, the parsers of
//! `auth`) does no I/O.

mod auth;
mod backoff;
mod blob;
mod body;
mod chunking;
mod client;
mod ecr;
mod endpoint;
mod error;
mod host;
mod link;
mod location;
mod manifest;
mod mirror;
mod pull;
mod push;
mod redaction;
mod redirect;
mod referrer;
mod response;
mod retry;
mod session;
mod tag;
mod tag_list;
mod transport;
mod upload;
mod wire;

#[cfg(test)]
mod tests;

pub use auth::{CredentialError, CredentialFile, CredentialSources};
pub use blob::BlobStream;
pub use client::{Registry, RegistryOptions, RepositoryClient};
pub use ecr::{Denied, EcrError, EcrHost, EcrRepository, EcrSettings, Mutability};
pub use error::{Cause, RegistryError};
pub use location::LocationError;
pub use manifest::PushedManifest;
pub use pull::{PulledImage, pull_image};
pub use referrer::Referrer;
pub use response::{Refusal, ResponseError};
pub use retry::RetryPolicy;
pub use session::Abandoned;
pub use tag::TagOrDigest;
pub use transport::{TransportError, TransportKind};
pub use upload::PushedBlob;
pub use wire::Timeouts;
