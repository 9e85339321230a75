//! What can be wrong with the network's configuration, and how transport errors are put into words.

use std::error::Error;
use std::path::PathBuf;

use crate::ground::{FileError, Hint};

/// A connector that cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetError {
    /// A PEM file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A bundle of certificate authorities holds none, or one that is malformed.
    #[error("`{}` holds no usable certificate authority in PEM form", path.display())]
    Authorities {
        /// The bundle.
        path: PathBuf,
        /// What the parser said, if it said something.
        #[source]
        source: Option<reqwest::Error>,
    },
    /// A client certificate and its key do not make an identity.
    #[error("`{}` is no usable client certificate with its key in PEM form", path.display())]
    Identity {
        /// The certificate.
        path: PathBuf,
        /// What the parser said.
        source: reqwest::Error,
    },
    /// A client certificate stands without its key, or the reverse.
    #[error("host `{host}` has a client certificate without a key, or a key without a certificate")]
    HalfIdentity {
        /// The host of the user configuration.
        host: String,
    },
    /// The HTTP client cannot be made of its parts.
    #[error("cannot set up TLS")]
    Client(#[source] reqwest::Error),
}

impl Hint for NetError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::File(error) => error.hint().or_else(|| {
                let from = "AWS_CA_BUNDLE or SSL_CERT_FILE, or by `ca`, `cert` or `key` in the user configuration";
                Some(format!("correct the path, which is named by {from}"))
            }),
            Self::Authorities { path, .. } => Some(format!(
                "check that `{}` begins with `-----BEGIN CERTIFICATE-----`; it is named by AWS_CA_BUNDLE or \
                 SSL_CERT_FILE, or by `ca` in the user configuration",
                path.display()
            )),
            Self::Identity { .. } => {
                Some("give a PEM certificate as `cert` and its unencrypted PEM key as `key`".to_owned())
            }
            Self::HalfIdentity { host } => {
                Some(format!("set both `cert` and `key` under `hosts: {host}:`, or neither"))
            }
            Self::Client(_) => None,
        }
    }
}

/// Returns the words of the innermost cause of a transport error, such as `connection refused`.
///
/// The outer layers repeat the URL, with its query, and say nothing that a person can act on.
pub fn describe(error: &(dyn Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    let text = innermost.to_string();
    match text.split_once(" (os error") {
        Some((words, _)) => words.to_lowercase(),
        None => text,
    }
}

/// Returns whether an error is about a certificate: then nothing is won by trying again.
///
/// An `io::Error` that wraps an error has only that one's source as its own, so both ways are followed.
pub fn is_untrusted(error: &(dyn Error + 'static)) -> bool {
    if let Some(rustls::Error::InvalidCertificate(_)) = error.downcast_ref() {
        return true;
    }
    let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    wrapped.is_some_and(|inner| is_untrusted(inner)) || error.source().is_some_and(is_untrusted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_cause_is_described_without_numbers() {
        let refused = std::io::Error::from_raw_os_error(111);
        let error = FileError { action: "reach", path: "x".into(), source: refused };
        assert_eq!(describe(&error), "connection refused");
    }
}
