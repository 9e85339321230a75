//! What packing promises: the bytes, their independence, and errors that leave nothing.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::*;
use crate::oci::ImagePath;
use crate::plan::{Content, EntryKind, Mtime};

mod dialect;
mod failures;
mod from_files;
mod inspection;
mod readers;

fn entry(path: &str, kind: EntryKind) -> Entry {
    Entry {
        path: ImagePath::parse(path.as_bytes()).unwrap(),
        kind,
        mode: 0o644,
        uid: 0,
        gid: 0,
        mtime: Mtime::Content,
        xattrs: BTreeMap::new(),
    }
}

fn file(path: &str, bytes: &[u8]) -> Entry {
    entry(path, EntryKind::File(Content::Bytes(Arc::from(bytes))))
}

fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed;
    std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    })
    .take(length)
    .collect()
}

fn small_tree() -> Vec<Entry> {
    let mut capable = file("srv/serve", b"#!/bin/sh\n");
    capable.mode = 0o4755;
    capable.xattrs.insert("security.capability".to_owned(), vec![1, 0, 0, 2, 0, 4, 0, 0]);
    vec![
        entry("srv", EntryKind::Directory),
        file("srv/empty", b""),
        file("srv/index.php", b"<?php echo 'shop';\n"),
        entry("srv/link", EntryKind::Symlink(b"../etc/shop".to_vec())),
        capable,
        file(&format!("srv/{}", "n".repeat(150)), b"long"),
    ]
}

/// About 6 MiB in files of many sizes, one of them large.
fn large_tree() -> Vec<Entry> {
    let mut entries: Vec<Entry> =
        (0..300).map(|n| file(&format!("a/{n:04}"), &noise(170 * n % 40_000, n as u64))).collect();
    entries.push(file("b", &noise(3_000_000, 7)));
    entries.push(file("c", b"after it"));
    entries
}

fn options(compression: Compression, threads: usize, budget: usize) -> PackOptions {
    PackOptions { compression, threads, budget, ..PackOptions::default() }
}

fn packed(entries: &[Entry], options: &PackOptions) -> (Packed, Vec<u8>) {
    pack(entries.iter().cloned().map(Ok::<_, Infallible>), options, Vec::new()).unwrap()
}

fn gunzip(blob: &[u8]) -> Vec<u8> {
    let mut decoder = flate2::bufread::GzDecoder::new(blob);
    let mut tar = Vec::new();
    decoder.read_to_end(&mut tar).unwrap();
    assert!(decoder.into_inner().is_empty(), "one member and nothing after it");
    tar
}

#[test]
fn the_bytes_of_format_1_stand() {
    let digests: Vec<String> =
        [Compression::None, Compression::Gzip(1), Compression::Gzip(6), Compression::Gzip(9), Compression::Zstd(3)]
            .map(|compression| packed(&small_tree(), &options(compression, 2, 0)).0.digest.hex())
            .into();
    assert_eq!(digests.join("\n"), GOLDEN.trim());
}

#[test]
fn the_cuts_of_format_1_stand() {
    let tree = large_tree();
    let lengths: Vec<usize> = chunks(&tree).iter().map(Vec::len).collect();
    assert_eq!(lengths, CUTS);
    let digests = [Compression::Gzip(6), Compression::Zstd(3)]
        .map(|compression| packed(&tree, &options(compression, 2, 0)).0.digest.hex());
    assert_eq!(digests.join("\n"), GOLDEN_OF_MANY_CHUNKS.trim());
}

const CUTS: [usize; 9] = [809_984, 554_496, 645_120, 1_734_656, 1_548_288, 1_049_088, 1_048_576, 903_168, 2048];
const GOLDEN_OF_MANY_CHUNKS: &str = "
1ebbf246341ccf4feef1223b0033d1bcaa5fdee6c28f214bceb8a4344621ebfe
ae0571fc8624690119dae7b4a2e07342a45d875404cced8ff0e177234400dd25
";

/// In the order of the test. A change is a change of format 1 and needs a line in the changelog.
const GOLDEN: &str = "
0ad11ca23c05549ac20fae32343b2e403b25e3a264f9167236df9866b36b99ab
6a566b5e7d5a93ebfa6e70c883779eaedb1f8244df640f760dfe4e4c2e70f762
93ad95c77b3a52a1705856ef9a181f43a627035966e054713e86c9aabb713890
d40122fe7fcd694f52a5ef16358bbd75e6accd9998f218bda9b6eddb73d74913
9b4a2e878cd51220ce54563692450d1fb5f6a63118ffd9ca42430655b89951ce
";

