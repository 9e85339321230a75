//! Blobs: whether they exist, their bytes, and their removal.

use std::io::SeekFrom;

use futures_util::TryStreamExt;
use http::{HeaderName, Method, StatusCode, header};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

use super::route::Ask;
use super::{Registry, RegistryError};
use crate::ground::FileError;
use crate::oci::Digest;
use crate::sandbox::answer::{self, Answer};

/// The header that names content by its digest.
pub(super) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// How much of a file is in memory at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// Answers HEAD, GET and DELETE of a blob.
pub(super) async fn answer(registry: &Registry, ask: &Ask, digest: Digest) -> Result<Answer, RegistryError> {
    match ask.method {
        Method::HEAD | Method::GET => read(registry, ask, digest).await,
        Method::DELETE => {
            find(registry, &ask.repository, digest)?;
            registry.unlink_blob(&ask.repository, digest)?;
            Ok(answer::empty(StatusCode::ACCEPTED))
        }
        _ => Err(RegistryError::unsupported(StatusCode::METHOD_NOT_ALLOWED)),
    }
}

/// Returns the size of a blob of a repository.
fn find(registry: &Registry, repository: &str, digest: Digest) -> Result<u64, RegistryError> {
    let repositories = registry.repositories();
    let held =
        repositories.get(repository).ok_or_else(|| RegistryError::name_unknown(repository, &registry.account))?;
    registry.blob_size(held, digest).ok_or_else(|| RegistryError::blob_unknown(digest))
}

async fn read(registry: &Registry, ask: &Ask, digest: Digest) -> Result<Answer, RegistryError> {
    let size = find(registry, &ask.repository, digest)?;
    let range =
        if ask.method == Method::GET { ask.header("range").and_then(|text| Range::parse(text, size)) } else { None };
    let (first, length, status) = match range {
        None => (0, size, StatusCode::OK),
        Some(Range::Bytes { first, last }) => (first, last - first + 1, StatusCode::PARTIAL_CONTENT),
        Some(Range::Beyond) => return Ok(beyond(size)),
    };
    let mut answer = if ask.method == Method::HEAD {
        answer::empty(status)
    } else {
        stream(registry, digest, first, length, status).await?
    };
    answer::set(&mut answer, header::CONTENT_LENGTH, &length.to_string());
    answer::set(&mut answer, header::CONTENT_TYPE, "application/octet-stream");
    answer::set(&mut answer, header::ACCEPT_RANGES, "bytes");
    answer::set(&mut answer, CONTENT_DIGEST, &digest.to_string());
    if status == StatusCode::PARTIAL_CONTENT {
        answer::set(&mut answer, header::CONTENT_RANGE, &format!("bytes {first}-{}/{size}", first + length - 1));
    }
    Ok(answer)
}

async fn stream(
    registry: &Registry,
    digest: Digest,
    first: u64,
    length: u64,
    status: StatusCode,
) -> Result<Answer, RegistryError> {
    let path = registry.blob_path(digest);
    let mut file = tokio::fs::File::open(&path).await.map_err(FileError::on("open", &path))?;
    file.seek(SeekFrom::Start(first)).await.map_err(FileError::on("read", &path))?;
    let frames = ReaderStream::with_capacity(file.take(length), CHUNK_BYTES).map_ok(Frame::data);
    Ok(answer::with_body(status, StreamBody::new(frames).boxed_unsync()))
}

fn beyond(size: u64) -> Answer {
    let mut answer = answer::empty(StatusCode::RANGE_NOT_SATISFIABLE);
    answer::set(&mut answer, header::CONTENT_RANGE, &format!("bytes */{size}"));
    answer
}

/// A `Range` header of one range (RFC 9110, 14.1).
#[derive(Debug, PartialEq, Eq)]
enum Range {
    /// The first and the last byte, both included.
    Bytes { first: u64, last: u64 },
    /// It begins behind the end.
    Beyond,
}

impl Range {
    /// Reads a header; one that is not understood is `None`, and the whole is sent.
    fn parse(text: &str, size: u64) -> Option<Self> {
        let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
        if first.is_empty() {
            let count = last.parse::<u64>().ok()?.min(size);
            return Some(if count == 0 { Self::Beyond } else { Self::Bytes { first: size - count, last: size - 1 } });
        }
        let first = first.parse::<u64>().ok()?;
        let last = if last.is_empty() { u64::MAX } else { last.parse().ok()? };
        if first > last {
            return None;
        }
        Some(if first >= size { Self::Beyond } else { Self::Bytes { first, last: last.min(size - 1) } })
    }
}

#[cfg(test)]
mod tests {
    use super::Range;

    #[test]
    fn ranges_are_read_as_http_says() {
        for (text, expect) in [
            ("bytes=0-", Some(Range::Bytes { first: 0, last: 9 })),
            ("bytes=4-5", Some(Range::Bytes { first: 4, last: 5 })),
            ("bytes=4-99", Some(Range::Bytes { first: 4, last: 9 })),
            ("bytes=-3", Some(Range::Bytes { first: 7, last: 9 })),
            ("bytes=10-", Some(Range::Beyond)),
            ("bytes=5-4", None),
            ("lines=1-2", None),
        ] {
            assert_eq!(Range::parse(text, 10), expect, "{text}");
        }
    }
}
