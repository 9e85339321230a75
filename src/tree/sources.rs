//! What placement asks of a project's files.

use std::path::{Path, PathBuf};

use super::{FileStamp, Listing, SourceFile, TreeError};

/// What stands at a path of the project. Symlinks are described, never followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// What it is.
    pub kind: NodeKind,
    /// Its state; the mode and the modification time are as on disk.
    pub stamp: FileStamp,
}

/// What a path of the project is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// A folder.
    Directory,
    /// A regular file.
    File,
    /// A symlink with its target, verbatim.
    Symlink(Vec<u8>),
    /// A socket, FIFO or device, with the word for it. An image cannot hold one: it is an error unless it is excluded.
    Special(&'static str),
}

/// An entry of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Child {
    /// Its name: one component, in bytes.
    pub name: Vec<u8>,
    /// What it is.
    pub node: Node,
}

/// The files of a project.
///
/// All paths are relative to the project, made of plain names; the empty path is the project itself. Implementations
/// neither follow a symlink in any component nor open anything that is not a regular file or a folder, so that no call
/// blocks. Nothing is remembered between calls: each answer is of now.
pub trait Sources: Send + Sync {
    /// Returns what stands at a path, or `None` when nothing does or a component above it is not a real folder.
    ///
    /// # Errors
    /// When the system refuses to say.
    fn stat(&self, path: &Path) -> Result<Option<Node>, TreeError>;

    /// Returns the content of a folder, sorted by the bytes of the names, without `.` and `..`.
    ///
    /// # Errors
    /// When the folder is gone, is no folder, or may not be read.
    fn list(&self, folder: &Path) -> Result<Listing, TreeError>;

    /// Returns whether a listing waits for the system, so that it is worth to have folders listed ahead.
    fn is_slow(&self) -> bool {
        false
    }

    /// Returns the handle by which a listed regular file is read later.
    fn file(&self, path: PathBuf, stamp: FileStamp) -> SourceFile;

    /// Reads a whole regular file of at most `limit` bytes, or `None` when there is none.
    ///
    /// # Errors
    /// [`TreeError::TooLarge`], or when the file may not be read.
    fn read(&self, path: &Path, limit: u64) -> Result<Option<Vec<u8>>, TreeError>;
}
