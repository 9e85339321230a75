//! Files on disk: the same bytes as in memory, and a change meanwhile is an error.

use super::*;
use crate::tree::{ProjectRoot, SourceFile, TreeError, stamp_of};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

fn source(folder: &Path, name: &str) -> EntryKind {
    let root = Arc::new(ProjectRoot::open(folder).unwrap());
    let stamp = stamp_of(&File::open(folder.join(name)).unwrap()).unwrap();
    EntryKind::File(Content::File(SourceFile::new(root, PathBuf::from(name), stamp)))
}

fn result(entry: Entry) -> Result<Packed, PackError<Infallible>> {
    pack([Ok(entry)].into_iter(), &options(Compression::Gzip(6), 2, 0), Vec::new()).map(|(packed, _)| packed)
}

#[test]
fn a_large_file_is_cut_where_it_would_be_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("big"), noise(3_500_000, 3)).unwrap();
    let big = || entry("z/big", source(folder.path(), "big"));
    let alone = chunks(&[big()]);
    let after = chunks(&[file("a", &noise(100_000, 1)), big()]);
    assert_eq!(alone.len(), 5, "four pieces and the end of the stream");
    assert_eq!(after[1..], alone[..]);
}

#[test]
fn a_file_on_disk_gives_the_bytes_of_one_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    for length in [0, 1, 511, 512, 513, 1 << 20, (1 << 20) + 1] {
        let bytes = noise(length, 9);
        fs::write(folder.path().join("f"), &bytes).unwrap();
        let on_disk = result(entry("f", source(folder.path(), "f"))).unwrap();
        assert_eq!(on_disk.diff_id, packed(&[file("f", &bytes)], &PackOptions::default()).0.diff_id, "{length}");
    }
}

#[test]
fn a_file_that_grew_shrank_or_changed_since_it_was_listed_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f");
    for (before, after) in [(10, 11), (10, 9), (10, 10), (2 << 20, (2 << 20) + 1), (2 << 20, 2 << 20)] {
        fs::write(&path, noise(before, 1)).unwrap();
        let listed = entry("f", source(folder.path(), "f"));
        fs::write(&path, noise(after, 2)).unwrap();
        let error = result(listed).unwrap_err();
        assert!(
            matches!(&error, PackError::Source(TreeError::Changed { path: found, .. }) if *found == path),
            "{error}"
        );
    }
}

#[test]
fn a_hole_in_a_file_is_written_as_zeros() {
    let folder = tempfile::tempdir().unwrap();
    let file_of_holes = File::create(folder.path().join("f")).unwrap();
    file_of_holes.set_len(2_500_000).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file_of_holes, b"end", 2_499_997).unwrap();
    let mut dense = vec![0; 2_500_000];
    dense[2_499_997..].copy_from_slice(b"end");
    let holes = result(entry("f", source(folder.path(), "f"))).unwrap();
    assert_eq!(holes, packed(&[file("f", &dense)], &options(Compression::Gzip(6), 2, 0)).0);
}
