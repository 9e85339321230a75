//! The entries of one layer in tar order, found while they are asked for.
//!
//! Memory holds one listing for each folder on the way from the root to the present entry, of a large folder a stretch of
//! it, never the whole list. Folders are listed ahead, on other threads.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;

use super::fixed::{FixedNode, NodeId, ROOT, Written, WrittenKind};
use super::frame::{Frame, Group, OpenFolder, Start};
use super::laid_out::{LaidOut, SourceFolder};
use super::rules::{Keys, Metadata, constant, xattrs};
use super::tree_below::{Place, Presence, Standing, TreeBelow};
use super::{Content, Entry, EntryKind, Mtime, PlanError};
use crate::oci::ImagePath;
use crate::spec::MtimeRule;
use crate::tree::{Child, FileStamp, LookAhead, NodeKind};

/// The entries of one layer: depth first, children by bytes, removals first within their folder; each path once, each
/// folder before what it holds. After an error nothing follows.
pub struct Entries {
    tree: Arc<TreeBelow>,
    index: usize,
    layer: Arc<LaidOut>,
    ahead: LookAhead,
    start: Start,
    frames: Vec<Frame>,
    ready: VecDeque<Entry>,
    started: bool,
}

impl Entries {
    pub(super) fn new(tree: Arc<TreeBelow>, index: usize, start: Start) -> Self {
        let layer = Arc::clone(&tree.layers[index]);
        let ahead = LookAhead::new(Arc::clone(&layer.sources));
        Self { tree, index, layer, ahead, start, frames: Vec::new(), ready: VecDeque::new(), started: false }
    }

    /// Goes on by one name; returns whether there may be more.
    fn advance(&mut self) -> Result<bool, PlanError> {
        if !self.started {
            self.started = true;
            let presence = self.tree.root(self.index);
            self.open(ImagePath::ROOT, Vec::new(), Some(ROOT), presence, None)?;
            return Ok(true);
        }
        let Some(frame) = self.frames.last_mut() else { return Ok(false) };
        match frame.next_group(&self.layer, &self.start, &mut self.ahead)? {
            None => drop(self.frames.pop()),
            Some((path, group)) => self.place(path, group)?,
        }
        Ok(true)
    }

    fn place(&mut self, path: ImagePath, group: Group) -> Result<(), PlanError> {
        let layer = Arc::clone(&self.layer);
        let fixed = group.fixed.map(|id| layer.fixed.node(id));
        self.refuse_clashes(&path, &group, fixed)?;
        let Some(frame) = self.frames.last() else { return Ok(()) };
        if fixed.is_some_and(|node| node.removed) {
            return Ok(());
        }
        let (below, presence) = self.tree.child(&frame.presence, &path)?;
        let written = fixed.and_then(|node| node.written.as_deref()).filter(|written| !written.is_folder());
        let (entry, origin) = match (group.files.first(), written) {
            (Some(_), _) => {
                let origin = below.as_ref().and_then(|_| self.file_origins(&group, fixed).next());
                let entry = group.files.into_iter().next().map(|file| self.source_entry(&path, file));
                (entry, origin)
            }
            (None, Some(written)) => {
                let origin = self.file_origins(&group, fixed).next();
                (Some(self.written_entry(&path, written)), origin)
            }
            (None, None) => return self.put_folder(path, group, fixed, below, presence),
        };
        if matches!(below, Some((Standing::Folder, _))) && !layer.replace {
            let origin = origin.unwrap_or_default();
            return Err(PlanError::FileOverFolder { layer: layer.name.clone(), path, origin });
        }
        entry.into_iter().for_each(|entry| self.emit(entry));
        Ok(())
    }

    /// Refuses two files for one path, a file and a folder for one path, and an entry where something is removed.
    fn refuse_clashes(&self, path: &ImagePath, group: &Group, fixed: Option<&FixedNode>) -> Result<(), PlanError> {
        let named_twice = fixed.is_some_and(FixedNode::is_file_and_folder);
        if !named_twice && group.files.len() + group.folders.len() + usize::from(fixed.is_some()) < 2 {
            return Ok(());
        }
        let (layer, path) = (self.layer.name.clone(), path.clone());
        let mut files = self.file_origins(group, fixed);
        let mut folders = group.folders.iter().map(|(folder, ..)| format!("`{}`", folder.path.display()));
        let named = fixed
            .filter(|node| node.is_folder())
            .map(|node| self.mounted_from(node).unwrap_or("the build file".to_owned()));
        match (files.next(), files.next(), folders.next().or(named)) {
            (Some(origin), ..) | (None, _, Some(origin)) if fixed.is_some_and(|node| node.removed) => {
                Err(PlanError::RemovedAndWritten { layer, path, origin })
            }
            (Some(first), Some(second), _) => Err(PlanError::Conflict { layer, path, first, second }),
            (Some(file), None, Some(folder)) => Err(PlanError::FileAndFolder { layer, path, file, folder }),
            _ => Ok(()),
        }
    }

