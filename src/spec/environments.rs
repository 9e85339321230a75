//! `environments`: what one place has otherwise, laid over the tree before it is read.
//!
//! An environment may say where an image goes and what runs it, never what is in it: one digest, many places. What is
//! laid over keeps its place in the file, so that an error shows the line that is wrong.

use super::error::{Problem, SpecError};
use super::field::{Field, Map};
use super::node::{Entry, Node, Value};
use super::schema;
use crate::ground::did_you_mean;

/// Keys of an environment whose own keys are replaced one by one.
const MERGED: [&str; 2] = ["repository", "deploy"];

/// Checks the keys of all environments, also of those that are not asked for.
///
/// # Errors
/// When one overrides what no environment may.
pub(super) fn check(root: &Map<'_>) -> Result<(), SpecError> {
    let Some(environments) = root.get("environments") else { return Ok(()) };
    for environment in environments.entries()? {
        if environment.name().is_empty() {
            return Err(environment.key_flaw(Problem::new("an environment has no name")));
        }
        check_keys(environment)?;
        let map = environment.map(&schema::ENVIRONMENT)?;
        if let Some(section) = map.get("deploy") {
            section.map(&schema::DEPLOY)?;
        }
    }
    Ok(())
}

/// Tells what the image is made of from what is unknown altogether.
fn check_keys(environment: Field<'_>) -> Result<(), SpecError> {
    const OF_THE_IMAGE: [&str; 11] = [
        "base",
        "platforms",
        "contexts",
        "compression",
        "cache_from",
        "layers",
        "config",
        "annotations",
        "secrets",
        "format",
        "version",
    ];
    match environment.any_map()?.first_of(&OF_THE_IMAGE) {
        Some(field) => {
            let problem = Problem::new(format!("an environment cannot override `{}`", field.name()));
            let hint = "it may override `name`, `tags`, `repository` and `deploy`: one image goes to all of them";
            Err(field.key_flaw(problem.hint(hint)))
        }
        None => Ok(()),
    }
}

/// Lays the environment of a name over the document.
///
/// # Errors
/// When there is none of that name. Its shape was seen by [`check`].
pub(super) fn lay_over(root: &mut Node, name: &str) -> Result<(), SpecError> {
    let environments = entry(root, "environments").map(|entry| entry.node.clone());
    let Some(Node { value: Value::Map(environments), .. }) = environments else {
        return Err(unknown(name, &[]));
    };
    let Some(chosen) = environments.iter().find(|entry| entry.key == name) else {
        return Err(unknown(name, &environments));
    };
    if let Value::Map(overrides) = &chosen.node.value {
        for over in overrides {
            lay_entry(root, over);
        }
    }
    Ok(())
}

fn lay_entry(root: &mut Node, over: &Entry) {
    let Value::Map(entries) = &mut root.value else { return };
    let Some(below) = entries.iter_mut().find(|entry| entry.key == over.key) else {
        entries.push(over.clone());
        return;
    };
    match (&mut below.node.value, &over.node.value) {
        (Value::Map(_), Value::Map(keys)) if MERGED.contains(&over.key.as_str()) => {
            for key in keys {
                replace(&mut below.node, key);
            }
        }
        _ => *below = over.clone(),
    }
}

fn replace(node: &mut Node, over: &Entry) {
    let Value::Map(entries) = &mut node.value else { return };
    match entries.iter_mut().find(|entry| entry.key == over.key) {
        Some(below) => *below = over.clone(),
        None => entries.push(over.clone()),
    }
}

fn entry<'a>(root: &'a Node, key: &str) -> Option<&'a Entry> {
    match &root.value {
        Value::Map(entries) => entries.iter().find(|entry| entry.key == key),
        _ => None,
    }
}

fn unknown(name: &str, environments: &[Entry]) -> SpecError {
    let names: Vec<&str> = environments.iter().map(|entry| entry.key.as_str()).collect();
    let hint = match did_you_mean(name, names.iter().copied()) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None if names.is_empty() => format!("add `environments: {{{name}: {{deploy: {{cluster: ...}}}}}}`"),
        None => {
            let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            format!("the build file has {}", names.join(", "))
        }
    };
    SpecError::Override {
        option: "--environment",
        message: format!("the build file has no environment `{name}`"),
        hint: Some(hint),
    }
}
