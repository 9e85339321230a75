//! `layers`: where files come from, where they go, and what becomes of them.

use std::collections::BTreeSet;

use super::{Context, file, rules, source};
use crate::spec::error::{Problem, SpecError};
use crate::spec::field::{Field, Map};
use crate::spec::layer_spec::{LayerSpec, Split};
use crate::spec::schema;
use crate::spec::words;

/// The smallest part that a layer is cut into, in bytes: registries and runtimes pay for each layer.
const SMALLEST_PART: u64 = 1 << 20;

pub(super) fn layers(field: Field<'_>, context: &Context<'_>) -> Result<Vec<LayerSpec>, SpecError> {
    let mut names = BTreeSet::new();
    let mut layers: Vec<LayerSpec> = Vec::new();
    for entry in field.list()? {
        rules::not_here(
            entry,
            "capabilities",
            "set it for single files: `paths: [{match: FILE, capabilities: [...]}]`",
        )?;
        let map = entry.map(&schema::LAYER)?;
        let layer = layer(&map, context)?;
        if !names.insert(layer.name.clone()) {
            let at = map.first_of(&["name"]).or(map.first_of(&["from", "files"])).unwrap_or(entry);
            let problem = Problem::new(format!("two layers have the name `{}`", layer.name));
            return Err(at.flaw(problem.hint("give one of them another `name`")));
        }
        // Layers of one folder may share it by patterns; with equal ones the second takes nothing new.
        if let Some(twin) = layers.iter().find(|other| other.source.is_some() && other.source == layer.source) {
            let problem = Problem::new(format!("this layer takes the same files to the same place as `{}`", twin.name));
            return Err(map.first_of(&["from"]).unwrap_or(entry).flaw(problem.hint("remove one of them")));
        }
        layers.push(layer);
    }
    Ok(layers)
}

fn layer(map: &Map<'_>, context: &Context<'_>) -> Result<LayerSpec, SpecError> {
    let source = source::source(map, context)?;
    let default_name = source.as_ref().map_or("files".to_owned(), source::shown);
    let name = map.read("name", name)?.unwrap_or(default_name);
    let paths = map.read("paths", |field| {
        field.list()?.into_iter().map(|entry| rules::path_rule(entry, context)).collect::<Result<Vec<_>, _>>()
    })?;
    Ok(LayerSpec {
        name,
        source,
        owner: map.read("owner", rules::owner)?.unwrap_or_default(),
        mode: map.read("mode", rules::mode)?.unwrap_or_default(),
        mtime: map.read("mtime", |field| rules::mtime(field, context))?.unwrap_or_default(),
        replace: map.read("replace", |field| field.boolean())?.unwrap_or_default(),
        split: map.read("split", split)?.unwrap_or_default(),
        paths: paths.unwrap_or_default(),
        files: map.read("files", |field| file::files(field, context))?.unwrap_or_default(),
    })
}

/// Reads the name of a layer: it stands in single lines of plans and histories.
fn name(field: Field<'_>) -> Result<String, SpecError> {
    field.parse(|text| match text.trim().is_empty() || text.contains(char::is_control) {
        true => Err(Problem::new("the name is empty or has line breaks").hint("name it in a few words")),
        false => Ok(text.to_owned()),
    })
}

fn split(field: Field<'_>) -> Result<Split, SpecError> {
    const HINT: &str = "write a size such as `64MiB`, or `off`";
    let text = field.scalar("a size such as `64MiB`, or `off`")?.text;
    if text == "off" {
        return Ok(Split::Off);
    }
    match words::size(&text) {
        Ok(bytes) if bytes >= SMALLEST_PART => Ok(Split::At(bytes)),
        Ok(_) => {
            let problem = Problem::new(format!("`{text}` is less than the smallest part of a layer"));
            Err(field.flaw(problem.hint("write at least `1MiB`, or `off` for one layer")))
        }
        Err(problem) => Err(field.flaw(problem.hint(HINT))),
    }
}
