//! `files`: entries that the build file writes itself.

use std::collections::BTreeSet;

use super::{Context, rules};
use crate::spec::error::{Problem, SpecError};
use crate::spec::field::{Field, Map};
use crate::spec::file_spec::{FileContent, FileSpec, FileWhat};
use crate::spec::project_path::{self, Root};
use crate::spec::schema;

/// The keys that say what an entry is; each entry has one.
const KINDS: [&str; 5] = ["content", "from", "link", "dir", "remove"];

pub(super) fn files(field: Field<'_>, context: &Context<'_>) -> Result<Vec<FileSpec>, SpecError> {
    let mut paths = BTreeSet::new();
    let mut files = Vec::new();
    for entry in field.list()? {
        rules::not_here(entry, "replace", "set it for the whole layer: `replace: true` beside `files`")?;
        let map = entry.map(&schema::FILE)?;
        let file = file(&map, context)?;
        if !paths.insert(file.path.clone()) {
            let problem = Problem::new(format!("`{}` is written twice in this layer", file.path));
            return Err(map.get("path").unwrap_or(entry).flaw(problem.hint("remove one of the entries")));
        }
        files.push(file);
    }
    if files.is_empty() {
        return Err(field.flaw(Problem::new("`files` is empty").hint("remove the key")));
    }
    Ok(files)
}

fn file(map: &Map<'_>, context: &Context<'_>) -> Result<FileSpec, SpecError> {
    let Some(path_field) = map.get("path") else {
        let problem = Problem::new("`path` is missing").hint("say where it goes in the image: `path: /etc/app.conf`");
        return Err(map.field().flaw(problem));
    };
    let path = path_field.parse(project_path::image_path)?;
    if path.is_root() {
        let problem = Problem::new("the root of the image cannot be written").hint("name a path below `/`");
        return Err(path_field.flaw(problem));
    }
    let kind = kind(map)?;
    let what = what(kind, context)?;
    check_metadata(map, &what)?;
    Ok(FileSpec {
        path,
        what,
        owner: map.read("owner", rules::owner)?,
        mode: map.read("mode", rules::octal)?,
        mtime: map.read("mtime", |field| rules::mtime(field, context))?,
        capabilities: map.read("capabilities", rules::capabilities)?,
    })
}

/// Returns the one key that says what the entry is.
fn kind<'a>(map: &Map<'a>) -> Result<Field<'a>, SpecError> {
    match map.all_of(&KINDS)[..] {
        [kind] => Ok(kind),
        [] => {
            let problem = Problem::new("the entry does not say what it is");
            Err(map.field().flaw(problem.hint("add one of `content`, `from`, `link`, `dir: true`, `remove: true`")))
        }
        [first, second, ..] => {
            let problem = Problem::new(format!("`{}` contradicts `{}`", second.name(), first.name()));
            Err(second.key_flaw(problem.hint("an entry is one thing: remove one of the two")))
        }
    }
}

fn what(kind: Field<'_>, context: &Context<'_>) -> Result<FileWhat, SpecError> {
    match kind.name() {
        // Contents have dollar signs of their own: nothing is replaced in them.
        "content" => Ok(FileWhat::File(FileContent::Inline(kind.untouched()?.into_bytes()))),
        "from" => {
            let path = project_path::source(kind, Root::Project(context.project))?;
            if path.as_os_str().is_empty() {
                return Err(kind.flaw(Problem::new("the project itself is no file").hint("name one of its files")));
            }
            Ok(FileWhat::File(FileContent::From(path)))
        }
        "link" => kind.parse(link).map(FileWhat::Link),
        "dir" => only_true(kind).map(|()| FileWhat::Dir),
        _ => only_true(kind).map(|()| FileWhat::Remove),
    }
}

fn link(target: &str) -> Result<String, Problem> {
    match target.is_empty() || target.contains('\0') {
        true => Err(Problem::new("the target of the link is empty or has a zero byte").hint("write `link: TARGET`")),
        false => Ok(target.to_owned()),
    }
}

fn only_true(kind: Field<'_>) -> Result<(), SpecError> {
    match kind.boolean()? {
        true => Ok(()),
        false => {
            let problem = Problem::new(format!("`{}: false` says nothing", kind.name()));
            Err(kind.flaw(problem.hint("write `true`, or say what the entry is instead")))
        }
    }
}

/// A link has no mode of its own, only a program has capabilities, and what is removed has nothing.
fn check_metadata(map: &Map<'_>, what: &FileWhat) -> Result<(), SpecError> {
    let (contradicting, of_what): (&[&str], _) = match what {
        FileWhat::Link(_) => (&["mode", "capabilities"], "a link"),
        FileWhat::Remove => (&["owner", "mode", "mtime", "capabilities"], "what is removed"),
        FileWhat::Dir => (&["capabilities"], "a folder"),
        FileWhat::File(_) => return Ok(()),
    };
    match map.first_of(contradicting) {
        None => Ok(()),
        Some(field) => {
            let problem = Problem::new(format!("{of_what} has no `{}`", field.name()));
            Err(field.key_flaw(problem.hint(format!("remove `{}`", field.name()))))
        }
    }
}
