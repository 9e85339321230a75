//! A project as recognition asks for it: which files and folders there are, and what small files say.

use std::path::Path;

use crate::tree::{NodeKind, Sources, TreeError};

/// The most that a file may have that is read whole: manifests and lock files of package managers are larger only where
/// nothing but their presence counts.
const TEXT_LIMIT: u64 = 4 << 20;

/// The files of a project.
#[derive(Clone, Copy)]
pub(super) struct Project<'a> {
    sources: &'a dyn Sources,
    /// The name of the project's folder.
    pub(super) folder_name: &'a str,
    /// Whether the image is for arm64, and not for amd64.
    pub(super) is_arm: bool,
}

impl<'a> Project<'a> {
    pub(super) fn new(sources: &'a dyn Sources, folder_name: &'a str) -> Self {
        Self { sources, folder_name, is_arm: false }
    }

    /// Says whether the image is for arm64.
    pub(super) fn on_arm(self, is_arm: bool) -> Self {
        Self { is_arm, ..self }
    }

    /// Returns whether a regular file stands there.
    pub(super) fn has(&self, path: &str) -> Result<bool, TreeError> {
        Ok(matches!(self.kind(path)?, Some(NodeKind::File)))
    }

    /// Returns whether a folder stands there.
    pub(super) fn has_folder(&self, path: &str) -> Result<bool, TreeError> {
        Ok(matches!(self.kind(path)?, Some(NodeKind::Directory)))
    }

    fn kind(&self, path: &str) -> Result<Option<NodeKind>, TreeError> {
        Ok(self.sources.stat(Path::new(path))?.map(|node| node.kind))
    }

    /// Returns whether a regular file stands there that its owner may run.
    pub(super) fn is_program(&self, path: &str) -> Result<bool, TreeError> {
        let node = self.sources.stat(Path::new(path))?;
        Ok(node.is_some_and(|node| node.kind == NodeKind::File && node.stamp.mode & 0o100 != 0))
    }

    /// Returns the first of these files that is there.
    pub(super) fn first_of<'n>(&self, names: &[&'n str]) -> Result<Option<&'n str>, TreeError> {
        for name in names {
            if self.has(name)? {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    /// Returns those of these folders that are there.
    pub(super) fn folders_of<'n>(&self, names: &[&'n str]) -> Result<Vec<&'n str>, TreeError> {
        let mut found = Vec::new();
        for name in names {
            if self.has_folder(name)? {
                found.push(*name);
            }
        }
        Ok(found)
    }

    /// Returns the text of a small file, or nothing where there is none. What is no text reads with replacements.
    pub(super) fn text(&self, path: &str) -> Result<String, TreeError> {
        let bytes = match self.sources.read(Path::new(path), TEXT_LIMIT) {
            Err(TreeError::TooLarge { .. }) => None,
            answer => answer?,
        };
        let text = String::from_utf8_lossy(bytes.as_deref().unwrap_or_default()).into_owned();
        Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
    }

    /// Returns the names in a folder, sorted; none where there is no folder.
    pub(super) fn names(&self, folder: &str) -> Result<Vec<String>, TreeError> {
        if !folder.is_empty() && !self.has_folder(folder)? {
            return Ok(Vec::new());
        }
        let mut names = Vec::new();
        for child in self.sources.list(Path::new(folder))? {
            names.push(String::from_utf8_lossy(&child?.name).into_owned());
        }
        Ok(names)
    }
}
