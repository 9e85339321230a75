//! From a request under `/v2/` to the noun that answers it.

use std::collections::BTreeMap;

use http::request::Parts;
use http::{HeaderMap, Method, StatusCode};

use super::{Registry, RegistryError, bearer, blob, manifest, referrer, tag, upload};
use crate::oci::{self, Digest};
use crate::sandbox::answer::{self, Answer};
use crate::sandbox::request_body::RequestBody;

/// A request, as the nouns' handlers read it.
pub(super) struct Ask {
    /// The method.
    pub(super) method: Method,
    /// The repository.
    pub(super) repository: String,
    /// The query, decoded; a key that comes twice keeps all its values.
    pub(super) query: BTreeMap<String, Vec<String>>,
    /// The headers.
    pub(super) headers: HeaderMap,
    /// The body.
    pub(super) body: RequestBody,
}

impl Ask {
    /// Returns the first value of a query key.
    pub(super) fn query(&self, key: &str) -> Option<&str> {
        self.query.get(key).and_then(|values| values.first()).map(String::as_str)
    }

    /// Returns a header that is text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// What a path names.
#[derive(Debug, PartialEq, Eq)]
enum Noun {
    Blob(String),
    Uploads,
    Upload(String),
    Manifest(String),
    Tags,
    Referrers(String),
}

/// Answers a request under `/v2/`.
pub(in crate::sandbox) async fn answer(registry: &Registry, parts: Parts, body: RequestBody) -> Answer {
    match route(registry, parts, body).await {
        Ok(answer) => answer,
        Err(error) => error.into_answer(),
    }
}

async fn route(registry: &Registry, parts: Parts, body: RequestBody) -> Result<Answer, RegistryError> {
    // A digest is the one thing with a character that clients may escape.
    let path = parts.uri.path().replace("%3A", ":").replace("%3a", ":");
    let named = parse(&path);
    bearer::let_in(registry, &parts, named.as_ref().map(|(name, _)| name.as_str()))?;
    if matches!(path.as_str(), "/v2" | "/v2/") {
        let mut answer = answer::json(StatusCode::OK, "application/json", &serde_json::json!({}));
        answer::set(&mut answer, http::HeaderName::from_static("docker-distribution-api-version"), "registry/2.0");
        return Ok(answer);
    }
    let (name, noun) = named.ok_or_else(|| RegistryError::unsupported(StatusCode::NOT_FOUND))?;
    if oci::Repository::new("localhost", &name).is_err() {
        return Err(RegistryError::name_invalid(&name));
    }
    let mut query = BTreeMap::<String, Vec<String>>::new();
    for (key, value) in url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()) {
        query.entry(key.into_owned()).or_default().push(value.into_owned());
    }
    let ask = Ask { method: parts.method, repository: name, query, headers: parts.headers, body };
    check_length(registry, &ask)?;
    if ask.method == Method::DELETE && !registry.personality.deletes && !matches!(noun, Noun::Upload(_)) {
        return Err(RegistryError::unsupported(StatusCode::METHOD_NOT_ALLOWED));
    }
    if ask.method == Method::POST && registry.personality.creates_repositories {
        registry.create_repository(&ask.repository, super::RepositorySettings::default())?;
    }
    match noun {
        Noun::Blob(digest) => blob::answer(registry, &ask, parse_digest(&digest)?).await,
        Noun::Uploads => upload::start(registry, ask).await,
        Noun::Upload(id) => upload::go_on(registry, ask, &id).await,
        Noun::Manifest(reference) => manifest::answer(registry, ask, &reference).await,
        Noun::Tags => tag::list(registry, &ask),
        Noun::Referrers(digest) => referrer::list(registry, &ask, parse_digest(&digest)?),
    }
}

/// Refuses a body that is too long before any of it is read, as a proxy does.
fn check_length(registry: &Registry, ask: &Ask) -> Result<(), RegistryError> {
    let length = ask.header("content-length").and_then(|length| length.parse::<u64>().ok());
    match (length, registry.personality.longest_body) {
        (Some(length), Some(longest)) if length > longest => {
            Err(RegistryError::new(StatusCode::PAYLOAD_TOO_LARGE, "", "client intended to send too large body"))
        }
        _ => Ok(()),
    }
}

/// Reads a digest; as with ECR, SHA-256 is the only algorithm.
pub(super) fn parse_digest(text: &str) -> Result<Digest, RegistryError> {
    text.parse().map_err(|error: oci::DigestError| RegistryError::digest_invalid(error.to_string()))
}

fn parse(path: &str) -> Option<(String, Noun)> {
    let segments: Vec<&str> = path.strip_prefix("/v2/")?.split('/').collect();
    let (name, noun) = match segments.as_slice() {
        [name @ .., "blobs", "uploads"] | [name @ .., "blobs", "uploads", ""] => (name, Noun::Uploads),
        [name @ .., "blobs", "uploads", id] => (name, Noun::Upload((*id).to_owned())),
        [name @ .., "blobs", digest] => (name, Noun::Blob((*digest).to_owned())),
        [name @ .., "manifests", reference] => (name, Noun::Manifest((*reference).to_owned())),
        [name @ .., "tags", "list"] => (name, Noun::Tags),
        [name @ .., "referrers", digest] => (name, Noun::Referrers((*digest).to_owned())),
        _ => return None,
    };
    (!name.is_empty()).then(|| (name.join("/"), noun))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_read_from_its_end() {
        let name = |path| parse(path).map(|(name, _)| name);
        assert_eq!(name("/v2/a/b/blobs/uploads/").as_deref(), Some("a/b"));
        assert_eq!(name("/v2/blobs/manifests/latest").as_deref(), Some("blobs"));
        assert_eq!(parse("/v2/a/blobs/uploads/7").map(|(_, noun)| noun), Some(Noun::Upload("7".to_owned())));
        assert_eq!(name("/v2/manifests/latest"), None);
        assert_eq!(name("/v1/a/tags/list"), None);
    }
}
