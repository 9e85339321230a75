//! Every layer of a build file laid upon the tree below it.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use super::files::{own_name, write};
use super::fixed::{Fixed, Written, WrittenKind};
use super::laid_out::{LaidOut, Mount};
use super::owner::NamesBelow;
use super::redirects::Redirects;
use super::rules::{Keys, Rules};
use super::takes::Takes;
use super::tree_below::TreeBelow;
use super::walk::Entries;
use super::{LeftOut, Mtime, PlanError, Start};
use crate::base::BaseTree;
use crate::oci::ImagePath;
use crate::spec::{LayerOrigin, LayerSource, LayerSpec, MtimeRule};
use crate::tree::{FileStamp, Node, NodeKind, Patterns, Sources, TreeError};

/// The most that is read of a `.dockerignore`.
const IGNORE_FILE: u64 = 1 << 20;

/// The files that layers are made of.
#[derive(Clone)]
pub struct Roots {
    /// The project.
    pub project: Arc<dyn Sources>,
    /// Every other origin that a layer names.
    pub others: HashMap<LayerOrigin, Arc<dyn Sources>>,
}

impl Roots {
    /// The project alone.
    pub fn project(project: Arc<dyn Sources>) -> Self {
        Self { project, others: HashMap::new() }
    }

    fn of(&self, origin: &LayerOrigin) -> Arc<dyn Sources> {
        let other = self.others.get(origin);
        Arc::clone(other.unwrap_or_else(|| {
            assert_eq!(*origin, LayerOrigin::Project, "the caller opens every origin that a layer names");
            &self.project
        }))
    }
}

/// Where every entry of every layer goes.
#[derive(Clone)]
pub struct Placement {
    pub(super) tree: Arc<TreeBelow>,
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
        base: Arc<BaseTree>,
        roots: &Roots,
        layers: &[LayerSpec],
        destinations: &[ImagePath],
        left_out: &LeftOut,
    ) -> Result<Self, PlanError> {
        let mut ignored = HashMap::new();
        let mut tree = TreeBelow { base, project: Arc::clone(&roots.project), layers: Vec::new() };
        for (layer, destination) in layers.iter().zip(destinations) {
            let origin = layer.source.as_ref().map_or(&LayerOrigin::Project, |source| &source.origin);
            let sources = roots.of(origin);
            let takes = match &layer.source {
                Some(source) => {
                    let rules = match ignored.entry(origin) {
                        Entry::Occupied(known) => known.into_mut(),
                        Entry::Vacant(open) => open.insert(dockerignore(origin, &*sources)?),
                    };
                    let left_out = if *origin == LayerOrigin::Project { left_out } else { &LeftOut::default() };
                    let taken = Takes::new(source, rules, left_out, same_origin(layers, origin));
                    Some(taken.map_err(of_layer(&layer.name))?)
                }
                None => None,
            };
            let laid_out = lay_out(&tree, layer, destination, takes, sources)?;
            tree.layers.push(Arc::new(laid_out));
        }
        Ok(Self { tree: Arc::new(tree) })
    }

    /// Returns the entries of a layer, counted from 0, as they are found; the folders of the project are listed anew.
    ///
    /// # Panics
    /// When there is no such layer.
    pub fn entries(&self, layer: usize) -> Entries {
        self.entries_from(layer, Start::First)
    }

    /// Returns the entries of a layer from a place on, after those of the folders above it; what comes before is not
    /// looked at.
    ///
    /// # Panics
    /// When there is no such layer.
    pub fn entries_from(&self, layer: usize, start: Start) -> Entries {
        Entries::new(Arc::clone(&self.tree), layer, start)
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

/// Names the layer whose patterns are malformed.
fn of_layer(layer: &str) -> impl Fn(TreeError) -> PlanError {
    let layer = layer.to_owned();
    move |source| PlanError::Patterns { layer: layer.clone(), source }
}

/// Reads the `.dockerignore` of a project or context. That of another image is a file like any other.
fn dockerignore(origin: &LayerOrigin, sources: &dyn Sources) -> Result<Patterns, PlanError> {
    let text = match origin {
        LayerOrigin::Image { .. } => None,
        LayerOrigin::Project | LayerOrigin::Context { .. } => sources.read(Path::new(".dockerignore"), IGNORE_FILE)?,
    };
    Ok(Patterns::parse(&text.unwrap_or_default())?)
}

/// Returns the `from`s of all layers that take files of one origin.
fn same_origin<'a>(layers: &'a [LayerSpec], origin: &LayerOrigin) -> impl Iterator<Item = &'a Path> {
    let sources = layers.iter().filter_map(|layer| layer.source.as_ref());
    sources.filter(move |source| source.origin == *origin).map(|source| source.from.as_path())
}

fn lay_out(
    tree: &TreeBelow,
    spec: &LayerSpec,
    destination: &ImagePath,
    takes: Option<Takes>,
    sources: Arc<dyn Sources>,
) -> Result<LaidOut, PlanError> {
    let mut names = NamesBelow::new(tree, &spec.name);
    let rules = rules(&mut names, spec)?;
    let mut layer = LaidOut {
        name: spec.name.clone(),
        sources,
        replace: spec.replace,
        mounts: Vec::new(),
        cuts: HashSet::new(),
        takes,
        rules,
        fixed: Fixed::default(),
    };
    if let Some(source) = &spec.source {
        let node = source_node(&*layer.sources, &spec.name, source)?;
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
fn source_node(sources: &dyn Sources, layer: &str, source: &LayerSource) -> Result<Node, PlanError> {
    let (layer, from) = (layer.to_owned(), source.from.clone());
    let mut above: Vec<&Path> = from.ancestors().collect();
    above.reverse();
    for path in above {
        match sources.stat(path)? {
            None => return Err(PlanError::MissingSource { layer, from }),
            Some(Node { kind: NodeKind::Symlink(_), .. }) => {
                return Err(PlanError::SymlinkSource { layer, from: path.to_owned() });
            }
            Some(node @ Node { kind: NodeKind::Directory | NodeKind::File, .. }) if path == from => return Ok(node),
            Some(Node { kind: NodeKind::Special(what), .. }) if path == from => {
                let path = sources.file(path.to_owned(), FileStamp::default()).display();
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
    if !layer.takes_any(&folder)? {
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
        what: WrittenKind::File(Arc::clone(&layer.sources), layer.sources.file(source.from.clone(), node.stamp)),
        owner: Some(metadata.owner),
        mode: Some(metadata.mode),
        mtime: Some(rule),
        capabilities: layer.rules.capabilities(&layer.rules.start(), name),
        origin: format!("`{}`", source.from.display()),
    }));
    Ok(())
}

fn rules(names: &mut NamesBelow<'_>, spec: &LayerSpec) -> Result<Rules, PlanError> {
    let mut paths = Vec::new();
    for rule in &spec.paths {
        let keys = Keys {
            owner: rule.owner.as_ref().map(|owner| names.owner(owner)).transpose()?,
            mode: rule.mode,
            dir_mode: rule.dir_mode,
            file_mode: rule.file_mode,
            mtime: rule.mtime,
            capabilities: rule.capabilities,
        };
        paths.push((Patterns::compile(&rule.patterns).map_err(of_layer(&spec.name))?, keys));
    }
    Ok(Rules { owner: names.owner(&spec.owner)?, mode: spec.mode, mtime: spec.mtime, paths })
}
