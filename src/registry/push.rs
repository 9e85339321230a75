//! Sends blobs: carries out the steps of [`Upload`] and asks the retry policy between them.

use http::{HeaderValue, Method, header};
use url::Url;

use super::backoff::Backoff;
use super::body::{Section, verify};
use super::client::{Answer, Request};
use super::known_blobs::Presence;
use super::location::{self, LocationError};
use super::manifest::CONTENT_DIGEST;
use super::retry::Class;
use super::upload::{Next, Outcome, PushedBlob, Step, Upload};
use super::wire::Payload;
use super::{RegistryError, RepositoryClient};
use crate::event::Event;
use crate::oci::{Digest, Repository};
use crate::store::Blob;

/// How many repositories a blob is tried to be mounted from: each refusal costs a request.
const MOUNTS: usize = 3;

/// One blob that is to be in the repository.
struct Item<'a> {
    digest: Digest,
    size: u64,
    /// Its bytes; `None` where it can only be claimed.
    blob: Option<&'a Blob>,
}

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
        let item = Item { digest: blob.digest, size: blob.size, blob: Some(blob) };
        match self.once(&item, mount_from).await? {
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
        self.once(&Item { digest: *digest, size, blob: None }, mount_from).await
    }

    /// Drives a blob that this run has not brought here yet; all who want one wait for the first. (Two uploads of one
    /// blob at a time also make a distribution registry mix them up.)
    async fn once(&self, item: &Item<'_>, mount_from: &[Repository]) -> Result<Option<PushedBlob>, RegistryError> {
        let cell = self.shared.blobs.cell(&self.repository, &item.digest);
        let mut presence = cell.lock().await;
        if *presence == Presence::Here {
            return Ok(Some(PushedBlob::Existing));
        }
        // What is known once is not known for ever: a failure may have any cause.
        let absent = std::mem::take(&mut *presence) == Presence::Absent;
        let how = self.drive(item, mount_from, absent).await?;
        *presence = if how.is_some() { Presence::Here } else { Presence::Absent };
        Ok(how)
    }

    async fn drive(
        &self,
        item: &Item<'_>,
        mount_from: &[Repository],
        absent: bool,
    ) -> Result<Option<PushedBlob>, RegistryError> {
        let own = &self.repository;
        let mounts = mount_from.iter().filter(|from| from.host() == own.host() && from.name() != own.name());
        let mounts = mounts.take(MOUNTS).map(|from| from.name().to_owned());
        let mut upload = Upload::new(item.size, mounts, self.host.chunking());
        if absent {
            upload.take(Outcome::Found(false));
        }
        let place = self.shared.sessions.place();
        let mut way = Way { backoff: self.backoff(), renewed: false };
        loop {
            if let Step::Done(how) = upload.step() {
                place.hold(own, None);
                self.tell(item, how);
                return Ok(Some(how.clone()));
            }
            place.hold(own, upload.session());
            if item.blob.is_none() && !matches!(upload.step(), Step::Head | Step::Mount(_)) {
                self.give_up(&upload, &place).await;
                return Ok(None);
            }
            if let Err(error) = self.advance(&mut upload, item, &mut way).await {
                self.give_up(&upload, &place).await;
                return Err(error);
            }
        }
    }

    /// Takes one step, and waits where the next one needs a pause.
    async fn advance(&self, upload: &mut Upload, item: &Item<'_>, way: &mut Way) -> Result<(), RegistryError> {
        let step = upload.step().clone();
        if matches!(step, Step::Mount(_)) && !self.host.mounts() {
            upload.take(Outcome::Ignored);
            return Ok(());
        }
        let result = self.carry_out(&step, item).await;
        if let Step::Mount(from) = &step {
            self.note_mount(from, &item.digest, result.as_ref());
        }
        let (next, error) = match result {
            Ok(outcome) => (upload.take(outcome), RegistryError::Unconfirmed { digest: item.digest }),
            Err(error) if error.is_ours() => return Err(error),
            Err(error) => {
                let outcome = outcome(&step, &error);
                if let (Outcome::Corrupt, Step::Close(_), Some(blob)) = (&outcome, &step, item.blob) {
                    verify(blob).await?;
                }
                (upload.take(outcome), error)
            }
        };
        // A second refusal of credentials that are new is final.
        let hopeless = error.is_renewed() && std::mem::replace(&mut way.renewed, true);
        match next {
            Next::Go => self.host.learn(upload.chunking()),
            Next::Pause if !hopeless => return self.pause(&step, upload, item, way, error).await,
            Next::Pause | Next::Fail => return Err(error),
        }
        Ok(())
    }

    async fn pause(
        &self,
        step: &Step,
        upload: &mut Upload,
        item: &Item<'_>,
        way: &mut Way,
        error: RegistryError,
    ) -> Result<(), RegistryError> {
        let what = format!("blob `{}`", item.digest.short());
        let class = class(step, &error);
        let failing = error.status().is_some_and(|status| status >= 500) && error.retry_after().is_none();
        let limit = (matches!(step, Step::Mount(_)) && failing).then_some(self.shared.retry.mount);
        let advanced = matches!(step, Step::Put(_) | Step::Patch { .. }) && error.has_moved();
        match way.backoff.wait_as(class, &what, error, advanced, limit).await {
            // The blob can still be sent, if that is what the registry does better.
            Err(_) if matches!(step, Step::Mount(_)) => {
                self.host.give_up_mounts();
                way.backoff = self.backoff();
                upload.take(Outcome::Ignored);
                Ok(())
            }
            waited => waited,
        }
    }

    /// Ends the session of an upload that ends without its blob.
    async fn give_up(&self, upload: &Upload, place: &super::session::Place) {
        if let Some(session) = upload.session() {
            self.cancel(session).await;
        }
        place.hold(&self.repository, None);
    }

    async fn carry_out(&self, step: &Step, item: &Item<'_>) -> Result<Outcome, RegistryError> {
        match (step, item.blob) {
            (Step::Head, _) => self.find_blob(&item.digest, item.size, true).await.map(Outcome::Found),
            (Step::Mount(from), _) => self.accepted(&self.mount_request(&item.digest, from), None).await,
            (Step::Start, _) => {
                let request = Request::new(Method::POST, self.url("blobs/uploads/")).pushing();
                match self.accepted(&request, None).await? {
                    // There is no way on without the session that it should name.
                    Outcome::Accepted { session: None, .. } => Err(RegistryError::Location {
                        what: self.what(&request.method, &request.url),
                        source: LocationError::Missing,
                    }),
                    outcome => Ok(outcome),
                }
            }
            (Step::Put(session), Some(blob)) => self.accepted(&put_request(session, blob), Some(item.digest)).await,
            (Step::Patch { session, offset, length }, Some(blob)) => {
                let section = Section { blob: blob.clone(), offset: *offset, length: *length };
                self.accepted(&patch_request(session, section), None).await
            }
            (Step::Status(session), _) => {
                self.accepted(&Request::new(Method::GET, session.clone()).pushing(), None).await
            }
            (Step::Close(session), _) => {
                let url = location::with_digest(session.clone(), &item.digest);
                self.accepted(&Request::new(Method::PUT, url).pushing(), Some(item.digest)).await
            }
            (Step::Cancel(session), _) => {
                self.cancel(session).await;
                Ok(Outcome::Ignored)
            }
            (Step::Put(_) | Step::Patch { .. }, None) | (Step::Done(_), _) => Ok(Outcome::Ignored),
        }
    }

    /// Sends a request of the upload; one that ends it is held against the digest, if the answer names one.
    ///
    /// # Errors
    /// Also when the answer leads to where nobody should go.
    async fn accepted(&self, request: &Request, digest: Option<Digest>) -> Result<Outcome, RegistryError> {
        let answer = self.exchange(request).await?;
        let said = answer.header(CONTENT_DIGEST).and_then(|said| said.parse::<Digest>().ok());
        if let (Some(wanted), Some(got)) = (digest, said)
            && wanted != got
        {
            return Err(RegistryError::Digest { what: answer.what, wanted, got });
        }
        let session = match self.session(&answer) {
            Ok(session) => Some(session),
            // What ends an upload names the blob, or nothing; a session is of no use any more.
            Err(_) if digest.is_some() => None,
            Err(RegistryError::Location { source: LocationError::Missing, .. }) => None,
            Err(error) => return Err(error),
        };
        let reached = answer.header(header::RANGE).and_then(reached);
        let least = answer.header("oci-chunk-min-length").and_then(|length| length.trim().parse().ok());
        Ok(Outcome::Accepted { status: answer.status(), session, reached, least })
    }

    pub(super) fn session(&self, answer: &Answer) -> Result<Url, RegistryError> {
        let error = RegistryError::location(answer.what.clone());
        let Some(text) = answer.header(header::LOCATION) else {
            // What the distribution registry says besides is enough to go on.
            let id = answer.header("docker-upload-uuid").filter(|id| is_identifier(id));
            return id.map(|id| self.url(&format!("blobs/uploads/{id}"))).ok_or_else(|| error(LocationError::Missing));
        };
        // A location with the name that the server knows itself by goes to the endpoint before it is judged.
        let session = answer.url.join(text).ok().map(|url| self.host.endpoint.localize(url));
        location::resolve(&answer.url, Some(session.as_ref().map_or(text, Url::as_str))).map_err(error)
    }

    fn mount_request(&self, digest: &Digest, from: &str) -> Request {
        let mut url = self.url("blobs/uploads/");
        url.query_pairs_mut().append_pair("mount", &digest.to_string()).append_pair("from", from);
        Request { mount_from: Some(from.to_owned()), ..Request::new(Method::POST, url).pushing() }
    }

    fn tell(&self, item: &Item<'_>, how: &PushedBlob) {
        let (digest, size) = (item.digest, item.size);
        self.shared.observer.observe(match how {
            PushedBlob::Existing => Event::BlobExists { digest },
            PushedBlob::Mounted { from } => Event::BlobMounted { digest, from: from.clone() },
            PushedBlob::Uploaded => Event::BlobUploaded { digest, size },
        });
    }
}

