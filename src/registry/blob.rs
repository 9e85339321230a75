//! Blobs of a repository: whether they are there, and their bytes, resumed where a connection broke.

use std::io::Read;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, Stream};
use http::{HeaderValue, Method, header};
use tokio::io::AsyncRead;
use tokio::time::Instant;
use tokio_util::io::{StreamReader, SyncIoBridge};

use super::backoff::Backoff;
use super::client::{Answer, Request};
use super::ecr::Availability;
use super::{RegistryError, RepositoryClient};
use crate::oci::{Digest, Hasher};
use crate::store::{Blob, BlobBytes, RemoteBytes};

impl RepositoryClient {
    /// Returns whether the repository has a blob of this digest and size.
    ///
    /// A registry that cannot say (405, 403, other refusals) counts as one that does not have it: a push finds out.
    ///
    /// # Errors
    /// When there is no answer within the retries.
    pub async fn has_blob(&self, digest: &Digest, size: u64) -> Result<bool, RegistryError> {
        let what = self.what(&Method::HEAD, &self.url(&format!("blobs/{digest}")));
        self.retrying(&what, || self.find_blob(digest, size, false)).await
    }

    /// Asks once; `push` asks with the rights of a push, so that one token serves both.
    pub(super) async fn find_blob(&self, digest: &Digest, size: u64, push: bool) -> Result<bool, RegistryError> {
        if let Some(known) = push.then(|| self.host.ledger.take_layer(self.repository.name(), digest)).flatten() {
            // One in the archive is sent again.
            return Ok(known == Availability::Available(size));
        }
        self.ask_blob(digest, Some(size), push).await
    }

