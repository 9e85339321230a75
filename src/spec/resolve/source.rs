//! `from` and its companions: whose files a layer takes, and where they go.

use std::path::Path;

use super::{Context, platforms};
use crate::oci::ImagePath;
use crate::spec::base_source::base_source;
use crate::spec::build_spec::BaseSource;
use crate::spec::error::{Problem, SpecError};
use crate::spec::field::{Field, Map};
use crate::spec::layer_spec::{Destination, IgnoreFile, LayerOrigin, LayerSource};
use crate::spec::project_path::{self, Root};

/// Keys that speak of the files of `from`.
const SOURCE_KEYS: [&str; 9] =
    ["context", "image", "to", "include", "exclude", "dockerignore", "mode", "paths", "split"];

/// Reads what a layer takes; nothing for one of `files` alone.
pub(super) fn source(map: &Map<'_>, context: &Context<'_>) -> Result<Option<LayerSource>, SpecError> {
    let Some(field) = map.get("from") else {
        check_without_source(map)?;
        return Ok(None);
    };
    let origin = origin(map, context)?;
    let field = platforms::chosen(field, context.platform)?;
    let from = match &origin {
        LayerOrigin::Project => project_path::source(field, Root::Project(context.project))?,
        LayerOrigin::Context { name, folder } => project_path::source(field, Root::Context(name, folder))?,
        LayerOrigin::Image { .. } => field.parse(project_path::source_in_image)?,
    };
    // Its own name may become that of an entry.
    project_path::no_whiteout(&from.to_string_lossy()).map_err(|problem| field.flaw(problem))?;
    if let LayerOrigin::Image { .. } = origin {
        check_for_image(map, &from)?;
    }
    let (to, to_is_folder) = destination(map.get("to"), &from, context.working_dir)?;
    let ignore_file = match map.read("dockerignore", |field| field.boolean())? {
        None => IgnoreFile::Auto,
        Some(true) => IgnoreFile::Always,
        Some(false) => IgnoreFile::Never,
    };
    Ok(Some(LayerSource {
        origin,
        from,
        to,
        to_is_folder,
        include: map.read("include", project_path::patterns)?.unwrap_or_default(),
        exclude: map.read("exclude", project_path::patterns)?.unwrap_or_default(),
        ignore_file,
    }))
}

/// Returns the name of a layer that has none of its own: what it takes, as the file says it.
pub(super) fn shown(source: &LayerSource) -> String {
    let from = source.from.display();
    let whole = source.from.as_os_str().is_empty();
    match &source.origin {
        LayerOrigin::Project if whole => ".".to_owned(),
        LayerOrigin::Project => from.to_string(),
        LayerOrigin::Context { name, .. } if whole => name.clone(),
        LayerOrigin::Context { name, .. } => format!("{name}:{from}"),
        LayerOrigin::Image { .. } => format!("/{from}"),
    }
}

fn check_without_source(map: &Map<'_>) -> Result<(), SpecError> {
    if let Some(field) = map.first_of(&SOURCE_KEYS) {
        let problem = Problem::new(format!("`{}` says something about `from`, which is missing", field.name()));
        return Err(field.key_flaw(problem.hint(match field.name() {
            "context" => "add `from: .` for the whole context, or a path in it",
            "image" => "add `from: /PATH`, a path of that image",
            _ => "add `from: FOLDER`, or remove it",
        })));
    }
    match map.get("files") {
        None => {
            let problem = Problem::new("a layer needs `from` or `files`");
            Err(map.field().flaw(problem.hint("add `from: FOLDER` for files of the project")))
        }
        Some(_) => Ok(()),
    }
}

fn origin(map: &Map<'_>, context: &Context<'_>) -> Result<LayerOrigin, SpecError> {
    match map.all_of(&["context", "image"])[..] {
        [] => Ok(LayerOrigin::Project),
        [field] if field.name() == "context" => field.parse(|name| {
            let folder = context.contexts.folder(name)?.clone();
            Ok(LayerOrigin::Context { name: name.to_owned(), folder })
        }),
        [field] => field.parse(|name| {
            let source = image(name, context.project)?;
            Ok(LayerOrigin::Image { name: name.to_owned(), source })
        }),
        [first, second, ..] => {
            let problem = Problem::new(format!("`{}` contradicts `{}`", second.name(), first.name()));
            Err(second.key_flaw(problem.hint("a layer takes files from one place: make two layers")))
        }
    }
}

/// Reads the image that a layer takes files from.
fn image(text: &str, project: &Path) -> Result<BaseSource, Problem> {
    match base_source(text, project) {
        Ok(BaseSource::Scratch) => Err(Problem::new("`scratch` has no files").hint("name an image that has some")),
        // What is said of a base holds but for this word.
        Err(Problem { message, hint }) => {
            Err(Problem { message, hint: hint.map(|hint| hint.replace("`scratch`, ", "")) })
        }
        source => source,
    }
}

/// The files of an image do not lie as they will in ours, and no `.dockerignore` was written for them.
fn check_for_image(map: &Map<'_>, from: &Path) -> Result<(), SpecError> {
    if let Some(field) = map.get("dockerignore") {
        let problem = Problem::new("`dockerignore` says nothing about the files of an image");
        return Err(field.key_flaw(problem.hint("remove it, and use `exclude`")));
    }
    match (map.get("to"), map.get("image")) {
        (None, Some(image)) => {
            let problem =
                Problem::new("`to` is missing: files of another image have no place of their own in this one");
            Err(image.key_flaw(problem.hint(format!("add `to: /{}`, or another path", from.display()))))
        }
        _ => Ok(()),
    }
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