/// What lasts from step to step.
struct Way {
    backoff: Backoff,
    /// Whether credentials were renewed for a body already.
    renewed: bool,
}

/// Returns what an error is to the state machine.
fn outcome(step: &Step, error: &RegistryError) -> Outcome {
    match error.status() {
        Some(413) => Outcome::TooLarge,
        Some(416) => Outcome::Misplaced,
        Some(400) if error.has_code("DIGEST_INVALID") => Outcome::Corrupt,
        _ => Outcome::Failed(class(step, error)),
    }
}

/// Returns the class of an error of a step.
fn class(step: &Step, error: &RegistryError) -> Class {
    let in_session = matches!(step, Step::Put(_) | Step::Patch { .. } | Step::Close(_));
    match error.status() {
        // Whoever says it, and in whatever form: the session is not there any more.
        Some(404 | 409 | 410) if in_session && !error.has_code("NAME_UNKNOWN") => Class::Session,
        Some(400) if in_session && error.has_code("DIGEST_INVALID") => Class::Suspect,
        // Another host that wants credentials gets none, whatever session it is asked for.
        Some(401) if in_session && error.is_foreign() => Class::Fatal,
        _ => error.class(),
    }
}

/// Returns how many bytes `Range: 0-99` says are there.
fn reached(range: &str) -> Option<u64> {
    let range = range.trim();
    range.strip_prefix("bytes=").unwrap_or(range).split_once('-')?.1.parse::<u64>().ok()?.checked_add(1)
}

fn is_identifier(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !text.is_empty() && text.len() <= 256 && text.bytes().all(plain)
}

fn put_request(session: &Url, blob: &Blob) -> Request {
    let mut request = Request::new(Method::PUT, location::with_digest(session.clone(), &blob.digest)).pushing();
    request.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    request.payload = Payload::Blob(Section::whole(blob));
    request
}

/// Makes the request of one part (distribution-spec, "Pushing a blob in chunks": the range has no `bytes` before it).
fn patch_request(session: &Url, section: Section) -> Request {
    let mut request = Request::new(Method::PATCH, session.clone()).pushing();
    let range = format!("{}-{}", section.offset, section.offset + section.length - 1);
    let range = HeaderValue::try_from(range).expect("digits are a header value");
    request.headers.insert(header::CONTENT_RANGE, range);
    request.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    request.payload = Payload::Blob(section);
    request
}
