//! `containers`: whose image is replaced, and what else.

use std::collections::BTreeSet;

use super::ecs_name;
use crate::spec::deploy_spec::{ContainerChoice, ContainerSpec};
use crate::spec::error::{Problem, SpecError};
use crate::spec::field::Field;
use crate::spec::schema;

/// The most of CPU units, or of MiB, that a container is given: beyond every machine of EC2.
const MOST: u64 = 1 << 26;

pub(super) fn containers(field: Field<'_>) -> Result<ContainerChoice, SpecError> {
    let containers = if field.is_map() { edited(field)? } else { listed(field)? };
    if containers.is_empty() {
        let problem =
            Problem::new("`containers` is empty").hint("remove the key for those that run the image's repository");
        return Err(field.flaw(problem));
    }
    Ok(ContainerChoice::Named(containers))
}

fn listed(field: Field<'_>) -> Result<Vec<ContainerSpec>, SpecError> {
    let mut seen = BTreeSet::new();
    let mut containers = Vec::new();
    for entry in field.list()? {
        let name = ecs_name(entry)?;
        if !seen.insert(name.clone()) {
            return Err(entry.flaw(Problem::new(format!("the container `{name}` is named twice"))));
        }
        containers.push(ContainerSpec::named(name));
    }
    Ok(containers)
}

fn edited(field: Field<'_>) -> Result<Vec<ContainerSpec>, SpecError> {
    field.entries()?.into_iter().map(container).collect()
}

fn container(field: Field<'_>) -> Result<ContainerSpec, SpecError> {
    let map = field.map(&schema::CONTAINER)?;
    let spec = ContainerSpec {
        name: field.name().to_owned(),
        env: map.read("env", variables)?.unwrap_or_default(),
        secrets: map.read("secrets", secrets)?.unwrap_or_default(),
        command: map.read("command", command)?,
        cpu: map.read("cpu", |field| field.number(0, MOST))?,
        memory: map.read("memory", |field| field.number(4, MOST))?,
    };
    let both = |(name, value): &&(String, Option<String>)| {
        value.is_some() && spec.secrets.iter().any(|(secret, from)| secret == name && from.is_some())
    };
    match spec.env.iter().find(both) {
        Some((name, _)) => {
            let problem = Problem::new(format!("`{name}` stands under both `env` and `secrets`"));
            Err(field.key_flaw(problem.hint("ECS takes it from one of them only; remove the other")))
        }
        None => Ok(spec),
    }
}

/// Reads variables by name; `null` takes one away.
fn variables(field: Field<'_>) -> Result<Vec<(String, Option<String>)>, SpecError> {
    if field.is_list() {
        return Err(field.wrong("a map", Some(&format!("write `{}: {{NAME: value}}`", field.name()))));
    }
    let mut variables = Vec::new();
    for entry in field.entries()? {
        let name = entry.name();
        if name.is_empty() || name.contains(['=', '\0']) {
            let problem = Problem::new(format!("`{name}` is not the name of a variable"));
            return Err(entry.key_flaw(problem.hint("a name is not empty and has no `=`")));
        }
        variables.push((name.to_owned(), if entry.is_null() { None } else { Some(entry.verbatim()?) }));
    }
    Ok(variables)
}

/// Reads secrets: each value is where ECS reads it from, never the secret itself.
fn secrets(field: Field<'_>) -> Result<Vec<(String, Option<String>)>, SpecError> {
    let secrets = variables(field)?;
    for (name, from) in &secrets {
        let parameter =
            |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./".contains(&b));
        if let Some(from) = from
            && !from.starts_with("arn:")
            && !parameter(from)
        {
            // The value is not shown: it may be the secret.
            let problem = Problem::new(format!("the secret `{name}` names no place that ECS could read it from"));
            return Err(
                field.key_flaw(problem.hint("give the ARN of a secret, or the ARN or name of an SSM parameter"))
            );
        }
    }
    Ok(secrets)
}

/// Reads a command: a list, since ECS starts no shell.
pub(super) fn command(field: Field<'_>) -> Result<Vec<String>, SpecError> {
    if field.is_scalar() {
        let line = field.untouched()?;
        let hint = match line.contains(['$', '|', '&', ';', '<', '>', '"', '\'', '*']) {
            true => format!("for a shell write `{}: [/bin/sh, -c, {line:?}]`", field.name()),
            false => format!("write `{}: [{}]`", field.name(), line.split_whitespace().collect::<Vec<_>>().join(", ")),
        };
        return Err(field.wrong("a list", Some(&hint)));
    }
    field.list()?.iter().map(Field::verbatim).collect()
}

/// Reads variables that are set, by name.
pub(super) fn env(field: Field<'_>) -> Result<Vec<(String, String)>, SpecError> {
    let mut set = Vec::new();
    for (name, value) in variables(field)? {
        let Some(value) = value else {
            let problem = Problem::new(format!("`{name}` has no value"));
            return Err(field.key_flaw(problem.hint("give it a value, or remove it; a task cannot take one away")));
        };
        set.push((name, value));
    }
    Ok(set)
}
