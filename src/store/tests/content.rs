use std::fs::{self, File};
use std::io::{self, Write};

use super::{bytes_of, folder, store};
use crate::ground::Hint;
use crate::oci::Digest;
use crate::store::{Store, StoreError};

fn files_in(path: &std::path::Path) -> usize {
    fs::read_dir(path).expect("a folder").count()
}

#[test]
fn a_committed_blob_is_found_by_digest_and_size() {
    let store = store();
    let mut staged = store.stage().expect("a staged blob");
    staged.write_all(b"abc").expect("written");
    let digest = Digest::of(b"abc");
    assert!(store.find(&digest, 3).expect("looked up").is_none());
    let blob = staged.commit(digest, 3).expect("committed");
    assert_eq!(bytes_of(&blob), b"abc");
    assert_eq!(bytes_of(&store.find(&digest, 3).expect("looked up").expect("there")), b"abc");
    assert!(store.find(&digest, 4).expect("looked up").is_none());
    assert_eq!(files_in(&store.root().join("tmp")), 0);
}

#[test]
fn what_is_dropped_uncommitted_is_gone() {
    let store = store();
    let mut staged = store.stage().expect("a staged blob");
    staged.write_all(b"abc").expect("written");
    drop(staged);
    assert_eq!(files_in(&store.root().join("tmp")), 0);
    assert_eq!(files_in(&store.root().join("blobs/sha256")), 0);
}

#[test]
fn committing_twice_and_storing_from_memory_give_one_blob() {
    let store = store();
    store.put(b"abc").expect("stored");
    store.put(b"abc").expect("stored");
    let mut staged = store.stage().expect("a staged blob");
    staged.write_all(b"abc").expect("written");
    staged.commit(Digest::of(b"abc"), 3).expect("committed");
    assert_eq!(files_in(&store.root().join("blobs/sha256")), 1);
    store.remove(&Digest::of(b"abc")).expect("removed");
    assert!(store.find(&Digest::of(b"abc"), 3).expect("looked up").is_none());
}

#[test]
fn a_blob_of_another_size_is_replaced() {
    let store = store();
    let blob = store.put(b"abc").expect("stored");
    fs::write(store.root().join("blobs/sha256").join(blob.digest.hex()), b"a").expect("torn");
    assert_eq!(bytes_of(&store.put(b"abc").expect("stored")), b"abc");
}

#[test]
fn a_commit_of_another_length_is_refused() {
    let store = store();
    let staged = store.stage().expect("a staged blob");
    assert!(matches!(staged.commit(Digest::of(b"abc"), 3), Err(StoreError::Size { length: 0, .. })));
}

#[test]
fn received_bytes_are_kept_only_if_they_are_the_announced_ones() {
    let store = store();
    let receive = |bytes: &[u8]| {
        let mut received = store.receive(Digest::of(b"abc"), 3).expect("a place");
        received.write_all(bytes).map(|()| received.commit())
    };
    assert!(matches!(receive(b"abd"), Ok(Err(StoreError::Mismatch { .. }))));
    assert!(matches!(receive(b"ab"), Ok(Err(StoreError::Mismatch { .. }))));
    assert!(receive(b"abcd").is_err(), "more than announced ends the transfer");
    assert_eq!(files_in(&store.root().join("blobs/sha256")), 0);
    assert!(receive(b"abc").expect("written").is_ok());
}

#[test]
fn temporary_files_of_dead_processes_go_and_those_of_living_ones_stay() {
    let dir = folder();
    let store = Store::open(dir.path()).expect("a store");
    File::create(dir.path().join("tmp/dead")).expect("a file");
    let mut staged = store.stage().expect("a staged blob");
    let second = Store::open(dir.path()).expect("the same store");
    assert_eq!(files_in(&dir.path().join("tmp")), 1);
    staged.write_all(b"abc").expect("written");
    staged.commit(Digest::of(b"abc"), 3).expect("committed");
    assert!(second.find(&Digest::of(b"abc"), 3).expect("looked up").is_some());
}

