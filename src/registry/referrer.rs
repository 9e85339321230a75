//! Manifests that refer to another one: signatures, indexes of layers (distribution-spec, "Listing Referrers" and
//! "Referrers Tag Schema").
//!
//! A registry that knows the API says `OCI-Subject` when such a manifest is written. For one that does not, clients keep
//! the list themselves, as an index under a tag made of the subject's digest.

use http::{HeaderName, HeaderValue, Method, header};
use serde_json::{Value, json};

use super::client::Request;
use super::wire::Payload;
use super::{PushedManifest, RegistryError, RepositoryClient, TagOrDigest};
use crate::oci::{self, Descriptor, Digest, MediaType, Tag};

/// The longest list that is read, in bytes.
const LIMIT: u64 = 4 << 20;
/// The most pages of a list that are read.
const PAGES: usize = 1000;
/// How often the list under a tag is written again because someone else wrote it at the same time.
const TRIES: usize = 8;

/// A manifest that refers to another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referrer {
    /// Where it is.
    pub descriptor: Descriptor,
    /// What it is, such as a signature.
    pub artifact_type: Option<String>,
}

/// A list as it stands under a tag.
struct Listed {
    index: Value,
    /// What the server wants back for a write that depends on this state.
    etag: Option<HeaderValue>,
}

impl RepositoryClient {
    /// Returns the manifests that refer to one; of these the ones of a type, if one is given.
    ///
    /// # Errors
    /// When there is no answer within the retries, or the list makes no sense.
    pub async fn referrers(
        &self,
        subject: &Digest,
        artifact_type: Option<&str>,
    ) -> Result<Vec<Referrer>, RegistryError> {
        let found = match self.ask_for_referrers(subject, artifact_type).await? {
            Some(found) => found,
            None => match self.listed(&fallback_tag(subject)).await {
                Ok(Some(listed)) => entries(&format!("the list `{}`", fallback_tag(subject)), &listed.index)?,
                Ok(None) => Vec::new(),
                // Who may not see the tag sees no list; writing one needs to know what stands there.
                Err(error) if error.status() == Some(403) => Vec::new(),
                Err(error) => return Err(error),
            },
        };
        // Not every server filters, and the tag holds all.
        let wanted = |referrer: &Referrer| artifact_type.is_none_or(|t| referrer.artifact_type.as_deref() == Some(t));
        Ok(found.into_iter().filter(wanted).collect())
    }

    /// Asks the API; `None` when the registry does not have it, which it says in many ways (404, 400, 406, a page).
    async fn ask_for_referrers(
        &self,
        subject: &Digest,
        artifact_type: Option<&str>,
    ) -> Result<Option<Vec<Referrer>>, RegistryError> {
        let mut url = self.url(&format!("referrers/{subject}"));
        if let Some(artifact_type) = artifact_type {
            url.query_pairs_mut().append_pair("artifactType", artifact_type);
        }
        let mut found = Vec::new();
        for page in 0..PAGES {
            let mut request = Request::new(Method::GET, url);
            request.headers.insert(header::ACCEPT, HeaderValue::from_static(MediaType::Index.as_str()));
            let what = self.what(&request.method, &request.url);
            let (bytes, next) = match self.retrying(&what, || self.page(&request, LIMIT)).await {
                Ok(page) => page,
                Err(error) if page == 0 && matches!(error.status(), Some(400 | 404 | 405 | 406 | 501)) => {
                    return Ok(None);
                }
                Err(error) => return Err(error),
            };
            let read = serde_json::from_slice::<Value>(&bytes).ok().filter(|page| page["manifests"].is_array());
            match read {
                Some(read) => found.extend(entries(&what, &read)?),
                None if page == 0 => return Ok(None),
                // A registry that has the API is taken at its word: half a list is none.
                None => return Err(RegistryError::Protocol { what, why: "a page of it is no index".to_owned() }),
            }
            match next {
                Some(next) => url = next,
                None => return Ok(Some(found)),
            }
        }
        let what = self.what(&Method::GET, &self.url(&format!("referrers/{subject}")));
        Err(RegistryError::Protocol { what, why: "its pages do not end".to_owned() })
    }

    /// Writes a manifest that has a `subject` by its digest, and sees to it that the subject's list has it.
    ///
    /// # Errors
    /// When the manifest names no subject, or the registry refuses one of the writes.
    pub async fn push_referrer(&self, bytes: &[u8], media_type: &str) -> Result<PushedManifest, RegistryError> {
        let digest = Digest::of(bytes);
        let which = TagOrDigest::Digest(digest);
        let manifest: Value = serde_json::from_slice(bytes).unwrap_or(Value::Null);
        let subject = manifest["subject"]["digest"].as_str().and_then(|digest| digest.parse::<Digest>().ok());
        let Some(subject) = subject else {
            let what = self.what(&Method::PUT, &self.url(&format!("manifests/{which}")));
            return Err(RegistryError::Protocol { what, why: "the manifest refers to no other".to_owned() });
        };
        let (pushed, heads) = self.write(bytes, media_type, &which).await?;
        let kept = match heads {
            Some(heads) => heads.contains_key("oci-subject"),
            None => self.ask_for_referrers(&subject, None).await?.is_some(),
        };
        if !kept {
            self.list(&subject, &entry(&manifest, media_type, digest, bytes.len())).await?;
        }
        Ok(pushed)
    }

