//! Every layer of a build file laid upon the tree below it.

use std::collections::HashSet;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use super::fixed::{Fixed, Written, WrittenKind};
use super::laid_out::{LaidOut, Mount};
use super::owner::{Names, Owner};
use super::redirects::Redirects;
use super::rules::{Keys, Rules};
use super::takes::Takes;
use super::tree_below::TreeBelow;
use super::walk::Entries;
use super::{LeftOut, Mtime, PlanError};
use crate::base::Facts;
use crate::oci::ImagePath;
use crate::spec::{FileContent, FileSpec, FileWhat, LayerSource, LayerSpec, MtimeRule, OwnerSpec};
use crate::tree::{FileStamp, Node, NodeKind, Patterns, Sources, TreeError};

/// The most that is read of a `.dockerignore`, a passwd or a group.
const SMALL_FILE: u64 = 1 << 20;

/// Where every entry of every layer goes.
#[derive(Clone)]
pub struct Placement {
    tree: Arc<TreeBelow>,
}

impl Placement {
    /// Lays the layers out, bottom to top. `destinations` holds the resolved `to` of each layer, in the same order; it
    /// is not looked at for layers of `files` alone.
    ///
    /// Only the folders that have to be looked at are: those named by the build file, and those where symlinks of the
    /// tree below are met.
    ///
    /// # Errors
    /// When a source is missing, empty or a symlink, a pattern is malformed, an owner is not known, or a path leads
    /// through a broken symlink or a file.
    pub fn new(
        facts: Arc<Facts>,
        project: Arc<dyn Sources>,
        layers: &[LayerSpec],
        destinations: &[ImagePath],
        left_out: &LeftOut,
    ) -> Result<Self, PlanError> {
        let ignored = project.read(Path::new(".dockerignore"), SMALL_FILE)?.unwrap_or_default();
        let dockerignore = Patterns::parse(&ignored)?;
        let mut tree = TreeBelow { facts, sources: project, layers: Vec::new() };
        for (layer, destination) in layers.iter().zip(destinations) {
            let others = layers.iter().filter_map(|other| other.source.as_ref()).map(|other| other.from.as_path());
            let takes = match &layer.source {
                Some(source) => Some(Takes::new(source, &dockerignore, left_out, others)?),
                None => None,
            };
            let laid_out = lay_out(&tree, layer, destination, takes)?;
            tree.layers.push(Arc::new(laid_out));
        }
        Ok(Self { tree: Arc::new(tree) })
    }

    /// Returns the entries of a layer, counted from 0, as they are found; the folders of the project are listed anew.
    ///
    /// # Panics
    /// When there is no such layer.
    pub fn entries(&self, layer: usize) -> Entries {
        Entries::new(Arc::clone(&self.tree), layer)
    }

    /// Returns the number of layers.
    pub fn len(&self) -> usize {
        self.tree.layers.len()
    }

    /// Returns whether there are no layers.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn lay_out(
    tree: &TreeBelow,
    spec: &LayerSpec,
    destination: &ImagePath,
    takes: Option<Takes>,
) -> Result<LaidOut, PlanError> {
    let mut names = LazyNames { tree, layer: &spec.name, names: None };
    let rules = rules(&mut names, spec)?;
    let mut layer = LaidOut {
        name: spec.name.clone(),
        mounts: Vec::new(),
        cuts: HashSet::new(),
        takes,
        rules,
        fixed: Fixed::default(),
    };
    if let Some(source) = &spec.source {
        let node = source_node(tree, &spec.name, source)?;
        if node.kind == NodeKind::Directory {
            mount(tree, &mut layer, source, destination)?;
        } else {
            single_file(tree, &mut layer, source, destination, &node)?;
        }
    }
    for file in &spec.files {
        write(&mut names, &mut layer, file)?;
    }
    Ok(layer)
}

/// Returns what `from` is: a folder or a regular file, with no symlink on the way.
fn source_node(tree: &TreeBelow, layer: &str, source: &LayerSource) -> Result<Node, PlanError> {
    let (layer, from) = (layer.to_owned(), source.from.clone());
    let mut above: Vec<&Path> = from.ancestors().collect();
    above.reverse();
    for path in above {
        match tree.sources.stat(path)? {
            None => return Err(PlanError::MissingSource { layer, from }),
            Some(Node { kind: NodeKind::Symlink(_), .. }) => {
                return Err(PlanError::SymlinkSource { layer, from: path.to_owned() });
            }
            Some(node @ Node { kind: NodeKind::Directory | NodeKind::File, .. }) if path == from => return Ok(node),
            Some(Node { kind: NodeKind::Special(what), .. }) if path == from => {
                let path = tree.sources.file(path, FileStamp::default()).display();
                return Err(TreeError::Special { path, what }.into());
            }
            Some(_) => {}
        }
    }
    Err(PlanError::MissingSource { layer, from })
}

