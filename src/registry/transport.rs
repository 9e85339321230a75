//! Requests that got no answer: told apart by what a person, or the retry policy, can do about them.

use std::error::Error;
use std::io;

use rustls::AlertDescription;

use super::error::Cause;
use super::retry::Class;
use crate::ground::Hint;
use crate::net::{describe, private_name};

/// Why there was no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransportKind {
    /// The name is unknown, or nobody listens.
    Connect,
    /// The certificate is not trusted.
    Certificate,
    /// The other side does not speak TLS.
    NotTls,
    /// The other side ended TLS with an alert.
    Refused,
    /// Nothing happened for too long.
    Stalled,
    /// The connection broke.
    Broken,
    /// What came is no HTTP, or its head is too large.
    Malformed,
    /// A server led us to a name that stands for private addresses.
    Private,
}

/// A request without an answer.
#[derive(Debug, thiserror::Error)]
#[error("{method} {target}: {}", words(*kind, host))]
pub struct TransportError {
    /// The request's method.
    pub method: http::Method,
    /// The request's path, or its URL where it is not the registry's; without secrets.
    pub target: String,
    /// The host and port that the request went to.
    pub host: String,
    /// Why there was no answer.
    pub kind: TransportKind,
    /// Whether this host has answered before in this run.
    pub(super) answered: bool,
    /// Whether bytes of a blob moved before it went wrong.
    pub(super) moved: bool,
    #[source]
    pub(super) cause: Cause,
}

fn words(kind: TransportKind, host: &str) -> String {
    match kind {
        TransportKind::Connect => format!("cannot reach `{host}`"),
        TransportKind::Certificate => format!("the certificate of `{host}` is not trusted"),
        TransportKind::NotTls => format!("`{host}` does not speak TLS"),
        TransportKind::Refused => format!("`{host}` refuses the TLS connection"),
        TransportKind::Stalled => format!("`{host}` made no progress"),
        TransportKind::Broken => format!("the connection to `{host}` broke"),
        TransportKind::Malformed => format!("`{host}` does not answer in HTTP"),
        TransportKind::Private => format!("`{host}` is at a private address, and whoever leads there is not"),
    }
}

impl TransportKind {
    pub(super) fn of(error: &reqwest::Error) -> Self {
        match tls_error(error) {
            Some(rustls::Error::InvalidCertificate(_)) => Self::Certificate,
            Some(rustls::Error::InvalidMessage(_)) => Self::NotTls,
            // `close_notify` and the server's own trouble are no refusal.
            Some(rustls::Error::AlertReceived(alert))
                if !matches!(alert, AlertDescription::CloseNotify | AlertDescription::InternalError) =>
            {
                Self::Refused
            }
            _ if private_name(error).is_some() => Self::Private,
            _ if error.is_connect() || error.is_dns() => Self::Connect,
            _ if error.is_timeout() => Self::Stalled,
            _ if is_malformed(error) => Self::Malformed,
            _ => Self::Broken,
        }
    }
}

/// Finds what TLS said. An `io::Error` that wraps an error has only that one's source as its own, so both ways are
/// followed.
fn tls_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    if let Some(found) = error.downcast_ref() {
        return Some(found);
    }
    let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    wrapped.and_then(|inner| tls_error(inner)).or_else(|| error.source().and_then(tls_error))
}

/// Whether what came could not be read as the head of an answer.
fn is_malformed(error: &(dyn Error + 'static)) -> bool {
    let parse = error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse);
    parse || error.source().is_some_and(is_malformed)
}

impl TransportError {
    pub(super) fn cause_of(error: &reqwest::Error) -> Cause {
        Cause(describe(error))
    }

    pub(super) fn class(&self) -> Class {
        match self.kind {
            TransportKind::Certificate | TransportKind::NotTls | TransportKind::Refused | TransportKind::Private => {
                Class::Fatal
            }
            // Not for long: a server that is being restarted may say anything.
            TransportKind::Malformed => Class::Suspect,
            TransportKind::Connect if !self.answered => Class::Unreached,
            _ => Class::Transient,
        }
    }
}

impl Hint for TransportError {
    fn hint(&self) -> Option<String> {
        let host = &self.host;
        Some(match self.kind {
            TransportKind::Connect => {
                format!("check the name `{host}`, the network, and HTTPS_PROXY and NO_PROXY")
            }
            TransportKind::Certificate => format!(
                "name the authority that signed it: `hosts: {{{host}: {{ca: FILE}}}}` in the user configuration, or \
                 SSL_CERT_FILE"
            ),
            TransportKind::NotTls => {
                format!("if that is meant, set `hosts: {{{host}: {{scheme: http}}}}` in the user configuration")
            }
            TransportKind::Refused => format!(
                "if it asks for a client certificate, name one: `hosts: {{{host}: {{cert: FILE, key: FILE}}}}` in the \
                 user configuration"
            ),
            TransportKind::Private => {
                format!("if that is meant, name it in the user configuration: `hosts: {{{host}: {{scheme: https}}}}`")
            }
            TransportKind::Malformed => format!("check that `{host}` is a registry, and the port"),
            TransportKind::Stalled | TransportKind::Broken => return None,
        })
    }
}
