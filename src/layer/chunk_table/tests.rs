//! What copied chunks promise: the bytes of a cold pack, whatever was edited and whatever became of the old blob.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs;
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::layer::{Earlier, Fingerprint, PackOptions, Packed, pack, pack_with};
use crate::oci::ImagePath;
use crate::plan::{Content, Entry, EntryKind, Mtime};
use crate::spec::Compression;
use crate::store::{BlobBytes, FileClock};

fn file(path: &str, bytes: Vec<u8>) -> Entry {
    Entry {
        path: ImagePath::parse(path.as_bytes()).unwrap(),
        kind: EntryKind::File(Content::Bytes(bytes.into())),
        mode: 0o644,
        uid: 0,
        gid: 0,
        mtime: Mtime::Content,
        xattrs: BTreeMap::new(),
    }
}

/// Bytes that a compressor takes a while over and makes smaller.
fn text(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed;
    std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        b'a' + (state >> 60) as u8
    })
    .take(length)
    .collect()
}

fn tree(files: &[(usize, u64)]) -> Vec<Entry> {
    let name = |number| format!("srv/{number:04}");
    files.iter().enumerate().map(|(number, (length, seed))| file(&name(number), text(*length, *seed))).collect()
}

fn options(compression: Compression) -> PackOptions {
    PackOptions { compression, threads: 2, ..PackOptions::default() }
}

fn cold(entries: &[Entry], compression: Compression) -> (Packed, Vec<u8>) {
    pack(entries.iter().cloned().map(Ok::<_, Infallible>), &options(compression), Vec::new()).unwrap()
}

fn warm(entries: &[Entry], compression: Compression, known: &KnownChunks) -> (Packed, ChunkTable, Vec<u8>) {
    let entries = entries.iter().cloned().map(Ok::<_, Infallible>);
    let clock = FileClock { device: 0, now_ns: 0 };
    let earlier = Earlier { known, settings: Fingerprint::default(), clock, resume: None };
    let (packed, kept, bytes) = pack_with(entries, &options(compression), earlier, Vec::new()).unwrap();
    (packed, kept.table, bytes)
}

/// Puts a blob into a file and knows its chunks by what is read back from their table.
fn stored(path: &Path, packed: &Packed, table: &ChunkTable, bytes: &[u8]) -> KnownChunks {
    fs::write(path, bytes).unwrap();
    let place = BlobBytes::File { path: path.to_owned(), offset: 0 };
    let mut known = KnownChunks::default();
    let table = ChunkTable::from_bytes(&table.to_bytes()).unwrap();
    known.add(Blob { digest: packed.digest, size: packed.size, bytes: place }, &table);
    known
}

const CODECS: [Compression; 3] = [Compression::Gzip(6), Compression::Zstd(3), Compression::None];

#[test]
fn an_unchanged_layer_is_copied_whole() {
    let folder = tempfile::tempdir().unwrap();
    let mut entries = tree(&[(300_000, 1); 12]);
    entries.push(file("srv/large", text(3 << 20, 2)));
    for compression in CODECS {
        let first = cold(&entries, compression);
        let (packed, table, bytes) = warm(&entries, compression, &KnownChunks::default());
        assert_eq!((&packed, &bytes), (&first.0, &first.1));
        assert_eq!(table.copied(), 0);
        let known = stored(&folder.path().join("blob"), &packed, &table, &bytes);
        let (again, again_table, again_bytes) = warm(&entries, compression, &known);
        assert_eq!((again, again_bytes), first);
        assert_eq!(again_table.copied(), again_table.chunks());
        assert_eq!(table.chunks() > 1, compression != Compression::None, "the tar itself is no table's business");
    }
}

#[test]
fn one_changed_file_deflates_one_or_two_chunks() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = [(100_000, 1); 80];
    let (packed, table, bytes) = warm(&tree(&files), Compression::default(), &KnownChunks::default());
    let known = stored(&folder.path().join("blob"), &packed, &table, &bytes);
    files[40] = (110_000, 2);
    let (_, after, _) = warm(&tree(&files), Compression::default(), &known);
    let deflated = after.chunks() - after.copied();
    assert!(after.chunks() > 5 && (1..=2).contains(&deflated), "{deflated} of {}", after.chunks());
}

#[test]
fn a_blob_that_was_damaged_or_is_gone_is_compressed_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("blob");
    let entries = tree(&[(300_000, 1); 12]);
    let (packed, table, bytes) = warm(&entries, Compression::default(), &KnownChunks::default());
    let known = stored(&path, &packed, &table, &bytes);
    let check = |copied: std::ops::Range<u64>| {
        let (again, table, again_bytes) = warm(&entries, Compression::default(), &known);
        assert_eq!((again, &again_bytes), (packed, &bytes));
        assert!(copied.contains(&table.copied()), "{}", table.copied());
    };
    let chunks = table.chunks();
    let mut flipped = bytes.clone();
    flipped[bytes.len() / 2] ^= 1;
    fs::write(&path, flipped).unwrap();
    check(chunks - 1..chunks);
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    check(1..chunks);
    fs::write(&path, vec![0; bytes.len()]).unwrap();
    check(0..1);
    fs::remove_file(&path).unwrap();
    check(0..1);
}

#[test]
fn a_table_of_another_version_or_length_is_none() {
    let (_, table, _) = warm(&tree(&[(300_000, 1); 4]), Compression::default(), &KnownChunks::default());
    let bytes = table.to_bytes();
    assert_eq!(ChunkTable::from_bytes(&bytes), Some(table));
    assert_eq!(ChunkTable::from_bytes(&bytes[..bytes.len() - 1]), None);
    assert_eq!(ChunkTable::from_bytes(b"dockless chunks 2\n\0\0\0\0"), None);
    assert_eq!(ChunkTable::from_bytes(b""), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_edit_gives_the_bytes_of_a_cold_pack(
        before in proptest::collection::vec((0_usize..400_000, 0_u64..4), 1..16),
        edits in proptest::collection::vec((any::<prop::sample::Index>(), 0_usize..1_500_000, 0_u64..4, 0_u8..3), 0..4),
        zstd in any::<bool>(),
    ) {
        let compression = if zstd { Compression::Zstd(1) } else { Compression::Gzip(1) };
        let folder = tempfile::tempdir().unwrap();
        let (packed, table, bytes) = warm(&tree(&before), compression, &KnownChunks::default());
        let known = stored(&folder.path().join("blob"), &packed, &table, &bytes);
        let mut after = before;
        for (at, length, seed, edit) in edits {
            let at = at.index(after.len());
            match edit {
                0 => after[at] = (length, seed),
                1 => after.insert(at, (length, seed)),
                _ if after.len() > 1 => drop(after.remove(at)),
                _ => {}
            }
        }
        let entries = tree(&after);
        let (again, _, again_bytes) = warm(&entries, compression, &known);
        prop_assert!((again, again_bytes) == cold(&entries, compression));
    }
}
