//! How registries differ, as data.
//!
//! The specification leaves room, and servers leave the specification: each field is one observed difference, so that a
//! client can be tested against all of them without a second server.

/// When a blob may be mounted from another repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MountRule {
    /// Never: the answer is always an upload session.
    Never,
    /// When a manifest of the source repository refers to it (ECR).
    Committed,
    /// When the source repository has it (distribution).
    Present,
}

/// Who may come in, and how they show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthRule {
    /// User and password with every request (ECR: `AWS` and its token).
    Basic,
    /// A token of the token service, `/token` beside the registry, which is good for so many seconds.
    Bearer(u64),
}

/// What becomes of the parts of a chunked upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PatchRule {
    /// They are put together.
    Append,
    /// Only the last one is kept (GHCR).
    LastWins,
    /// They are refused with 405 (Google's registries).
    Refused,
}

/// How the `Location` of an upload is written. All of them are legal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LocationForm {
    /// A path.
    Path,
    /// A path with a query that has to come back as it is (distribution's `_state`).
    PathWithState,
    /// A URL with the host that the client asked.
    Absolute,
}

/// The ways of one kind of registry.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Personality {
    /// Who may come in.
    pub auth: AuthRule,
    /// When blobs can be mounted.
    pub mount: MountRule,
    /// The status that answers a mount whose `from` is missing, instead of an upload session (Quay).
    pub mount_without_source: Option<u16>,
    /// The status that answers a mount from a repository that does not exist, instead of an upload session (Harbor).
    pub mount_of_unknown: Option<u16>,
    /// What becomes of chunks.
    pub patch: PatchRule,
    /// How upload sessions are named.
    pub location: LocationForm,
    /// The longest body that is taken; what is longer gets 413, as from a proxy that stands before the registry.
    pub longest_body: Option<u64>,
    /// The least length of chunks that is said (`OCI-Chunk-Min-Length`).
    pub told_chunk: Option<u64>,
    /// Whether DELETE ends an upload session.
    pub cancels: bool,
    /// The status for a manifest that is not there: 404, or 403 where it is not told from one that is hidden.
    pub absent_manifest: u16,
    /// Whether manifests, tags and blobs can be deleted.
    pub deletes: bool,
    /// The status that answers PATCH: 202 by the specification, 201 by ECR.
    pub patch_status: u16,
    /// Whether the `Range` of upload answers stays at the first chunk, as ECR's does.
    pub stale_range: bool,
    /// Whether GET on an upload session is answered; ECR answers 404.
    pub upload_status: bool,
    /// Whether bytes sent again from the start of a used session are refused with 416 (ECR), not appended.
    pub refuses_replay: bool,
    /// The least bytes of a chunk that is not the last; smaller ones fail when the upload is closed.
    pub least_part: u64,
    /// Whether a blob without bytes can be stored.
    pub empty_blobs: bool,
    /// Whether a repository comes into being by the first push.
    pub creates_repositories: bool,
    /// Whether a manifest must name its media type within.
    pub media_type_required: bool,
    /// Whether an image must have a layer.
    pub layer_required: bool,
    /// Whether GET of a manifest names its digest in a header; ECR does so for HEAD only.
    pub digest_on_get: bool,
    /// Whether PUT of a manifest answers with a `Location`.
    pub manifest_location: bool,
    /// Whether PUT of a manifest by digest takes `?tag=` parameters (distribution-spec, end-7b).
    pub many_tags: bool,
    /// Whether the referrers API exists.
    pub referrers: bool,
    /// The largest `n` of a tag list.
    pub tags_per_page: usize,
}

