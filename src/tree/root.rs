//! The folder that project files are reached from, component by component, never through a symlink.

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;

use super::TreeError;
use crate::ground::FileError;

/// An opened folder. What lies below it is opened relative to it, so that neither a rename of the folder nor a symlink
/// put into a path can lead outside.
#[derive(Debug)]
pub struct ProjectRoot {
    path: PathBuf,
    folder: Option<OwnedFd>,
}

impl ProjectRoot {
    /// Opens a folder; the path to it may lead through symlinks.
    ///
    /// # Errors
    /// When there is no such folder, or it may not be read.
    pub fn open(path: &Path) -> Result<Self, TreeError> {
        let folder = rustix::fs::openat(CWD, path, FOLDER, Mode::empty())
            .map_err(|errno| FileError::on("open", path)(errno.into()))?;
        Ok(Self { path: path.to_owned(), folder: Some(folder) })
    }

    /// Makes a root that names a folder without opening it: nothing below it can be opened.
    pub fn unopened(path: &Path) -> Self {
        Self { path: path.to_owned(), folder: None }
    }

    /// Returns the folder's path, as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the whole path of something below the folder, for messages.
    pub fn display(&self, relative: &Path) -> PathBuf {
        if relative.as_os_str().is_empty() { self.path.clone() } else { self.path.join(relative) }
    }

    /// Opens a regular file, or whatever else stands there, without blocking on it.
    pub(super) fn open_file(&self, relative: &Path) -> Result<File, TreeError> {
        self.open_below(relative, FILE).map(File::from).map_err(|errno| self.error("open", relative, errno))
    }

    /// Opens a folder for listing; the empty path is the root itself.
    pub(super) fn open_folder(&self, relative: &Path) -> Result<OwnedFd, TreeError> {
        self.open_below(relative, FOLDER | OFlags::NOFOLLOW).map_err(|errno| self.error("list", relative, errno))
    }

    /// Opens the folder above a path and returns it with the last component.
    pub(super) fn open_parent<'a>(&self, relative: &'a Path) -> Result<(OwnedFd, &'a OsStr), Errno> {
        let name = relative.file_name().ok_or(Errno::NOENT)?;
        let parent = relative.parent().unwrap_or(Path::new(""));
        Ok((self.open_below(parent, FOLDER | OFlags::NOFOLLOW)?, name))
    }

    pub(super) fn error(&self, action: &'static str, relative: &Path, errno: Errno) -> TreeError {
        let path = self.display(relative);
        match errno {
            Errno::LOOP | Errno::MLINK => TreeError::ThroughSymlink { path },
            Errno::NOENT | Errno::NOTDIR => TreeError::Vanished { path },
            // A socket that took the file's place cannot be opened at all.
            Errno::NXIO | Errno::NODEV => TreeError::Changed { path, lengths: None },
            _ => TreeError::File(FileError { action, path, source: errno.into() }),
        }
    }

    fn open_below(&self, relative: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
        let root = self.folder.as_ref().ok_or(Errno::NOENT)?.as_fd();
        if relative.as_os_str().is_empty() {
            return rustix::fs::openat(root, ".", flags, Mode::empty());
        }
        #[cfg(target_os = "linux")]
        match open_at_once(root, relative, flags) {
            // Kernels before 5.6 do not know the call, some sandboxes forbid it, renames beside it confuse it, and a
            // path of more than 4,095 bytes is too long for it.
            Err(Errno::NOSYS | Errno::PERM | Errno::AGAIN | Errno::INVAL | Errno::NAMETOOLONG) => {}
            answer => return answer,
        }
        open_by_components(root, relative, flags)
    }
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
const FILE: OFlags =
    OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

#[cfg(target_os = "linux")]
fn open_at_once(root: BorrowedFd<'_>, relative: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
    use rustix::fs::ResolveFlags;
    let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::BENEATH;
    rustix::fs::openat2(root, relative, flags, Mode::empty(), resolve)
}

/// Opens each folder on the way without following a symlink.
fn open_by_components(root: BorrowedFd<'_>, relative: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
    let names = relative
        .components()
        .map(|component| match component {
            Component::Normal(name) => Ok(name),
            _ => Err(Errno::XDEV),
        })
        .collect::<Result<Vec<_>, _>>()?;
    let (last, folders) = names.split_last().ok_or(Errno::NOENT)?;
    let mut current: Option<OwnedFd> = None;
    for name in folders {
        current = Some(open_folder_at(current.as_ref().map_or(root, AsFd::as_fd), name)?);
    }
    let folder = current.as_ref().map_or(root, AsFd::as_fd);
    if flags.contains(OFlags::DIRECTORY) {
        return open_folder_at(folder, last);
    }
    rustix::fs::openat(folder, last.as_bytes(), flags, Mode::empty())
}

/// Opens a folder; a symlink in its place is `ELOOP` on every system (`O_DIRECTORY` alone says `ENOTDIR` on some).
fn open_folder_at(folder: BorrowedFd<'_>, name: &OsStr) -> Result<OwnedFd, Errno> {
    rustix::fs::openat(folder, name.as_bytes(), FOLDER | OFlags::NOFOLLOW, Mode::empty()).map_err(|errno| {
        let stat = rustix::fs::statat(folder, name.as_bytes(), rustix::fs::AtFlags::SYMLINK_NOFOLLOW);
        let link = stat.is_ok_and(|stat| rustix::fs::FileType::from_raw_mode(stat.st_mode).is_symlink());
        if link { Errno::LOOP } else { errno }
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("a/b")).unwrap();
        std::fs::write(folder.path().join("a/b/c"), b"x").unwrap();
        symlink("a", folder.path().join("link")).unwrap();
        symlink("c", folder.path().join("a/b/d")).unwrap();
        folder
    }

    #[test]
    fn both_ways_of_opening_agree() {
        let folder = folder();
        let root = ProjectRoot::open(folder.path()).unwrap();
        let handle = root.folder.as_ref().unwrap().as_fd();
        for (path, expected) in [
            ("a/b/c", None),
            ("link/b/c", Some(Errno::LOOP)),
            ("a/b/d", Some(Errno::LOOP)),
            ("a/none", Some(Errno::NOENT)),
            ("a/b/c/e", Some(Errno::NOTDIR)),
            ("../x", Some(Errno::XDEV)),
        ] {
            assert_eq!(open_by_components(handle, Path::new(path), FILE).err(), expected, "{path}");
            #[cfg(target_os = "linux")]
            assert_eq!(open_at_once(handle, Path::new(path), FILE).err(), expected, "{path}");
        }
    }

    #[test]
    fn a_symlink_on_the_way_is_named_as_such() {
        let folder = folder();
        let root = ProjectRoot::open(folder.path()).unwrap();
        assert!(matches!(root.open_file(Path::new("link/b/c")), Err(TreeError::ThroughSymlink { .. })));
        assert!(matches!(
            root.open_folder(Path::new("link")),
            Err(TreeError::ThroughSymlink { .. }) | Err(TreeError::Vanished { .. })
        ));
    }
}
