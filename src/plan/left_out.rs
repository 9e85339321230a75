//! What no layer takes unless its `include` names it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::spec::SCHEMA_FILE;

/// Paths relative to the project: the build file, its lock and its schema, `.dockerignore`, `.git` and what dockless
/// itself writes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeftOut(BTreeSet<PathBuf>);

impl LeftOut {
    /// Collects the paths. `build_file` and `outputs` are relative to the project.
    pub fn new(build_file: &Path, outputs: impl IntoIterator<Item = PathBuf>) -> Self {
        let fixed = [PathBuf::from(".dockerignore"), PathBuf::from(".git")];
        let own = [build_file.to_owned(), build_file.with_extension("lock"), build_file.with_file_name(SCHEMA_FILE)];
        Self(fixed.into_iter().chain(own).chain(outputs).filter(|path| !path.as_os_str().is_empty()).collect())
    }

    /// Returns whether this very path is left out.
    pub fn contains(&self, path: &Path) -> bool {
        // They are few, and every path is asked about: bytes compare faster than components.
        self.0.iter().any(|left_out| left_out.as_os_str() == path.as_os_str())
    }
}
