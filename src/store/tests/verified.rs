//! Blobs that somebody vouched for, and those that are hashed first.

use std::fs;

use super::super::{Blob, BlobBytes, Store};

fn stored() -> (tempfile::TempDir, Store, Blob) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(folder.path()).expect("a store");
    let blob = store.put(b"abcdef").expect("stored");
    (folder, store, blob)
}

fn path(blob: &Blob) -> &std::path::Path {
    let BlobBytes::File { path, .. } = &blob.bytes else { panic!("a store has files") };
    path
}

fn is_found(store: &Store, blob: &Blob) -> bool {
    store.find_verified(&blob.digest, blob.size).expect("no I/O error").is_some()
}

#[test]
fn a_blob_of_other_bytes_is_absent_and_left_to_who_has_it_open_also_if_somebody_vouched_before() {
    for vouched in [false, true] {
        let (_folder, store, blob) = stored();
        if vouched {
            store.vouch(&blob).expect("recorded");
        }
        assert!(is_found(&store, &blob));
        fs::write(path(&blob), b"abcdeF").expect("other bytes of the same length");
        assert!(!is_found(&store, &blob) && path(&blob).exists());
        store.put(b"abcdef").expect("stored anew");
        assert!(is_found(&store, &blob));
    }
}

// Elsewhere boots have no name, and every look is a whole one.
#[cfg(target_os = "linux")]
#[test]
fn nobody_hashes_a_blob_that_is_as_it_was_vouched_for() {
    let (_folder, store, blob) = stored();
    fs::write(path(&blob), b"abcdeF").expect("other bytes of the same length");
    store.vouch(&blob).expect("recorded");
    assert!(is_found(&store, &blob), "the word of the caller counts");
    let copy = fs::read(path(&blob)).expect("the bytes");
    fs::remove_file(path(&blob)).expect("removed");
    fs::write(path(&blob), copy).expect("another file");
    assert!(!is_found(&store, &blob));
}

#[test]
fn a_part_of_a_blob_is_read_and_no_more_than_there_is() {
    let (_folder, _store, blob) = stored();
    for blob in [blob, Blob::of_bytes(b"abcdef".to_vec())] {
        assert_eq!(blob.read_at(2, 3).expect("a part"), b"cde");
        assert_eq!(blob.read_at(6, 0).expect("nothing"), b"");
        assert!(blob.read_at(4, 3).is_err() && blob.read_at(9, 1).is_err());
    }
}

#[test]
fn the_clock_of_the_files_is_that_of_the_files() {
    use std::os::unix::fs::MetadataExt;
    let (folder, store, _) = stored();
    let before = store.file_clock().expect("a time");
    fs::write(folder.path().join("x"), "x").expect("a file");
    let written = fs::metadata(folder.path().join("x")).expect("metadata");
    let written_ns = i128::from(written.mtime()) * 1_000_000_000 + i128::from(written.mtime_nsec());
    assert!(before.now_ns <= written_ns && before.device == written.dev());
}
