//! `layers`: where files come from, where they go, and what becomes of them.

use std::collections::BTreeSet;
use std::path::Path;

use super::{Context, file, rules};
use crate::oci::ImagePath;
use crate::spec::build_spec::{Destination, IgnoreFile, LayerOrigin, LayerSource, LayerSpec, Split};
use crate::spec::error::{Problem, SpecError};
use crate::spec::field::{Field, Keys, Map};
use crate::spec::project_path;

const KEYS: Keys = Keys {
    known: &["name", "from", "to", "include", "exclude", "dockerignore", "owner", "mode", "mtime", "paths", "files"],
    later: &["context", "image", "split", "replace", "capabilities"],
};

/// Keys that speak of the files of `from`.
const SOURCE_KEYS: [&str; 6] = ["to", "include", "exclude", "dockerignore", "mode", "paths"];

pub(super) fn layers(
    field: Field<'_>,
    context: &Context<'_>,
    working_dir: Option<&str>,
) -> Result<Vec<LayerSpec>, SpecError> {
    let mut names = BTreeSet::new();
    let mut layers: Vec<LayerSpec> = Vec::new();
    for entry in field.list()? {
        let map = entry.map(&KEYS)?;
        let layer = layer(&map, context, working_dir)?;
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

fn layer(map: &Map<'_>, context: &Context<'_>, working_dir: Option<&str>) -> Result<LayerSpec, SpecError> {
    let source = map.read("from", |from| source(from, map, context, working_dir))?;
    if source.is_none() {
        check_without_source(map)?;
    }
    let default_name = source.as_ref().map_or("files".to_owned(), |source| shown(&source.from));
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
        replace: false,
        split: Split::default(),
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

fn shown(from: &Path) -> String {
    if from.as_os_str().is_empty() { ".".to_owned() } else { from.display().to_string() }
}

fn check_without_source(map: &Map<'_>) -> Result<(), SpecError> {
    if let Some(field) = map.first_of(&SOURCE_KEYS) {
        let problem = Problem::new(format!("`{}` says something about `from`, which is missing", field.name()));
        return Err(field.key_flaw(problem.hint("add `from: FOLDER`, or remove it")));
    }
    match map.get("files") {
        None => {
            let problem = Problem::new("a layer needs `from` or `files`");
            Err(map.field().flaw(problem.hint("add `from: FOLDER` for files of the project")))
        }
        Some(_) => Ok(()),
    }
}

fn source(
    from: Field<'_>,
    map: &Map<'_>,
    context: &Context<'_>,
    working_dir: Option<&str>,
) -> Result<LayerSource, SpecError> {
    if from.is_map() {
        return Err(from.key_flaw(
            Problem::new("a `from` for each platform is not supported yet").hint("use `${TARGETARCH}` in one path"),
        ));
    }
    let path = project_path::source(from, context.project)?;
    // Its own name may become that of an entry.
    project_path::no_whiteout(&path.to_string_lossy()).map_err(|problem| from.flaw(problem))?;
    let (to, to_is_folder) = destination(map.get("to"), &path, working_dir)?;
    let ignore_file = match map.read("dockerignore", |field| field.boolean())? {
        None => IgnoreFile::Auto,
        Some(true) => IgnoreFile::Always,
        Some(false) => IgnoreFile::Never,
    };
    Ok(LayerSource {
        origin: LayerOrigin::Project,
        from: path,
        to,
        to_is_folder,
        include: map.read("include", project_path::patterns)?.unwrap_or_default(),
        exclude: map.read("exclude", project_path::patterns)?.unwrap_or_default(),
        ignore_file,
    })
}

/// Returns where a layer goes, and whether that is surely a folder. Without `to` it is `from` below the working
/// directory; a relative `to` is below it too, as a relative target of COPY is.
fn destination(
    to: Option<Field<'_>>,
    from: &Path,
    working_dir: Option<&str>,
) -> Result<(Destination, bool), SpecError> {
    let Some(to) = to else {
        let below = ImagePath::parse(from.as_os_str().as_encoded_bytes()).unwrap_or_default();
        let is_folder = below.is_root();
        return Ok((below_working_dir(below, working_dir), is_folder));
    };
    let text = to.text()?;
    let path = project_path::image_path_below(&text).map_err(|problem| to.flaw(problem))?;
    let is_folder = path.is_root() || text.ends_with('/') || text.ends_with("/.");
    let destination =
        if text.starts_with('/') { Destination::Absolute(path) } else { below_working_dir(path, working_dir) };
    Ok((destination, is_folder))
}

fn below_working_dir(path: ImagePath, working_dir: Option<&str>) -> Destination {
    let relative = Destination::BelowWorkingDir(path);
    match working_dir {
        Some(_) => Destination::Absolute(relative.below(working_dir)),
        None => relative,
    }
}
