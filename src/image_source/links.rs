//! The symlinks of an image so far. Later entries of the layer that wrote one go through it, as every runtime unpacks
//! them; those of higher layers do not: a folder takes its place (see [`crate::base::FactsBuilder`]).

use std::collections::BTreeMap;

use super::index::below;
use super::lead::{MAX_SYMLINKS, components};
use crate::base::{FactsError, Limits};
use crate::oci::ImagePath;

/// The most that is kept of an image's symlinks, in bytes.
const LINK_BYTES: usize = 256 << 20;

/// What a symlink costs beside its path and target, in bytes, roughly.
const LINK_COST: usize = 128;

/// The symlinks of the layers so far, by real path.
#[derive(Debug)]
pub(super) struct Links {
    /// The layer that is being read, from 1.
    layer: u16,
    /// Bytes that a path may have.
    path_bytes: u64,
    /// Which layer wrote it, and its target.
    links: BTreeMap<ImagePath, (u16, Vec<u8>)>,
    bytes: usize,
}

impl Links {
    /// Begins with none.
    pub(super) fn new(limits: &Limits) -> Self {
        Self { layer: 0, path_bytes: limits.path_bytes, links: BTreeMap::new(), bytes: 0 }
    }

    /// Goes on to the next layer.
    pub(super) fn next_layer(&mut self) {
        self.layer += 1;
    }

    /// Returns the real path of an entry: symlinks of its parents are gone through, its own name is not.
    pub(super) fn real(&self, path: &ImagePath) -> Result<ImagePath, FactsError> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Ok(ImagePath::ROOT) };
        if self.links.is_empty() {
            return Ok(path.clone());
        }
        let mut names: Vec<Vec<u8>> = parent.components().rev().map(<[u8]>::to_vec).collect();
        let mut real = ImagePath::ROOT;
        let mut followed = 0;
        while let Some(name) = names.pop() {
            if name == b".." {
                real = real.parent().unwrap_or_default();
                continue;
            }
            let next = real.join(&name);
            if next.as_bytes().len() as u64 > self.path_bytes {
                let limit = self.path_bytes;
                return Err(FactsError::Limit { layer: self.layer, what: "bytes in a path", limit });
            }
            let Some((_, target)) = self.links.get(&next).filter(|(layer, _)| *layer == self.layer) else {
                real = next;
                continue;
            };
            followed += 1;
            if followed > MAX_SYMLINKS {
                return Err(FactsError::Loop { layer: self.layer, path: path.to_string() });
            }
            if target.starts_with(b"/") {
                real = ImagePath::ROOT;
            }
            names.extend(components(target).rev().map(<[u8]>::to_vec));
        }
        Ok(real.join(name))
    }

    /// Returns the target of a symlink.
    pub(super) fn target(&self, path: &ImagePath) -> Option<&[u8]> {
        self.links.get(path).map(|(_, target)| target.as_slice())
    }

    /// Notes that there are folders at a real path and above it, in place of symlinks of lower layers.
    pub(super) fn put_folders(&mut self, folder: &ImagePath) {
        if !self.links.is_empty() {
            folder.ancestors().for_each(|path| drop(self.links.remove(&path)));
            self.links.remove(folder);
        }
    }

    /// Forgets what lower layers put below a path: it is hidden.
    pub(super) fn hide_below(&mut self, path: &ImagePath) {
        let within = self.links.range(below(path)).filter(|(_, (layer, _))| *layer < self.layer);
        let gone: Vec<ImagePath> = within.map(|(path, _)| path.clone()).collect();
        gone.iter().for_each(|path| drop(self.links.remove(path)));
    }

    /// Forgets what lower layers put at a path and below it: it is hidden.
    pub(super) fn hide(&mut self, path: &ImagePath) {
        self.hide_below(path);
        if self.links.get(path).is_some_and(|(layer, _)| *layer < self.layer) {
            self.links.remove(path);
        }
    }

    /// Notes that the layer put something at a real path: a symlink with its target, or something else.
    pub(super) fn put(&mut self, path: &ImagePath, link: Option<&[u8]>, is_folder: bool) -> Result<(), FactsError> {
        if !is_folder {
            let gone: Vec<ImagePath> = self.links.range(below(path)).map(|(path, _)| path.clone()).collect();
            gone.iter().for_each(|path| drop(self.links.remove(path)));
        }
        let Some(target) = link else {
            self.links.remove(path);
            return Ok(());
        };
        self.bytes += path.as_bytes().len() + target.len() + LINK_COST;
        if self.bytes > LINK_BYTES {
            let limit = LINK_BYTES as u64;
            return Err(FactsError::Limit { layer: self.layer, what: "bytes of symlinks", limit });
        }
        self.links.insert(path.clone(), (self.layer, target.to_vec()));
        Ok(())
    }
}
