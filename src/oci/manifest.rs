//! Manifests and indexes as they came: the bytes, and a typed view of what dockless needs of them.

use serde::Deserialize;
use serde_json::Value;

use super::{Annotations, Descriptor, Digest, MediaType, Platform};

/// An image manifest: the bytes that its digest names, and a typed view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The bytes as they came, or as they were written.
    pub bytes: Vec<u8>,
    /// The digest of the bytes.
    pub digest: Digest,
    /// The media type in its own spelling.
    pub media_type: String,
    /// The image config.
    pub config: Descriptor,
    /// The layers, base first.
    pub layers: Vec<Descriptor>,
    /// The manifest's annotations.
    pub annotations: Annotations,
}

/// An image index: the bytes that its digest names, and its children.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// The bytes as they came.
    pub bytes: Vec<u8>,
    /// The digest of the bytes.
    pub digest: Digest,
    /// The manifests in it.
    pub manifests: Vec<Child>,
}

/// A manifest within an index.
pub type Child = Descriptor;

/// A manifest or an index, told apart by what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "documents are few, and read where they are matched")]
pub enum Document {
    /// An image manifest.
    Manifest(Manifest),
    /// An index of manifests.
    Index(Index),
}

/// A document that is no usable manifest.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// It is not JSON, or a member has a wrong type.
    #[error("the manifest cannot be read")]
    Json(#[from] serde_json::Error),
    /// It has both `manifests` and `layers`: readers could take it for either (CVE-2021-41190).
    #[error("the manifest has both `manifests` and `layers`; readers would disagree on what it is")]
    Ambiguous,
    /// It has neither `manifests` nor `config`; schema 1 manifests end here.
    #[error("the document is neither an image manifest nor an index (media type `{0}`)")]
    Unknown(String),
    /// Its media type says one thing and its content another.
    #[error("the manifest says it is `{said}` but holds {holds}")]
    Contradiction {
        /// The media type that the document or the server gave.
        said: String,
        /// What its members make it.
        holds: &'static str,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    media_type: Option<String>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
    annotations: Option<Annotations>,
}

impl Document {
    /// Reads a manifest or an index. `content_type` is what the server said, if there was one.
    ///
    /// # Errors
    /// When the bytes are neither, or could be taken for both.
    pub fn parse(bytes: Vec<u8>, content_type: Option<&str>) -> Result<Self, ManifestError> {
        let wire: Wire = serde_json::from_slice(&bytes)?;
        let digest = Digest::of(&bytes);
        let said = wire.media_type.clone().or_else(|| content_type.map(str::to_owned)).unwrap_or_default();
        match (wire.manifests, wire.config) {
            (Some(_), _) if wire.layers.is_some() => Err(ManifestError::Ambiguous),
            (Some(manifests), _) => {
                if MediaType::parse(&said) == Some(MediaType::Manifest) {
                    return Err(ManifestError::Contradiction { said, holds: "an index" });
                }
                Ok(Self::Index(Index { bytes, digest, manifests }))
            }
            (None, Some(config)) => {
                if MediaType::parse(&said) == Some(MediaType::Index) {
                    return Err(ManifestError::Contradiction { said, holds: "an image manifest" });
                }
                Ok(Self::Manifest(Manifest {
                    bytes,
                    digest,
                    media_type: if said.is_empty() { MediaType::Manifest.as_str().to_owned() } else { said },
                    config,
                    layers: wire.layers.unwrap_or_default(),
                    annotations: wire.annotations.unwrap_or_default(),
                }))
            }
            (None, None) => Err(ManifestError::Unknown(said)),
        }
    }

    /// Returns the digest of the document's bytes.
    pub fn digest(&self) -> Digest {
        match self {
            Self::Manifest(manifest) => manifest.digest,
            Self::Index(index) => index.digest,
        }
    }
}

impl Index {
    /// Returns the children that are images: attestations (`unknown/unknown`, or annotated as such) are left out.
    pub fn images(&self) -> impl Iterator<Item = &Child> {
        self.manifests.iter().filter(|child| {
            let unknown = child.platform.as_ref().is_some_and(|p| p.os == "unknown" || p.architecture == "unknown");
            let attestation = child.annotations.contains_key("vnd.docker.reference.type");
            !unknown && !attestation
        })
    }

    /// Returns the first image that serves a platform. An equal variant wins over one that merely serves.
    pub fn find(&self, wanted: &Platform) -> Option<&Child> {
        let serving = || self.images().filter(|c| c.platform.as_ref().is_some_and(|p| p.serves(wanted)));
        serving()
            .find(|c| c.platform.as_ref().is_some_and(|p| p.variant == wanted.variant))
            .or_else(|| serving().next())
    }
}

impl Manifest {
    /// Returns the document as JSON, for members that the typed view leaves out.
    pub fn raw(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or(Value::Null)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const D: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn a_document_that_could_be_both_is_refused() {
        let text = format!(r#"{{"config":{{"mediaType":"x","digest":"{D}","size":1}},"layers":[],"manifests":[]}}"#);
        assert!(matches!(Document::parse(text.into_bytes(), None), Err(ManifestError::Ambiguous)));
    }

    #[test]
    fn an_index_yields_images_and_not_attestations() {
        let text = format!(
            r#"{{"manifests":[
                {{"mediaType":"m","digest":"{D}","size":1,"platform":{{"os":"unknown","architecture":"unknown"}}}},
                {{"mediaType":"m","digest":"{D}","size":2,"platform":{{"os":"linux","architecture":"arm64","variant":"v8"}}}}]}}"#
        );
        let Ok(Document::Index(index)) = Document::parse(text.into_bytes(), None) else { panic!("an index") };
        assert_eq!(index.images().count(), 1);
        assert_eq!(index.find(&Platform::new("linux", "arm64")).map(|c| c.size), Some(2));
        assert_eq!(index.find(&Platform::new("linux", "amd64")), None);
    }
}
