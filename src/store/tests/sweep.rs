//! What may be removed, and what a living process keeps.

use std::fs::{self, File};
use std::io::Write;

use super::{bytes_of, folder};
use crate::oci::Digest;
use crate::store::{Inventory, Store};

fn open(folder: &tempfile::TempDir) -> Store {
    Store::open(folder.path()).expect("a store")
}

#[test]
fn what_a_living_process_found_or_committed_is_leased_until_it_ends() {
    let dir = folder();
    let (one, other) = (open(&dir), open(&dir));
    let committed = one.put(b"committed").expect("stored");
    let leased = |digest: &Digest| other.sweep().expect("a look").expect("locks").is_leased(digest);
    assert!(leased(&committed.digest));
    drop(one);
    assert!(!leased(&committed.digest), "nobody uses it any more");
    let finder = open(&dir);
    assert!(!leased(&committed.digest), "it was not asked for");
    finder.find(&committed.digest, committed.size).expect("a look").expect("there");
    assert!(leased(&committed.digest));
}

#[test]
fn the_lease_of_a_killed_process_is_removed_and_counts_for_nothing() {
    let dir = folder();
    let store = open(&dir);
    let digest = Digest::of(b"x");
    fs::create_dir_all(dir.path().join("leases")).expect("a folder");
    fs::write(dir.path().join("leases/.dockless-dead"), format!("{digest}\n")).expect("a lease");
    let sweep = store.sweep().expect("a look").expect("locks");
    assert!(!sweep.is_leased(&digest));
    assert!(!dir.path().join("leases/.dockless-dead").exists());
}

#[test]
fn while_somebody_removes_nobody_finds() {
    let dir = folder();
    let (store, other) = (open(&dir), open(&dir));
    let blob = store.put(b"abc").expect("stored");
    drop(store);
    let remover = open(&dir);
    let sweep = remover.sweep().expect("a look").expect("locks");
    std::thread::scope(|scope| {
        let finding = scope.spawn(|| other.find(&blob.digest, blob.size).expect("a look"));
        assert!(!sweep.is_leased(&blob.digest));
        sweep.remove_blob(&blob.digest).expect("removed");
        drop(sweep);
        assert!(finding.join().expect("no panic").is_none(), "it came after the removal, or it would have been leased");
    });
}

#[test]
fn an_inventory_tells_blobs_records_and_what_is_temporary() {
    let dir = folder();
    let store = open(&dir);
    let blob = store.put(b"abc").expect("stored");
    store.set_record("kind", "key", b"content").expect("recorded");
    fs::write(dir.path().join("tmp/dead"), "12345").expect("a file");
    fs::write(dir.path().join("records/kind/.dockless-dead"), "1").expect("a file");
    fs::write(dir.path().join("blobs/sha256/README"), "not ours").expect("a file");
    let inventory = Inventory::of(dir.path());
    let blobs: Vec<_> = inventory.blobs.iter().map(|blob| (blob.digest, blob.size)).collect();
    assert_eq!(blobs, [(blob.digest, 3)]);
    let kinds: Vec<_> = inventory.records.iter().map(|record| record.kind.as_str()).collect();
    assert_eq!(kinds, ["kind"]);
    assert_eq!(inventory.temporary.iter().map(|file| file.size).collect::<Vec<_>>(), [1, 5]);
    assert_eq!(Inventory::of(&dir.path().join("not there")), Inventory::default());
}

#[test]
fn a_temporary_file_goes_only_when_its_owner_is_gone() {
    let dir = folder();
    let store = open(&dir);
    let mut staged = store.stage().expect("a staged blob");
    staged.write_all(b"abc").expect("written");
    File::create(dir.path().join("tmp/dead")).expect("a file");
    let sweep = store.sweep().expect("a look").expect("locks");
    let removed = sweep.inventory().temporary.iter().filter(|file| sweep.remove_leftover(file)).count();
    drop(sweep);
    assert_eq!(removed, 1);
    assert_eq!(bytes_of(&staged.commit(Digest::of(b"abc"), 3).expect("committed")), b"abc");
}

#[test]
fn a_use_of_a_blob_shows_and_leaves_the_blob_itself_untouched() {
    use std::os::unix::fs::MetadataExt;
    let dir = folder();
    let store = open(&dir);
    let blob = store.put(b"abc").expect("stored");
    let mark = dir.path().join("uses").join(blob.digest.hex());
    let old = std::time::SystemTime::UNIX_EPOCH;
    File::options().write(true).open(&mark).expect("a mark").set_modified(old).expect("an old use");
    assert_eq!(Inventory::of(dir.path()).blobs[0].used_ns, 0);
    let path = dir.path().join("blobs/sha256").join(blob.digest.hex());
    let before = fs::metadata(&path).expect("metadata");
    store.find(&blob.digest, blob.size).expect("a look").expect("there");
    let after = fs::metadata(&path).expect("metadata");
    assert!(Inventory::of(dir.path()).blobs[0].used_ns > 0);
    assert_eq!((before.ctime(), before.ctime_nsec()), (after.ctime(), after.ctime_nsec()));
}

#[test]
fn bytes_from_memory_replace_a_blob_of_other_bytes() {
    let dir = folder();
    let store = open(&dir);
    let blob = store.put(b"abc").expect("stored");
    fs::write(dir.path().join("blobs/sha256").join(blob.digest.hex()), b"abd").expect("flipped");
    assert_eq!(bytes_of(&store.put(b"abc").expect("stored")), b"abc");
}

#[test]
fn marks_of_blobs_that_are_gone_are_told_apart() {
    let dir = folder();
    let store = open(&dir);
    let (kept, gone) = (store.put(b"abc").expect("stored"), store.put(b"def").expect("stored"));
    store.remove(&gone.digest).expect("removed");
    let mark = |blob: &crate::store::Blob| dir.path().join("uses").join(blob.digest.hex());
    let sweep = store.sweep().expect("a look").expect("locks");
    let stale = sweep.inventory().stale_marks;
    assert_eq!(stale, [mark(&gone)]);
    stale.iter().for_each(|mark| sweep.remove_stale_mark(mark));
    assert!(mark(&kept).exists() && !mark(&gone).exists());
}
