//! Image references: `registry/repository:tag@digest`.

use std::fmt;
use std::str::FromStr;

use super::{Digest, DigestError};

/// A repository in a registry: the host with its port, and the name (distribution-spec, "Pulling manifests").
///
/// Docker Hub's short forms are written out: `php` is `docker.io/library/php`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Repository {
    host: String,
    name: String,
}

/// A tag: at most 128 letters, digits, `_`, `.` and `-`, the first no `.` or `-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(String);

/// An image in a registry, by tag, by digest or by both.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// Where it is.
    pub repository: Repository,
    /// Its tag, if it was named by one.
    pub tag: Option<Tag>,
    /// Its digest, if it is pinned; it decides where both are given.
    pub digest: Option<Digest>,
}

/// A text that is no tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a tag: 1 to 128 letters, digits, `_`, `.` or `-`, not beginning with `.` or `-`")]
pub struct TagError(pub String);

/// A text that is no image reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// The name of the repository has characters that registries refuse.
    #[error("`{0}` is not a repository name: lower-case letters and digits, separated by `.`, `_`, `__`, `-` or `/`")]
    Name(String),
    /// The part before the first slash is no host.
    #[error("`{0}` is not a registry host")]
    Host(String),
    /// The tag is malformed.
    #[error(transparent)]
    Tag(#[from] TagError),
    /// The digest is malformed.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// A tag or digest stands where only a repository may.
    #[error("`{0}` has a tag or a digest where only `registry/repository` may stand")]
    NotBare(String),
}

/// The name of Docker Hub in references; its API answers at `registry-1.docker.io`.
const DOCKER_HUB: &str = "docker.io";

impl Reference {
    /// Returns the reference with this digest in place of its own.
    pub fn pinned(&self, digest: Digest) -> Self {
        Self { digest: Some(digest), ..self.clone() }
    }
}

impl Repository {
    /// Makes a repository from its parts.
    ///
    /// # Errors
    /// When the name or the host has characters that registries refuse.
    pub fn new(host: &str, name: &str) -> Result<Self, ReferenceError> {
        check_host(host)?;
        check_name(name)?;
        Ok(Self { host: host.to_owned(), name: name.to_owned() })
    }

    /// Returns the registry's host, with its port if it has one: the identity that credentials are kept under.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the name within the registry.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the reference of an image here by its tag.
    pub fn tagged(&self, tag: Tag) -> Reference {
        Reference { repository: self.clone(), tag: Some(tag), digest: None }
    }

    /// Returns the reference of an image here by its digest.
    pub fn pinned(&self, digest: Digest) -> Reference {
        Reference { repository: self.clone(), tag: None, digest: Some(digest) }
    }
}

fn check_host(host: &str) -> Result<(), ReferenceError> {
    let error = || ReferenceError::Host(host.to_owned());
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
        _ => (host, None),
    };
    if port.is_some_and(|port| port.parse::<u16>().is_err()) {
        return Err(error());
    }
    let inside_brackets = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let good = match inside_brackets {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !name.is_empty()
                && name.split('.').all(|label| {
                    !label.is_empty()
                        && !label.starts_with('-')
                        && !label.ends_with('-')
                        && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                })
        }
    };
    if good { Ok(()) } else { Err(error()) }
}

/// Checks `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*` in each component.
fn check_name(name: &str) -> Result<(), ReferenceError> {
    let component = |text: &str| {
        let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let separators = text.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
        let bytes = text.as_bytes();
        !bytes.is_empty()
            && alphanumeric(bytes[0])
            && alphanumeric(bytes[bytes.len() - 1])
            && separators
                .filter(|s| !s.is_empty())
                .all(|s| matches!(s, "." | "_" | "__") || s.bytes().all(|b| b == b'-'))
    };
    if name.len() <= 255 && name.split('/').all(component) {
        Ok(())
    } else {
        Err(ReferenceError::Name(name.to_owned()))
    }
}

impl FromStr for Repository {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let reference: Reference = text.parse()?;
        if reference.tag.is_some() || reference.digest.is_some() {
            return Err(ReferenceError::NotBare(text.to_owned()));
        }
        Ok(reference.repository)
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.name)
    }
}

impl Tag {
    /// Returns the tag's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The tag that a reference without tag and digest means.
    pub fn latest() -> Self {
        Self("latest".to_owned())
    }
}

impl FromStr for Tag {
    type Err = TagError;

    fn from_str(text: &str) -> Result<Self, TagError> {
        let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        let good = text.len() <= 128
            && text.bytes().next().is_some_and(word)
            && text.bytes().all(|b| word(b) || b == b'.' || b == b'-');
        if good { Ok(Self(text.to_owned())) } else { Err(TagError(text.to_owned())) }
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    /// Reads a reference. The part before the first slash is a host if it has a `.` or a `:` or is `localhost`.
    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.parse()?)),
            None => (text, None),
        };
        let (rest, tag) = match rest.rsplit_once(':') {
            Some((before, tag)) if !tag.contains('/') => (before, Some(tag.parse()?)),
            _ => (rest, None),
        };
        let (host, name) = match rest.split_once('/') {
            Some((host, name)) if host.contains(['.', ':']) || host == "localhost" => (host, name),
            _ => (DOCKER_HUB, rest),
        };
        let host = if matches!(host, "index.docker.io" | "registry-1.docker.io") { DOCKER_HUB } else { host };
        let name = if host == DOCKER_HUB && !name.contains('/') && !name.is_empty() {
            format!("library/{name}")
        } else {
            name.to_owned()
        };
        Ok(Self { repository: Repository::new(host, &name)?, tag, digest })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.repository)?;
        self.tag.iter().try_for_each(|tag| write!(f, ":{tag}"))?;
        self.digest.iter().try_for_each(|digest| write!(f, "@{digest}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[track_caller]
    fn check(text: &str, expect: &str) {
        let printed = text.parse::<Reference>().map_or_else(|error| error.to_string(), |r| r.to_string());
        assert_eq!(printed, expect, "{text}");
    }

    #[test]
    fn references_are_written_out() {
        check("php", "docker.io/library/php");
        check("php:8.3-apache", "docker.io/library/php:8.3-apache");
        check("index.docker.io/bitnami/php", "docker.io/bitnami/php");
        check("localhost/a", "localhost/a");
        check("127.0.0.1:5000/a/b:c", "127.0.0.1:5000/a/b:c");
        check("[::1]:5000/a", "[::1]:5000/a");
        check(&format!("example.com/a:b@{DIGEST}"), &format!("example.com/a:b@{DIGEST}"));
    }

    #[test]
    fn bad_references_say_what_is_wrong() {
        for text in ["", "example.com/", "example.com/A", "example.com/a//b", "a..b", "a___b", "-a", "example.com/a b"]
        {
            assert!(matches!(text.parse::<Reference>(), Err(ReferenceError::Name(_))), "{text}");
        }
        assert!(matches!("example.com/a:.b".parse::<Reference>(), Err(ReferenceError::Tag(_))));
        assert!(matches!("example.com/a@sha256:1".parse::<Reference>(), Err(ReferenceError::Digest(_))));
        assert!(matches!("exa_mple.com/a".parse::<Reference>(), Err(ReferenceError::Host(_))));
        assert!(matches!("example.com/a:b".parse::<Repository>(), Err(ReferenceError::NotBare(_))));
    }
}