    /// Adds an entry to the list under the subject's tag, once.
    async fn list(&self, subject: &Digest, entry: &Value) -> Result<(), RegistryError> {
        let tag = fallback_tag(subject);
        let what = self.what(&Method::PUT, &self.url(&format!("manifests/{tag}")));
        for _ in 0..TRIES {
            let listed = match self.listed(&tag).await {
                // Artifactory forbids what is not there; who may see the subject would see its list too.
                Err(error) if error.status() == Some(403) => match self.head_manifest(&(*subject).into()).await? {
                    Some(_) => None,
                    None => return Err(error),
                },
                listed => listed?,
            };
            let (mut index, condition) = match listed {
                Some(Listed { index, etag }) => (index, etag.map(|etag| (header::IF_MATCH, etag))),
                None => (
                    json!({"schemaVersion": 2, "mediaType": MediaType::Index.as_str(), "manifests": []}),
                    Some((header::IF_NONE_MATCH, HeaderValue::from_static("*"))),
                ),
            };
            let manifests = index["manifests"].as_array_mut();
            match manifests {
                Some(all) if all.iter().any(|one| one["digest"] == entry["digest"]) => return Ok(()),
                Some(all) => all.push(entry.clone()),
                None => index["manifests"] = json!([entry]),
            }
            let request = self.list_request(&tag, oci::json::to_bytes(&index), condition);
            match self.retrying(&what, || self.exchange(&request)).await {
                // Somebody else may have written at the same time: the next look finds out, or the server said it.
                Ok(_) => {}
                Err(error) if error.status() == Some(412) => {}
                Err(error) => return Err(error),
            }
        }
        Err(RegistryError::Protocol { what, why: "others keep writing the list of referrers".to_owned() })
    }

    fn list_request(&self, tag: &Tag, bytes: Vec<u8>, condition: Option<(HeaderName, HeaderValue)>) -> Request {
        let mut request = Request::new(Method::PUT, self.url(&format!("manifests/{tag}"))).pushing();
        request.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MediaType::Index.as_str()));
        request.headers.extend(condition);
        request.payload = Payload::Bytes(bytes.into());
        request.tag = Some(tag.as_str().to_owned());
        request
    }

    async fn listed(&self, tag: &Tag) -> Result<Option<Listed>, RegistryError> {
        let mut request = Request::new(Method::GET, self.url(&format!("manifests/{tag}")));
        request.headers.insert(header::ACCEPT, HeaderValue::from_static(MediaType::ACCEPT_MANIFESTS));
        let what = self.what(&request.method, &request.url);
        let read = || async {
            let answer = self.exchange(&request).await?;
            let etag = answer.response.headers().get(header::ETAG).cloned();
            let bytes = self.shared.wire.body(answer.response, &answer.what, LIMIT).await?;
            Ok((bytes, etag))
        };
        let (bytes, etag) = match self.retrying(&what, read).await {
            Ok(read) => read,
            Err(error) if error.status() == Some(404) => return Ok(None),
            Err(error) => return Err(error),
        };
        match serde_json::from_slice::<Value>(&bytes) {
            Ok(index) if index["manifests"].is_array() => Ok(Some(Listed { index, etag })),
            _ => Err(RegistryError::Protocol { what, why: "the list of referrers is no index".to_owned() }),
        }
    }
}

/// Returns the tag of a digest's list: the algorithm, a dash, and the first 64 characters of the rest.
fn fallback_tag(subject: &Digest) -> Tag {
    format!("sha256-{}", subject.hex()).parse().expect("a digest in hexadecimal makes a tag")
}

fn entries(what: &str, index: &Value) -> Result<Vec<Referrer>, RegistryError> {
    let read = |value: &Value| {
        let descriptor = serde_json::from_value::<Descriptor>(value.clone()).map_err(|error| {
            RegistryError::Protocol { what: what.to_owned(), why: format!("an entry of it is no descriptor: {error}") }
        })?;
        let artifact_type = value["artifactType"].as_str().map(str::to_owned);
        Ok(Referrer { descriptor, artifact_type })
    };
    index["manifests"].as_array().into_iter().flatten().map(read).collect()
}

/// Makes the entry of a manifest: its type is its own, else its config's.
fn entry(manifest: &Value, media_type: &str, digest: Digest, size: usize) -> Value {
    let mut entry = json!({"mediaType": media_type, "digest": digest.to_string(), "size": size});
    let own = manifest["artifactType"].as_str().or(manifest["config"]["mediaType"].as_str());
    if let Some(artifact_type) = own {
        entry["artifactType"] = json!(artifact_type);
    }
    if manifest["annotations"].is_object() {
        entry["annotations"] = manifest["annotations"].clone();
    }
    entry
}
