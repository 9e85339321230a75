//! From the tree to a [`BuildSpec`]: every key has one reader here.

mod config;
mod contexts;
mod deploy;
mod file;
mod layer;
mod platforms;
mod repository;
mod rules;
mod source;

use std::path::{Path, PathBuf};

use self::contexts::Contexts;
use super::base_source::base_source;
use super::build_spec::{BaseSource, BuildSpec, Compression, Format, ImageSpec};
use super::deploy_spec::DeploySpec;
use super::environments;
use super::error::{Problem, SpecError};
use super::field::{Field, Map, Reader};
use super::load::{Inputs, document};
use super::node::{Node, Value};
use super::schema;
use super::source::Source;
use super::variables::Variables;
use super::{project_path, words};
use crate::oci::{Annotations, Platform, Reference, Repository, Tag};

/// The variable that sets the time of the config and of our history (reproducible-builds.org, SOURCE_DATE_EPOCH).
const EPOCH: &str = "SOURCE_DATE_EPOCH";
/// The last second of the year 9999, beyond which RFC 3339 has no words.
const MAX_SECONDS: u64 = 253_402_300_799;

/// Resolves the build file at `file`, whose text is `source`.
pub(super) fn build_spec(source: &Source, file: &Path, inputs: &Inputs<'_>) -> Result<BuildSpec, SpecError> {
    let mut root = without_extensions(document(source)?);
    let variables = Variables::new(inputs.project, inputs.environment);
    let reader = Reader { source, variables: Some(&variables) };
    check(&Field::root(&reader, &root))?;
    if let Some(name) = &inputs.overrides.environment {
        environments::lay_over(&mut root, name)?;
    }
    let root = Field::root(&reader, &root).map(&schema::BUILD_FILE)?;
    let platforms = platforms::platforms(&root, inputs)?;
    let source_date_epoch = epoch(inputs)?;
    let for_platform = |platform: Option<&Platform>| {
        variables.set_platforms(platform.map(std::slice::from_ref).unwrap_or_default());
        image(&root, inputs, source_date_epoch, platform)
    };
    let images = match platforms[..] {
        [] => vec![for_platform(None)?],
        _ => platforms.iter().map(|platform| for_platform(Some(platform))).collect::<Result<_, _>>()?,
    };
    // What is read from here on is common to all of them.
    variables.set_platforms(&platforms);
    Ok(BuildSpec {
        project: inputs.project.to_owned(),
        file: file.to_owned(),
        lock: lock(file),
        format: format(&root)?,
        name: name(&root, inputs)?,
        tags: tags(&root, inputs)?,
        images,
        cache_from: cache_from(&root, inputs)?,
        compression: compression(&root)?,
        annotations: root.read("annotations", annotations)?.unwrap_or_default(),
        secrets_allow: root.read("secrets", secrets_allow)?.unwrap_or_default(),
        repository: root.read("repository", repository::repository)?,
        deploy: deploy_section(&root, inputs, &variables)?,
        source_date_epoch,
    })
}

/// Checks what must be right before anything else is said.
fn check(root: &Field<'_>) -> Result<(), SpecError> {
    // A file of a later version has keys that are unknown here: its version is what is wrong with it.
    check_version(&root.any_map()?)?;
    environments::check(&root.map(&schema::BUILD_FILE)?)
}

/// Reads `deploy`. Without the services that only environments name there is nothing to deploy, and still an image to
/// build.
fn deploy_section(
    root: &Map<'_>,
    inputs: &Inputs<'_>,
    variables: &Variables<'_>,
) -> Result<Option<DeploySpec>, SpecError> {
    let Some(field) = root.get("deploy") else { return Ok(None) };
    let undecided = inputs.overrides.environment.is_none() && root.get("environments").is_some();
    if undecided && field.map(&schema::DEPLOY)?.get("services").is_none() {
        return Ok(None);
    }
    deploy::deploy(field, inputs.project, variables).map(Some)
}

/// Reads what may differ between platforms; the variables already know this one.
fn image(
    root: &Map<'_>,
    inputs: &Inputs<'_>,
    source_date_epoch: Option<u64>,
    platform: Option<&Platform>,
) -> Result<ImageSpec, SpecError> {
    let config = root.read("config", config::config)?.unwrap_or_default();
    let context = Context {
        project: inputs.project,
        source_date_epoch,
        platform,
        contexts: &contexts::contexts(root, inputs)?,
        working_dir: config.working_dir.as_deref(),
    };
    let layers = root.read("layers", |field| layer::layers(field, &context))?.unwrap_or_default();
    Ok(ImageSpec { platform: platform.cloned(), base: base(root, inputs)?, layers, config })
}

/// What readers of layers need to know beside the layer.
struct Context<'a> {
    project: &'a Path,
    source_date_epoch: Option<u64>,
    /// What the image is built for, if the file says so.
    platform: Option<&'a Platform>,
    contexts: &'a Contexts,
    /// The working directory, if the file sets it.
    working_dir: Option<&'a str>,
}

/// Returns the lock that belongs to a build file. A build file that has the lock's name keeps it.
fn lock(file: &Path) -> PathBuf {
    let lock = file.with_extension("lock");
    if lock == file { file.with_extension("lock.lock") } else { lock }
}