#[test]
fn the_bytes_do_not_depend_on_threads_and_budget() {
    let entries = large_tree();
    for compression in
        [Compression::Gzip(6), Compression::Gzip(9), Compression::Zstd(3), Compression::Zstd(7), Compression::None]
    {
        let (first, blob) = packed(&entries, &options(compression, 1, 0));
        assert_eq!(first.digest, Digest::of(&blob));
        for (threads, budget) in [(2, 0), (8, 64 << 20), (3, 1)] {
            assert_eq!(packed(&entries, &options(compression, threads, budget)).0, first);
        }
    }
}

#[test]
fn every_codec_holds_the_same_tar() {
    let entries = large_tree();
    let (plain, tar) = packed(&entries, &options(Compression::None, 2, 0));
    assert_eq!((plain.diff_id.0, plain.tar_bytes), (Digest::of(&tar), tar.len() as u64));
    let (gzip, blob) = packed(&entries, &options(Compression::Gzip(6), 2, 0));
    assert_eq!((gzip.diff_id, gunzip(&blob)), (plain.diff_id, tar.clone()));
    let (zstd, blob) = packed(&entries, &options(Compression::Zstd(3), 2, 0));
    assert_eq!((zstd.diff_id, zstd::decode_all(&blob[..]).unwrap()), (plain.diff_id, tar));
}

#[test]
fn a_time_by_content_lies_between_1980_and_2011_and_follows_the_content() {
    let time = |entry: Entry| {
        let (_, tar) = packed(&[entry], &options(Compression::None, 1, 0));
        tar::Header::from_byte_slice(&tar[..512]).mtime().unwrap()
    };
    // SHA-256 of nothing begins with e3b0c44298fc1c14.
    assert_eq!(time(file("a", b"")), 315_532_800 + 0xe3b0_c442_98fc_1c14_u64 % 1_000_000_000);
    assert_eq!(time(file("a", b"x")), time(file("b", b"x")));
    assert_ne!(time(file("a", b"x")), time(file("a", b"y")));
    assert_eq!(time(entry("d", EntryKind::Directory)), 1);
}

/// Those of gzip.
const LENGTHS: Lengths = Lengths::of(Compression::Gzip(6));

/// Returns the chunks of the tar stream.
fn chunks(entries: &[Entry]) -> Vec<Vec<u8>> {
    struct Collect(Vec<Vec<u8>>);
    impl Chunks<Infallible> for &mut Collect {
        fn take(&mut self, chunk: &[u8], _: About) -> Result<(), PackError<Infallible>> {
            self.0.push(chunk.to_vec());
            Ok(())
        }

        fn wanted(&self) -> Result<(), PackError<Infallible>> {
            Ok(())
        }
    }
    let mut collect = Collect(Vec::new());
    let mut tape = Tape::new(&mut collect, LENGTHS, None);
    for entry in entries {
        tape.write(entry, None).unwrap();
    }
    tape.finish().unwrap();
    collect.0
}

#[test]
fn an_entry_that_is_added_changes_only_the_chunks_near_it() {
    let tree = |extra: bool| -> Vec<Entry> {
        let mut entries: Vec<Entry> = (0..900).map(|n| file(&format!("a/{n:04}"), &noise(10_000, n as u64))).collect();
        if extra {
            entries.insert(450, file("a/0449x", b"new"));
        }
        entries
    };
    let (before, after) = (chunks(&tree(false)), chunks(&tree(true)));
    let changed = after.iter().filter(|chunk| !before.contains(chunk)).count();
    assert!(before.len() > 5 && changed <= 2, "{changed} of {}", before.len());
    assert!(before.iter().all(|chunk| chunk.len() <= LENGTHS.most));
}

#[test]
fn a_chunk_that_no_name_ends_ends_before_four_mebibytes() {
    const LENGTH: usize = 400 << 10;
    let unending = (0..).map(|n| file(&format!("a/{n}"), &vec![0; LENGTH]));
    let entries: Vec<Entry> =
        unending.filter(|entry| !LENGTHS.ends_after(&entry.path, LENGTH + 512, usize::MAX)).take(25).collect();
    let counts: Vec<usize> = chunks(&entries).iter().map(|chunk| chunk.len() / (LENGTH + 512)).collect();
    assert_eq!(counts, [10, 10, 5]);
}