#[test]
fn a_cache_folder_that_is_also_a_layout_keeps_its_index() {
    let dir = folder();
    fs::write(dir.path().join("index.json"), "mine").expect("a file");
    Store::open(dir.path()).expect("a store");
    assert_eq!(fs::read(dir.path().join("index.json")).expect("the index"), b"mine");
}

#[test]
fn threads_that_store_the_same_blob_do_not_disturb_each_other() {
    let dir = folder();
    let content = vec![7; 1 << 16];
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let store = Store::open(dir.path()).expect("a store");
                assert_eq!(bytes_of(&store.put(&content).expect("stored")), content);
            });
        }
    });
    assert_eq!(files_in(&dir.path().join("tmp")), 0);
}

#[test]
fn a_temporary_store_vanishes_with_its_last_handle() {
    let store = store();
    let root = store.root().to_owned();
    let other = store.clone();
    drop(store);
    assert!(root.exists());
    drop(other);
    assert!(!root.exists());
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let dir = folder();
    let file = dir.path().join("file");
    fs::write(&file, "").expect("a file");
    let error = Store::open(&file.join("cache")).expect_err("no folder");
    assert!(error.to_string().contains("file/cache"), "{error}");
}

#[test]
fn a_full_disk_has_a_remedy() {
    let full = || io::Error::from(io::ErrorKind::StorageFull);
    let error = StoreError::File(crate::ground::FileError::on("write", "x".as_ref())(full()));
    assert!(error.hint().expect("a hint").contains("DOCKLESS_CACHE_DIR"));
    let error = StoreError::Archive { place: "x".into(), source: full() };
    assert!(error.hint().expect("a hint").contains("DOCKLESS_CACHE_DIR"));
}

#[test]
fn records_are_kept_by_kind_and_key() {
    let store = store();
    assert_eq!(store.record("base", "a").expect("read"), None);
    store.set_record("base", "a", b"1").expect("written");
    store.set_record("base", "a", b"2").expect("written");
    store.set_record("other", "a", b"").expect("written");
    assert_eq!(store.record("base", "a").expect("read").as_deref(), Some(&b"2"[..]));
    assert_eq!(store.record("other", "a").expect("read").as_deref(), Some(&b""[..]));
    assert_eq!(store.record("base", "../../b").expect("read"), None);
}

#[test]
fn a_torn_flipped_or_renamed_record_is_as_good_as_absent() {
    let store = store();
    store.set_record("base", "a", b"content").expect("written");
    let path = |key: &str| store.root().join("records/base").join(Digest::of(key.as_bytes()).hex());
    let whole = fs::read(path("a")).expect("the record");
    fs::write(path("b"), &whole).expect("renamed");
    assert_eq!(store.record("base", "b").expect("read"), None);
    for length in 0..whole.len() {
        fs::write(path("a"), &whole[..length]).expect("torn");
        assert_eq!(store.record("base", "a").expect("read"), None, "{length} bytes");
    }
    for index in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[index] ^= 1;
        fs::write(path("a"), flipped).expect("flipped");
        assert_eq!(store.record("base", "a").expect("read"), None, "byte {index}");
    }
}

#[test]
fn a_folder_in_the_place_of_a_blob_is_replaced_if_it_is_empty_and_named_if_it_is_not() {
    let dir = folder();
    let store = Store::open(dir.path()).expect("a store");
    let place = dir.path().join("blobs/sha256").join(Digest::of(b"abc").hex());
    std::fs::create_dir(&place).expect("a folder");
    assert_eq!(bytes_of(&store.put(b"abc").expect("stored")), b"abc");
    std::fs::remove_file(&place).expect("removed");
    std::fs::create_dir_all(place.join("inside")).expect("a folder");
    let error = store.put(b"abc").expect_err("no blob");
    assert!(matches!(&error, StoreError::Taken { path } if *path == place), "{error}");
}
