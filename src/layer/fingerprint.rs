//! Whether a layer is one that was packed before, told without opening a file.
//!
//! A fingerprint is the SHA-256 of all that decides a layer's bytes and what is said about it: the settings, then every
//! entry with the stamp of its file. Each field has a fixed width or stands after its length, and each entry after a mark,
//! so that no two inputs give the same text. It names no mtime rule and no pattern: what they decide is in the entries.
//!
//! # Files that may change without a trace
//!
//! A file that is written twice within a tick of its file system's clock has the same stamp both times. So a fingerprint
//! may be remembered only if each of its files is older than the moment before the first of them was read, by more than
//! the clock's tick: git's rule for its index. The change time counts as well as the modification time, since nobody can
//! set it. (A program that writes through a memory map may leave both as they are until the system writes the page back:
//! such a write in the seconds after a build is not seen until then, by this rule or by git's.) That moment must come from a file system too, not from the system's clock, which may jump.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;

use crate::oci::{Digest, Hasher};
use crate::plan::{Content, Entry, EntryKind, Mtime};
use crate::tree::{FileOrigin, FileStamp};

/// The tick of a Linux file system is that of the kernel, 10 ms at most.
const TICK: i128 = 20_000_000;
/// The tick of FAT, the longest there is; also what the clocks of two file systems may differ by.
const LONG_TICK: i128 = 2_000_000_000;
const SECOND: i128 = 1_000_000_000;

/// A fingerprint in the making.
#[derive(Clone, Debug, Default)]
pub struct Fingerprint {
    hasher: Hasher,
    /// The time of the newest file, by device, and the newest of those whose file system counts whole seconds.
    newest: BTreeMap<(u64, bool), i128>,
    /// A file was met of which nothing tells whether it is the same in another run.
    nameless: bool,
}

/// An entry as a fingerprint takes it, so that several take it for the price of one.
#[derive(Debug, Default)]
pub(super) struct EntryFrame {
    bytes: Vec<u8>,
    nameless: bool,
    age: Option<((u64, bool), i128)>,
}

impl Fingerprint {
    /// Adds a setting.
    pub fn text(&mut self, text: &[u8]) {
        let mut frame = vec![b't'];
        put_bytes(&mut frame, text);
        self.hasher.update(&frame);
    }

    /// Adds a count or number among the settings.
    pub fn number(&mut self, number: u64) {
        let mut frame = vec![b'n'];
        put_number(&mut frame, number);
        self.hasher.update(&frame);
    }

    /// Adds an entry.
    pub fn entry(&mut self, entry: &Entry) {
        let mut frame = EntryFrame::default();
        frame.set(entry);
        self.frame(&frame);
    }

    /// Adds an entry.
    pub(super) fn frame(&mut self, frame: &EntryFrame) {
        self.hasher.update(&frame.bytes);
        self.nameless |= frame.nameless;
        if let Some((clock, changed)) = frame.age {
            let newest = self.newest.entry(clock).or_insert(changed);
            *newest = changed.max(*newest);
        }
    }

    /// Returns whether a file that is written from now on cannot have the stamp it has here. `device` and `now_ns` are
    /// of a file that was written before the first of the files was read.
    pub fn is_settled(&self, device: u64, now_ns: i128) -> bool {
        self.newest.iter().all(|((of, whole_seconds), changed)| {
            let tick = if *whole_seconds || *of != device { LONG_TICK } else { TICK };
            changed + tick < now_ns
        })
    }

    /// Returns the fingerprint, or `None` where a file has no name that lasts.
    pub fn finish(self) -> Option<Digest> {
        (!self.nameless).then(|| self.hasher.finish())
    }
}

impl EntryFrame {
    /// Takes another entry.
    pub(super) fn set(&mut self, entry: &Entry) {
        self.bytes.clear();
        (self.nameless, self.age) = (false, None);
        let Entry { path, kind, mode, uid, gid, mtime, xattrs } = entry;
        self.bytes.push(b'e');
        put_bytes(&mut self.bytes, path.as_bytes());
        for number in [u64::from(*mode), *uid, *gid] {
            put_number(&mut self.bytes, number);
        }
        match mtime {
            Mtime::Content => self.bytes.push(b'c'),
            Mtime::Seconds(seconds) => {
                self.bytes.push(b's');
                put_number(&mut self.bytes, *seconds);
            }
        }
        put_number(&mut self.bytes, xattrs.len() as u64);
        for (name, value) in xattrs {
            put_bytes(&mut self.bytes, name.as_bytes());
            put_bytes(&mut self.bytes, value);
        }
        self.kind(kind);
    }

    fn kind(&mut self, kind: &EntryKind) {
        match kind {
            EntryKind::Directory => self.bytes.push(b'd'),
            EntryKind::Symlink(target) => {
                self.bytes.push(b'l');
                put_bytes(&mut self.bytes, target);
            }
            EntryKind::File(Content::Bytes(bytes)) => {
                self.bytes.push(b'b');
                put_bytes(&mut self.bytes, bytes);
            }
            EntryKind::File(Content::File(source)) => {
                match source.origin() {
                    FileOrigin::Disk => {
                        self.bytes.push(b'f');
                        let FileStamp { device, mtime_ns, ctime_ns, .. } = source.stamp();
                        self.age = Some(((*device, ctime_ns % SECOND == 0), *mtime_ns.max(ctime_ns)));
                    }
                    FileOrigin::Image(Some(image)) => {
                        self.bytes.push(b'i');
                        self.bytes.extend_from_slice(image.as_bytes());
                    }
                    FileOrigin::Image(None) => self.nameless = true,
                }
                put_bytes(&mut self.bytes, source.path().as_os_str().as_bytes());
                put_stamp(&mut self.bytes, source.stamp());
            }
        }
    }
}

fn put_number(frame: &mut Vec<u8>, number: u64) {
    frame.extend_from_slice(&number.to_be_bytes());
}

fn put_bytes(frame: &mut Vec<u8>, bytes: &[u8]) {
    put_number(frame, bytes.len() as u64);
    frame.extend_from_slice(bytes);
}

fn put_stamp(frame: &mut Vec<u8>, stamp: &FileStamp) {
    let FileStamp { device, inode, size, mtime_ns, ctime_ns, mode } = *stamp;
    for number in [device, inode, size, u64::from(mode)] {
        put_number(frame, number);
    }
    frame.extend_from_slice(&mtime_ns.to_be_bytes());
    frame.extend_from_slice(&ctime_ns.to_be_bytes());
}

#[cfg(test)]
mod tests;
