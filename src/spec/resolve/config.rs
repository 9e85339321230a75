//! `config`: what is laid over the base's config.

use std::collections::BTreeMap;

use super::nonempty_key;
use crate::spec::EnvValue;
use crate::spec::config_spec::{ConfigSpec, HealthcheckSpec};
use crate::spec::error::{Problem, SpecError};
use crate::spec::field::Field;
use crate::spec::{project_path, schema, words};

pub(super) fn config(field: Field<'_>) -> Result<ConfigSpec, SpecError> {
    let map = field.map(&schema::CONFIG)?;
    Ok(ConfigSpec {
        env: map.read("env", env)?.unwrap_or_default(),
        working_dir: map.read("working_dir", working_dir)?,
        user: map.read("user", user)?,
        entrypoint: map.read("entrypoint", command)?,
        cmd: map.read("cmd", command)?,
        ports: map.read("ports", ports)?.unwrap_or_default(),
        volumes: map.read("volumes", volumes)?.unwrap_or_default(),
        labels: map.read("labels", labels)?.unwrap_or_default(),
        stop_signal: map.read("stop_signal", |field| field.parse(stop_signal))?,
        healthcheck: map.read("healthcheck", healthcheck)?,
    })
}

fn env(field: Field<'_>) -> Result<Vec<(String, Option<EnvValue>)>, SpecError> {
    if field.is_list() {
        return Err(field.wrong("a map", Some("write `env: {NAME: value}` instead of `- NAME=value`")));
    }
    let mut env = Vec::new();
    for entry in field.entries()? {
        let name = entry.name();
        if name.is_empty() || name.contains(['=', '\0']) {
            let problem = Problem::new(format!("`{name}` is not the name of a variable"));
            return Err(entry.key_flaw(problem.hint("a name is not empty and has no `=`")));
        }
        let value = if entry.is_null() { None } else { Some(entry.env_value()?) };
        env.push((name.to_owned(), value));
    }
    Ok(env)
}

fn working_dir(field: Field<'_>) -> Result<String, SpecError> {
    field.parse(|text| project_path::image_path(text).map(|_| text.to_owned()))
}

fn user(field: Field<'_>) -> Result<String, SpecError> {
    field.parse(|text| {
        words::owner(text)
            .map(|_| text.to_owned())
            .map_err(|problem| Problem { message: problem.message.replace("an owner", "a user"), ..problem })
    })
}

/// Reads `entrypoint` or `cmd`: lists only, since a text would need a shell that the image may not have.
fn command(field: Field<'_>) -> Result<Vec<String>, SpecError> {
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

fn ports(field: Field<'_>) -> Result<Vec<String>, SpecError> {
    field.list()?.iter().map(|port| port.parse(words::port)).collect()
}

fn volumes(field: Field<'_>) -> Result<Vec<String>, SpecError> {
    let volume = |text: &str| {
        if text.contains(':') {
            let problem = Problem::new(format!("`{text}` is not a path of the image"));
            return Err(problem.hint("name the path only; the task definition mounts volumes"));
        }
        project_path::image_path(text).map(|_| text.to_owned())
    };
    field.list()?.iter().map(|entry| entry.parse(volume)).collect()
}

fn labels(field: Field<'_>) -> Result<BTreeMap<String, Option<String>>, SpecError> {
    let label = |entry: Field<'_>| {
        let value = if entry.is_null() { None } else { Some(entry.verbatim()?) };
        Ok((nonempty_key(entry)?, value))
    };
    field.entries()?.into_iter().map(label).collect()
}

fn stop_signal(text: &str) -> Result<String, Problem> {
    let number = text.parse::<u8>().is_ok_and(|number| (1..=64).contains(&number));
    let name = text.strip_prefix("SIG").is_some_and(|rest| {
        !rest.is_empty()
            && rest.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || matches!(b, b'+' | b'-'))
    });
    if number || name {
        return Ok(text.to_owned());
    }
    let upper = text.to_ascii_uppercase();
    let named = if upper.starts_with("SIG") { upper } else { format!("SIG{upper}") };
    let hint = match named[3..].bytes().all(|b| b.is_ascii_uppercase()) && named.len() > 3 {
        true => format!("write `{named}`"),
        false => "write it like `SIGTERM`".to_owned(),
    };
    Err(Problem::new(format!("`{text}` is not a signal")).hint(hint))
}

fn healthcheck(field: Field<'_>) -> Result<HealthcheckSpec, SpecError> {
    let map = field.map(&schema::HEALTHCHECK)?;
    let Some(test) = map.read("test", healthcheck_test)? else {
        let problem =
            Problem::new("`test` is missing").hint("write `test: [CMD, /bin/check]`, or `[NONE]` for no check");
        return Err(field.flaw(problem));
    };
    Ok(HealthcheckSpec {
        test,
        interval: map.read("interval", |field| field.parse(words::duration))?,
        timeout: map.read("timeout", |field| field.parse(words::duration))?,
        retries: map.read("retries", |field| field.number(0, 1000))?.and_then(|retries| u32::try_from(retries).ok()),
        start_period: map.read("start_period", |field| field.parse(words::duration))?,
    })
}

fn healthcheck_test(field: Field<'_>) -> Result<Vec<String>, SpecError> {
    if field.is_scalar() {
        let line = field.untouched()?;
        return Err(field.wrong("a list", Some(&format!("write `test: [CMD-SHELL, {line:?}]`"))));
    }
    let test = field.list()?.iter().map(Field::verbatim).collect::<Result<Vec<_>, _>>()?;
    let words: Vec<&str> = test.iter().map(String::as_str).collect();
    match words[..] {
        ["NONE"] | ["CMD", _, ..] | ["CMD-SHELL", _] => Ok(test),
        _ => {
            let problem =
                Problem::new("the test begins with none of `CMD`, `CMD-SHELL`, `NONE`, or has the wrong length");
            Err(field.flaw(problem.hint("write `[CMD, PROGRAM, ARGUMENT]`, `[CMD-SHELL, LINE]` or `[NONE]`")))
        }
    }
}
