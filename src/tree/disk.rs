//! The files of a project on disk.

use std::ffi::{CStr, CString};
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, Dir, FileType};
use rustix::io::Errno;

use super::listing::{Names, Stretches};
use super::{Child, FileStamp, Listing, Node, NodeKind, ProjectRoot, SourceFile, Sources, TreeError};
use crate::ground::FileError;

/// A project's folder on disk: one `lstat` an entry, one open handle a listing.
#[derive(Clone, Debug)]
pub struct DiskSources {
    root: Arc<ProjectRoot>,
}

impl DiskSources {
    /// Opens a project.
    ///
    /// # Errors
    /// When its folder does not exist or may not be read.
    pub fn open(project: &Path) -> Result<Self, TreeError> {
        Ok(Self { root: Arc::new(ProjectRoot::open(project)?) })
    }

    /// Returns the opened folder.
    pub fn root(&self) -> &Arc<ProjectRoot> {
        &self.root
    }
}

impl Sources for DiskSources {
    fn stat(&self, path: &Path) -> Result<Option<Node>, TreeError> {
        let answer = if path.as_os_str().is_empty() {
            self.root.open_folder(path).map(|folder| node_at(folder.as_fd(), c"."))?.map(Some)
        } else {
            self.root.open_parent(path).and_then(|(folder, name)| {
                let name = CString::new(name.as_bytes()).map_err(|_| Errno::NOENT)?;
                node_at(folder.as_fd(), &name).map(Some)
            })
        };
        match answer {
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::MLINK | Errno::NAMETOOLONG) => Ok(None),
            answer => answer.map_err(|errno| self.root.error("stat", path, errno)),
        }
    }

    fn list(&self, folder: &Path) -> Result<Listing, TreeError> {
        let handle = self.root.open_folder(folder)?;
        let failed = |errno| self.root.error("list", folder, errno);
        let mut names = Names::default();
        for entry in Dir::read_from(&handle).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
                names.add(entry.file_name());
            }
        }
        names.sort();
        let mut rest = Rest { root: Arc::clone(&self.root), folder: folder.to_owned(), names, next: 0 };
        let ready = rest.stretch_of(handle.as_fd())?;
        let is_whole = rest.next == rest.names.len();
        Ok(Listing::new(ready, (!is_whole).then(|| Box::new(rest) as Box<dyn Stretches>)))
    }

    fn is_slow(&self) -> bool {
        true
    }

    fn file(&self, path: PathBuf, stamp: FileStamp) -> SourceFile {
        SourceFile::new(Arc::clone(&self.root), path, stamp)
    }

    fn read(&self, path: &Path, limit: u64) -> Result<Option<Vec<u8>>, TreeError> {
        let Some(Node { kind: NodeKind::File, stamp }) = self.stat(path)? else { return Ok(None) };
        if stamp.size > limit {
            return Err(TreeError::TooLarge { path: self.root.display(path), limit });
        }
        let source = self.file(path.to_owned(), stamp);
        let (mut file, mut bytes) = (source.open()?, Vec::new());
        let mut reader = Read::by_ref(&mut file).take(limit);
        reader.read_to_end(&mut bytes).map_err(FileError::on("read", &source.display()))?;
        source.verify(&file)?;
        Ok(Some(bytes))
    }
}

/// How many entries are looked at when the names of a folder are read, and each time after that.
const STRETCH: usize = 4096;

/// What is left of a folder.
struct Rest {
    root: Arc<ProjectRoot>,
    folder: PathBuf,
    names: Names,
    next: usize,
}

impl Rest {
    /// Looks at the next names, in the opened folder.
    fn stretch_of(&mut self, handle: BorrowedFd<'_>) -> Result<Vec<Child>, TreeError> {
        let end = self.names.len().min(self.next + STRETCH);
        let mut children = Vec::with_capacity(end - self.next);
        while self.next < end {
            let name = self.names.at(self.next);
            self.next += 1;
            match node_at(handle, name) {
                Ok(node) => children.push(Child { name: name.to_bytes().to_vec(), node }),
                // Gone since the folder was read: as if it had been read a moment later.
                Err(Errno::NOENT) => {}
                Err(errno) => {
                    let name = Path::new(std::ffi::OsStr::from_bytes(name.to_bytes()));
                    return Err(self.root.error("stat", &self.folder.join(name), errno));
                }
            }
        }
        Ok(children)
    }
}

impl Stretches for Rest {
    /// Opens the folder anew: a walk may stand in more folders than a process may hold open.
    fn next_stretch(&mut self) -> Option<Result<Vec<Child>, TreeError>> {
        if self.next == self.names.len() {
            return None;
        }
        let opened = self.root.open_folder(&self.folder);
        Some(opened.and_then(|handle| self.stretch_of(handle.as_fd())))
    }
}

