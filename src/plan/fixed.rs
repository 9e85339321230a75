//! The paths of a layer that the build file itself names: `files`, the places where folders are put, and all folders on
//! the way to them. They are few, so they are held as a tree in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::owner::Owner;
use crate::oci::ImagePath;
use crate::spec::{Capabilities, MtimeRule};
use crate::tree::{SourceFile, Sources};

/// Where a node stands in a [`Fixed`].
pub(super) type NodeId = usize;

/// The node of the root.
pub(super) const ROOT: NodeId = 0;

/// The named paths of a layer.
pub(super) struct Fixed {
    nodes: Vec<FixedNode>,
}

/// A named path, or a folder on the way to one.
#[derive(Default)]
pub(super) struct FixedNode {
    pub(super) children: BTreeMap<Vec<u8>, NodeId>,
    pub(super) written: Option<Arc<Written>>,
    /// The layer's mounts that are rooted here.
    pub(super) mounts: Vec<usize>,
    pub(super) removed: bool,
}

/// An entry that the build file describes.
pub(super) struct Written {
    pub(super) what: WrittenKind,
    pub(super) owner: Option<Owner>,
    pub(super) mode: Option<u32>,
    pub(super) mtime: Option<MtimeRule>,
    pub(super) capabilities: Option<Capabilities>,
    /// Where it comes from, for messages.
    pub(super) origin: String,
}

/// What a described entry is.
pub(super) enum WrittenKind {
    Bytes(Arc<[u8]>),
    /// A file, and whose it is.
    File(Arc<dyn Sources>, SourceFile),
    Link(Vec<u8>),
    Folder,
}

impl Written {
    /// Returns whether it is a folder.
    pub(super) fn is_folder(&self) -> bool {
        matches!(self.what, WrittenKind::Folder)
    }
}

impl FixedNode {
    /// Returns whether a folder is written here.
    pub(super) fn is_folder(&self) -> bool {
        !self.children.is_empty() || !self.mounts.is_empty() || self.written.as_ref().is_some_and(|it| it.is_folder())
    }

    /// Returns whether the build file names both a folder and something else here.
    pub(super) fn is_file_and_folder(&self) -> bool {
        self.is_folder() && self.written.as_ref().is_some_and(|it| !it.is_folder())
    }
}

impl Default for Fixed {
    fn default() -> Self {
        Self { nodes: vec![FixedNode::default()] }
    }
}

impl Fixed {
    /// Returns the node at a path, made if need be with all above it.
    pub(super) fn add(&mut self, path: &ImagePath) -> &mut FixedNode {
        let mut at = ROOT;
        for name in path.components() {
            at = match self.nodes[at].children.get(name) {
                Some(child) => *child,
                None => {
                    self.nodes.push(FixedNode::default());
                    let child = self.nodes.len() - 1;
                    self.nodes[at].children.insert(name.to_vec(), child);
                    child
                }
            };
        }
        &mut self.nodes[at]
    }

    /// Returns a node.
    pub(super) fn node(&self, id: NodeId) -> &FixedNode {
        &self.nodes[id]
    }

    /// Returns the nodes on the way to a path, from below the root to the path itself, as far as there are any, and
    /// whether the last of them is the path's own.
    pub(super) fn way(&self, path: &ImagePath) -> (Vec<&FixedNode>, bool) {
        let mut at = ROOT;
        let mut way = Vec::new();
        for name in path.components() {
            let Some(child) = self.nodes[at].children.get(name) else { return (way, false) };
            at = *child;
            way.push(&self.nodes[at]);
        }
        (way, true)
    }

    /// Returns the paths of all symlinks that the build file describes.
    pub(super) fn links(&self) -> Vec<ImagePath> {
        let mut links = Vec::new();
        let mut open = vec![(ROOT, ImagePath::ROOT)];
        while let Some((id, path)) = open.pop() {
            let node = &self.nodes[id];
            if matches!(node.written.as_deref(), Some(Written { what: WrittenKind::Link(_), .. })) {
                links.push(path.clone());
            }
            open.extend(node.children.iter().map(|(name, child)| (*child, path.join(name))));
        }
        links
    }
}
