//! Error answers of registries and token services: read leniently, bounded, and put into words.

use std::fmt;
use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::Value;

use super::ecr::{Denied, EcrHost};
use super::retry::{self, Class};
use crate::ground::Hint;

/// The longest error body that is read, in bytes.
pub(super) const BODY_LIMIT: usize = 64 * 1024;
/// The longest message that is shown, in characters.
const MESSAGE_LIMIT: usize = 400;

/// One entry of an error body (distribution-spec, "Error Codes").
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// The code, such as `NAME_UNKNOWN`; empty where the server gave none.
    pub code: String,
    /// What the server says, in one line, with the queries of URLs taken out.
    pub message: String,
}

/// An answer that is an error.
#[derive(Clone, Debug)]
pub struct ResponseError {
    /// The request's method.
    pub method: Method,
    /// The request's path, or its URL where another host than the registry answered; without secrets.
    pub target: String,
    /// The status.
    pub status: StatusCode,
    /// What the body says.
    pub refusals: Vec<Refusal>,
    /// The registry's host, as references name it.
    pub host: String,
    /// The repository's name.
    pub repository: String,
    /// The tag that was written or read, if it was one.
    pub tag: Option<String>,
    /// Where the credentials came from that were sent along.
    pub credential: String,
    pub(super) ecr: Option<EcrHost>,
    /// The `WWW-Authenticate` headers.
    pub(super) challenges: Vec<String>,
    pub(super) retry_after: Option<Duration>,
    /// Whether another host than the registry answered, after a redirect.
    pub(super) foreign: bool,
    /// Whether the credentials were renewed since: a new attempt will use better ones.
    pub(super) renewed: bool,
}

impl ResponseError {
    /// Returns whether one of the entries has a code.
    pub fn has_code(&self, code: &str) -> bool {
        self.refusals.iter().any(|refusal| refusal.code == code)
    }

    /// Returns whether the registry says that credentials which were good are so no more.
    pub(super) fn says_expired(&self) -> bool {
        self.refusals.iter().any(|refusal| refusal.message.to_ascii_lowercase().contains("expired"))
    }

    fn says_immutable(&self) -> bool {
        self.refusals.iter().any(|refusal| refusal.message.to_ascii_lowercase().contains("immutable"))
    }

    pub(super) fn class(&self) -> Class {
        // A presigned URL that has run out: the registry gives a new one.
        if self.renewed || (self.foreign && matches!(self.status.as_u16(), 400 | 401 | 403)) {
            return Class::Suspect;
        }
        retry::class(self.status.as_u16(), self.refusals.iter().map(|refusal| refusal.code.as_str()))
    }

    fn words(&self) -> Option<String> {
        if self.has_code("NAME_UNKNOWN") {
            return Some(format!("repository `{}` does not exist", self.repository));
        }
        if self.says_immutable() {
            let tag = self.tag.as_deref().unwrap_or_default();
            return Some(format!("tag `{tag}` exists already, and tags of `{}` are immutable", self.repository));
        }
        self.refusals.iter().map(|refusal| refusal.message.clone()).find(|message| !message.is_empty())
    }
}

impl fmt::Display for ResponseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.method, self.target, self.status.as_u16())?;
        let code = self.refusals.iter().map(|refusal| refusal.code.as_str()).find(|code| !code.is_empty());
        let reason = code.or(self.status.canonical_reason());
        reason.iter().try_for_each(|reason| write!(f, " {reason}"))?;
        self.words().iter().try_for_each(|words| write!(f, ": {words}"))
    }
}

impl std::error::Error for ResponseError {}