fn node_at(folder: BorrowedFd<'_>, name: &CStr) -> Result<Node, Errno> {
    let stat = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => NodeKind::Directory,
        FileType::RegularFile => NodeKind::File,
        FileType::Symlink => NodeKind::Symlink(rustix::fs::readlinkat(folder, name, Vec::new())?.into_bytes()),
        FileType::Fifo => NodeKind::Special("FIFO"),
        FileType::Socket => NodeKind::Special("socket"),
        FileType::CharacterDevice | FileType::BlockDevice => NodeKind::Special("device"),
        FileType::Unknown => NodeKind::Special("file of unknown kind"),
    };
    Ok(Node { kind, stamp: FileStamp::of(&stat) })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn project() -> (tempfile::TempDir, DiskSources) {
        let folder = tempfile::tempdir().unwrap();
        let sources = DiskSources::open(folder.path()).unwrap();
        (folder, sources)
    }

    #[test]
    fn a_listing_is_sorted_by_bytes_and_follows_nothing() {
        let (folder, sources) = project();
        for name in ["b", "a-b", "a", "B", "ä"] {
            std::fs::write(folder.path().join(name), b"x").unwrap();
        }
        std::fs::create_dir(folder.path().join("a.d")).unwrap();
        symlink("/etc", folder.path().join("link")).unwrap();
        std::fs::write(folder.path().join(std::ffi::OsStr::from_bytes(b"\xff")), b"x").unwrap();
        let names: Vec<Vec<u8>> = sources.list(Path::new("")).unwrap().map(|child| child.unwrap().name).collect();
        let expected: [&[u8]; 8] = [b"B", b"a", b"a-b", b"a.d", b"b", b"link", "ä".as_bytes(), b"\xff"];
        assert_eq!(names, expected);
        let link = sources.stat(Path::new("link")).unwrap().unwrap();
        assert_eq!(link.kind, NodeKind::Symlink(b"/etc".to_vec()));
        assert_eq!(sources.stat(Path::new("link/passwd")).unwrap(), None);
        assert_eq!(sources.stat(Path::new("a/b")).unwrap(), None);
        assert!(sources.list(Path::new("link")).is_err());
    }

    #[test]
    fn a_large_folder_is_looked_at_stretch_by_stretch() {
        let (folder, sources) = project();
        let count = STRETCH + 10;
        for number in 0..count {
            std::fs::write(folder.path().join(format!("{number:06}")), b"").unwrap();
        }
        let mut listing = sources.list(Path::new("")).unwrap();
        assert_eq!(listing.ready(), STRETCH);
        // What goes before its turn was never there; what changes is seen as it is then.
        std::fs::remove_file(folder.path().join(format!("{:06}", count - 1))).unwrap();
        std::fs::write(folder.path().join(format!("{:06}", count - 2)), b"later").unwrap();
        let children: Vec<Child> = listing.by_ref().collect::<Result<_, _>>().unwrap();
        assert_eq!(children.len(), count - 1);
        assert!(children.is_sorted_by(|left, right| left.name < right.name));
        assert_eq!(children.last().unwrap().node.stamp.size, 5);
        let mut cut_short = sources.list(Path::new("")).unwrap();
        std::fs::rename(folder.path(), folder.path().with_extension("moved")).unwrap();
        assert_eq!(cut_short.by_ref().filter(Result::is_ok).count(), count - 1, "the opened folder, whatever its name");
        std::fs::rename(folder.path().with_extension("moved"), folder.path()).unwrap();
    }

    #[test]
    fn special_files_are_named_without_being_opened() {
        let (folder, sources) = project();
        rustix::fs::mkfifoat(rustix::fs::CWD, folder.path().join("pipe"), rustix::fs::Mode::RUSR).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("sock")).unwrap();
        let kinds: Vec<NodeKind> = sources.list(Path::new("")).unwrap().map(|child| child.unwrap().node.kind).collect();
        assert_eq!(kinds, [NodeKind::Special("FIFO"), NodeKind::Special("socket")]);
        assert_eq!(sources.read(Path::new("pipe"), 10).unwrap(), None);
    }

    #[test]
    fn reading_is_limited() {
        let (folder, sources) = project();
        std::fs::write(folder.path().join("a"), b"12345").unwrap();
        assert_eq!(sources.read(Path::new("a"), 5).unwrap().as_deref(), Some(b"12345".as_slice()));
        assert!(matches!(sources.read(Path::new("a"), 4), Err(TreeError::TooLarge { .. })));
        assert_eq!(sources.read(Path::new("none"), 4).unwrap(), None);
    }

    #[test]
    fn a_path_longer_than_the_system_takes_at_once_is_reached() {
        let (_folder, sources) = project();
        let name = "d".repeat(200);
        let mut path = PathBuf::new();
        for _ in 0..25 {
            let parent = sources.root.open_folder(&path).unwrap();
            rustix::fs::mkdirat(&parent, &name, rustix::fs::Mode::RWXU).unwrap();
            path.push(&name);
        }
        assert_eq!(sources.list(&path).unwrap().count(), 0);
        assert_eq!(sources.stat(&path).unwrap().unwrap().kind, NodeKind::Directory);
    }
}
