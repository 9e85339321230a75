//! What can go wrong with a registry, and what to do about it.

use std::time::Duration;

use url::Url;

use super::auth::CredentialError;
use super::ecr::EcrError;
use super::location::LocationError;
use super::response::ResponseError;
use super::retry::Class;
use super::transport::TransportError;
use crate::ground::{FileError, Hint};
use crate::net::NetError;
use crate::oci::{ConfigError, Digest, ManifestError, Platform, ReferenceError};

/// Words of something that failed below us, as the source of an error of ours.
///
/// The libraries' own errors repeat URLs with their queries, so their words are taken and the errors are not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Cause(pub(super) String);

/// A registry that did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// The registry, or its token service, answered with an error.
    #[error(transparent)]
    Response(#[from] Box<ResponseError>),
    /// There was no answer.
    #[error(transparent)]
    Transport(#[from] Box<TransportError>),
    /// The HTTP client cannot be made.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The credentials cannot be had.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// ECR's own API refuses, or a rule of the repository does.
    #[error(transparent)]
    Ecr(#[from] EcrError),
    /// A blob that should be sent cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A blob that should be sent cannot be read where it comes from.
    #[error("cannot read blob `{digest}` where it is copied from")]
    Unreadable {
        /// The blob.
        digest: Digest,
        /// Why not.
        source: std::io::Error,
    },
    /// A blob that should be sent is not what its digest says.
    #[error("blob `{digest}` changed while it was sent")]
    SourceChanged {
        /// The digest it had.
        digest: Digest,
    },
    /// The host is no host.
    #[error("`{host}` is no registry host")]
    Host {
        /// What was given.
        host: String,
        /// What the parser said.
        source: url::ParseError,
    },
    /// A configured mirror is no place for repositories.
    #[error("mirror `{mirror}` is not of the form `HOST[/PREFIX]`")]
    Mirror {
        /// What was configured.
        mirror: String,
        /// What is wrong with it.
        source: ReferenceError,
    },
    /// A server sent us where we do not go.
    #[error("{what}: the answer cannot be followed")]
    Location {
        /// The request.
        what: String,
        /// Why not.
        source: LocationError,
    },
    /// The token service is at a place that gets no credentials.
    #[error("registry `{host}` names a token service that is not trusted: {why}")]
    Realm {
        /// The registry.
        host: String,
        /// What is wrong with the service's URL.
        why: String,
    },
    /// An answer is not what the protocol says.
    #[error("{what}: {why}")]
    Protocol {
        /// The request.
        what: String,
        /// What is wrong with the answer.
        why: String,
    },
    /// The bytes are not those that were asked for.
    #[error("{what}: the content is `{got}`, not `{wanted}`")]
    Digest {
        /// The request.
        what: String,
        /// The digest that was asked for.
        wanted: Digest,
        /// The digest of what came.
        got: Digest,
    },
    /// A blob was accepted, and is not there.
    #[error("the registry accepted blob `{digest}` but does not have it")]
    Unconfirmed {
        /// The blob.
        digest: Digest,
    },
    /// A manifest cannot be used.
    #[error("`{reference}` is no usable image")]
    Manifest {
        /// The image.
        reference: String,
        /// What is wrong with it.
        source: ManifestError,
    },
    /// A config cannot be used.
    #[error("`{reference}` has no usable config")]
    Config {
        /// The image.
        reference: String,
        /// What is wrong with it.
        source: ConfigError,
    },
    /// The image does not run on the wanted platform.
    #[error("`{reference}` has no image for `{wanted}`; it has {}", list(present))]
    PlatformMissing {
        /// The image.
        reference: String,
        /// The platform that was asked for.
        wanted: Box<Platform>,
        /// Those that there are.
        present: Vec<Platform>,
    },
    /// The image is for several platforms and none was asked for.
    #[error("`{reference}` is for several platforms: {}", list(present))]
    PlatformOpen {
        /// The image.
        reference: String,
        /// Those that there are.
        present: Vec<Platform>,
    },
    /// The image cannot be a base of ours.
    #[error("`{reference}` cannot be a base: {why}")]
    Unsuited {
        /// The image.
        reference: String,
        /// What is wrong with it.
        why: String,
    },
}

fn list(platforms: &[Platform]) -> String {
    match platforms {
        [] => "none".to_owned(),
        _ => platforms.iter().map(|p| format!("`{p}`")).collect::<Vec<_>>().join(", "),
    }
}

impl From<ResponseError> for RegistryError {
    fn from(error: ResponseError) -> Self {
        Self::Response(Box::new(error))
    }
}

impl From<TransportError> for RegistryError {
    fn from(error: TransportError) -> Self {
        Self::Transport(Box::new(error))
    }
}

impl RegistryError {
    /// Returns the HTTP status, if it was an answer.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Response(error) => Some(error.status.as_u16()),
            _ => None,
        }
    }

    /// Returns whether the registry says `code`, such as `NAME_UNKNOWN`.
    pub fn has_code(&self, code: &str) -> bool {
        matches!(self, Self::Response(error) if error.has_code(code))
    }

    /// Returns whether it is of our own making: no server will mend it.
    pub(super) fn is_ours(&self) -> bool {
        matches!(
            self,
            Self::Net(_)
                | Self::Credential(_)
                | Self::File(_)
                | Self::SourceChanged { .. }
                | Self::Unreadable { .. }
                | Self::Realm { .. }
        )
    }

    /// Returns whether the credentials were renewed since, so that a new attempt uses others.
    pub(super) fn is_renewed(&self) -> bool {
        matches!(self, Self::Response(error) if error.renewed)
    }

    /// Returns whether bytes of a blob may have moved before it went wrong.
    pub(super) fn has_moved(&self) -> bool {
        match self {
            Self::Transport(error) => error.moved,
            other => matches!(other, Self::Response(_)),
        }
    }

    /// Returns whether, and how, the request may be tried again.
    pub(super) fn class(&self) -> Class {
        match self {
            Self::Response(error) => error.class(),
            Self::Transport(error) => error.class(),
            Self::Unconfirmed { .. } => Class::Suspect,
            _ => Class::Fatal,
        }
    }

    /// Returns the pause that the server asked for.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Response(error) => error.retry_after,
            _ => None,
        }
    }

    pub(super) fn location(what: String) -> impl FnOnce(LocationError) -> Self {
        |source| Self::Location { what, source }
    }
}

