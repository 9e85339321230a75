//! What a cache folder holds, by looking alone: a folder that cannot be written, or is not there, can be looked at too.

use std::fs::{self, File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, UTIME_NOW, utimensat};

use super::verified::nanoseconds;
use crate::oci::Digest;

/// The folder of blobs.
pub(super) const BLOBS: &str = "blobs/sha256";
/// The folder of records, in which each kind has its own.
pub(super) const RECORDS: &str = "records";
/// The folder of what is being written.
pub(super) const TMP: &str = "tmp";
/// The folder of empty files that tell when a blob was used last: touching the blob would look like a change to it.
const USES: &str = "uses";

/// A blob of a store, as its folder shows it. Nothing is hashed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredBlob {
    /// The digest that names it.
    pub digest: Digest,
    /// Its count of bytes.
    pub size: u64,
    /// When it was used last, in nanoseconds since the epoch, as the file system tells the time.
    pub used_ns: i128,
}

/// A record of a store, as its folder shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRecord {
    /// Its kind.
    pub kind: String,
    /// Its file.
    pub path: PathBuf,
    /// Its count of bytes.
    pub size: u64,
    /// When it was written or read last, in nanoseconds since the epoch.
    pub used_ns: i128,
}

/// A temporary file: of a run that is at work, or of one that was killed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leftover {
    /// The file.
    pub path: PathBuf,
    /// Its count of bytes.
    pub size: u64,
}

/// All that a store keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// The blobs, by digest.
    pub blobs: Vec<StoredBlob>,
    /// The records, by path.
    pub records: Vec<StoredRecord>,
    /// Temporary files, by path.
    pub temporary: Vec<Leftover>,
    /// Marks of the last use of blobs that are not there any more, by path.
    pub stale_marks: Vec<PathBuf>,
}

impl Inventory {
    /// Looks at a store's folder. What is not there, or vanishes meanwhile, is not in it.
    pub fn of(root: &Path) -> Self {
        let mut inventory = Self::default();
        for (path, found) in files_in(&root.join(BLOBS)) {
            let Some(digest) = named_digest(&path) else { continue };
            let used = fs::metadata(use_mark(root, &digest)).unwrap_or_else(|_| found.clone());
            inventory.blobs.push(StoredBlob { digest, size: found.len(), used_ns: modified_ns(&used) });
        }
        for (kind, folder) in folders_in(&root.join(RECORDS)) {
            for (path, found) in files_in(&folder) {
                if named_digest(&path).is_some() {
                    let (kind, used_ns) = (kind.clone(), modified_ns(&found));
                    inventory.records.push(StoredRecord { kind, path, size: found.len(), used_ns });
                } else if is_temporary(&path) {
                    inventory.temporary.push(Leftover { path, size: found.len() });
                }
            }
        }
        let is_stale = |path: &PathBuf| {
            let digest = named_digest(path);
            digest.is_some_and(|digest| inventory.blobs.binary_search_by_key(&digest, |blob| blob.digest).is_err())
        };
        inventory.stale_marks = files_in(&root.join(USES)).into_iter().map(|(path, _)| path).filter(is_stale).collect();
        let tmp = files_in(&root.join(TMP)).into_iter();
        inventory.temporary.extend(tmp.map(|(path, found)| Leftover { path, size: found.len() }));
        inventory
    }
}

/// Tells that a blob is used now. Best effort: who cannot write here cannot remove here either.
pub(super) fn mark_used(root: &Path, digest: &Digest) {
    let path = use_mark(root, digest);
    if !touch(&path) {
        // A new file has the time of its making.
        let _ = fs::create_dir_all(root.join(USES)).and_then(|()| File::create(path));
    }
}

/// The file that tells when a blob was used last.
pub(super) fn use_mark(root: &Path, digest: &Digest) -> PathBuf {
    root.join(USES).join(digest.hex())
}

/// Gives a file the present time, as its file system tells it; returns whether it could.
pub(super) fn touch(path: &Path) -> bool {
    let now = || Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
    utimensat(CWD, path, &Timestamps { last_access: now(), last_modification: now() }, AtFlags::empty()).is_ok()
}

/// Returns the digest that a file is named after.
pub(super) fn named_digest(path: &Path) -> Option<Digest> {
    format!("sha256:{}", path.file_name()?.to_str()?).parse().ok()
}

fn is_temporary(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".dockless-"))
}

fn modified_ns(found: &Metadata) -> i128 {
    nanoseconds(found.mtime(), found.mtime_nsec())
}

fn files_in(folder: &Path) -> Vec<(PathBuf, Metadata)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let found = entries.filter_map(|entry| Some((entry.path(), fs::symlink_metadata(entry.path()).ok()?)));
    let mut files: Vec<_> = found.filter(|(_, found)| found.is_file()).collect();
    files.sort_by(|(one, _), (other, _)| one.cmp(other));
    files
}

fn folders_in(folder: &Path) -> Vec<(String, PathBuf)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let mut named: Vec<_> =
        folders.filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path()))).collect();
    named.sort();
    named
}
