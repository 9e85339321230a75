//! `repository`: how it is made when it does not exist.

use std::time::Duration;

use crate::spec::error::{Problem, SpecError};
use crate::spec::field::Field;
use crate::spec::repository_spec::{ImmutableTags, RepositorySpec};
use crate::spec::schema;
use crate::spec::words;

/// Patterns that one repository takes, characters of one, and its wildcards (AWS, `ImageTagMutabilityExclusionFilter`).
const PATTERNS: usize = 5;
const LENGTH: usize = 128;
const WILDCARDS: usize = 2;

const DAY: Duration = Duration::from_secs(24 * 3600);

pub(super) fn repository(field: Field<'_>) -> Result<RepositorySpec, SpecError> {
    let map = field.map(&schema::REPOSITORY)?;
    let flag = |key: &str| map.read(key, |field| field.boolean()).map(Option::unwrap_or_default);
    Ok(RepositorySpec {
        create: flag("create")?,
        scan_on_push: flag("scan_on_push")?,
        immutable_tags: map.read("immutable_tags", immutable_tags)?.unwrap_or(ImmutableTags::None),
        expire_untagged_days: map.read("expire_untagged", |field| field.parse(days))?,
    })
}

fn immutable_tags(field: Field<'_>) -> Result<ImmutableTags, SpecError> {
    if field.is_scalar() {
        return Ok(if field.boolean()? { ImmutableTags::All } else { ImmutableTags::None });
    }
    if !field.is_map() {
        return Err(field.wrong("`true`, `false` or a map", Some("write `immutable_tags: {except: [latest]}`")));
    }
    let map = field.map(&schema::IMMUTABLE_TAGS)?;
    let Some(except) = map.get("except") else {
        let problem = Problem::new("`except` is missing").hint("write `immutable_tags: true` for all tags");
        return Err(field.key_flaw(problem));
    };
    let patterns = except.list()?.iter().map(|entry| entry.parse(pattern)).collect::<Result<Vec<_>, _>>()?;
    match patterns.len() {
        0 => Err(except.flaw(Problem::new("`except` is empty").hint("write `immutable_tags: true` for all tags"))),
        count if count > PATTERNS => {
            let problem = Problem::new(format!("`except` has {count} patterns; ECR takes {PATTERNS} at most"));
            Err(except.flaw(problem.hint("use `*` for several tags")))
        }
        _ => Ok(ImmutableTags::Except(patterns)),
    }
}

fn pattern(text: &str) -> Result<String, Problem> {
    let known = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'*');
    if text.is_empty() || text.len() > LENGTH || !text.bytes().all(known) {
        let problem = Problem::new(format!("`{text}` is no pattern of tags"));
        return Err(problem.hint(format!("patterns have letters, digits, `.`, `_`, `-` and `*`, at most {LENGTH}")));
    }
    if text.matches('*').count() > WILDCARDS {
        let problem = Problem::new(format!("`{text}` has more than {WILDCARDS} `*`, which ECR does not take"));
        return Err(problem.hint("write two patterns"));
    }
    Ok(text.to_owned())
}

/// Lifecycle rules count in whole days.
fn days(text: &str) -> Result<u32, Problem> {
    let duration = words::duration(text)?;
    let days =
        u32::try_from(duration.as_secs() / DAY.as_secs()).ok().filter(|days| DAY.checked_mul(*days) == Some(duration));
    match days {
        Some(days) if days > 0 => Ok(days),
        _ => Err(Problem::new(format!("`{text}` is not a count of whole days")).hint("write it like `14d`")),
    }
}
