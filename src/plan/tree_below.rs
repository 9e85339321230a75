//! The tree so far: what a layer is laid upon, the base and the own layers below.
//!
//! Own layers are not held in memory: a question is answered by looking at the one file of the project that would stand
//! there.

use std::path::PathBuf;
use std::sync::Arc;

use super::PlanError;
use super::fixed::{FixedNode, Written, WrittenKind};
use super::laid_out::LaidOut;
use super::rules::{Keys, Metadata, apply, constant};
use crate::base::{BaseTree, FactKind};
use crate::oci::ImagePath;
use crate::tree::{FileStamp, Node, NodeKind, Sources};

/// The base and all layers that are laid out already. Layer `n` lies upon the layers before it.
#[derive(Clone)]
pub(super) struct TreeBelow {
    pub(super) base: Arc<BaseTree>,
    /// The files of the project, where `files` take theirs from.
    pub(super) project: Arc<dyn Sources>,
    pub(super) layers: Vec<Arc<LaidOut>>,
}

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// A folder.
    Folder,
    /// A symlink with its target.
    Symlink(Vec<u8>),
    /// Anything else.
    File,
}

/// Who put it there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Base,
    Layer(usize),
}

/// Who holds a file of names.
pub(super) enum NamesFile {
    None,
    OfBase,
    Own(Vec<u8>),
}

/// Those parts of the tree that have a folder at some path: only they can have something below it.
#[derive(Clone, Debug, Default)]
pub(super) struct Presence {
    /// Own layers, the topmost first.
    layers: Vec<usize>,
    base: bool,
}

/// What one layer says about a path.
enum Answer {
    Nothing,
    Removed,
    Is(Standing),
}

impl TreeBelow {
    /// Returns the presence of the root for what lies below layer `count`.
    pub(super) fn root(&self, count: usize) -> Presence {
        Presence { layers: (0..count).rev().collect(), base: true }
    }

    /// Returns what the layers before `count` and the base have at a path. Symlinks are not followed.
    pub(super) fn at(&self, count: usize, path: &ImagePath) -> Result<Option<(Standing, Place)>, PlanError> {
        if path.is_root() {
            return Ok(Some((Standing::Folder, Place::Base)));
        }
        for layer in (0..count).rev() {
            match self.in_layer(layer, path)? {
                Answer::Is(standing) => return Ok(Some((standing, Place::Layer(layer)))),
                Answer::Removed => return Ok(None),
                Answer::Nothing => {}
            }
        }
        Ok(self.in_base(path)?.map(|standing| (standing, Place::Base)))
    }

    /// Returns what stands at a child of a folder, and where that child is a folder in turn.
    pub(super) fn child(
        &self,
        folder: &Presence,
        path: &ImagePath,
    ) -> Result<(Option<(Standing, Place)>, Presence), PlanError> {
        let mut top = None;
        let mut presence = Presence::default();
        for layer in folder.layers.iter().copied() {
            match self.in_layer(layer, path)? {
                Answer::Nothing => {}
                Answer::Removed => return Ok((top, presence)),
                Answer::Is(standing) => {
                    let is_folder = standing == Standing::Folder;
                    top.get_or_insert((standing, Place::Layer(layer)));
                    if !is_folder {
                        return Ok((top, presence));
                    }
                    presence.layers.push(layer);
                }
            }
        }
        if folder.base
            && let Some(standing) = self.in_base(path)?
        {
            presence.base = standing == Standing::Folder;
            top.get_or_insert((standing, Place::Base));
        }
        Ok((top, presence))
    }

    /// Returns the metadata of a folder that stands somewhere.
    pub(super) fn folder_metadata(&self, place: Place, path: &ImagePath) -> Result<Metadata, PlanError> {
        match place {
            Place::Base => Ok(self.base.lookup(path)?.map_or_else(Metadata::plain, Metadata::of)),
            Place::Layer(layer) => {
                let (way, whole) = self.layers[layer].fixed.way(path);
                let written = way.last().filter(|_| whole).and_then(|node| node.written.as_deref());
                let existing = self.at(layer, path)?;
                let existing = existing.filter(|(standing, _)| *standing == Standing::Folder).map(|(_, place)| place);
                let folders = self.folders_at(layer, path)?;
                self.compose(layer, path, existing, &folders, written)
            }
        }
    }

    /// Returns the metadata that a layer gives a folder: that of the tree below if there is one, else its own, and over
    /// it what `paths` and `files` name.
    pub(super) fn compose(
        &self,
        layer: usize,
        path: &ImagePath,
        existing: Option<Place>,
        folders: &[(Keys, FileStamp)],
        written: Option<&Written>,
    ) -> Result<Metadata, PlanError> {
        let rules = &self.layers[layer].rules;
        let described = folders.first().map(|(_, stamp)| *stamp).or(written.map(|_| FileStamp::default()));
        let mut metadata = match (existing, described) {
            (Some(place), _) => self.folder_metadata(place, path)?,
            (None, Some(_)) if folders.is_empty() => Metadata {
                owner: rules.owner,
                mtime: constant(rules.mtime, &FileStamp::default()),
                ..Metadata::plain()
            },
            (None, Some(stamp)) => rules.new_folder(&stamp),
            (None, None) => Metadata::plain(),
        };
        for (keys, stamp) in folders {
            apply(&mut metadata, keys, stamp);
        }
        if let Some(written) = written {
            let mode = written.mode;
            let keys = Keys { owner: written.owner, dir_mode: mode, mtime: written.mtime, ..Keys::default() };
            apply(&mut metadata, &keys, &FileStamp::default());
        }
        Ok(metadata)
    }