impl Hint for RegistryError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Response(error) => error.hint(),
            Self::Transport(error) => error.hint(),
            Self::Net(error) => error.hint(),
            Self::Credential(error) => error.hint(),
            Self::Ecr(error) => error.hint(),
            Self::File(error) => error.hint(),
            Self::Unreadable { source, .. } => {
                source.get_ref().and_then(|inner| inner.downcast_ref::<Self>()).and_then(Hint::hint)
            }
            Self::Mirror { .. } => Some("correct `mirrors` under `hosts` in the user configuration".to_owned()),
            Self::SourceChanged { .. } | Self::Unconfirmed { .. } => Some("run it again".to_owned()),
            Self::Host { host, .. } => Some(format!("check `{host}` in the image's name and in `hosts`")),
            Self::Digest { .. } => Some(
                "something between here and the registry changes what it passes on; check proxies and mirrors".into(),
            ),
            Self::PlatformMissing { present, .. } | Self::PlatformOpen { present, .. } => {
                present.first().map(|platform| format!("set `platforms: [{platform}]`"))
            }
            Self::Realm { .. } | Self::Location { .. } => {
                Some("check that the host is the registry that you mean, and `endpoint` and `scheme` in `hosts`".into())
            }
            _ => None,
        }
    }
}

/// Returns the printable form of a URL as seen from a registry: its path and query where it is the registry's own.
pub(super) fn target(own: bool, url: &Url) -> String {
    let safe = crate::ground::SafeUrl::new(url).to_string();
    if !own {
        return safe;
    }
    let origin = url[..url::Position::BeforePath].len();
    // A URL with user information prints without it; ours never have any.
    safe.get(origin..).map_or_else(|| safe.clone(), str::to_owned)
}