/// Puts a folder into its place, and those below it that go through symlinks into theirs.
fn mount(
    tree: &TreeBelow,
    layer: &mut LaidOut,
    source: &LayerSource,
    destination: &ImagePath,
) -> Result<(), PlanError> {
    let empty = || PlanError::EmptySource { layer: layer.name.clone(), from: source.from.clone() };
    let folder = layer.folder(&source.from).ok_or_else(empty)?;
    if !layer.takes_any(&*tree.sources, &folder)? {
        return Err(empty());
    }
    let image = tree.resolve(tree.layers.len(), &layer.name, destination, true)?;
    layer.mounts.push(Mount { image, source: source.from.clone() });
    Redirects::new(tree, layer).find()?;
    for (number, mount) in layer.mounts.iter().enumerate() {
        layer.fixed.add(&mount.image).mounts.push(number);
    }
    Ok(())
}

fn single_file(
    tree: &TreeBelow,
    layer: &mut LaidOut,
    source: &LayerSource,
    destination: &ImagePath,
    node: &Node,
) -> Result<(), PlanError> {
    let name = source.from.file_name().map(OsStrExt::as_bytes).unwrap_or_default();
    let wanted = if source.to_is_folder { destination.join(name) } else { destination.clone() };
    let path = own_name(tree, &layer.name, &wanted)?;
    let metadata = layer.rules.file(&layer.rules.start(), name, &node.stamp);
    let rule = match metadata.mtime {
        Mtime::Content => MtimeRule::Content,
        Mtime::Seconds(seconds) => MtimeRule::Seconds(seconds),
    };
    layer.fixed.add(&path).written = Some(Arc::new(Written {
        what: WrittenKind::File(tree.sources.file(&source.from, node.stamp)),
        owner: Some(metadata.owner),
        mode: Some(metadata.mode),
        mtime: Some(rule),
        origin: format!("`{}`", source.from.display()),
    }));
    Ok(())
}

/// Adds an entry of `files`.
fn write(names: &mut LazyNames<'_>, layer: &mut LaidOut, file: &FileSpec) -> Result<(), PlanError> {
    let tree = names.tree;
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
        FileWhat::File(FileContent::From(from)) => match tree.sources.stat(from)? {
            Some(Node { kind: NodeKind::File, stamp }) => WrittenKind::File(tree.sources.file(from, stamp)),
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
fn own_name(tree: &TreeBelow, layer: &str, path: &ImagePath) -> Result<ImagePath, PlanError> {
    if path.is_root() {
        return Err(PlanError::Root { layer: layer.to_owned() });
    }
    tree.resolve(tree.layers.len(), layer, path, false)
}

/// The names of the tree below a layer, read when the first name is asked for.
struct LazyNames<'a> {
    tree: &'a TreeBelow,
    layer: &'a str,
    names: Option<Names>,
}

impl LazyNames<'_> {
    fn owner(&mut self, owner: &OwnerSpec) -> Result<Owner, PlanError> {
        if Names::is_numeric(owner) {
            return Names::default().resolve(self.layer, owner);
        }
        let names = match self.names.take() {
            Some(names) => names,
            None => Names { passwd: self.text(b"etc/passwd")?, group: self.text(b"etc/group")? },
        };
        self.names.insert(names).resolve(self.layer, owner)
    }

    fn text(&self, path: &[u8]) -> Result<Vec<u8>, PlanError> {
        let path = ImagePath::parse(path).unwrap_or_default();
        Ok(self.tree.read(self.tree.layers.len(), &path, SMALL_FILE)?.unwrap_or_default())
    }
}

fn rules(names: &mut LazyNames<'_>, spec: &LayerSpec) -> Result<Rules, PlanError> {
    let mut paths = Vec::new();
    for rule in &spec.paths {
        let keys = Keys {
            owner: rule.owner.as_ref().map(|owner| names.owner(owner)).transpose()?,
            mode: rule.mode,
            dir_mode: rule.dir_mode,
            file_mode: rule.file_mode,
            mtime: rule.mtime,
        };
        paths.push((Patterns::compile(&rule.patterns)?, keys));
    }
    Ok(Rules { owner: names.owner(&spec.owner)?, mode: spec.mode, mtime: spec.mtime, paths })
}
