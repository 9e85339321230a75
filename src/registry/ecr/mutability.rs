//! Which tags of a repository may move: ECR's rule with its exclusions, as a pure function.

use aws_sdk_ecr::types::ImageTagMutability;

/// A repository's rule for tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mutability {
    /// Every tag may move.
    Mutable,
    /// No tag may move.
    Immutable,
    /// No tag may move but those that match one of these patterns.
    ImmutableExcept(Vec<String>),
    /// Every tag may move but those that match one of these patterns.
    MutableExcept(Vec<String>),
    /// Nobody may tell us, or ECR has a newer rule than this program.
    Unknown,
}

impl Mutability {
    pub(super) fn of(repository: &aws_sdk_ecr::types::Repository) -> Self {
        let filters = repository.image_tag_mutability_exclusion_filters();
        let patterns = || filters.iter().map(|filter| filter.filter().to_owned()).collect();
        match repository.image_tag_mutability() {
            Some(ImageTagMutability::Mutable) => Self::Mutable,
            Some(ImageTagMutability::Immutable) => Self::Immutable,
            Some(ImageTagMutability::ImmutableWithExclusion) => Self::ImmutableExcept(patterns()),
            Some(ImageTagMutability::MutableWithExclusion) => Self::MutableExcept(patterns()),
            _ => Self::Unknown,
        }
    }

    /// Returns whether a tag that exists may be moved; `None` when nobody knows.
    pub fn may_move(&self, tag: &str) -> Option<bool> {
        let matched = |patterns: &[String]| patterns.iter().any(|pattern| matches(pattern, tag));
        match self {
            Self::Mutable => Some(true),
            Self::Immutable => Some(false),
            Self::ImmutableExcept(patterns) => Some(matched(patterns)),
            Self::MutableExcept(patterns) => Some(!matched(patterns)),
            Self::Unknown => None,
        }
    }
}

/// Returns whether a text matches a pattern in which `*` stands for any run, also an empty one.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, after)) => text
            .strip_prefix(before)
            .is_some_and(|rest| (0..=rest.len()).any(|at| rest.is_char_boundary(at) && matches(after, &rest[at..]))),
    }
}
