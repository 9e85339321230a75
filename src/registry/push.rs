//! Sends blobs: carries out the steps of [`Upload`] and asks the retry policy between them.

use http::{HeaderValue, Method, header};
use url::Url;

use super::client::{Answer, Request};
use super::location;
use super::upload::{Next, Outcome, PushedBlob, Step, Upload};
use super::wire::Payload;
use super::{RegistryError, RepositoryClient};
use crate::event::Event;
use crate::oci::{Digest, Repository};
use crate::store::Blob;

/// How many repositories a blob is tried to be mounted from: each refusal costs a request.
const MOUNTS: usize = 3;

impl RepositoryClient {
    /// Sees to it that a blob is in the repository: asks for it, mounts it, or sends it.
    ///
    /// Of `mount_from`, repositories of the same host are tried, in order. A refused mount is never an error. Without
    /// error the blob is there, though not necessarily because of this call.
    ///
    /// # Errors
    /// When the registry refuses it for good, when the retries are used up, or when the blob cannot be read or is no
    /// more what its digest says.
    pub async fn push_blob(&self, blob: &Blob, mount_from: &[Repository]) -> Result<PushedBlob, RegistryError> {
        match self.drive(&blob.digest, blob.size, Some(blob), mount_from).await? {
            Some(how) => Ok(how),
            None => Err(RegistryError::Unconfirmed { digest: blob.digest }),
        }
    }

    /// Sees to it that a blob is in the repository without having its bytes: asks for it, or mounts it as
    /// [`push_blob`](Self::push_blob) does. Returns `None` where it would have to be sent.
    ///
    /// # Errors
    /// When the retries are used up.
    pub async fn claim_blob(
        &self,
        digest: &Digest,
        size: u64,
        mount_from: &[Repository],
    ) -> Result<Option<PushedBlob>, RegistryError> {
        self.drive(digest, size, None, mount_from).await
    }

    async fn drive(
        &self,
        digest: &Digest,
        size: u64,
        blob: Option<&Blob>,
        mount_from: &[Repository],
    ) -> Result<Option<PushedBlob>, RegistryError> {
        let own = &self.repository;
        let mounts = mount_from.iter().filter(|from| from.host() == own.host() && from.name() != own.name());
        let mut upload = Upload::new(mounts.take(MOUNTS).map(|from| from.name().to_owned()));
        let mut backoff = self.backoff();
        loop {
            match (upload.step(), blob) {
                (Step::Done(how), _) => {
                    self.tell(*digest, size, how);
                    return Ok(Some(how.clone()));
                }
                (Step::Start, None) => return Ok(None),
                (Step::Put(session), None) => {
                    self.cancel(session).await;
                    return Ok(None);
                }
                _ => {}
            }
            let what = format!("blob `{}`", digest.short());
            let advanced = matches!(upload.step(), Step::Put(_));
            let (outcome, error) = match self.carry_out(upload.step(), digest, size, blob).await {
                Ok(outcome) => (outcome, RegistryError::Unconfirmed { digest: *digest }),
                // Not the registry's doing: no other step will fare better.
                Err(error) if !matches!(error, RegistryError::Response(_) | RegistryError::Transport(_)) => {
                    return Err(error);
                }
                Err(error) => (Outcome::Failed(error.class()), error),
            };
            if let Step::Mount(from) = upload.step() {
                self.note_mount(from, digest, &outcome, &error);
            }
            match upload.take(outcome) {
                Next::Go => {}
                Next::Pause => backoff.wait(&what, error, advanced).await?,
                Next::Fail => return Err(error),
            }
        }
    }

    async fn carry_out(
        &self,
        step: &Step,
        digest: &Digest,
        size: u64,
        blob: Option<&Blob>,
    ) -> Result<Outcome, RegistryError> {
        match (step, blob) {
            (Step::Head, _) => self.find_blob(digest, size, true).await.map(Outcome::Found),
            (Step::Mount(from), _) => self.accepted(&self.mount_request(digest, from), false).await,
            (Step::Start, _) => {
                self.accepted(&Request::new(Method::POST, self.url("blobs/uploads/")).pushing(), true).await
            }
            (Step::Put(session), Some(blob)) => self.accepted(&put_request(session, blob), false).await,
            (Step::Cancel(session), _) => {
                self.cancel(session).await;
                Ok(Outcome::Ignored)
            }
            (Step::Put(_), None) | (Step::Done(_), _) => Ok(Outcome::Ignored),
        }
    }

    /// Gives a session up. Best effort: ECR and others may not know the request at all.
    pub(super) async fn cancel(&self, session: &Url) {
        let _ = self.exchange(&Request::new(Method::DELETE, session.clone()).pushing()).await;
    }

    /// Sends a request of the upload; `needed` says that there is no way on without the session it should name.
    async fn accepted(&self, request: &Request, needed: bool) -> Result<Outcome, RegistryError> {
        let answer = self.exchange(request).await?;
        let session = match self.session(&answer) {
            Ok(session) => Some(session),
            Err(error) if needed => return Err(error),
            Err(_) => None,
        };
        Ok(Outcome::Accepted { status: answer.status(), session })
    }

    pub(super) fn session(&self, answer: &Answer) -> Result<Url, RegistryError> {
        let text = answer.header(header::LOCATION);
        // A location with the name that the server knows itself by goes to the endpoint before it is judged.
        let session = text.and_then(|text| answer.url.join(text).ok()).map(|url| self.host.endpoint.localize(url));
        location::resolve(&answer.url, session.as_ref().map(Url::as_str).or(text))
            .map_err(RegistryError::location(answer.what.clone()))
    }

    fn mount_request(&self, digest: &Digest, from: &str) -> Request {
        let mut url = self.url("blobs/uploads/");
        url.query_pairs_mut().append_pair("mount", &digest.to_string()).append_pair("from", from);
        Request { mount_from: Some(from.to_owned()), ..Request::new(Method::POST, url).pushing() }
    }

    fn tell(&self, digest: Digest, size: u64, how: &PushedBlob) {
        self.shared.observer.observe(match how {
            PushedBlob::Existing => Event::BlobExists { digest },
            PushedBlob::Mounted { from } => Event::BlobMounted { digest, from: from.clone() },
            PushedBlob::Uploaded => Event::BlobUploaded { digest, size },
        });
    }
}

fn put_request(session: &Url, blob: &Blob) -> Request {
    let mut request = Request::new(Method::PUT, location::with_digest(session.clone(), &blob.digest)).pushing();
    request.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    request.payload = Payload::Blob(blob.clone());
    request
}
