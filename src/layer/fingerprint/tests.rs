//! What a fingerprint promises: every field counts, fields do not run into each other, fresh files are not trusted.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use super::*;
use crate::oci::ImagePath;
use crate::tree::{MemorySources, SourceFile, Sources, Spool, Spooled};

fn stamp() -> FileStamp {
    FileStamp { device: 1, inode: 2, size: 3, mtime_ns: 4, ctime_ns: 5, mode: 6 }
}

fn on_disk(path: &str, stamp: FileStamp) -> EntryKind {
    EntryKind::File(Content::File(MemorySources::new().file(PathBuf::from(path), stamp)))
}

fn of_image(identity: Option<&[u8]>) -> EntryKind {
    let spool = Arc::new(Spool::filled(File::open("/dev/null").unwrap()));
    let bytes = Spooled::new(spool, 0, 3, "image".into()).identified(identity.map(Digest::of));
    EntryKind::File(Content::File(SourceFile::spooled(bytes, PathBuf::from("a"), stamp())))
}

fn entry(kind: EntryKind) -> Entry {
    let (path, xattrs) = (ImagePath::parse(b"srv/a").unwrap(), BTreeMap::new());
    Entry { path, kind, mode: 0o644, uid: 1, gid: 2, mtime: Mtime::Content, xattrs }
}

fn of(entries: &[Entry]) -> Fingerprint {
    let mut fingerprint = Fingerprint::default();
    entries.iter().for_each(|entry| fingerprint.entry(entry));
    fingerprint
}

fn digest(entries: &[Entry]) -> Digest {
    of(entries).finish().unwrap()
}

#[test]
fn every_field_of_an_entry_and_of_its_file_counts() {
    let base = || entry(on_disk("a", stamp()));
    let xattrs = |pairs: &[(&str, &str)]| {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
        Entry { xattrs: pairs.collect(), ..base() }
    };
    let file = |stamp: FileStamp| entry(on_disk("a", stamp));
    let all = [
        base(),
        Entry { path: ImagePath::parse(b"srv/b").unwrap(), ..base() },
        Entry { mode: 0o755, ..base() },
        Entry { uid: 2, ..base() },
        Entry { gid: 1, ..base() },
        Entry { mtime: Mtime::Seconds(1), ..base() },
        Entry { mtime: Mtime::Seconds(2), ..base() },
        xattrs(&[("a", "bc")]),
        xattrs(&[("ab", "c")]),
        xattrs(&[("a", ""), ("b", "c")]),
        entry(on_disk("b", stamp())),
        file(FileStamp { device: 9, ..stamp() }),
        file(FileStamp { inode: 9, ..stamp() }),
        file(FileStamp { size: 9, ..stamp() }),
        file(FileStamp { mtime_ns: 9, ..stamp() }),
        file(FileStamp { ctime_ns: 9, ..stamp() }),
        file(FileStamp { mode: 9, ..stamp() }),
        entry(EntryKind::Directory),
        entry(EntryKind::Symlink(b"x".to_vec())),
        entry(EntryKind::Symlink(b"y".to_vec())),
        entry(EntryKind::File(Content::Bytes(Arc::from(&b"x"[..])))),
        entry(EntryKind::File(Content::Bytes(Arc::from(&b"y"[..])))),
        entry(of_image(Some(b"one"))),
        entry(of_image(Some(b"other"))),
    ];
    let digests: std::collections::BTreeSet<Digest> =
        all.iter().map(|entry| digest(std::slice::from_ref(entry))).collect();
    assert_eq!(digests.len(), all.len());
}

#[test]
fn order_and_borders_of_entries_and_settings_count() {
    let [a, b] = [b"x", b"y"].map(|target| entry(EntryKind::Symlink(target.to_vec())));
    assert_ne!(digest(&[a.clone(), b.clone()]), digest(&[b.clone(), a.clone()]));
    assert_ne!(digest(std::slice::from_ref(&a)), digest(&[a.clone(), a.clone()]));
    let settings = |texts: &[&str]| {
        let mut fingerprint = Fingerprint::default();
        texts.iter().for_each(|text| fingerprint.text(text.as_bytes()));
        fingerprint.finish().unwrap()
    };
    assert_ne!(settings(&["ab", "c"]), settings(&["a", "bc"]));
    assert_ne!(settings(&["ab"]), settings(&["ab", ""]));
}

#[test]
fn a_file_of_an_image_without_a_name_has_no_fingerprint() {
    assert_eq!(of(&[entry(of_image(None))]).finish(), None);
    assert!(of(&[entry(of_image(Some(b"one")))]).finish().is_some());
}

#[test]
fn a_file_as_new_as_the_clock_is_not_trusted() {
    const NOW: i128 = 1_700_000_000_123_000_000;
    let times = |mtime_ns, ctime_ns| of(&[entry(on_disk("a", FileStamp { mtime_ns, ctime_ns, ..stamp() }))]);
    for (mtime, ctime, device, settled) in [
        (NOW - TICK - 1, NOW - TICK - 1, 1, true),
        (NOW - TICK - 1, NOW - 1, 1, false),
        (NOW - 1, NOW - TICK - 1, 1, false),
        // Written before the clock was set back.
        (NOW - TICK - 1, NOW + 3600 * SECOND, 1, false),
        // Another file system has another clock.
        (NOW - TICK - 1, NOW - TICK - 1, 2, false),
        (NOW - LONG_TICK - 1, NOW - LONG_TICK - 1, 2, true),
        // One that counts whole seconds may be slow.
        (1_699_999_999 * SECOND, 1_699_999_999 * SECOND, 1, false),
        (1_699_999_998 * SECOND, 1_699_999_998 * SECOND, 1, true),
        // A modification time can be set, to whole seconds too; the change time cannot.
        (1_600_000_000 * SECOND, NOW - TICK - 1, 1, true),
    ] {
        assert_eq!(times(mtime, ctime).is_settled(device, NOW), settled, "{mtime} {ctime} {device}");
    }
}

#[test]
fn the_newest_of_all_files_decides() {
    let at = |time| entry(on_disk("a", FileStamp { mtime_ns: time, ctime_ns: time, ..stamp() }));
    let all = of(&[at(10 * SECOND + 1), at(99 * SECOND + 1), at(20 * SECOND + 1)]);
    assert!(!all.is_settled(1, 99 * SECOND) && all.is_settled(1, 100 * SECOND));
    assert!(of(&[entry(EntryKind::Directory)]).is_settled(1, 0), "without files nothing can change");
}
