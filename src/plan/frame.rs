//! A folder of the image that is being walked: what its sources put under one name after another.

use std::ffi::OsStr;
use std::iter::Peekable;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use super::fixed::NodeId;
use super::laid_out::{LaidOut, SourceFolder, Taken};
use super::tree_below::Presence;
use super::{Entry, PlanError};
use crate::oci::ImagePath;
use crate::tree::{Child, FileStamp, Listing, LookAhead, NodeKind, TreeError};

/// Where a walk begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// At the first entry.
    #[default]
    First,
    /// At the entry of this path, or where it would stand.
    At(ImagePath),
    /// Right after the file at this path, or after where it would stand.
    After(ImagePath),
}

/// A folder of the image on the way to the present entry.
pub(super) struct Frame {
    pub(super) image: ImagePath,
    pub(super) folders: Vec<OpenFolder>,
    pub(super) presence: Presence,
    pub(super) fixed: Peekable<std::vec::IntoIter<(Vec<u8>, NodeId)>>,
    /// The folder's own entry, if it is written only because something below it is.
    pub(super) pending: Option<Entry>,
}

/// A folder of the project that is being walked.
pub(super) struct OpenFolder {
    pub(super) folder: SourceFolder,
    listing: Listing,
    /// What comes next of it.
    taken: Peekable<std::vec::IntoIter<Taken>>,
}

/// All that stands under one name.
#[derive(Default)]
pub(super) struct Group {
    /// With the number of the folder that holds it.
    pub(super) files: Vec<(usize, Child, PathBuf)>,
    pub(super) folders: Vec<(SourceFolder, FileStamp, bool)>,
    pub(super) fixed: Option<NodeId>,
}

impl Frame {
    /// Returns all that stands under the next name.
    pub(super) fn next_group(
        &mut self,
        layer: &LaidOut,
        start: &Start,
        ahead: &mut LookAhead,
    ) -> Result<Option<(ImagePath, Group)>, PlanError> {
        let first = start.first_below(&self.image);
        for open in &mut self.folders {
            open.fill(layer, first, ahead)?;
        }
        while self.fixed.next_if(|(name, _)| first.is_some_and(|first| first.skips(name))).is_some() {}
        let named = self.fixed.peek().map(|(name, _)| name);
        let listed = self.folders.iter_mut().filter_map(|open| open.taken.peek()).map(|taken| &taken.child().name);
        let Some(path) = named.into_iter().chain(listed).min().map(|name| self.image.join(name)) else {
            return Ok(None);
        };
        let name = path.file_name().unwrap_or_default();
        let mut group = Group::default();
        for (number, open) in self.folders.iter_mut().enumerate() {
            while let Some(taken) = open.taken.next_if(|taken| taken.child().name == name) {
                group.add(number, taken);
            }
        }
        group.fixed = self.fixed.next_if(|(named, _)| named == name).map(|(_, id)| id);
        Ok(Some((path, group)))
    }
}

impl OpenFolder {
    pub(super) fn new(folder: SourceFolder, listing: Listing) -> Self {
        Self { folder, listing, taken: Vec::new().into_iter().peekable() }
    }

    /// Sees to it that the next thing that is taken of the folder is known, if there is one.
    fn fill(&mut self, layer: &LaidOut, first: Option<First<'_>>, ahead: &mut LookAhead) -> Result<(), PlanError> {
        while self.taken.peek().is_none() {
            let Some(mut children) = self.listing.stretch()? else { return Ok(()) };
            if let Some(first) = first {
                children.retain(|child| !first.skips(&child.name));
            }
            let mut taken = Vec::with_capacity(children.len());
            taken.extend(children.into_iter().filter_map(|child| layer.taken(&self.folder, child)));
            for taken in &taken {
                refuse_unholdable(layer, &self.folder, taken.child())?;
            }
            let folders = taken.iter().filter_map(|taken| match taken {
                Taken::Folder(_, inside, _) => Some(inside.path.as_path()),
                Taken::File(..) => None,
            });
            ahead.expect(folders);
            self.taken = taken.into_iter().peekable();
        }
        Ok(())
    }
}

impl Group {
    fn add(&mut self, number: usize, taken: Taken) {
        match taken {
            Taken::File(child, path) => self.files.push((number, child, path)),
            Taken::Folder(child, folder, definite) => self.folders.push((*folder, child.node.stamp, definite)),
        }
    }
}

/// The first name of a folder that a walk from a place on does not pass over.
#[derive(Clone, Copy)]
pub(super) struct First<'a> {
    name: &'a [u8],
    /// Whether it is passed over itself.
    done: bool,
}

impl First<'_> {
    fn skips(self, name: &[u8]) -> bool {
        name < self.name || (self.done && name == self.name)
    }
}

impl Start {
    /// Returns where to begin in a folder, or `None` where nothing of it is passed over.
    pub(super) fn first_below(&self, folder: &ImagePath) -> Option<First<'_>> {
        let (path, after) = match self {
            Self::First => return None,
            Self::At(path) => (path, false),
            Self::After(path) => (path, true),
        };
        if path == folder || !path.starts_with(folder) {
            return None;
        }
        let below = &path.as_bytes()[folder.as_bytes().len() + usize::from(!folder.is_root())..];
        let end = below.iter().position(|byte| *byte == b'/');
        Some(First { name: &below[..end.unwrap_or(below.len())], done: after && end.is_none() })
    }
}

/// Refuses what an image cannot hold: special files, and names that mean a removal.
fn refuse_unholdable(layer: &LaidOut, folder: &SourceFolder, child: &Child) -> Result<(), PlanError> {
    let path = || folder.path.join(OsStr::from_bytes(&child.name));
    let shown = |path: PathBuf| layer.sources.file(path, FileStamp::default()).display();
    if let NodeKind::Special(what) = child.node.kind {
        return Err(TreeError::Special { path: shown(path()), what }.into());
    }
    if child.name.starts_with(b".wh.") {
        return Err(TreeError::WhiteoutName { path: shown(path()) }.into());
    }
    Ok(())
}
