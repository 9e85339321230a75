//! Which tags may move.

use serde::{Deserialize, Serialize};

use super::super::glob;

/// A repository's rule for tags, in ECR's words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(in crate::sandbox) enum Immutability {
    /// Every tag may move.
    #[default]
    Mutable,
    /// No tag may move.
    Immutable,
    /// No tag may move but those that match a filter.
    ImmutableWithExclusion,
    /// Every tag may move but those that match a filter.
    MutableWithExclusion,
}

/// A filter of tags; ECR's only type is `WILDCARD`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::sandbox) struct Exclusion {
    /// Always `WILDCARD`.
    pub(in crate::sandbox) filter_type: String,
    /// The pattern, in which `*` stands for any run.
    pub(in crate::sandbox) filter: String,
}

impl Immutability {
    /// Returns what forbids a tag to move: `repository` or `tag`; `None` when it may.
    pub(super) fn forbids(self, tag: &str, exclusions: &[Exclusion]) -> Option<&'static str> {
        let excluded = exclusions.iter().any(|exclusion| glob::matches(&exclusion.filter, tag));
        match self {
            Self::Mutable => None,
            Self::Immutable => Some("repository"),
            Self::ImmutableWithExclusion => (!excluded).then_some("tag"),
            Self::MutableWithExclusion => excluded.then_some("tag"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exclusions_turn_the_rule_around() {
        let except = [Exclusion { filter_type: "WILDCARD".to_owned(), filter: "latest*".to_owned() }];
        for (rule, tag, expect) in [
            (Immutability::Mutable, "1.0", None),
            (Immutability::Immutable, "latest", Some("repository")),
            (Immutability::ImmutableWithExclusion, "latest", None),
            (Immutability::ImmutableWithExclusion, "1.0", Some("tag")),
            (Immutability::MutableWithExclusion, "latest-2", Some("tag")),
            (Immutability::MutableWithExclusion, "1.0", None),
        ] {
            assert_eq!(rule.forbids(tag, &except), expect, "{rule:?} {tag}");
        }
    }
}
