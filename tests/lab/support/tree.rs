//! A file system as data: what stands at each path of a folder, and how two of them differ.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use dockless::oci::Digest;

/// What stands at a path. The root is not part of it: a layer never writes it, and each runtime gives it modes and
/// times of its own.
pub(crate) type Tree = BTreeMap<Vec<u8>, Node>;

/// One entry, in every respect that a layer can set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    /// What it is.
    pub(crate) kind: Kind,
    /// The twelve permission bits; 0777 for a symlink, which has none.
    pub(crate) mode: u32,
    /// The owner's number.
    pub(crate) uid: u32,
    /// The group's number.
    pub(crate) gid: u32,
    /// Whole seconds since the epoch.
    pub(crate) mtime: i64,
    /// All extended attributes.
    pub(crate) xattrs: BTreeMap<String, Vec<u8>>,
}

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A folder.
    Folder,
    /// A regular file: its length and the digest of its content.
    File(u64, Digest),
    /// A symlink with its target.
    Link(Vec<u8>),
    /// Anything else, by the letter that tar and `ls` give it.
    Special(char),
}

impl Node {
    /// An entry of root's with the mode that is usual for what it is, and without attributes.
    pub(crate) fn new(kind: Kind, mtime: i64) -> Self {
        let mode = match &kind {
            Kind::Folder => 0o755,
            Kind::Link(_) => 0o777,
            Kind::File(..) | Kind::Special(_) => 0o644,
        };
        Self { kind, mode, uid: 0, gid: 0, mtime, xattrs: BTreeMap::new() }
    }
}

impl Kind {
    /// A file with this content.
    pub(crate) fn file(content: &[u8]) -> Self {
        Self::File(content.len() as u64, Digest::of(content))
    }
}

impl std::fmt::Display for Node {
    /// Writes the node as `f 0644 33:33 @1700000000 12 bytes 0123456789ab`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (letter, rest) = match &self.kind {
            Kind::Folder => ('d', String::new()),
            Kind::File(length, digest) => ('f', format!(" {length} bytes {}", &digest.hex()[..12])),
            Kind::Link(target) => ('l', format!(" -> {}", String::from_utf8_lossy(target))),
            Kind::Special(letter) => (*letter, String::new()),
        };
        write!(f, "{letter} {:04o} {}:{} @{}{rest}", self.mode, self.uid, self.gid, self.mtime)?;
        self.xattrs.iter().try_for_each(|(name, value)| write!(f, " {name}={value:02x?}"))
    }
}

/// Reads all that is below a folder.
#[track_caller]
pub(crate) fn read(root: &Path) -> Tree {
    let (mut tree, mut folders) = (Tree::new(), vec![Vec::new()]);
    while let Some(folder) = folders.pop() {
        let place = root.join(Path::new(std::ffi::OsStr::from_bytes(&folder)));
        let entries = fs::read_dir(&place).unwrap_or_else(|why| panic!("{}: {why}", place.display()));
        for entry in entries {
            let entry = entry.unwrap_or_else(|why| panic!("{}: {why}", place.display()));
            let mut path = folder.clone();
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend_from_slice(entry.file_name().as_bytes());
            let node = node(&entry.path());
            if node.kind == Kind::Folder {
                folders.push(path.clone());
            }
            tree.insert(path, node);
        }
    }
    tree
}

/// Reads what stands at some paths below a folder.
#[track_caller]
pub(crate) fn read_only(root: &Path, paths: &[&str]) -> Tree {
    let there = paths.iter().filter(|path| root.join(path).symlink_metadata().is_ok());
    there.map(|path| (path.as_bytes().to_vec(), node(&root.join(path)))).collect()
}

#[track_caller]
fn node(path: &Path) -> Node {
    let failed = |why: std::io::Error| -> ! { panic!("{}: {why}", path.display()) };
    let metadata = fs::symlink_metadata(path).unwrap_or_else(|why| failed(why));
    let kind = metadata.file_type();
    let kind = if kind.is_dir() {
        Kind::Folder
    } else if kind.is_symlink() {
        Kind::Link(fs::read_link(path).unwrap_or_else(|why| failed(why)).into_os_string().into_vec())
    } else if kind.is_file() {
        Kind::file(&fs::read(path).unwrap_or_else(|why| failed(why)))
    } else {
        Kind::Special(if kind.is_fifo() {
            'p'
        } else if kind.is_socket() {
            's'
        } else if kind.is_block_device() {
            'b'
        } else {
            'c'
        })
    };
    Node {
        kind,
        mode: metadata.mode() & 0o7777,
        uid: metadata.uid(),
        gid: metadata.gid(),
        mtime: metadata.mtime(),
        xattrs: xattrs(path).unwrap_or_else(|why| failed(why.into())),
    }
}

fn xattrs(path: &Path) -> rustix::io::Result<BTreeMap<String, Vec<u8>>> {
    let mut buffer = vec![0; 1 << 16];
    let length = rustix::fs::llistxattr(path, &mut buffer)?;
    let names = buffer[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty());
    names
        .map(|name| {
            let mut value = vec![0; 1 << 16];
            let length = rustix::fs::lgetxattr(path, name, &mut value)?;
            value.truncate(length);
            Ok((String::from_utf8_lossy(name).into_owned(), value))
        })
        .collect()
}

/// Returns a line for each path at which two trees differ.
pub(crate) fn differences(expected: &Tree, found: &Tree) -> Vec<String> {
    let name = |path: &[u8]| format!("/{}", path.escape_ascii());
    let mut lines = Vec::new();
    for (path, node) in expected {
        match found.get(path) {
            None => lines.push(format!("{}: expected {node}, found nothing", name(path))),
            Some(other) if other != node => lines.push(format!("{}: expected {node}, found {other}", name(path))),
            Some(_) => {}
        }
    }
    let more = found.iter().filter(|(path, _)| !expected.contains_key(*path));
    lines.extend(more.map(|(path, node)| format!("{}: expected nothing, found {node}", name(path))));
    lines
}

/// Fails unless two trees are equal, with at most the first thirty differences.
#[track_caller]
pub(crate) fn assert_equal(expected: &Tree, found: &Tree, what: &str) {
    let lines = differences(expected, found);
    assert!(
        lines.is_empty(),
        "{what}: {} of {} paths differ\n{}",
        lines.len(),
        expected.len(),
        lines[..lines.len().min(30)].join("\n")
    );
}
