//! `contexts`: the folders outside of the project that layers may take files from.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::overridden;
use crate::spec::error::{Problem, SpecError};
use crate::spec::field::{Field, Map};
use crate::spec::load::Inputs;

/// Folders, absolute, by name. Whether they are there is seen when layers are laid out.
pub(super) struct Contexts(BTreeMap<String, PathBuf>);

impl Contexts {
    /// Returns the folder that a layer names.
    pub(super) fn folder(&self, name: &str) -> Result<&PathBuf, Problem> {
        self.0.get(name).ok_or_else(|| {
            let problem = Problem::new(format!("there is no context `{name}`"));
            let near = problem.near(name, &self.0.keys().map(String::as_str).collect::<Vec<_>>());
            match near.hint {
                Some(_) => near,
                None if check_name(name).is_ok() => near
                    .hint(format!("add `contexts: {{{name}: DIR}}` at the top level, or use `--context {name}=DIR`")),
                None => near.hint("add it at the top level: `contexts: {NAME: DIR}`"),
            }
        })
    }
}

/// Reads the contexts of the file and of the command line, whose folders count instead of the file's.
pub(super) fn contexts(root: &Map<'_>, inputs: &Inputs<'_>) -> Result<Contexts, SpecError> {
    let mut folders = BTreeMap::new();
    for (name, folder) in &inputs.overrides.contexts {
        let folder = overridden("--context", folder, |folder| {
            check_name(name)?;
            check_folder(name, folder)?;
            match folders.contains_key(name) {
                true => Err(Problem::new(format!("the context `{name}` is given twice")).hint("remove one of them")),
                false => Ok(inputs.project.join(folder)),
            }
        })?;
        folders.insert(name.clone(), folder);
    }
    for entry in root.read("contexts", |field| field.entries())?.unwrap_or_default() {
        let name = entry.name();
        check_name(name).map_err(|problem| entry.key_flaw(problem))?;
        if !folders.contains_key(name) {
            folders.insert(name.to_owned(), inputs.project.join(folder(entry)?));
        }
    }
    Ok(Contexts(folders))
}

fn folder(entry: Field<'_>) -> Result<String, SpecError> {
    if !entry.is_scalar() {
        return Err(entry.wrong("a folder such as `/opt/venv`", None));
    }
    entry.parse(|text| check_folder(entry.name(), text).map(|()| text.to_owned()))
}

fn check_folder(name: &str, folder: &str) -> Result<(), Problem> {
    match folder.is_empty() || folder.contains('\0') {
        true => Err(Problem::new(format!("the folder of the context `{name}` is empty or has a zero byte"))
            .hint("name a folder, absolute or from the project's folder on")),
        false => Ok(()),
    }
}

fn check_name(name: &str) -> Result<(), Problem> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    match name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(plain) {
        true => Ok(()),
        false => Err(Problem::new(format!("`{name}` is not the name of a context"))
            .hint("a name begins with a letter or digit, and has letters, digits, `-`, `_` and `.`")),
    }
}