    /// Returns who holds a file of names, such as `/etc/passwd`, for what lies below layer `count`: an own layer its
    /// bytes, or the base, which is asked name by name.
    pub(super) fn names_file(&self, count: usize, path: &ImagePath, limit: u64) -> Result<NamesFile, PlanError> {
        let path = match self.resolve(count, "", path, true) {
            Ok(path) => path,
            Err(PlanError::Base(error)) => return Err(error.into()),
            Err(_) => return Ok(NamesFile::None),
        };
        Ok(match self.at(count, &path)? {
            Some((Standing::File, Place::Base)) => NamesFile::OfBase,
            Some((Standing::File, Place::Layer(layer))) => NamesFile::Own(self.read(layer, &path, limit)?),
            _ => NamesFile::None,
        })
    }

    /// Reads a small file that a layer holds.
    fn read(&self, layer: usize, path: &ImagePath, limit: u64) -> Result<Vec<u8>, PlanError> {
        let layer = &self.layers[layer];
        let (way, whole) = layer.fixed.way(path);
        match way.last().filter(|_| whole).and_then(|node| node.written.as_deref()).map(|written| &written.what) {
            Some(WrittenKind::Bytes(bytes)) => return Ok(bytes.to_vec()),
            Some(WrittenKind::File(sources, file)) => return Ok(sources.read(file.path(), limit)?.unwrap_or_default()),
            Some(WrittenKind::Link(_) | WrittenKind::Folder) | None => {}
        }
        for source in layer.sources_of(path) {
            if layer.taken_at(&source)?.is_some() {
                return Ok(layer.sources.read(&source, limit)?.unwrap_or_default());
            }
        }
        Ok(Vec::new())
    }

    fn in_base(&self, path: &ImagePath) -> Result<Option<Standing>, PlanError> {
        Ok(self.base.lookup(path)?.map(|fact| match fact.kind {
            FactKind::Directory => Standing::Folder,
            FactKind::Symlink(target) => Standing::Symlink(target),
            FactKind::File | FactKind::Other => Standing::File,
        }))
    }

    fn in_layer(&self, layer: usize, path: &ImagePath) -> Result<Answer, PlanError> {
        let layer = &self.layers[layer];
        let (way, whole) = layer.fixed.way(path);
        if way.iter().any(|node| node.removed) || layer.replace && self.hides(layer, path)? {
            return Ok(Answer::Removed);
        }
        if let Some(standing) = way.last().filter(|_| whole).and_then(|node| standing_of(node)) {
            return Ok(Answer::Is(standing));
        }
        for source in layer.sources_of(path) {
            if let Some(kind) = layer.taken_at(&source)? {
                return Ok(Answer::Is(match kind {
                    NodeKind::Directory => Standing::Folder,
                    NodeKind::Symlink(target) => Standing::Symlink(target),
                    NodeKind::File | NodeKind::Special(_) => Standing::File,
                }));
            }
        }
        Ok(Answer::Nothing)
    }

    /// Returns whether a layer has put something in the place of a folder above a path.
    fn hides(&self, layer: &LaidOut, path: &ImagePath) -> Result<bool, PlanError> {
        let mut above = path.parent();
        while let Some(path) = above.filter(|path| !path.is_root()) {
            let (way, whole) = layer.fixed.way(&path);
            let written = way.last().filter(|_| whole).and_then(|node| standing_of(node));
            if written.is_some_and(|standing| standing != Standing::Folder) {
                return Ok(true);
            }
            for source in layer.sources_of(&path) {
                if layer.taken_at(&source)?.is_some_and(|kind| kind != NodeKind::Directory) {
                    return Ok(true);
                }
            }
            above = path.parent();
        }
        Ok(false)
    }

    /// Returns the folders of the project that a layer puts at a path, with what its rules say about each.
    fn folders_at(&self, layer: usize, path: &ImagePath) -> Result<Vec<(Keys, FileStamp)>, PlanError> {
        let layer = &self.layers[layer];
        let mut folders = Vec::new();
        for source in layer.sources_of(path).collect::<Vec<PathBuf>>() {
            let Some(Node { kind: NodeKind::Directory, stamp }) = layer.sources.stat(&source)? else { continue };
            if let Some(folder) = layer.folder(&source) {
                folders.push((layer.rules.folder_keys(&folder.rules), stamp));
            }
        }
        Ok(folders)
    }
}

fn standing_of(node: &FixedNode) -> Option<Standing> {
    match node.written.as_ref().map(|written| &written.what) {
        Some(WrittenKind::Link(target)) => Some(Standing::Symlink(target.clone())),
        Some(WrittenKind::Bytes(_) | WrittenKind::File(..)) => Some(Standing::File),
        Some(WrittenKind::Folder) | None => node.is_folder().then_some(Standing::Folder),
    }
}
