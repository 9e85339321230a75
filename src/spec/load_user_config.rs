//! Reading the user configuration: the same care as for a build file, without variables.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::error::{Problem, SpecError};
use super::field::{Field, Reader};
use super::schema;
use super::user_config::{HostConfig, Scheme, UserConfig};
use super::{load, parse, words};
use crate::oci::Repository;

/// Reads the user configuration. Relative paths in it are those of its folder. A file that is not there, or holds only
/// comments, is the default.
///
/// # Errors
/// When it cannot be read, or something in it is not as the schema says.
pub fn load_user_config(path: &Path) -> Result<UserConfig, SpecError> {
    let bytes = match load::read(path) {
        Err(SpecError::File(error)) if error.is_not_found() => return Ok(UserConfig::default()),
        bytes => bytes?,
    };
    let source = load::source(&path.display().to_string(), bytes)?;
    let Some(root) = parse::parse(&source)? else { return Ok(UserConfig::default()) };
    let reader = Reader { source: &source, variables: None };
    let folder = path.parent().unwrap_or(path);
    user_config(Field::root(&reader, &root), folder)
}

fn user_config(field: Field<'_>, folder: &Path) -> Result<UserConfig, SpecError> {
    let map = field.map(&schema::USER_CONFIG)?;
    let cache = map.read("cache", |field| {
        let cache = field.map(&schema::CACHE)?;
        cache.read("max_size", |field| field.parse(words::size))
    })?;
    let hosts = map.read("hosts", |field| hosts(field, folder))?;
    Ok(UserConfig { hosts: hosts.unwrap_or_default(), cache_max_size: cache.flatten() })
}

fn hosts(field: Field<'_>, folder: &Path) -> Result<BTreeMap<String, HostConfig>, SpecError> {
    let entry = |entry: Field<'_>| {
        check_host(entry.name()).map_err(|problem| entry.key_flaw(problem))?;
        Ok((entry.name().to_owned(), host(entry, folder)?))
    };
    field.entries()?.into_iter().map(entry).collect()
}

fn host(field: Field<'_>, folder: &Path) -> Result<HostConfig, SpecError> {
    let map = field.map(&schema::HOST)?;
    let file = |field: Field<'_>| -> Result<PathBuf, SpecError> { field.parse(|text| path(text, folder)) };
    if let (Some(alone), None) | (None, Some(alone)) = (map.get("cert"), map.get("key")) {
        let other = if alone.name() == "cert" { "key" } else { "cert" };
        let problem = Problem::new(format!("`{}` needs `{other}`", alone.name()));
        return Err(alone.key_flaw(problem.hint(format!("add `{other}: FILE`"))));
    }
    Ok(HostConfig {
        endpoint: map.read("endpoint", |field| field.parse(|text| check_host(text).map(|()| text.to_owned())))?,
        scheme: map.read("scheme", |field| field.parse(scheme))?,
        ca: map.read("ca", file)?,
        cert: map.read("cert", file)?,
        key: map.read("key", file)?,
        mirrors: map.read("mirrors", mirrors)?.unwrap_or_default(),
    })
}

fn path(text: &str, folder: &Path) -> Result<PathBuf, Problem> {
    if text.is_empty() {
        return Err(Problem::new("the path is empty"));
    }
    if text.starts_with('~') {
        let problem = Problem::new(format!("`{text}` begins with `~`, which only shells understand"));
        return Err(problem.hint("write the whole path"));
    }
    Ok(folder.join(text))
}

fn scheme(text: &str) -> Result<Scheme, Problem> {
    match text {
        "http" => Ok(Scheme::Http),
        "https" => Ok(Scheme::Https),
        other => Err(Problem::new(format!("`{other}` is no scheme")).one_of(other, &["http", "https"])),
    }
}

fn mirrors(field: Field<'_>) -> Result<Vec<String>, SpecError> {
    let mirror = |text: &str| {
        check_host(text.split('/').next().unwrap_or_default())?;
        Ok(text.trim_end_matches('/').to_owned())
    };
    field.list()?.iter().map(|entry| entry.parse(mirror)).collect()
}

fn check_host(text: &str) -> Result<(), Problem> {
    if let Some((scheme, rest)) = text.split_once("://") {
        let host = rest.split('/').next().unwrap_or_default();
        let problem = Problem::new(format!("`{text}` is a URL, not a host"));
        return Err(problem.hint(format!("write `{host}`, and beside `endpoint` `scheme: {scheme}`")));
    }
    let checked = Repository::new(text, "any").map(|_| ()).map_err(|error| Problem::new(error.to_string()));
    checked.map_err(|problem| problem.hint("write it like `registry.example.com` or `127.0.0.1:5000`"))
}