    /// Returns the folder of the project whose place is a node.
    fn mounted_from(&self, node: &FixedNode) -> Option<String> {
        node.mounts.first().map(|mount| format!("`{}`", self.layer.mounts[*mount].source.display()))
    }

    /// Returns where the files and links under one name come from.
    fn file_origins<'a>(
        &'a self,
        group: &'a Group,
        fixed: Option<&'a FixedNode>,
    ) -> impl Iterator<Item = String> + use<'a> {
        let written = fixed.and_then(|node| node.written.as_ref()).filter(|written| !written.is_folder());
        let files = group.files.iter().map(|(_, _, path)| format!("`{}`", path.display()));
        files.chain(written.map(|written| written.origin.clone()))
    }

    fn put_folder(
        &mut self,
        path: ImagePath,
        group: Group,
        fixed: Option<&FixedNode>,
        below: Option<(Standing, Place)>,
        presence: Presence,
    ) -> Result<(), PlanError> {
        let existing = match below {
            None => None,
            Some((Standing::Folder, place)) => Some(place),
            // A symlink to a folder was gone through before the walk began: this one appeared since, or is no such.
            Some((Standing::File | Standing::Symlink(_), _)) if fixed.is_none() && !self.takes_any(&group)? => {
                return Ok(());
            }
            Some((Standing::File | Standing::Symlink(_), _)) if self.layer.replace => None,
            Some((Standing::File | Standing::Symlink(_), _)) => {
                let from = group.folders.first().map(|(folder, ..)| format!("`{}`", folder.path.display()));
                let from = from.or_else(|| self.mounted_from(fixed?));
                let origin = from.unwrap_or("of the build file".to_owned());
                return Err(PlanError::FolderOverFile { layer: self.layer.name.clone(), path, origin });
            }
        };
        let definite = fixed.is_some() || group.folders.iter().any(|(_, _, definite)| *definite);
        let mut described = self.described(&group);
        let mut folders: Vec<SourceFolder> = group.folders.into_iter().map(|(folder, ..)| folder).collect();
        for (folder, stamp) in self.mounted(fixed)? {
            described.push((self.layer.rules.folder_keys(&folder.rules), stamp));
            folders.push(folder);
        }
        let written = fixed.and_then(|node| node.written.as_deref());
        let metadata = self.tree.compose(self.index, &path, existing, &described, written)?;
        let entry = self.entry(path.clone(), EntryKind::Directory, metadata);
        let pending = if definite {
            self.emit(entry);
            None
        } else {
            Some(entry)
        };
        self.open(path, folders, group.fixed, presence, pending)
    }

    /// Returns whether folders bring anything into the image.
    fn takes_any(&self, group: &Group) -> Result<bool, PlanError> {
        for (folder, _, definite) in &group.folders {
            if *definite || self.layer.takes_any(folder)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn described(&self, group: &Group) -> Vec<(Keys, FileStamp)> {
        let keys = |folder: &SourceFolder| self.layer.rules.folder_keys(&folder.rules);
        group.folders.iter().map(|(folder, stamp, _)| (keys(folder), *stamp)).collect()
    }

    /// Returns the folders of the project whose place is a node.
    fn mounted(&self, fixed: Option<&FixedNode>) -> Result<Vec<(SourceFolder, FileStamp)>, PlanError> {
        let mut folders = Vec::new();
        for mount in fixed.iter().flat_map(|node| &node.mounts) {
            let source = &self.layer.mounts[*mount].source;
            if let (Some(folder), Some(node)) = (self.layer.folder(source), self.layer.sources.stat(source)?) {
                folders.push((folder, node.stamp));
            }
        }
        Ok(folders)
    }

    /// Opens a folder of the image: lists what all its sources put into it.
    fn open(
        &mut self,
        image: ImagePath,
        mut folders: Vec<SourceFolder>,
        fixed: Option<NodeId>,
        presence: Presence,
        pending: Option<Entry>,
    ) -> Result<(), PlanError> {
        let layer = Arc::clone(&self.layer);
        let fixed = fixed.map(|id| layer.fixed.node(id));
        if image.is_root() {
            folders.extend(self.mounted(fixed)?.into_iter().map(|(folder, _)| folder));
        }
        let mut opened = Vec::with_capacity(folders.len());
        for folder in folders {
            let listing = self.ahead.list(&folder.path)?;
            opened.push(OpenFolder::new(folder, listing));
        }
        let first = self.start.first_below(&image);
        let named = fixed.iter().flat_map(|node| &node.children);
        if first.is_none() {
            for (name, _) in named.clone().filter(|(_, id)| layer.fixed.node(**id).removed) {
                self.emit(whiteout(&image, name));
            }
        }
        let named: Vec<_> = named.map(|(name, id)| (name.clone(), *id)).collect();
        let named = named.into_iter().peekable();
        self.frames.push(Frame { image, folders: opened, presence, fixed: named, pending });
        Ok(())
    }

    /// Hands an entry out, after the folders above it that waited for it.
    fn emit(&mut self, entry: Entry) {
        for frame in &mut self.frames {
            self.ready.extend(frame.pending.take());
        }
        self.ready.push_back(entry);
    }

    fn source_entry(&self, path: &ImagePath, (number, child, source): (usize, Child, PathBuf)) -> Entry {
        let rules = &self.layer.rules;
        let no_state = Vec::new();
        let folder = self.frames.last().and_then(|frame| frame.folders.get(number));
        let above = folder.map_or(&no_state, |open| &open.folder.rules);
        let (relative, stamp) = (self.layer.relative(&source), child.node.stamp);
        let (kind, metadata) = match child.node.kind {
            NodeKind::Symlink(target) => (EntryKind::Symlink(target), rules.link(above, relative, &stamp)),
            _ => {
                let metadata = rules.file(above, relative, &stamp);
                (EntryKind::File(Content::File(self.layer.sources.file(source, stamp))), metadata)
            }
        };
        self.entry(path.clone(), kind, metadata)
    }

    fn written_entry(&self, path: &ImagePath, written: &Written) -> Entry {
        let rules = &self.layer.rules;
        let time = written.mtime.unwrap_or(rules.mtime);
        let (kind, stamp, mode) = match &written.what {
            WrittenKind::Bytes(bytes) => (EntryKind::File(Content::Bytes(Arc::clone(bytes))), None, 0o644),
            WrittenKind::File(_, file) => (EntryKind::File(Content::File(file.clone())), Some(*file.stamp()), 0o644),
            WrittenKind::Link(target) => (EntryKind::Symlink(target.clone()), None, 0o777),
            WrittenKind::Folder => (EntryKind::Directory, None, 0o755),
        };
        let mtime = match (&kind, time, stamp) {
            // What the build file holds has no time on disk.
            (EntryKind::File(_), MtimeRule::Content, _) | (EntryKind::File(_), MtimeRule::Keep, None) => Mtime::Content,
            (_, MtimeRule::Keep, None) => constant(MtimeRule::Content, &FileStamp::default()),
            (_, rule, stamp) => constant(rule, &stamp.unwrap_or_default()),
        };
        let metadata = Metadata {
            mode: if matches!(kind, EntryKind::Symlink(_)) { mode } else { written.mode.unwrap_or(mode) },
            owner: written.owner.unwrap_or(rules.owner),
            mtime,
            xattrs: xattrs(written.capabilities),
        };
        self.entry(path.clone(), kind, metadata)
    }

    fn entry(&self, path: ImagePath, kind: EntryKind, metadata: Metadata) -> Entry {
        let Metadata { mode, owner, mtime, xattrs } = metadata;
        Entry { path, kind, mode, uid: owner.uid, gid: owner.gid, mtime, xattrs }
    }
}

impl Iterator for Entries {
    type Item = Result<Entry, PlanError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(entry) = self.ready.pop_front() {
                return Some(Ok(entry));
            }
            match self.advance() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    self.frames.clear();
                    self.ready.clear();
                    return Some(Err(error));
                }
            }
        }
    }
}

/// Returns the entry that hides a path of the tree below (image-spec, layer.md, "Whiteouts").
fn whiteout(folder: &ImagePath, name: &[u8]) -> Entry {
    let Metadata { owner, mtime, xattrs, .. } = Metadata::plain();
    let path = folder.join(&[b".wh.".as_slice(), name].concat());
    let kind = EntryKind::File(Content::Bytes(Arc::from([].as_slice())));
    Entry { path, kind, mode: 0o644, uid: owner.uid, gid: owner.gid, mtime, xattrs }
}
