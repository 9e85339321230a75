//! The phases of a push and a pull: the work that goes through each, and the requests that make it up.

use dockless::oci::{Digest, MediaType, Tag};
use dockless::registry::{RegistryError, TagOrDigest};
use dockless::sandbox::Personality;
use serde_json::json;

use crate::support::bench::{Bench, blob, index, manifest};

/// The size of the blob that is pushed and pulled, in bytes.
pub(super) const SIZE: u64 = 100_000;
/// The longest body where a blob goes in two parts.
const LONGEST: u64 = 70_000;

/// A phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    Auth,
    Head,
    Mount,
    Start,
    Put,
    Patch,
    Close,
    Tag,
    Manifest,
    Index,
    Referrers,
    Get,
}

impl Phase {
    /// All phases, in the order of the table.
    pub(super) const ALL: [Self; 12] = [
        Self::Auth,
        Self::Head,
        Self::Mount,
        Self::Start,
        Self::Put,
        Self::Patch,
        Self::Close,
        Self::Tag,
        Self::Manifest,
        Self::Index,
        Self::Referrers,
        Self::Get,
    ];

    /// The heading of the phase's column.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Auth => "token",
            Self::Head => "HEAD blob",
            Self::Mount => "mount",
            Self::Start => "POST upload",
            Self::Put => "PUT blob",
            Self::Patch => "PATCH part",
            Self::Close => "PUT close",
            Self::Tag => "HEAD tag",
            Self::Manifest => "PUT manifest",
            Self::Index => "PUT index",
            Self::Referrers => "referrers",
            Self::Get => "GET blob",
        }
    }

    /// The requests of the phase: method, path and query.
    pub(super) fn requests(self) -> (&'static str, &'static str, Option<&'static str>) {
        match self {
            Self::Auth => ("GET", "/token", None),
            Self::Head => ("HEAD", "/v2/*/blobs/*", None),
            Self::Mount => ("POST", "/v2/*/blobs/uploads/", Some("mount=*")),
            Self::Start => ("POST", "/v2/*/blobs/uploads/", Some("")),
            Self::Put | Self::Close => ("PUT", "/v2/*/blobs/uploads/*", None),
            Self::Patch => ("PATCH", "/v2/*/blobs/uploads/*", None),
            Self::Tag => ("HEAD", "/v2/*/manifests/1.0", None),
            Self::Manifest => ("PUT", "/v2/*/manifests/1.0", None),
            Self::Index => ("PUT", "/v2/*/manifests/all", None),
            Self::Referrers => ("GET", "/v2/*/referrers/*", None),
            Self::Get => ("GET", "/v2/*/blobs/*", None),
        }
    }

    /// Returns the ways of the registry in this phase: parts are for those that refuse a whole.
    pub(super) fn ways(self, mut ways: Personality) -> Personality {
        if matches!(self, Self::Patch | Self::Close) {
            ways.longest_body = Some(LONGEST);
        }
        ways
    }

    /// Does what comes before the phase.
    pub(super) async fn prepare(self, bench: &Bench) {
        let (target, base) = (&bench.client, bench.repository("base"));
        match self {
            Self::Auth | Self::Head | Self::Start | Self::Put => {}
            // That a whole is refused is known from the first blob on.
            Self::Patch | Self::Close => {
                target.push_blob(&blob(8, SIZE as usize), &[]).await.expect("a blob in parts");
            }
            Self::Mount => {
                let blobs = [blob(1, 2), blob(7, SIZE as usize)];
                for one in &blobs {
                    base.push_blob(one, &[]).await.expect("a blob to mount");
                }
                let committed = base.put_manifest(&manifest(&blobs), MediaType::Manifest.as_str(), &tag("1")).await;
                committed.expect("a manifest that refers to it");
            }
            Self::Tag | Self::Manifest => push_blobs(bench).await,
            Self::Index | Self::Referrers => {
                push_blobs(bench).await;
                let (bytes, digest) = image();
                let put = target.put_manifest(&bytes, MediaType::Manifest.as_str(), &digest.into()).await;
                put.expect("a child");
                if self == Self::Referrers {
                    let put = target.push_referrer(&signature(&digest), MediaType::Manifest.as_str()).await;
                    put.expect("a signature");
                }
            }
            Self::Get => {
                target.push_blob(&blob(7, SIZE as usize), &[]).await.expect("a blob to pull");
            }
        }
    }

    /// Goes through the phase.
    pub(super) async fn act(self, bench: &Bench) -> Result<(), RegistryError> {
        let target = &bench.client;
        let manifest_type = MediaType::Manifest.as_str();
        match self {
            Self::Auth | Self::Head | Self::Start | Self::Put | Self::Patch | Self::Close => {
                // A client that knows nothing yet: the one that prepared has its tokens.
                target.push_blob(&blob(7, SIZE as usize), &[]).await.map(drop)
            }
            Self::Mount => {
                let from = [bench.repository("base").repository().clone()];
                target.push_blob(&blob(7, SIZE as usize), &from).await.map(drop)
            }
            Self::Tag | Self::Manifest => {
                let blobs = [blob(1, 2), blob(2, 10)];
                target.put_manifest_of(&image().0, manifest_type, &tag("1.0"), &blobs).await.map(drop)
            }
            Self::Index => {
                let bytes = index(&[&image().0]);
                target.put_manifest(&bytes, MediaType::Index.as_str(), &tag("all")).await.map(drop)
            }
            Self::Referrers => target.referrers(&image().1, None).await.map(drop),
            Self::Get => pull(bench).await.map(drop),
        }
    }

    /// Asserts that what was done stands.
    pub(super) async fn verify(self, bench: &Bench) {
        match self {
            Self::Auth | Self::Head | Self::Mount | Self::Start | Self::Put | Self::Patch | Self::Close | Self::Get => {
                let got = pull(bench).await.expect("the blob is there");
                assert_eq!(Digest::of(&got), blob(7, SIZE as usize).digest);
            }
            Self::Tag | Self::Manifest => stands(bench, "1.0", image().1).await,
            Self::Index => stands(bench, "all", Digest::of(&index(&[&image().0]))).await,
            Self::Referrers => {}
        }
    }
}

async fn stands(bench: &Bench, name: &str, digest: Digest) {
    let found = bench.client.head_manifest(&tag(name)).await.expect("an answer").expect("a manifest");
    assert_eq!(found.digest, digest);
}

fn tag(name: &str) -> TagOrDigest {
    name.parse::<Tag>().expect("a tag").into()
}

fn image() -> (Vec<u8>, Digest) {
    let bytes = manifest(&[blob(1, 2), blob(2, 10)]);
    let digest = Digest::of(&bytes);
    (bytes, digest)
}

async fn push_blobs(bench: &Bench) {
    for one in [blob(1, 2), blob(2, 10)] {
        bench.client.push_blob(&one, &[]).await.expect("a blob");
    }
}

fn signature(subject: &Digest) -> Vec<u8> {
    let (config, layer) = (blob(1, 2), blob(2, 10));
    json!({
        "schemaVersion": 2, "mediaType": MediaType::Manifest.as_str(), "artifactType": "text/signature",
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": config.digest, "size": config.size},
        "layers": [{"mediaType": "text/plain", "digest": layer.digest, "size": layer.size}],
        "subject": {"mediaType": MediaType::Manifest.as_str(), "digest": subject, "size": 1},
    })
    .to_string()
    .into_bytes()
}

async fn pull(bench: &Bench) -> Result<Vec<u8>, RegistryError> {
    let mut stream = bench.client.blob(&blob(7, SIZE as usize).digest, SIZE);
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.chunk().await? {
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}
