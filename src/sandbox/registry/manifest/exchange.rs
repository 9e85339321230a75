//! HEAD, GET, PUT and DELETE of manifests.

use http::{HeaderName, Method, StatusCode, header};

use super::acceptance;
use crate::ground::{FileError, files};
use crate::oci::{Digest, Tag};
use crate::sandbox::answer::{self, Answer};
use crate::sandbox::registry::blob::CONTENT_DIGEST;
use crate::sandbox::registry::route::{Ask, parse_digest};
use crate::sandbox::registry::{Registry, RegistryError, Repository, StoredManifest};
use crate::sandbox::request_body::BodyError;

/// Answers a request for a manifest.
pub(in crate::sandbox::registry) async fn answer(
    registry: &Registry,
    mut ask: Ask,
    reference: &str,
) -> Result<Answer, RegistryError> {
    match ask.method {
        Method::HEAD | Method::GET => read(registry, &ask, reference),
        Method::DELETE => delete(registry, &ask, reference),
        Method::PUT => {
            let bytes = ask.body.collect(acceptance::LARGEST_MANIFEST).await.map_err(|error| match error {
                BodyError::TooLarge => RegistryError::new(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    "SIZE_INVALID",
                    "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Member must have length less \
                     than or equal to 4194304'",
                ),
                BodyError::Broken => RegistryError::broken(),
            })?;
            write(registry, &ask, reference, &bytes)
        }
        _ => Err(RegistryError::unsupported(StatusCode::METHOD_NOT_ALLOWED)),
    }
}

fn read(registry: &Registry, ask: &Ask, reference: &str) -> Result<Answer, RegistryError> {
    let repositories = registry.repositories();
    let repository = named(&repositories, registry, &ask.repository)?;
    let digest = repository.manifest_digest(reference).ok_or_else(|| absent(registry, reference))?;
    let manifest = &repository.document.manifests[&digest];
    let is_head = ask.method == Method::HEAD;
    let mut answer = if is_head {
        answer::empty(StatusCode::OK)
    } else {
        answer::bytes(StatusCode::OK, &manifest.media_type, files::read(&registry.blob_path(digest))?)
    };
    answer::set(&mut answer, header::CONTENT_TYPE, &manifest.media_type);
    answer::set(&mut answer, header::CONTENT_LENGTH, &manifest.size.to_string());
    if is_head || registry.personality.digest_on_get {
        answer::set(&mut answer, CONTENT_DIGEST, &digest.to_string());
    }
    Ok(answer)
}

fn absent(registry: &Registry, reference: &str) -> RegistryError {
    match StatusCode::from_u16(registry.personality.absent_manifest) {
        Ok(StatusCode::FORBIDDEN) => RegistryError::new(StatusCode::FORBIDDEN, "DENIED", "forbidden"),
        _ => RegistryError::manifest_unknown(reference),
    }
}

fn write(registry: &Registry, ask: &Ask, reference: &str, bytes: &[u8]) -> Result<Answer, RegistryError> {
    let wanted = if reference.contains(':') { Some(parse_digest(reference)?) } else { None };
    if wanted.is_some_and(|wanted| wanted != Digest::of(bytes)) {
        return Err(RegistryError::digest_invalid("The digest of the manifest is not the one it is pushed by"));
    }
    let mut tags: Vec<&str> = if wanted.is_none() { vec![reference] } else { Vec::new() };
    if registry.personality.many_tags && wanted.is_some() {
        tags.extend(ask.query.get("tag").into_iter().flatten().map(String::as_str));
    }
    let (digest, subject) = admit(registry, &ask.repository, bytes, ask.header("content-type"), &tags)?;
    let mut answer = answer::empty(StatusCode::CREATED);
    answer::set(&mut answer, CONTENT_DIGEST, &digest.to_string());
    let subject = subject.filter(|_| registry.personality.referrers);
    if registry.personality.manifest_location {
        let location = format!("/v2/{}/manifests/{digest}", ask.repository);
        answer::set(&mut answer, header::LOCATION, &location);
    }
    if let Some(subject) = subject {
        answer::set(&mut answer, HeaderName::from_static("oci-subject"), &subject.to_string());
    }
    for tag in tags.iter().filter(|_| wanted.is_some()) {
        if let Ok(value) = tag.parse() {
            answer.headers_mut().append(HeaderName::from_static("oci-tag"), value);
        }
    }
    Ok(answer)
}

