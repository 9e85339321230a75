//! Folders of the project that meet a symlink to a folder below: they go through it.
//!
//! The places of all of them are found before a layer is walked, because what goes through a symlink may land before
//! what the walk has reached. A symlink's target may hold symlinks in turn, so this goes on until nothing is found.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::PlanError;
use super::laid_out::{LaidOut, Mount, SourceFolder, Taken};
use super::tree_below::{Standing, TreeBelow};
use crate::base::FactKind;
use crate::oci::ImagePath;
use crate::tree::NodeKind;

/// Finds the redirects of one layer.
pub(super) struct Redirects<'a> {
    tree: &'a TreeBelow,
    layer: &'a mut LaidOut,
    /// Which paths of the project are folders that the layer takes something of.
    folders: HashMap<PathBuf, bool>,
}

impl<'a> Redirects<'a> {
    /// Starts with a layer whose first mount is in place; `tree` holds the layers below it.
    pub(super) fn new(tree: &'a TreeBelow, layer: &'a mut LaidOut) -> Self {
        Self { tree, layer, folders: HashMap::new() }
    }

    /// Adds a mount for every folder that goes through a symlink.
    pub(super) fn find(mut self) -> Result<(), PlanError> {
        let mut done = 0;
        while let Some(mount) = self.layer.mounts.get(done).cloned() {
            done += 1;
            for link in self.candidates(&mount)? {
                self.redirect(&mount, &link)?;
            }
        }
        Ok(())
    }

    /// Returns the symlinks below a mount's place that a folder of its source meets.
    fn candidates(&mut self, mount: &Mount) -> Result<BTreeSet<ImagePath>, PlanError> {
        let tree = self.tree;
        let mut found = BTreeSet::new();
        self.descend_base(mount, &mut found)?;
        for lower in &tree.layers {
            for link in lower.fixed.links() {
                if link.starts_with(&mount.image) && self.meets(mount, &link)? {
                    found.insert(link);
                }
            }
            for other in &lower.mounts {
                self.descend(mount, lower, other, &mut found)?;
            }
        }
        Ok(found)
    }

    /// Walks the folders that this mount and the base have in common, and notes the base's symlinks. The base is asked
    /// about each folder of the source whose parent it has, and about nothing else: a lock holds these answers.
    fn descend_base(&mut self, mount: &Mount, found: &mut BTreeSet<ImagePath>) -> Result<(), PlanError> {
        let in_base = |path: &ImagePath| -> Result<Option<FactKind>, PlanError> {
            match path.is_root() {
                true => Ok(Some(FactKind::Directory)),
                false => Ok(self.tree.base.lookup(path)?.map(|fact| fact.kind)),
            }
        };
        if in_base(&mount.image)? != Some(FactKind::Directory) {
            return Ok(());
        }
        let mut open: Vec<SourceFolder> = self.layer.folder(&mount.source).into_iter().collect();
        while let Some(folder) = open.pop() {
            for taken in self.layer.list(&folder)? {
                let Taken::Folder(_, inside, _) = taken? else { continue };
                let below = inside.path.strip_prefix(&mount.source).unwrap_or(&inside.path);
                let path = below.iter().fold(mount.image.clone(), |path, name| path.join(name.as_bytes()));
                match in_base(&path)? {
                    Some(FactKind::Directory) => open.push(*inside),
                    Some(FactKind::Symlink(_)) => drop(found.insert(path)),
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// Walks the folders that this mount and one of a lower layer have in common, and notes the lower one's symlinks.
    fn descend(
        &mut self,
        mount: &Mount,
        lower: &LaidOut,
        other: &Mount,
        found: &mut BTreeSet<ImagePath>,
    ) -> Result<(), PlanError> {
        let top = if other.image.starts_with(&mount.image) { &other.image } else { &mount.image };
        let Some(below) = top.strip_prefix(&other.image) else { return Ok(()) };
        let mut open = vec![(top.clone(), join(&other.source, &below))];
        while let Some((image, source)) = open.pop() {
            let Some(here) = image.strip_prefix(&mount.image).map(|below| join(&mount.source, &below)) else {
                continue;
            };
            // A cut above this mount is what made it, and one below it stands elsewhere.
            let cut = lower
                .cuts
                .iter()
                .any(|cut| cut != &other.source && cut.starts_with(&other.source) && source.starts_with(cut));
            if cut || !self.is_folder(mount, &here)? {
                continue;
            }
            if lower.taken_at(&source)? != Some(NodeKind::Directory) {
                continue;
            }
            for child in lower.sources.list(&source)? {
                let child = child?;
                let path = image.join(&child.name);
                match child.node.kind {
                    NodeKind::Directory => open.push((path, source.join(OsStr::from_bytes(&child.name)))),
                    NodeKind::Symlink(_) if self.meets(mount, &path)? => drop(found.insert(path)),
                    _ => {}
                }
            }
        }
        Ok(())
    }

    fn redirect(&mut self, mount: &Mount, link: &ImagePath) -> Result<(), PlanError> {
        let (tree, count) = (self.tree, self.tree.layers.len());
        let Some((Standing::Symlink(_), _)) = tree.at(count, link)? else { return Ok(()) };
        let Some(below) = link.strip_prefix(&mount.image) else { return Ok(()) };
        let source = join(&mount.source, &below);
        if self.layer.replace && !self.leads_to_folder(link)? {
            return Ok(());
        }
        self.layer.cuts.insert(source.clone());
        if self.layer.taken_at(&source)?.is_none() {
            return Ok(());
        }
        let target = tree.resolve(count, &self.layer.name, link, true)?;
        if !matches!(tree.at(count, &target)?, Some((Standing::Folder, _))) {
            let origin = format!("`{}`", source.display());
            return Err(PlanError::FolderOverFile { layer: self.layer.name.clone(), path: link.clone(), origin });
        }
        self.layer.mounts.push(Mount { image: target, source });
        Ok(())
    }

    /// Returns whether a symlink of the tree below leads to a folder, and not to a file, in a circle or to nothing.
    fn leads_to_folder(&self, link: &ImagePath) -> Result<bool, PlanError> {
        let count = self.tree.layers.len();
        match self.tree.resolve(count, &self.layer.name, link, true) {
            Ok(target) => Ok(matches!(self.tree.at(count, &target)?, Some((Standing::Folder, _)))),
            Err(PlanError::Loop { .. } | PlanError::Dangling { .. } | PlanError::ParentIsFile { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn meets(&mut self, mount: &Mount, link: &ImagePath) -> Result<bool, PlanError> {
        match link.strip_prefix(&mount.image) {
            Some(below) if !below.is_root() => self.is_folder(mount, &join(&mount.source, &below)),
            _ => Ok(false),
        }
    }

    /// Returns whether a path at or below a mount's source is a folder that stands below this mount. Nearly all
    /// answers come from the first folder on the way that does not exist.
    fn is_folder(&mut self, mount: &Mount, path: &Path) -> Result<bool, PlanError> {
        let mut at = mount.source.clone();
        for name in path.strip_prefix(&mount.source).unwrap_or(Path::new("")) {
            at.push(name);
            let known = match self.folders.get(&at) {
                Some(known) => *known,
                None => {
                    let node = self.layer.sources.stat(&at)?;
                    let folder = node.is_some_and(|node| node.kind == NodeKind::Directory);
                    self.folders.insert(at.clone(), folder);
                    folder
                }
            };
            if !known || self.layer.cuts.contains(&at) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn join(source: &Path, below: &ImagePath) -> PathBuf {
    if below.is_root() { source.to_owned() } else { source.join(OsStr::from_bytes(below.as_bytes())) }
}
