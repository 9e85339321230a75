//! Paths and patterns that may not leave the project, or the context or image that they belong to.

use std::fmt;
use std::path::{Component, Path, PathBuf};

use super::error::{Problem, SpecError};
use super::field::Field;
use crate::ground::FileError;
use crate::oci::ImagePath;

/// A folder of this machine that paths of the build file lie in.
#[derive(Clone, Copy)]
pub(super) enum Root<'a> {
    /// The project.
    Project(&'a Path),
    /// One of `contexts`, by name.
    Context(&'a str, &'a Path),
}

impl<'a> Root<'a> {
    fn folder(self) -> &'a Path {
        match self {
            Self::Project(folder) | Self::Context(_, folder) => folder,
        }
    }
}

impl fmt::Display for Root<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Project(_) => f.write_str("the project"),
            Self::Context(name, _) => write!(f, "the context `{name}`"),
        }
    }
}

/// Reads a path below a root: relative, without `..`, through no symlink. The root itself is the empty path.
///
/// Whether there is anything is not asked: a deployment of a finished image needs no sources.
pub(super) fn source(field: Field<'_>, root: Root<'_>) -> Result<PathBuf, SpecError> {
    let path = field.parse(|text| relative(text, root))?;
    let mut so_far = root.folder().to_owned();
    for component in path.components() {
        so_far.push(component);
        match std::fs::symlink_metadata(&so_far) {
            Ok(metadata) if metadata.is_symlink() => return Err(field.flaw(through_symlink(&so_far, root))),
            Ok(_) => {}
            // Below a file there is nothing either.
            Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
                break;
            }
            Err(error) => return Err(FileError::on("look at", &so_far)(error).into()),
        }
    }
    Ok(path)
}

fn through_symlink(link: &Path, root: Root<'_>) -> Problem {
    let shown = link.strip_prefix(root.folder()).unwrap_or(link).display();
    let problem = Problem::new(format!("`{shown}` is a symlink, and symlinks are not followed"));
    let target = std::fs::read_link(link).ok().filter(|target| relative(&target.to_string_lossy(), root).is_ok());
    match target {
        Some(target) => problem.hint(format!("name what it points to: `{}`", target.display())),
        None => problem.hint(format!("copy what it points to into {root}")),
    }
}

fn relative(text: &str, root: Root<'_>) -> Result<PathBuf, Problem> {
    if text.is_empty() {
        return Err(Problem::new("the path is empty").hint(format!("write `.` for {root} itself")));
    }
    if text.contains('\0') {
        return Err(Problem::new("the path has a zero byte in it"));
    }
    let mut path = PathBuf::new();
    for component in Path::new(text).components() {
        match component {
            Component::CurDir => {}
            Component::Normal(name) => path.push(name),
            Component::ParentDir => return Err(leaves(text, root)),
            Component::RootDir | Component::Prefix(_) => {
                let problem = Problem::new(format!("`{text}` is an absolute path"));
                return Err(problem.hint(match root {
                    Root::Project(_) => {
                        "write the path from the project's folder on; \
                                         a layer takes files from elsewhere with `context`"
                    }
                    Root::Context(..) => "write the path from the context's folder on",
                }));
            }
        }
    }
    Ok(path)
}

fn leaves(text: &str, root: Root<'_>) -> Problem {
    Problem::new(format!("`{text}` leads out of {root}")).hint(match root {
        Root::Project(_) => {
            "paths have no `..`; a layer takes files from elsewhere with `context`, \
                             or choose a higher folder as project with `-C`"
        }
        Root::Context(..) => "paths have no `..`; let `contexts` name a higher folder",
    })
}

/// Reads a path of another image, absolute or relative to its root, without `..`. The root is the empty path.
pub(super) fn source_in_image(text: &str) -> Result<PathBuf, Problem> {
    if text.is_empty() {
        return Err(Problem::new("the path is empty").hint("write `/` for the whole image"));
    }
    if text.contains('\0') {
        return Err(Problem::new("the path has a zero byte in it"));
    }
    let path = ImagePath::parse(text.as_bytes())
        .ok_or_else(|| Problem::new(format!("`{text}` has a `..` in it")).hint("write the path that is meant"))?;
    Ok(PathBuf::from(path.to_string().trim_start_matches('/')))
}

/// Reads a list of `.dockerignore` patterns.
pub(super) fn patterns(field: Field<'_>) -> Result<Vec<String>, SpecError> {
    field.list()?.into_iter().map(pattern).collect()
}

/// Reads one pattern or a list that is not empty.
pub(super) fn one_or_more_patterns(field: Field<'_>) -> Result<Vec<String>, SpecError> {
    if field.is_scalar() {
        return Ok(vec![pattern(field)?]);
    }
    let patterns = patterns(field)?;
    if patterns.is_empty() {
        return Err(field.flaw(Problem::new(format!("`{}` is empty", field.name())).hint("name at least one pattern")));
    }
    Ok(patterns)
}

fn pattern(field: Field<'_>) -> Result<String, SpecError> {
    field.parse(|text| {
        if text.trim_start_matches('!').trim().is_empty() {
            return Err(Problem::new("the pattern is empty").hint("write `**` for everything"));
        }
        if text.trim_start_matches('!').split('/').any(|component| component == "..") {
            let problem = Problem::new(format!("`{text}` leads out of the folder that it belongs to"));
            return Err(problem.hint("patterns have no `..`"));
        }
        Ok(text.to_owned())
    })
}

/// Reads an absolute path of the image, without `..`.
pub(super) fn image_path(text: &str) -> Result<ImagePath, Problem> {
    if !text.starts_with('/') {
        return Err(Problem::new(format!("`{text}` is not an absolute path")).hint(format!("write `/{text}`")));
    }
    image_path_below(text)
}

/// Reads a path of the image, without `..` and without a name that runtimes take for a removal.
pub(super) fn image_path_below(text: &str) -> Result<ImagePath, Problem> {
    if text.is_empty() {
        return Err(Problem::new("the path is empty"));
    }
    no_whiteout(text)?;
    ImagePath::parse(text.as_bytes())
        .ok_or_else(|| Problem::new(format!("`{text}` has a `..` in it")).hint("write the path that is meant"))
}

/// Refuses a path with a name that means a removal in a layer (OCI image spec, layer.md, "Whiteouts"): it would hide
/// files of the base, unchecked.
pub(super) fn no_whiteout(text: &str) -> Result<(), Problem> {
    match text.split('/').any(|name| name.starts_with(".wh.")) {
        false => Ok(()),
        true => Err(Problem::new(format!("`{text}` has a name that means a removal in a layer"))
            .hint("rename it; to hide a path of the base use `files: [{path: ..., remove: true}]`")),
    }
}