/// Drops the keys of the top level that are the user's own, such as places for anchors.
fn without_extensions(mut root: Node) -> Node {
    if let Value::Map(entries) = &mut root.value {
        entries.retain(|entry| !entry.key.starts_with("x-"));
    }
    root
}

fn check_version(root: &Map<'_>) -> Result<(), SpecError> {
    let Some(version) = root.get("version") else {
        let problem = Problem::new("`version` is missing").hint("write `version: 1` on the first line");
        return Err(root.field().flaw(problem));
    };
    match version.number(0, u64::MAX)? {
        1 => Ok(()),
        other => Err(version.flaw(
            Problem::new(format!("version {other} of the build file is not known"))
                .hint("write `version: 1`, or use a later dockless"),
        )),
    }
}

fn format(root: &Map<'_>) -> Result<Format, SpecError> {
    let Some(format) = root.get("format") else { return Ok(Format::default()) };
    match format.number(0, u64::MAX)? {
        1 => Ok(Format::V1),
        other => Err(format.flaw(
            Problem::new(format!("format {other} of layers is not known"))
                .hint("write `format: 1`, or use a later dockless"),
        )),
    }
}

fn overridden<T>(
    option: &'static str,
    value: &str,
    read: impl FnOnce(&str) -> Result<T, Problem>,
) -> Result<T, SpecError> {
    read(value).map_err(|Problem { message, hint }| SpecError::Override { option, message, hint })
}

fn name(root: &Map<'_>, inputs: &Inputs<'_>) -> Result<Option<Repository>, SpecError> {
    match &inputs.overrides.name {
        Some(name) => overridden("--name", name, words::repository).map(Some),
        None => root.read("name", |field| field.parse(words::repository)),
    }
}

fn tags(root: &Map<'_>, inputs: &Inputs<'_>) -> Result<Vec<Tag>, SpecError> {
    if !inputs.overrides.tags.is_empty() {
        return inputs.overrides.tags.iter().map(|tag| overridden("--tag", tag, words::tag)).collect();
    }
    let Some(field) = root.get("tags") else { return Ok(vec![Tag::latest()]) };
    let mut tags = Vec::new();
    for entry in field.list()? {
        let tag = entry.parse(words::tag)?;
        if tags.contains(&tag) {
            return Err(entry.flaw(Problem::new(format!("the tag `{tag}` is given twice")).hint("remove one of them")));
        }
        tags.push(tag);
    }
    if tags.is_empty() {
        return Err(field.flaw(Problem::new("`tags` is empty").hint("remove the key for `latest`")));
    }
    Ok(tags)
}

fn cache_from(root: &Map<'_>, inputs: &Inputs<'_>) -> Result<Vec<Reference>, SpecError> {
    let references = |field: Field<'_>| -> Result<Vec<Reference>, SpecError> {
        field.list()?.into_iter().map(|entry| entry.parse(words::reference)).collect()
    };
    let mut images = root.read("cache_from", references)?.unwrap_or_default();
    for text in &inputs.overrides.cache_from {
        images.push(overridden("--cache-from", text, words::reference)?);
    }
    Ok(images)
}

fn base(root: &Map<'_>, inputs: &Inputs<'_>) -> Result<BaseSource, SpecError> {
    let read = |text: &str| base_source(text, inputs.project);
    if let Some(base) = &inputs.overrides.base {
        return overridden("--base", base, read);
    }
    match root.get("base") {
        Some(field) => field.parse(read),
        None => {
            let problem = Problem::new("`base` is missing")
                .hint("write what is built on, such as `base: docker.io/library/debian:13-slim`, or `base: scratch`");
            Err(root.field().flaw(problem))
        }
    }
}

fn compression(root: &Map<'_>) -> Result<Compression, SpecError> {
    Ok(root.read("compression", |field| field.parse(words::compression))?.unwrap_or_default())
}

fn annotations(field: Field<'_>) -> Result<Annotations, SpecError> {
    let entries = field.entries()?;
    entries.into_iter().map(|entry| Ok((nonempty_key(entry)?, entry.verbatim()?))).collect()
}

/// Returns the key of an annotation or label (image-spec, annotations.md: never empty).
fn nonempty_key(entry: Field<'_>) -> Result<String, SpecError> {
    match entry.name() {
        "" => Err(entry.key_flaw(Problem::new("the key is empty").hint("remove the entry"))),
        key => Ok(key.to_owned()),
    }
}

fn secrets_allow(field: Field<'_>) -> Result<Vec<String>, SpecError> {
    let map = field.map(&schema::SECRETS)?;
    Ok(map.read("allow", project_path::patterns)?.unwrap_or_default())
}

fn epoch(inputs: &Inputs<'_>) -> Result<Option<u64>, SpecError> {
    let Some(value) = (inputs.environment)(EPOCH).filter(|value| !value.is_empty()) else { return Ok(None) };
    let digits = value.bytes().all(|b| b.is_ascii_digit());
    match value.parse() {
        Ok(seconds) if digits && seconds <= MAX_SECONDS => Ok(Some(seconds)),
        _ => Err(SpecError::Epoch { name: EPOCH, value }),
    }
}
