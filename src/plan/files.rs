//! `files`: entries that the build file itself writes, and what it removes.

use std::sync::Arc;

use super::PlanError;
use super::fixed::{Written, WrittenKind};
use super::laid_out::LaidOut;
use super::owner::NamesBelow;
use super::tree_below::TreeBelow;
use crate::oci::ImagePath;
use crate::spec::{FileContent, FileSpec, FileWhat};
use crate::tree::{Node, NodeKind};

/// Adds an entry of `files`.
pub(super) fn write(names: &mut NamesBelow<'_>, layer: &mut LaidOut, file: &FileSpec) -> Result<(), PlanError> {
    let tree = names.tree();
    let count = tree.layers.len();
    let path = match file.what {
        FileWhat::Dir if file.path.is_root() => return Err(PlanError::Root { layer: layer.name.clone() }),
        FileWhat::Dir => tree.resolve(count, &layer.name, &file.path, true)?,
        _ => own_name(tree, &layer.name, &file.path)?,
    };
    if path.is_root() {
        return Err(PlanError::Root { layer: layer.name.clone() });
    }
    let origin = format!("`files` entry `{}`", file.path);
    if file.what == FileWhat::Remove {
        return remove(tree, layer, path, origin);
    }
    refuse_removed(layer, &path, &origin)?;
    let written = Arc::new(Written {
        what: written_kind(tree, layer, file)?,
        owner: file.owner.as_ref().map(|owner| names.owner(owner)).transpose()?,
        mode: file.mode,
        mtime: file.mtime,
        capabilities: file.capabilities,
        origin,
    });
    match layer.fixed.add(&path).written.replace(Arc::clone(&written)) {
        Some(before) if !(before.is_folder() && written.is_folder()) => {
            let (first, second) = (before.origin.clone(), written.origin.clone());
            Err(PlanError::Conflict { layer: layer.name.clone(), path, first, second })
        }
        _ => Ok(()),
    }
}

fn written_kind(tree: &TreeBelow, layer: &LaidOut, file: &FileSpec) -> Result<WrittenKind, PlanError> {
    Ok(match &file.what {
        FileWhat::File(FileContent::Inline(bytes)) => WrittenKind::Bytes(Arc::from(bytes.as_slice())),
        FileWhat::File(FileContent::From(from)) => match tree.project.stat(from)? {
            Some(Node { kind: NodeKind::File, stamp }) => {
                WrittenKind::File(Arc::clone(&tree.project), tree.project.file(from.clone(), stamp))
            }
            None => return Err(PlanError::MissingSource { layer: layer.name.clone(), from: from.clone() }),
            Some(_) => {
                let (layer, path) = (layer.name.clone(), file.path.clone());
                return Err(PlanError::NoFile { layer, path, from: from.clone() });
            }
        },
        FileWhat::Link(target) => WrittenKind::Link(target.as_bytes().to_vec()),
        FileWhat::Dir | FileWhat::Remove => WrittenKind::Folder,
    })
}

fn remove(tree: &TreeBelow, layer: &mut LaidOut, path: ImagePath, origin: String) -> Result<(), PlanError> {
    let name = layer.name.clone();
    if tree.at(tree.layers.len(), &path)?.is_none() {
        return Err(PlanError::NothingToRemove { layer: name, path });
    }
    refuse_removed(layer, &path, &origin)?;
    let node = layer.fixed.add(&path);
    let written = node.written.as_ref().map(|written| written.origin.clone());
    match written.or_else(|| node.is_folder().then(|| "what lies below it".to_owned())) {
        Some(origin) => Err(PlanError::RemovedAndWritten { layer: name, path, origin }),
        None => {
            node.removed = true;
            Ok(())
        }
    }
}

fn refuse_removed(layer: &LaidOut, path: &ImagePath, origin: &str) -> Result<(), PlanError> {
    if layer.fixed.way(path).0.iter().any(|node| node.removed) {
        let (layer, path, origin) = (layer.name.clone(), path.clone(), origin.to_owned());
        return Err(PlanError::RemovedAndWritten { layer, path, origin });
    }
    Ok(())
}

/// Returns where an entry goes whose own name, if it is a symlink below, is replaced.
pub(super) fn own_name(tree: &TreeBelow, layer: &str, path: &ImagePath) -> Result<ImagePath, PlanError> {
    if path.is_root() {
        return Err(PlanError::Root { layer: layer.to_owned() });
    }
    tree.resolve(tree.layers.len(), layer, path, false)
}
