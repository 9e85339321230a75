//! The symlinks of the layer that is being read: its later entries go through them, as every runtime unpacks it.
//!
//! Symlinks of lower layers are not gone through: a folder takes their place (see [`crate::base::FactsBuilder`]).

use std::collections::BTreeMap;

use super::index::below;
use super::lead::{MAX_SYMLINKS, components};
use crate::base::FactsError;
use crate::oci::ImagePath;

/// The most that is kept of one layer's symlinks, in bytes.
const LINK_BYTES: usize = 256 << 20;

/// What a symlink costs beside its path and target, in bytes, roughly.
const LINK_COST: usize = 128;

/// The symlinks of one layer, by real path.
#[derive(Debug, Default)]
pub(super) struct SameLayer {
    layer: u16,
    /// Bytes that a path may have.
    path_bytes: u64,
    links: BTreeMap<ImagePath, Vec<u8>>,
    bytes: usize,
}

impl SameLayer {
    /// Begins with a layer.
    pub(super) fn new(layer: u16, path_bytes: u64) -> Self {
        Self { layer, path_bytes, ..Self::default() }
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
            let Some(target) = self.links.get(&next) else {
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

    /// Returns the target of a symlink of this layer.
    pub(super) fn target(&self, path: &ImagePath) -> Option<&[u8]> {
        self.links.get(path).map(Vec::as_slice)
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
        self.links.insert(path.clone(), target.to_vec());
        Ok(())
    }
}
