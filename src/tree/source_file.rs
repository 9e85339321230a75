//! A regular file that a layer takes, from its listing until its bytes are in a layer.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{FileStamp, OpenFile, ProjectRoot, Spooled, TreeError};
use crate::ground::FileError;
use crate::oci::Digest;

/// A regular file as it was listed. Reading it is: [`open`](Self::open), read [`len`](Self::len) bytes,
/// [`verify`](Self::verify).
#[derive(Clone, Debug)]
pub struct SourceFile {
    place: Place,
    path: PathBuf,
    stamp: FileStamp,
}

/// What tells whether the bytes of two runs' files are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileOrigin<'a> {
    /// The stamp.
    Disk,
    /// The image with this identity, and the path in it; without an identity nothing does.
    Image(Option<&'a Digest>),
}

/// Where the bytes are.
#[derive(Clone, Debug)]
enum Place {
    /// In a file below a root, which others may write to.
    Disk(Arc<ProjectRoot>),
    /// In a spool, which nobody else has a name for.
    Spool(Spooled),
}

impl SourceFile {
    /// Names a file below a root as it was listed; nothing is opened.
    pub fn new(root: Arc<ProjectRoot>, path: PathBuf, stamp: FileStamp) -> Self {
        Self { place: Place::Disk(root), path, stamp }
    }

    /// Names a file whose bytes were copied into a spool; `path` is relative to the root of where they came from.
    pub fn spooled(bytes: Spooled, path: PathBuf, stamp: FileStamp) -> Self {
        Self { place: Place::Spool(bytes), path, stamp }
    }

    /// Opens the file, if it is still the one that was listed. No component of its path below the root may be a
    /// symlink, and what has become a FIFO does not block.
    ///
    /// # Errors
    /// When it is gone, is another file, has changed, or may not be read.
    pub fn open(&self) -> Result<OpenFile, TreeError> {
        let file = match &self.place {
            Place::Disk(root) => OpenFile::Disk(root.open_file(&self.path)?),
            Place::Spool(bytes) => OpenFile::Spool(bytes.reader()),
        };
        self.verify(&file)?;
        Ok(file)
    }

    /// Checks that an opened file is still what was listed; to be called again after its bytes were read.
    ///
    /// # Errors
    /// [`TreeError::Changed`] when its stamp differs.
    pub fn verify(&self, file: &OpenFile) -> Result<(), TreeError> {
        let now = match file {
            OpenFile::Disk(file) => stamp_of(file).map_err(|source| FileError::on("stat", &self.display())(source))?,
            // Nobody can write to a spool: only its length may differ, where something else was listed.
            OpenFile::Spool(bytes) => FileStamp { size: bytes.len(), ..self.stamp },
        };
        if now == self.stamp {
            return Ok(());
        }
        let same_type = (now.mode ^ self.stamp.mode) & 0o170_000 == 0;
        Err(TreeError::Changed { path: self.display(), lengths: same_type.then_some((self.stamp.size, now.size)) })
    }

    /// Returns the length in bytes at the time of the listing.
    pub fn len(&self) -> u64 {
        self.stamp.size
    }

    /// Returns whether the file had no bytes at the time of the listing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns what the file was when it was listed.
    pub fn stamp(&self) -> &FileStamp {
        &self.stamp
    }

    /// Returns what its bytes depend on.
    pub fn origin(&self) -> FileOrigin<'_> {
        match &self.place {
            Place::Disk(_) => FileOrigin::Disk,
            Place::Spool(bytes) => FileOrigin::Image(bytes.identity()),
        }
    }

    /// Returns the path relative to the root.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the whole path, for messages: `IMAGE:/path` for a file of another image.
    pub fn display(&self) -> PathBuf {
        match &self.place {
            Place::Disk(root) => root.display(&self.path),
            Place::Spool(bytes) => bytes.display(&self.path),
        }
    }
}

impl PartialEq for SourceFile {
    fn eq(&self, other: &Self) -> bool {
        let same_place = match (&self.place, &other.place) {
            (Place::Disk(left), Place::Disk(right)) => left.path() == right.path(),
            (Place::Spool(left), Place::Spool(right)) => left == right,
            _ => false,
        };
        same_place && self.stamp == other.stamp && self.path == other.path
    }
}

impl Eq for SourceFile {}

/// Returns what an opened file is now.
///
/// # Errors
/// What the system says.
pub fn stamp_of(file: &File) -> std::io::Result<FileStamp> {
    Ok(FileStamp::of(&rustix::fs::fstat(file)?))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn listed(folder: &Path, name: &str) -> SourceFile {
        let root = Arc::new(ProjectRoot::open(folder).unwrap());
        let stamp = stamp_of(&File::open(folder.join(name)).unwrap()).unwrap();
        SourceFile::new(root, PathBuf::from(name), stamp)
    }

    #[test]
    fn an_untouched_file_opens_and_verifies() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a"), b"abc").unwrap();
        let source = listed(folder.path(), "a");
        let mut file = source.open().unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        source.verify(&file).unwrap();
        assert_eq!((text.as_str(), source.len()), ("abc", 3));
    }

    #[test]
    fn a_file_that_grew_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a"), b"abc").unwrap();
        let source = listed(folder.path(), "a");
        let open = source.open().unwrap();
        std::fs::write(folder.path().join("a"), b"abcd").unwrap();
        assert!(matches!(source.verify(&open), Err(TreeError::Changed { .. })));
        let error = source.open().unwrap_err();
        assert!(error.to_string().ends_with("/a` changed while it was read: grew from 3 to 4 bytes"), "{error}");
    }

    #[test]
    fn a_file_that_became_a_fifo_does_not_block() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a"), b"abc").unwrap();
        let source = listed(folder.path(), "a");
        std::fs::remove_file(folder.path().join("a")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, folder.path().join("a"), rustix::fs::Mode::RUSR).unwrap();
        assert!(matches!(source.open(), Err(TreeError::Changed { .. })));
    }

    #[test]
    fn a_vanished_file_says_so() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a"), b"abc").unwrap();
        let source = listed(folder.path(), "a");
        std::fs::remove_file(folder.path().join("a")).unwrap();
        assert!(matches!(source.open(), Err(TreeError::Vanished { .. })));
    }
}