impl Personality {
    /// Returns the ways of Amazon ECR's private registries.
    pub fn ecr() -> Self {
        Self {
            auth: AuthRule::Basic,
            mount: MountRule::Committed,
            mount_without_source: None,
            mount_of_unknown: None,
            patch: PatchRule::Append,
            location: LocationForm::Path,
            longest_body: None,
            told_chunk: None,
            cancels: true,
            absent_manifest: 404,
            deletes: true,
            patch_status: 201,
            stale_range: true,
            upload_status: false,
            refuses_replay: true,
            least_part: 5 * 1024 * 1024,
            empty_blobs: false,
            creates_repositories: false,
            media_type_required: true,
            layer_required: true,
            digest_on_get: false,
            manifest_location: false,
            many_tags: false,
            referrers: true,
            tags_per_page: 1000,
        }
    }

    /// Returns the ways of the CNCF distribution registry, which keeps to the specification.
    pub fn distribution() -> Self {
        Self {
            auth: AuthRule::Basic,
            mount: MountRule::Present,
            mount_without_source: None,
            mount_of_unknown: None,
            patch: PatchRule::Append,
            location: LocationForm::PathWithState,
            longest_body: None,
            told_chunk: None,
            cancels: true,
            absent_manifest: 404,
            deletes: true,
            patch_status: 202,
            stale_range: false,
            upload_status: true,
            refuses_replay: false,
            least_part: 0,
            empty_blobs: true,
            creates_repositories: true,
            media_type_required: false,
            layer_required: false,
            digest_on_get: true,
            manifest_location: true,
            many_tags: true,
            referrers: true,
            tags_per_page: 10_000,
        }
    }

    /// Returns the known quirks of GitHub's registry: tokens, and chunks of which only the last is kept.
    pub fn ghcr() -> Self {
        Self {
            auth: AuthRule::Bearer(300),
            patch: PatchRule::LastWins,
            location: LocationForm::Absolute,
            many_tags: false,
            referrers: false,
            deletes: false,
            ..Self::distribution()
        }
    }

    /// Returns the known quirks of Docker Hub: tokens for five minutes, and nothing can be deleted.
    pub fn docker_hub() -> Self {
        Self {
            auth: AuthRule::Bearer(300),
            location: LocationForm::Absolute,
            many_tags: false,
            referrers: false,
            deletes: false,
            ..Self::distribution()
        }
    }

    /// Returns the known quirks of Quay: a mount without a source fails.
    pub fn quay() -> Self {
        Self {
            auth: AuthRule::Bearer(3600),
            mount_without_source: Some(500),
            location: LocationForm::Path,
            many_tags: false,
            ..Self::distribution()
        }
    }

    /// Returns the known quirks of Artifactory: what is not there is forbidden.
    pub fn artifactory() -> Self {
        Self {
            auth: AuthRule::Bearer(3600),
            absent_manifest: 403,
            location: LocationForm::Absolute,
            many_tags: false,
            referrers: false,
            ..Self::distribution()
        }
    }

    /// Returns the known quirks of Harbor: a mount from an unknown repository is unauthorized.
    pub fn harbor() -> Self {
        Self { auth: AuthRule::Bearer(1800), mount_of_unknown: Some(401), many_tags: false, ..Self::distribution() }
    }

    /// Returns the known quirks of Google's Artifact Registry: no chunks.
    pub fn google() -> Self {
        Self { auth: AuthRule::Bearer(3600), patch: PatchRule::Refused, many_tags: false, ..Self::distribution() }
    }

    /// Returns a distribution registry behind a proxy that limits the bodies of requests.
    pub fn behind_a_proxy(longest_body: u64) -> Self {
        Self { longest_body: Some(longest_body), ..Self::distribution() }
    }

    /// Returns all kinds of registry that are known, by name.
    pub fn all() -> [(&'static str, Self); 8] {
        [
            ("distribution", Self::distribution()),
            ("ECR", Self::ecr()),
            ("GHCR", Self::ghcr()),
            ("Docker Hub", Self::docker_hub()),
            ("Quay", Self::quay()),
            ("Artifactory", Self::artifactory()),
            ("Harbor", Self::harbor()),
            ("Google", Self::google()),
        ]
    }
}
