//! Upload sessions: bytes go to a file while they are hashed, never to memory.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::{HeaderName, Method, StatusCode, header};
use tokio::sync::OwnedMutexGuard;

use super::blob::CONTENT_DIGEST;
use super::route::{Ask, parse_digest};
use super::{Registry, RegistryError};
use crate::ground::FileError;
use crate::oci::{Digest, Hasher};
use crate::sandbox::answer::{self, Answer};
use crate::sandbox::personality::MountRule;
use crate::sandbox::request_body::RequestBody;
use crate::sandbox::state;

/// A session that collects the bytes of one blob.
pub(super) struct Upload {
    repository: String,
    path: PathBuf,
    file: File,
    hasher: Hasher,
    /// The bytes of the first chunk: where ECR's `Range` header stays.
    first_part: u64,
    /// The bytes of the newest chunk.
    last_part: u64,
    /// Whether a chunk that was not the last is smaller than allowed.
    has_short_part: bool,
}

impl Upload {
    fn create(repository: &str, path: &Path) -> Result<Self, FileError> {
        let file = File::create(path).map_err(FileError::on("create", path))?;
        let (repository, path) = (repository.to_owned(), path.to_owned());
        let hasher = Hasher::default();
        Ok(Self { repository, path, file, hasher, first_part: 0, last_part: 0, has_short_part: false })
    }

    fn received(&self) -> u64 {
        self.hasher.length()
    }

    /// Takes a request's body. What arrived before a connection broke stays, as with ECR.
    async fn receive(&mut self, body: &mut RequestBody, least_part: u64) -> Result<(), RegistryError> {
        let before = self.received();
        let previous_part = self.last_part;
        while let Some(chunk) = body.chunk().await.map_err(|_| RegistryError::broken())? {
            self.file.write_all(&chunk).map_err(FileError::on("write", &self.path))?;
            self.hasher.update(&chunk);
            self.last_part = self.received() - before;
            if before == 0 {
                self.first_part = self.last_part;
            } else {
                self.has_short_part |= previous_part < least_part;
            }
        }
        Ok(())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        // A file that became a blob is no longer there; one that cannot be removed goes with the next start.
        let _ = fs::remove_file(&self.path);
    }
}

/// Answers POST: mounts a blob, takes one whole, or opens a session.
pub(super) async fn start(registry: &Registry, mut ask: Ask) -> Result<Answer, RegistryError> {
    if ask.method != Method::POST {
        return Err(RegistryError::unsupported(StatusCode::METHOD_NOT_ALLOWED));
    }
    if !registry.repositories().contains_key(&ask.repository) {
        return Err(RegistryError::name_unknown(&ask.repository, &registry.account));
    }
    if let (Some(digest), Some(source)) = (ask.query("mount"), ask.query("from")) {
        let digest = parse_digest(digest)?;
        if can_mount(registry, source, &ask.repository, digest) {
            registry.link_blob(&ask.repository, digest)?;
            return Ok(created(&ask.repository, digest));
        }
    }
    let id = format!("{:016x}{:016x}", state::random(), state::random());
    let mut upload = Upload::create(&ask.repository, &registry.upload_path(&id))?;
    if let Some(digest) = ask.query("digest").map(parse_digest).transpose()? {
        upload.receive(&mut ask.body, 0).await?;
        finish(registry, &id, &upload, digest)?;
        return Ok(created(&ask.repository, digest));
    }
    let answer = progress(StatusCode::ACCEPTED, &id, &upload, false);
    registry.uploads().insert(id, Arc::new(tokio::sync::Mutex::new(upload)));
    Ok(answer)
}

fn can_mount(registry: &Registry, source: &str, target: &str, digest: Digest) -> bool {
    let repositories = registry.repositories();
    // Blobs move between repositories of one encryption only (ECR, "Blob mounting").
    let encryption = |name: &str| repositories.get(name)?.document.settings.others.get("encryptionConfiguration");
    repositories.get(source).is_some_and(|repository| {
        repository.blobs.contains(&digest)
            && encryption(source) == encryption(target)
            && match registry.personality.mount {
                MountRule::Never => false,
                MountRule::Committed => repository.is_committed(digest),
                MountRule::Present => true,
            }
    })
}