impl Hint for ResponseError {
    fn hint(&self) -> Option<String> {
        let Self { host, repository, .. } = self;
        if self.has_code("NAME_UNKNOWN") {
            return Some(match &self.ecr {
                Some(ecr) => {
                    format!(
                        "add `repository: {{create: true}}` to the build file, or run `aws ecr create-repository \
                         --repository-name {repository} --region {}`",
                        ecr.region
                    )
                }
                None => format!("create repository `{repository}` at `{host}`, or check its name"),
            });
        }
        if self.says_immutable() {
            return Some(match &self.ecr {
                Some(ecr) => format!(
                    "push another tag, or run `aws ecr put-image-tag-mutability --repository-name {repository} \
                     --image-tag-mutability MUTABLE --region {}`",
                    ecr.region
                ),
                None => "push another tag".to_owned(),
            });
        }
        match self.status.as_u16() {
            401 | 403 => Some(self.login()),
            404 => Some(format!(
                "check the name and the tag; `{host}` may also hide what the credentials, from {}, may not see",
                self.credential
            )),
            413 => Some(format!("a proxy before `{host}` limits the size of requests; raise its limit")),
            429 => Some(format!("`{host}` limits requests; wait, or log in for a higher limit")),
            400 if self.has_code("DIGEST_INVALID") => Some("the bytes changed on their way; run it again".to_owned()),
            _ => None,
        }
    }
}

impl ResponseError {
    fn login(&self) -> String {
        let Self { host, credential, .. } = self;
        if let Some(denied) = self.refusals.iter().find_map(|refusal| Denied::parse(&refusal.message)) {
            return format!("{} (the credentials came from {credential})", denied.remedy());
        }
        match &self.ecr {
            Some(ecr) => format!(
                "the credentials came from {credential}; check with `aws sts get-caller-identity` who they are, and \
                 that they may push to account {} in {}",
                ecr.account, ecr.region
            ),
            None => format!("the credentials came from {credential}; run `docker login {host}`, or check their rights"),
        }
    }
}

/// The longest body that is no JSON and yet worth showing: Go's `Client sent an HTTP request to an HTTPS server.`
const WORDS_LIMIT: usize = 512;

/// Reads an error body. Pages of proxies, XML of object stores and the like give no entry; a few plain words do.
pub(super) fn refusals(body: &[u8]) -> Vec<Refusal> {
    let Ok(document) = serde_json::from_slice::<Value>(body) else {
        let words = std::str::from_utf8(body).ok().filter(|text| body.len() <= WORDS_LIMIT && !text.contains('<'));
        let message = words.map(one_line).filter(|message| !message.is_empty());
        return message.map(|message| Refusal { code: String::new(), message }).into_iter().collect();
    };
    let entries = match document.get("errors") {
        Some(Value::Array(errors)) => errors.iter().take(16).map(entry).collect(),
        // Token services answer in other ways: OAuth2's `error_description`, Docker Hub's `details`.
        _ => vec![entry(&document)],
    };
    entries.into_iter().filter(|refusal: &Refusal| *refusal != Refusal::default()).collect()
}

fn entry(value: &Value) -> Refusal {
    let text = |keys: &[&str]| keys.iter().find_map(|key| value.get(key).and_then(Value::as_str)).unwrap_or_default();
    let code: String = text(&["code"]).chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(64).collect();
    Refusal { code, message: one_line(text(&["message", "details", "error_description", "error"])) }
}

/// Makes a server's words fit to print: one line, bounded, no control characters, no query in a URL.
pub(super) fn one_line(text: &str) -> String {
    let clean: String = text.chars().map(|c| if is_hidden(c) { ' ' } else { c }).take(MESSAGE_LIMIT).collect();
    clean.split_whitespace().map(without_secrets).collect::<Vec<_>>().join(" ")
}

/// Returns a word without the query and the user of a URL, also where its scheme is left out.
fn without_secrets(word: &str) -> String {
    let mut word = match word.split_once('?') {
        Some((url, query)) if url.contains("://") || query.contains('=') => format!("{url}?***"),
        _ => word.to_owned(),
    };
    let start = word.find("://").map(|at| at + "://".len());
    if let Some(start) = start {
        let end = word[start..].find(['/', '?', '#']).map_or(word.len(), |at| start + at);
        if let Some(at) = word[start..end].rfind('@') {
            word.replace_range(start..start + at, "***");
        }
    }
    word
}

/// Whether a character changes how a terminal shows those around it: controls, and the marks of text direction.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}
