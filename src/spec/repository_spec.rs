//! How a repository is made that does not exist yet.

/// The `repository` section. It is used when the repository does not exist, and never changes one that does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositorySpec {
    /// Whether a push makes the repository.
    pub create: bool,
    /// Whether each pushed image is scanned.
    pub scan_on_push: bool,
    /// Which tags may not move.
    pub immutable_tags: ImmutableTags,
    /// After how many days an image without a tag is deleted.
    pub expire_untagged_days: Option<u32>,
}

/// Which tags may not move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImmutableTags {
    /// All may.
    None,
    /// None may.
    All,
    /// None may but those that match one of these patterns, in which `*` stands for any run.
    Except(Vec<String>),
}
