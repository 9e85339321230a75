//! One layer, laid out: which folders of the project stand where in the image, and what the build file adds.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::PlanError;
use super::fixed::Fixed;
use super::rules::{RuleState, Rules};
use super::takes::{Take, TakeState, Takes};
use crate::oci::ImagePath;
use crate::tree::{Child, NodeKind, Sources};

/// A folder of the project and its place in the image, all symlinks of the tree below resolved.
#[derive(Clone, Debug)]
pub(super) struct Mount {
    pub(super) image: ImagePath,
    pub(super) source: PathBuf,
}

/// A layer whose every path has a place.
pub(super) struct LaidOut {
    pub(super) name: String,
    /// Whose files `from` is about.
    pub(super) sources: Arc<dyn Sources>,
    /// Whether a file may stand where the tree below has a folder, and the reverse.
    pub(super) replace: bool,
    /// The place of `from`, then those of folders that meet a symlink to a folder below. A folder of the project has
    /// one place only: that of the mount nearest above it.
    pub(super) mounts: Vec<Mount>,
    /// The sources of all mounts but the first: where they are met on a walk, they are passed over.
    pub(super) cuts: HashSet<PathBuf>,
    pub(super) takes: Option<Takes>,
    pub(super) rules: Rules,
    pub(super) fixed: Fixed,
}

/// A folder of the project with the patterns that already match all of it.
#[derive(Clone, Debug)]
pub(super) struct SourceFolder {
    pub(super) path: PathBuf,
    takes: TakeState,
    pub(super) rules: RuleState,
}

/// An entry of a folder of the project that the layer takes.
#[derive(Debug)]
pub(super) enum Taken {
    /// A file or symlink, and its path.
    File(Child, PathBuf),
    /// A folder; only its content, if there is any, when the flag is not set.
    Folder(Child, Box<SourceFolder>, bool),
}

impl SourceFolder {
    /// Returns the path of a child.
    fn child(&self, name: &[u8]) -> PathBuf {
        let mut path = PathBuf::with_capacity(self.path.as_os_str().len() + 1 + name.len());
        path.push(&self.path);
        path.push(OsStr::from_bytes(name));
        path
    }
}

impl Taken {
    /// Returns the entry.
    pub(super) fn child(&self) -> &Child {
        let (Self::File(child, _) | Self::Folder(child, ..)) = self;
        child
    }
}

impl LaidOut {
    /// Returns a folder of the project as this layer sees it, or `None` where the layer takes nothing of it.
    pub(super) fn folder(&self, path: &Path) -> Option<SourceFolder> {
        let takes = self.takes.as_ref()?;
        let state = takes.within(path)?;
        Some(SourceFolder { path: path.to_owned(), takes: state, rules: self.rules.within(takes.relative(path)) })
    }

    /// Returns the part of a project path below `from`.
    pub(super) fn relative<'p>(&self, path: &'p Path) -> &'p [u8] {
        self.takes.as_ref().map_or(path.as_os_str().as_bytes(), |takes| takes.relative(path))
    }

    /// Lists what the layer takes of a folder, sorted by bytes. Folders that stand elsewhere in the image are not in
    /// the list.
    pub(super) fn list<'a>(
        &'a self,
        folder: &'a SourceFolder,
    ) -> Result<impl Iterator<Item = Result<Taken, PlanError>> + use<'a>, PlanError> {
        let listing = self.takes.as_ref().map(|_| self.sources.list(&folder.path)).transpose()?;
        let children = listing.into_iter().flatten();
        Ok(children.filter_map(|child| match child {
            Ok(child) => self.taken(folder, child).map(Ok),
            Err(error) => Some(Err(error.into())),
        }))
    }

    /// Returns what the layer takes of an entry of a folder.
    pub(super) fn taken(&self, folder: &SourceFolder, child: Child) -> Option<Taken> {
        let takes = self.takes.as_ref()?;
        let path = folder.child(&child.name);
        if child.node.kind != NodeKind::Directory {
            return takes.file(&folder.takes, &path).then_some(Taken::File(child, path));
        }
        if self.cuts.contains(&path) {
            return None;
        }
        let (take, state) = takes.folder(&folder.takes, &path);
        if take == Take::No {
            return None;
        }
        let rules = self.rules.enter(&folder.rules, takes.relative(&path));
        let inside = SourceFolder { path, takes: state, rules };
        Some(Taken::Folder(child, Box::new(inside), take == Take::Yes))
    }

    /// Returns whether the layer takes anything below a folder, or a folder as such.
    pub(super) fn takes_any(&self, folder: &SourceFolder) -> Result<bool, PlanError> {
        let mut open = vec![folder.clone()];
        while let Some(folder) = open.pop() {
            for taken in self.list(&folder)? {
                match taken? {
                    Taken::File(..) | Taken::Folder(_, _, true) => return Ok(true),
                    Taken::Folder(_, inside, false) => open.push(*inside),
                }
            }
        }
        Ok(false)
    }

    /// Returns the paths of the project that stand at a path of the image, for the mounts rooted at it or above it.
    pub(super) fn sources_of(&self, path: &ImagePath) -> impl Iterator<Item = PathBuf> {
        self.mounts.iter().filter_map(move |mount| {
            let below = path.strip_prefix(&mount.image)?;
            let mut source = mount.source.clone();
            for name in below.components() {
                source.push(OsStr::from_bytes(name));
                if self.cuts.contains(&source) {
                    return None;
                }
            }
            Some(source)
        })
    }

    /// Returns what stands at a path of the project if the layer takes it: a file, or a folder of which it takes
    /// something.
    pub(super) fn taken_at(&self, path: &Path) -> Result<Option<NodeKind>, PlanError> {
        let Some(takes) = &self.takes else { return Ok(None) };
        let Some(node) = self.sources.stat(path)? else { return Ok(None) };
        let Some(parent) = path.parent().filter(|parent| parent.starts_with(takes.from())) else {
            return Ok((path == takes.from()).then_some(node.kind));
        };
        let Some(above) = takes.within(parent) else { return Ok(None) };
        if node.kind != NodeKind::Directory {
            return Ok(takes.file(&above, path).then_some(node.kind));
        }
        let there = match takes.folder(&above, path).0 {
            Take::No => false,
            Take::Yes => true,
            Take::Below => match self.folder(path) {
                Some(folder) => self.takes_any(&folder)?,
                None => false,
            },
        };
        Ok(there.then_some(node.kind))
    }
}
