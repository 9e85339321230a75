//! Manifests of a repository: asked for by tag or digest, verified, and written only where they are not yet.

use http::{HeaderMap, HeaderValue, Method, header};

use super::client::{Answer, Request};
use super::response::one_line;
use super::retry::Class;
use super::wire::Payload;
use super::{RegistryError, RepositoryClient, TagOrDigest};
use crate::event::Event;
use crate::oci::{Descriptor, Digest, Document, MediaType};
use crate::store::Blob;

/// The longest manifest that is read, in bytes; the specification asks for 4 MiB at least.
const LIMIT: u64 = 16 * 1024 * 1024;
/// The header that names content by its digest.
pub(super) const CONTENT_DIGEST: &str = "docker-content-digest";

/// Whether a manifest had to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushedManifest {
    /// It stood there already: nothing was sent.
    Existing,
    /// It was written.
    Written,
}

impl RepositoryClient {
    /// Returns what stands under a tag or digest, or `None` when nothing does.
    ///
    /// A refusal (403) counts as nothing: some registries answer so for what is not there. To read it says more.
    ///
    /// # Errors
    /// When there is no answer within the retries, or one that makes no sense.
    pub async fn head_manifest(&self, which: &TagOrDigest) -> Result<Option<Descriptor>, RegistryError> {
        let request = self.manifest_request(Method::HEAD, which);
        let what = self.what(&request.method, &request.url);
        self.retrying(&what, || self.look(which, false)).await
    }

    /// Asks once; `push` asks with the rights of a push, so that one token serves both.
    async fn look(&self, which: &TagOrDigest, push: bool) -> Result<Option<Descriptor>, RegistryError> {
        let request = Request { push, ..self.manifest_request(Method::HEAD, which) };
        let found = match self.exchange(&request).await {
            Ok(answer) => {
                self.host.ledger.note_image(self.repository.name());
                descriptor(&answer)
            }
            Err(error) => match error.status() {
                Some(404 | 403) => return Ok(None),
                // It does not know HEAD, or says so in an odd way.
                Some(400 | 405 | 501) => None,
                _ => return Err(error),
            },
        };
        match found {
            Some(descriptor) => Ok(Some(descriptor)),
            // Without its digest in the head, the document itself has to say it.
            None => self.described(which, push).await,
        }
    }

    async fn described(&self, which: &TagOrDigest, push: bool) -> Result<Option<Descriptor>, RegistryError> {
        let request = Request { push, ..self.manifest_request(Method::GET, which) };
        let (bytes, media_type) = match self.fetch_once(&request, which).await {
            Ok(found) => found,
            Err(error) if error.status() == Some(404) => return Ok(None),
            Err(error) => return Err(error),
        };
        let (digest, size) = (Digest::of(&bytes), bytes.len() as u64);
        let media_type = media_type.unwrap_or_default();
        Ok(Some(Descriptor { media_type, digest, size, annotations: Default::default(), platform: None }))
    }

    /// Returns the manifest or index under a tag or digest. Nothing that it names is followed.
    ///
    /// # Errors
    /// When there is none, when it is not what the digest says, or when it is neither manifest nor index.
    pub async fn manifest(&self, which: &TagOrDigest) -> Result<Document, RegistryError> {
        let (bytes, media_type) = self.fetch(which).await?;
        let error = |source| RegistryError::Manifest { reference: self.reference(which), source };
        Document::parse(bytes, media_type.as_deref()).map_err(error)
    }

    async fn fetch(&self, which: &TagOrDigest) -> Result<(Vec<u8>, Option<String>), RegistryError> {
        let request = self.manifest_request(Method::GET, which);
        let what = self.what(&request.method, &request.url);
        self.retrying(&what, || self.fetch_once(&request, which)).await
    }

    async fn fetch_once(
        &self,
        request: &Request,
        which: &TagOrDigest,
    ) -> Result<(Vec<u8>, Option<String>), RegistryError> {
        let answer = self.exchange(request).await?;
        self.host.ledger.note_image(self.repository.name());
        let media_type = media_type(&answer);
        let encoding = answer.header(header::CONTENT_ENCODING).filter(|it| *it != "identity").map(str::to_owned);
        let said = answer.header(CONTENT_DIGEST).and_then(|digest| digest.parse().ok());
        let bytes = self.shared.wire.body(answer.response, &answer.what, LIMIT).await?;
        let wanted = match which {
            TagOrDigest::Digest(digest) => Some(*digest),
            TagOrDigest::Tag(_) => said,
        };
        let got = Digest::of(&bytes);
        match wanted {
            Some(wanted) if wanted != got && encoding.is_some() => {
                let encoding = encoding.unwrap_or_default();
                let why = format!("the answer to `{wanted}` is encoded as `{}`, unasked", one_line(&encoding));
                Err(RegistryError::Protocol { what: answer.what, why })
            }
            Some(wanted) if wanted != got => Err(RegistryError::Digest { what: answer.what, wanted, got }),
            _ => Ok((bytes, media_type)),
        }
    }

    /// Writes a manifest under a tag or under its digest; nothing is sent when it stands there already.
    ///
    /// # Errors
    /// When the registry refuses it, such as for an immutable tag or a missing blob.
    pub async fn put_manifest(
        &self,
        bytes: &[u8],
        media_type: &str,
        which: &TagOrDigest,
    ) -> Result<PushedManifest, RegistryError> {
        Ok(self.write(bytes, media_type, which).await?.0)
    }