/// Answers GET, PATCH, PUT and DELETE of a session.
pub(super) async fn go_on(registry: &Registry, mut ask: Ask, id: &str) -> Result<Answer, RegistryError> {
    let mut upload = lock(registry, &ask.repository, id)?;
    match ask.method {
        Method::GET if registry.personality.upload_status => Ok(progress(StatusCode::NO_CONTENT, id, &upload, false)),
        Method::GET => Err(RegistryError::upload_unknown(id)),
        Method::DELETE => {
            registry.uploads().remove(id);
            Ok(answer::empty(StatusCode::NO_CONTENT))
        }
        Method::PATCH => {
            check_position(registry, &ask, id, &upload)?;
            upload.receive(&mut ask.body, registry.personality.least_part).await?;
            let status = StatusCode::from_u16(registry.personality.patch_status).unwrap_or(StatusCode::ACCEPTED);
            Ok(progress(status, id, &upload, registry.personality.stale_range))
        }
        Method::PUT => {
            let missing = || RegistryError::digest_invalid("the parameter `digest` is missing");
            let digest = parse_digest(ask.query("digest").ok_or_else(missing)?)?;
            check_position(registry, &ask, id, &upload)?;
            upload.receive(&mut ask.body, registry.personality.least_part).await?;
            registry.uploads().remove(id);
            finish(registry, id, &upload, digest)?;
            Ok(created(&ask.repository, digest))
        }
        _ => Err(RegistryError::unsupported(StatusCode::METHOD_NOT_ALLOWED)),
    }
}

fn lock(registry: &Registry, repository: &str, id: &str) -> Result<OwnedMutexGuard<Upload>, RegistryError> {
    let upload = registry.uploads().get(id).cloned().ok_or_else(|| RegistryError::upload_unknown(id))?;
    let busy = |_| RegistryError::upload_invalid(StatusCode::CONFLICT, "another request writes to this upload");
    let upload = upload.try_lock_owned().map_err(busy)?;
    if upload.repository == repository { Ok(upload) } else { Err(RegistryError::upload_unknown(id)) }
}

/// Checks that a chunk begins where the session ends (distribution-spec, "Pushing a blob in chunks").
fn check_position(registry: &Registry, ask: &Ask, id: &str, upload: &Upload) -> Result<(), RegistryError> {
    let first = match ask.header("content-range").map(|range| range.split_once('-')) {
        Some(Some((first, _))) => first.parse::<u64>().ok(),
        Some(None) => None,
        None if has_body(ask) && registry.personality.refuses_replay => Some(0),
        None => Some(upload.received()),
    };
    let Some(first) = first else {
        return Err(RegistryError::upload_invalid(StatusCode::BAD_REQUEST, "the header `Content-Range` is malformed"));
    };
    if first == upload.received() {
        return Ok(());
    }
    let message = format!("First byte of the layer part is {first} instead of {}", upload.received());
    Err(RegistryError::upload_invalid(StatusCode::RANGE_NOT_SATISFIABLE, message)
        .with_header("location", &location(&upload.repository, id))
        .with_header("range", &range(upload, registry.personality.stale_range)))
}

fn has_body(ask: &Ask) -> bool {
    match ask.header("content-length") {
        Some(length) => length != "0",
        None => ask.headers.contains_key(header::TRANSFER_ENCODING),
    }
}

/// Ends a session: what it holds becomes a blob, or is gone when the session is dropped.
fn finish(registry: &Registry, id: &str, upload: &Upload, digest: Digest) -> Result<(), RegistryError> {
    let bad = |message: String| Err(RegistryError::upload_invalid(StatusCode::BAD_REQUEST, message));
    if upload.received() == 0 && !registry.personality.empty_blobs {
        return bad(format!("The upload with id '{id}' cannot be completed because it does not have any parts"));
    }
    if upload.has_short_part {
        return bad("Layer parts must be at least 5242880 bytes, except for the last".to_owned());
    }
    let computed = upload.hasher.clone().finish();
    if computed != digest {
        let message = format!("The layer has digest {computed}, not {digest}");
        return Err(RegistryError::digest_invalid(message));
    }
    let path = registry.blob_path(digest);
    if !path.exists() {
        fs::rename(&upload.path, &path).map_err(FileError::on("write", &path))?;
    }
    registry.link_blob(&upload.repository, digest)
}

fn progress(status: StatusCode, id: &str, upload: &Upload, stale: bool) -> Answer {
    let mut answer = answer::empty(status);
    answer::set(&mut answer, header::LOCATION, &location(&upload.repository, id));
    answer::set(&mut answer, header::RANGE, &range(upload, stale));
    answer::set(&mut answer, HeaderName::from_static("docker-upload-uuid"), id);
    answer
}

fn created(repository: &str, digest: Digest) -> Answer {
    let mut answer = answer::empty(StatusCode::CREATED);
    answer::set(&mut answer, header::LOCATION, &format!("/v2/{repository}/blobs/{digest}"));
    answer::set(&mut answer, CONTENT_DIGEST, &digest.to_string());
    answer
}

fn location(repository: &str, id: &str) -> String {
    format!("/v2/{repository}/blobs/uploads/{id}")
}

fn range(upload: &Upload, stale: bool) -> String {
    let received = if stale { upload.first_part } else { upload.received() };
    format!("0-{}", received.saturating_sub(1))
}
