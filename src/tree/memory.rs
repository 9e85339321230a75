//! The files of a project that exists in memory only: what placement makes of a tree can be seen without a disk.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Child, FileStamp, Listing, Node, NodeKind, ProjectRoot, SourceFile, Sources, TreeError};

/// A project in memory. The handles it gives out cannot be opened.
#[derive(Clone, Debug)]
pub struct MemorySources {
    root: Arc<ProjectRoot>,
    /// The project itself comes first; others are reached by the numbers that folders hold.
    nodes: Vec<MemoryNode>,
}

#[derive(Clone, Debug)]
struct MemoryNode {
    node: Node,
    bytes: Vec<u8>,
    children: BTreeMap<Vec<u8>, usize>,
}

impl MemoryNode {
    fn new(kind: NodeKind, mode: u32, bytes: &[u8]) -> Self {
        let stamp = FileStamp { mode, size: bytes.len() as u64, ..FileStamp::default() };
        Self { node: Node { kind, stamp }, bytes: bytes.to_vec(), children: BTreeMap::new() }
    }

    fn folder() -> Self {
        Self::new(NodeKind::Directory, 0o755, b"")
    }
}

impl Default for MemorySources {
    fn default() -> Self {
        Self { root: Arc::new(ProjectRoot::unopened(Path::new("/project"))), nodes: vec![MemoryNode::folder()] }
    }
}

impl MemorySources {
    /// Makes an empty project.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a folder with mode 0755; whatever is above it becomes a folder too, here and below.
    pub fn folder(&mut self, path: impl AsRef<Path>) -> &mut Self {
        self.add(path.as_ref(), MemoryNode::folder())
    }

    /// Adds a regular file with mode 0644.
    pub fn text(&mut self, path: impl AsRef<Path>, text: impl AsRef<[u8]>) -> &mut Self {
        self.with_mode(path, text, 0o644)
    }

    /// Adds a regular file with a mode.
    pub fn with_mode(&mut self, path: impl AsRef<Path>, text: impl AsRef<[u8]>, mode: u32) -> &mut Self {
        self.add(path.as_ref(), MemoryNode::new(NodeKind::File, mode, text.as_ref()))
    }

    /// Adds a symlink.
    pub fn link(&mut self, path: impl AsRef<Path>, target: &str) -> &mut Self {
        let kind = NodeKind::Symlink(target.as_bytes().to_vec());
        self.add(path.as_ref(), MemoryNode::new(kind, 0o777, b""))
    }

    /// Adds a FIFO.
    pub fn fifo(&mut self, path: impl AsRef<Path>) -> &mut Self {
        self.add(path.as_ref(), MemoryNode::new(NodeKind::Special("FIFO"), 0o644, b""))
    }

    fn add(&mut self, path: &Path, node: MemoryNode) -> &mut Self {
        let mut at = 0;
        for name in path {
            if self.nodes[at].node.kind != NodeKind::Directory {
                self.nodes[at] = MemoryNode::folder();
            }
            let next = self.nodes.len();
            at = *self.nodes[at].children.entry(name.as_bytes().to_vec()).or_insert(next);
            if at == next {
                self.nodes.push(MemoryNode::folder());
            }
        }
        if node.node.kind != NodeKind::Directory || self.nodes[at].node.kind != NodeKind::Directory {
            self.nodes[at] = node;
        }
        self
    }

    fn at(&self, path: &Path) -> Option<&MemoryNode> {
        let mut at = 0;
        for name in path {
            at = *self.nodes[at].children.get(name.as_bytes())?;
        }
        Some(&self.nodes[at])
    }
}

impl Sources for MemorySources {
    fn stat(&self, path: &Path) -> Result<Option<Node>, TreeError> {
        Ok(self.at(path).map(|found| found.node.clone()))
    }

    fn list(&self, folder: &Path) -> Result<Listing, TreeError> {
        let found = self.at(folder).filter(|found| found.node.kind == NodeKind::Directory);
        let found = found.ok_or_else(|| TreeError::Vanished { path: self.root.display(folder) })?;
        let child = |(name, at): (&Vec<u8>, &usize)| Child { name: name.clone(), node: self.nodes[*at].node.clone() };
        Ok(found.children.iter().map(child).collect::<Vec<Child>>().into())
    }

    fn file(&self, path: PathBuf, stamp: FileStamp) -> SourceFile {
        SourceFile::new(Arc::clone(&self.root), path, stamp)
    }

    fn read(&self, path: &Path, limit: u64) -> Result<Option<Vec<u8>>, TreeError> {
        match self.at(path).filter(|found| found.node.kind == NodeKind::File) {
            Some(found) if found.node.stamp.size > limit => {
                Err(TreeError::TooLarge { path: self.root.display(path), limit })
            }
            found => Ok(found.map(|found| found.bytes.clone())),
        }
    }
}