    /// Writes a manifest as [`put_manifest`](Self::put_manifest) does. Where the registry misses a blob, those of `blobs`
    /// that are not there are sent, and the manifest once more: a collector of garbage may have been faster, or a
    /// replica slower, than we.
    ///
    /// # Errors
    /// As `put_manifest` and [`push_blob`](Self::push_blob).
    pub async fn put_manifest_of(
        &self,
        bytes: &[u8],
        media_type: &str,
        which: &TagOrDigest,
        blobs: &[Blob],
    ) -> Result<PushedManifest, RegistryError> {
        match self.put_manifest(bytes, media_type, which).await {
            Err(error) if misses_a_blob(&error) && !blobs.is_empty() => {
                let message = format!("{error}: looking for its blobs again");
                self.shared.observer.observe(Event::Note { message });
                for blob in blobs {
                    self.push_blob(blob, &[]).await?;
                }
                self.put_manifest(bytes, media_type, which).await
            }
            other => other,
        }
    }

    /// Writes a manifest, and returns also the head of the answer if there was one.
    pub(super) async fn write(
        &self,
        bytes: &[u8],
        media_type: &str,
        which: &TagOrDigest,
    ) -> Result<(PushedManifest, Option<HeaderMap>), RegistryError> {
        let digest = Digest::of(bytes);
        let request = self.write_request(bytes, media_type, which)?;
        let what = self.what(&request.method, &request.url);
        let mut backoff = self.backoff();
        let mut sent = false;
        loop {
            // The answer to an earlier attempt may have been lost, and a PUT that says nothing new is scarce on ECR.
            let error = match self.look(which, true).await {
                Ok(Some(there)) if there.digest == digest => return Ok((self.stands(which, digest, sent), None)),
                Ok(_) => match self.write_once(&request, digest).await {
                    Ok(heads) => return Ok((self.stands(which, digest, true), Some(heads))),
                    // An immutable tag refuses the second writing of what a lost answer had written already.
                    Err(error) if sent && error.class() == Class::Fatal && self.holds(which, digest).await => {
                        return Ok((self.stands(which, digest, true), None));
                    }
                    Err(error) => {
                        sent = true;
                        error
                    }
                },
                Err(error) => error,
            };
            backoff.wait(&what, error, false).await?;
        }
    }

    fn write_request(&self, bytes: &[u8], media_type: &str, which: &TagOrDigest) -> Result<Request, RegistryError> {
        let mut request = self.manifest_request(Method::PUT, which).pushing();
        request.headers.remove(header::ACCEPT);
        let content_type = HeaderValue::try_from(media_type).map_err(|_| RegistryError::Protocol {
            what: self.what(&request.method, &request.url),
            why: format!("`{media_type}` is no media type"),
        })?;
        request.headers.insert(header::CONTENT_TYPE, content_type);
        request.payload = Payload::Bytes(bytes.to_vec().into());
        Ok(request)
    }

    async fn holds(&self, which: &TagOrDigest, digest: Digest) -> bool {
        matches!(self.look(which, true).await, Ok(Some(there)) if there.digest == digest)
    }

    async fn write_once(&self, request: &Request, digest: Digest) -> Result<HeaderMap, RegistryError> {
        let answer = self.exchange(request).await.inspect_err(|error| {
            if misses_a_blob(error) {
                self.shared.blobs.forget(&self.repository);
            }
        })?;
        match answer.header(CONTENT_DIGEST).and_then(|said| said.parse::<Digest>().ok()) {
            Some(got) if got != digest => Err(RegistryError::Digest { what: answer.what, wanted: digest, got }),
            _ if matches!(answer.status(), 200..=202) => Ok(answer.response.headers().clone()),
            _ => {
                let why = format!("the answer {} is none to the writing of a manifest", answer.status());
                Err(RegistryError::Protocol { what: answer.what, why })
            }
        }
    }

    fn stands(&self, which: &TagOrDigest, digest: Digest, written: bool) -> PushedManifest {
        let reference = match which {
            TagOrDigest::Tag(tag) => self.repository.tagged(tag.clone()),
            TagOrDigest::Digest(digest) => self.repository.pinned(*digest),
        };
        if !written {
            return PushedManifest::Existing;
        }
        self.shared.observer.observe(Event::ManifestPushed { reference, digest });
        PushedManifest::Written
    }

    fn manifest_request(&self, method: Method, which: &TagOrDigest) -> Request {
        let mut request = Request::new(method, self.url(&format!("manifests/{which}")));
        request.headers.insert(header::ACCEPT, HeaderValue::from_static(MediaType::ACCEPT_MANIFESTS));
        request.tag = which.tag().map(|tag| tag.as_str().to_owned());
        request
    }

    fn reference(&self, which: &TagOrDigest) -> String {
        match which {
            TagOrDigest::Tag(tag) => self.repository.tagged(tag.clone()).to_string(),
            TagOrDigest::Digest(digest) => self.repository.pinned(*digest).to_string(),
        }
    }
}

fn misses_a_blob(error: &RegistryError) -> bool {
    error.has_code("MANIFEST_BLOB_UNKNOWN") || error.has_code("BLOB_UNKNOWN")
}

/// Returns the media type of an answer without its parameters.
fn media_type(answer: &Answer) -> Option<String> {
    let value = answer.header(header::CONTENT_TYPE)?;
    Some(value.split(';').next().unwrap_or_default().trim().to_owned())
}

/// Returns the descriptor that the head of an answer gives.
fn descriptor(answer: &Answer) -> Option<Descriptor> {
    let digest = answer.header(CONTENT_DIGEST)?.parse().ok()?;
    let size = answer.header(header::CONTENT_LENGTH)?.parse().ok()?;
    Some(Descriptor { media_type: media_type(answer)?, digest, size, annotations: Default::default(), platform: None })
}
