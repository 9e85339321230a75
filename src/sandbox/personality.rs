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

/// The ways of one kind of registry.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Personality {
    /// When blobs can be mounted.
    pub mount: MountRule,
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
            mount: MountRule::Committed,
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
            mount: MountRule::Present,
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
}
