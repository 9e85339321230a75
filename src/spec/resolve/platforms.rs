//! `platforms`, and values that each platform has its own of.

use super::overridden;
use crate::oci::Platform;
use crate::spec::error::{Problem, SpecError};
use crate::spec::field::{Field, Map};
use crate::spec::load::Inputs;
use crate::spec::words;

/// Returns what is built for, in order; nothing if that is left to the base.
pub(super) fn platforms(root: &Map<'_>, inputs: &Inputs<'_>) -> Result<Vec<Platform>, SpecError> {
    if inputs.overrides.platforms.is_empty() {
        return Ok(root.read("platforms", listed)?.unwrap_or_default());
    }
    let mut platforms = Vec::new();
    for word in inputs.overrides.platforms.iter().flat_map(|value| value.split(',')) {
        overridden("--platform", word.trim(), |word| {
            let platform = words::platform(word)?;
            add(&mut platforms, platform)
        })?;
    }
    Ok(platforms)
}

fn listed(field: Field<'_>) -> Result<Vec<Platform>, SpecError> {
    let mut platforms = Vec::new();
    for entry in field.list()? {
        let platform = entry.parse(words::platform)?;
        add(&mut platforms, platform).map_err(|problem| entry.flaw(problem))?;
    }
    if platforms.is_empty() {
        let problem = Problem::new("`platforms` is empty").hint("name one, or remove the key for the base's own");
        return Err(field.flaw(problem));
    }
    Ok(platforms)
}

/// Adds a platform that is not there yet under this or another name.
fn add(platforms: &mut Vec<Platform>, platform: Platform) -> Result<(), Problem> {
    match platforms.iter().find(|other| other.serves(&platform) && platform.serves(other)) {
        None => {
            platforms.push(platform);
            Ok(())
        }
        Some(same) if *same == platform => {
            Err(Problem::new(format!("the platform `{platform}` is given twice")).hint("remove one of them"))
        }
        Some(same) => {
            let problem = Problem::new(format!("`{platform}` and `{same}` are the same platform"));
            Err(problem.hint("remove one of them"))
        }
    }
}

/// Returns the value that counts for a platform: the field itself, or that entry of a map by platform. An entry without
/// a variant serves all variants that have no entry of their own.
pub(super) fn chosen<'a>(field: Field<'a>, platform: Option<&Platform>) -> Result<Field<'a>, SpecError> {
    if !field.is_map() {
        return Ok(field);
    }
    let mut platforms = Vec::new();
    let entries = field.entries()?;
    for entry in &entries {
        let platform = words::platform(entry.name()).map_err(|problem| entry.key_flaw(problem))?;
        add(&mut platforms, platform).map_err(|problem| entry.key_flaw(problem))?;
        if !entry.is_scalar() {
            return Err(entry.wrong("a path", None));
        }
    }
    let Some(platform) = platform else { return Err(field.key_flaw(no_platform(field.name(), &platforms))) };
    let position = platforms.iter().position(|other| other == platform);
    match position.or_else(|| platforms.iter().position(|other| platform.serves(other))) {
        Some(position) => Ok(entries[position]),
        None => {
            let problem = Problem::new(format!("`{}` says nothing for the platform `{platform}`", field.name()));
            Err(field.key_flaw(problem.hint(format!("add `{platform}: PATH`"))))
        }
    }
}

fn no_platform(name: &str, platforms: &[Platform]) -> Problem {
    let words: Vec<String> = platforms.iter().map(Platform::to_string).collect();
    let problem = Problem::new(format!("`{name}` depends on the platform, which the file does not say"));
    match &words[..] {
        [] => problem.hint("write one path"),
        words => problem.hint(format!("add `platforms: [{}]` at the top level", words.join(", "))),
    }
}