/// Takes a manifest into a repository under tags, and returns its digest and its subject.
///
/// # Errors
/// When the repository, the tags or the manifest are refused.
pub(in crate::sandbox::registry) fn admit(
    registry: &Registry,
    name: &str,
    bytes: &[u8],
    content_type: Option<&str>,
    tags: &[&str],
) -> Result<(Digest, Option<Digest>), RegistryError> {
    let (document, stored) = acceptance::read(bytes, content_type, &registry.personality)?;
    let digest = document.digest();
    let mut repositories = registry.repositories();
    let repository = repositories.get_mut(name).ok_or_else(|| RegistryError::name_unknown(name, &registry.account))?;
    let size_of = |blob| registry.blob_size(repository, blob);
    acceptance::check_references(&document, repository, size_of, &registry.account)?;
    tags.iter().try_for_each(|tag| check_tag(repository, tag, digest))?;
    registry.store_bytes(bytes)?;
    let subject = stored.subject;
    let mut next = repository.document.clone();
    let pushed_at = registry.now().millis();
    next.manifests.entry(digest).or_insert(StoredManifest { pushed_at, ..stored });
    next.tags.extend(tags.iter().map(|tag| ((*tag).to_owned(), digest)));
    keep(registry, repository, next)?;
    Ok((digest, subject))
}

fn check_tag(repository: &Repository, tag: &str, digest: Digest) -> Result<(), RegistryError> {
    if let Err(error) = tag.parse::<Tag>() {
        return Err(RegistryError::new(StatusCode::BAD_REQUEST, "TAG_INVALID", error.to_string()));
    }
    let settings = &repository.document.settings;
    let moves = repository.document.tags.get(tag).is_some_and(|at| *at != digest);
    match settings.immutability.forbids(tag, &settings.exclusions) {
        Some(what) if moves => {
            let message = format!(
                "The image tag '{tag}' already exists in the '{}' repository and cannot be overwritten because the \
                 {what} is immutable.",
                repository.document.name
            );
            Err(RegistryError::new(StatusCode::BAD_REQUEST, "TAG_INVALID", message))
        }
        _ => Ok(()),
    }
}

fn delete(registry: &Registry, ask: &Ask, reference: &str) -> Result<Answer, RegistryError> {
    let mut repositories = registry.repositories();
    let repository = repositories
        .get_mut(&ask.repository)
        .ok_or_else(|| RegistryError::name_unknown(&ask.repository, &registry.account))?;
    let digest = repository.manifest_digest(reference).ok_or_else(|| RegistryError::manifest_unknown(reference))?;
    let mut next = repository.document.clone();
    if reference.contains(':') {
        next.manifests.remove(&digest);
        next.tags.retain(|_, at| *at != digest);
    } else {
        next.tags.remove(reference);
    }
    keep(registry, repository, next)?;
    Ok(answer::empty(StatusCode::ACCEPTED))
}

/// Writes a repository's new document first, and shows it to others only then.
fn keep(
    registry: &Registry,
    repository: &mut Repository,
    next: super::super::repository::RepositoryDocument,
) -> Result<(), FileError> {
    let previous = std::mem::replace(&mut repository.document, next);
    registry.save(repository).inspect_err(|_| repository.document = previous)
}

fn named<'a>(
    repositories: &'a std::collections::BTreeMap<String, Repository>,
    registry: &Registry,
    name: &str,
) -> Result<&'a Repository, RegistryError> {
    repositories.get(name).ok_or_else(|| RegistryError::name_unknown(name, &registry.account))
}