    /// Asks the registry, whatever is known; without a size any will do.
    pub(super) async fn ask_blob(&self, digest: &Digest, size: Option<u64>, push: bool) -> Result<bool, RegistryError> {
        let request = Request::new(Method::HEAD, self.url(&format!("blobs/{digest}")));
        match self.exchange(&Request { push, ..request }).await {
            Ok(answer) => {
                let length = answer.header(header::CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
                Ok(answer.status() == 200 && is_of(length, size))
            }
            Err(RegistryError::Response(error)) if error.foreign && !error.status.is_server_error() => {
                self.probe_blob(digest, size, push).await
            }
            Err(RegistryError::Response(error)) if error.status.is_client_error() && !is_passing(error.status) => {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Asks for the first byte instead: what a registry sends us on to is often signed for GET alone, and refuses HEAD.
    async fn probe_blob(&self, digest: &Digest, size: Option<u64>, push: bool) -> Result<bool, RegistryError> {
        let request = Request::new(Method::GET, self.url(&format!("blobs/{digest}")));
        let mut request = Request { push, ..request };
        request.headers.insert(header::RANGE, HeaderValue::from_static("bytes=0-0"));
        match self.exchange(&request).await {
            Ok(answer) => {
                let said = match answer.status() {
                    206 => {
                        answer.header(header::CONTENT_RANGE).and_then(|range| range.rsplit_once('/')?.1.parse().ok())
                    }
                    _ => answer.header(header::CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok()),
                };
                Ok(is_of(said, size))
            }
            Err(RegistryError::Response(error)) if error.status.is_client_error() && !is_passing(error.status) => {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Returns the bytes of a blob. Nothing is sent before the first of them is asked for.
    pub fn blob(&self, digest: &Digest, size: u64) -> BlobStream {
        self.blob_from(digest, size, 0)
    }

    /// Returns the blob as one that can be opened as often as an upload needs it; each time its bytes come anew.
    pub fn remote_blob(&self, digest: &Digest, size: u64) -> Blob {
        let (client, wanted) = (self.clone(), *digest);
        let open = move |offset| -> Box<dyn Read + Send> {
            Box::new(SyncIoBridge::new(Box::pin(client.blob_from(&wanted, size, offset).into_reader())))
        };
        Blob { digest: *digest, size, bytes: BlobBytes::Remote(RemoteBytes::new(open)) }
    }

    /// Returns the bytes of a blob from an offset on. Only those of a whole blob can be verified.
    fn blob_from(&self, digest: &Digest, size: u64, start: u64) -> BlobStream {
        BlobStream {
            client: self.clone(),
            digest: *digest,
            size,
            start,
            hasher: Hasher::default(),
            answer: None,
            skip: 0,
            whole: false,
            fresh: 0,
            lately: (Duration::ZERO, 0),
            backoff: self.backoff(),
        }
    }
}

fn is_passing(status: http::StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 425 | 429 | 499)
}

/// Bytes that moved since the last break after which the account of attempts begins anew.
const PROGRESS: u64 = 1024 * 1024;

/// The bytes that come at least in the time that silence may last; fewer are as good as silence.
const SLOWEST: u64 = 1024;

/// The bytes of a blob, in pieces as they come.
///
/// A broken transfer goes on where it broke. Size and digest are verified before the end is reported: who saw the
/// end without an error has the blob.
pub struct BlobStream {
    client: RepositoryClient,
    digest: Digest,
    size: u64,
    /// Where the wanted bytes begin.
    start: u64,
    hasher: Hasher,
    answer: Option<Answer>,
    /// Bytes at the beginning of the answer that were delivered before it.
    skip: u64,
    /// Whether the server does not honour ranges.
    whole: bool,
    /// Bytes that came since the last break.
    fresh: u64,
    /// How long was waited for the bytes that came since the speed was looked at last, and how many they are. Whoever
    /// takes them may be slow; that is not counted.
    lately: (Duration, u64),
    backoff: Backoff,
}

impl BlobStream {
    /// Returns the next bytes, or `None` at the verified end.
    ///
    /// # Errors
    /// When the transfer cannot be resumed within the retries, or when the content is not the blob.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, RegistryError> {
        loop {
            if self.position() == self.size {
                return self.verify().map(|()| None);
            }
            match self.advance().await {
                Ok(Some(bytes)) => return Ok(Some(bytes)),
                Ok(None) => {}
                Err(error) => self.interrupted(error).await?,
            }
        }
    }

    /// Returns the bytes as a stream.
    pub fn into_stream(self) -> impl Stream<Item = Result<Bytes, RegistryError>> + Send {
        stream::try_unfold(self, |mut this| async move { Ok(this.chunk().await?.map(|bytes| (bytes, this))) })
    }

    /// Returns the bytes as a reader; its errors wrap ours.
    pub fn into_reader(self) -> impl AsyncRead + Send {
        let stream = self.into_stream();
        StreamReader::new(Box::pin(futures_util::StreamExt::map(stream, |item| item.map_err(std::io::Error::other))))
    }

    async fn interrupted(&mut self, error: RegistryError) -> Result<(), RegistryError> {
        self.answer = None;
        if self.fresh >= PROGRESS {
            self.backoff = self.client.backoff();
        }
        let advanced = std::mem::take(&mut self.fresh) > 0;
        let what = format!("blob `{}`", self.digest.short());
        self.backoff.wait(&what, error, advanced).await
    }

    fn position(&self) -> u64 {
        self.start + self.hasher.length()
    }

    fn verify(&self) -> Result<(), RegistryError> {
        if self.start > 0 {
            return Ok(());
        }
        let got = self.hasher.clone().finish();
        if got == self.digest {
            return Ok(());
        }
        let what = self.client.what(&Method::GET, &self.url());
        Err(RegistryError::Digest { what, wanted: self.digest, got })
    }

    fn url(&self) -> url::Url {
        self.client.url(&format!("blobs/{}", self.digest))
    }

    /// Takes the next bytes of the answer; `None` when they were delivered before.
    async fn advance(&mut self) -> Result<Option<Bytes>, RegistryError> {
        let mut answer = match self.answer.take() {
            Some(answer) => answer,
            None => self.open().await?,
        };
        let began = Instant::now();
        let chunk = self.client.shared.wire.chunk(&mut answer.response, &answer.what).await?;
        self.lately.0 += began.elapsed();
        let Some(mut bytes) = chunk else {
            return Err(broken_off(&answer));
        };
        let skipped = bytes.split_to(usize::try_from(self.skip).unwrap_or(usize::MAX).min(bytes.len()));
        self.skip -= skipped.len() as u64;
        if bytes.is_empty() {
            self.answer = Some(answer);
            return Ok(None);
        }
        if bytes.len() as u64 > self.size - self.position() {
            let why = format!("the answer is longer than the blob's {} bytes", self.size);
            return Err(RegistryError::Protocol { what: answer.what, why });
        }
        self.hasher.update(&bytes);
        self.fresh += bytes.len() as u64;
        self.check_speed(&answer, bytes.len() as u64)?;
        self.answer = Some(answer);
        Ok(Some(bytes))
    }

    /// Ends an answer that goes on and gets nowhere: a byte now and then is no silence, and no transfer either.
    fn check_speed(&mut self, answer: &Answer, count: u64) -> Result<(), RegistryError> {
        self.lately.1 += count;
        let idle = self.client.shared.wire.timeouts().idle;
        if self.lately.0 < idle {
            return Ok(());
        }
        let slow = std::mem::take(&mut self.lately).1 < SLOWEST;
        let cause = || super::Cause(format!("less than {SLOWEST} bytes in {} seconds", idle.as_secs_f64()));
        if slow { Err(ended(answer, super::TransportKind::Stalled, cause())) } else { Ok(()) }
    }

    /// Asks for what is left of the blob.
    async fn open(&mut self) -> Result<Answer, RegistryError> {
        let at = self.position();
        self.lately = (Duration::ZERO, 0);
        let mut request = Request::new(Method::GET, self.url());
        if at > 0 && !self.whole {
            let range = HeaderValue::try_from(format!("bytes={at}-")).expect("digits are a header value");
            request.headers.insert(header::RANGE, range);
        }
        let answer = self.client.exchange(&request).await?;
        let from = answer.header(header::CONTENT_RANGE).and_then(range_start);
        self.skip = match (answer.status(), from) {
            (206, Some(from)) if from == at => 0,
            // Not the range that was asked for: from now on the whole blob is, and the known part passed over.
            (206, _) => {
                self.whole = true;
                return Err(broken_off(&answer));
            }
            _ => at,
        };
        Ok(answer)
    }
}

/// Returns the error of an answer that ends before the blob does; it is tried again.
fn broken_off(answer: &Answer) -> RegistryError {
    ended(answer, super::TransportKind::Broken, super::Cause("the answer ended early".to_owned()))
}

fn ended(answer: &Answer, kind: super::TransportKind, cause: super::Cause) -> RegistryError {
    let host = answer.url[url::Position::BeforeHost..url::Position::AfterPort].to_owned();
    let target = answer.what.split_once(' ').map_or(answer.what.as_str(), |(_, target)| target).to_owned();
    super::transport::TransportError { method: Method::GET, target, host, kind, answered: true, moved: true, cause }
        .into()
}

/// Returns where a `Content-Range: bytes 10-20/21` begins.
fn range_start(value: &str) -> Option<u64> {
    value.trim().strip_prefix("bytes")?.trim_start().split('-').next()?.trim().parse().ok()
}

/// Whether a length that was said, if any was, is the wanted one, if one is.
fn is_of(said: Option<u64>, size: Option<u64>) -> bool {
    said.zip(size).is_none_or(|(said, size)| said == size)
}
