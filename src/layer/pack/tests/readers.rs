//! What others read is what was written.

use super::*;
use proptest::prelude::*;

/// An entry as the `tar` crate reads it.
#[derive(Debug, PartialEq)]
struct Found {
    path: Vec<u8>,
    kind: tar::EntryType,
    link: Option<Vec<u8>>,
    mode: u32,
    owners: (u64, u64),
    mtime: u64,
    xattrs: BTreeMap<String, Vec<u8>>,
    content: Vec<u8>,
}

fn read(blob: &[u8]) -> Vec<Found> {
    tar::Archive::new(blob).entries().unwrap().map(|entry| found(entry.unwrap())).collect()
}

fn found(mut entry: tar::Entry<'_, &[u8]>) -> Found {
    let (mut xattrs, mut mtime) = (BTreeMap::new(), entry.header().mtime().unwrap());
    for record in entry.pax_extensions().unwrap().into_iter().flatten() {
        let record = record.unwrap();
        match record.key().unwrap() {
            "mtime" => mtime = record.value().unwrap().parse().unwrap(),
            key => {
                if let Some(name) = key.strip_prefix("SCHILY.xattr.") {
                    xattrs.insert(name.to_owned(), record.value_bytes().to_vec());
                }
            }
        }
    }
    let mut content = Vec::new();
    entry.read_to_end(&mut content).unwrap();
    let header = entry.header();
    assert!(header.as_ustar().is_some(), "never GNU");
    Found {
        path: entry.path_bytes().into_owned(),
        kind: header.entry_type(),
        link: entry.link_name_bytes().map(std::borrow::Cow::into_owned),
        mode: header.mode().unwrap(),
        owners: (header.uid().unwrap(), header.gid().unwrap()),
        mtime,
        xattrs,
        content,
    }
}

/// Returns what a reader is to find for an entry.
fn expected(entry: &Entry) -> Found {
    let mut path = entry.path.as_bytes().to_vec();
    let (kind, link, content) = match &entry.kind {
        EntryKind::Directory => {
            path.push(b'/');
            (tar::EntryType::Directory, None, Vec::new())
        }
        EntryKind::File(Content::Bytes(bytes)) => (tar::EntryType::Regular, None, bytes.to_vec()),
        EntryKind::File(Content::File(_)) => unreachable!("these tests hold all in memory"),
        EntryKind::Symlink(target) => (tar::EntryType::Symlink, Some(target.clone()), Vec::new()),
    };
    let mtime = match (entry.mtime, &entry.kind) {
        (Mtime::Seconds(seconds), _) => seconds,
        (Mtime::Content, EntryKind::File(_)) => {
            let first = Digest::of(&content).hex()[..16].to_owned();
            315_532_800 + u64::from_str_radix(&first, 16).unwrap() % 1_000_000_000
        }
        (Mtime::Content, _) => 1,
    };
    let (mode, owners, xattrs) = (entry.mode, (entry.uid, entry.gid), entry.xattrs.clone());
    Found { path, kind, link, mode, owners, mtime, xattrs, content }
}

fn name() -> impl Strategy<Value = Vec<u8>> {
    // Any byte but the slash, and none up to the line feed, at which this reader ends a PAX record too early. Lengths on
    // both sides of every limit of ustar.
    let byte = prop_oneof![8 => b'a'..=b'z', 1 => 11_u8..=b'.', 1 => b'0'..=255_u8];
    let length = prop_oneof![4 => 1_usize..30, 1 => 95_usize..105, 1 => 150_usize..160, 1 => 250_usize..=255];
    (length, byte.clone()).prop_flat_map(move |(length, _)| prop::collection::vec(byte.clone(), length))
}

fn path() -> impl Strategy<Value = ImagePath> {
    prop::collection::vec(name(), 1..4)
        .prop_filter_map("a path", |names| ImagePath::parse(&names.join(&b'/')).filter(|path| !path.is_root()))
}

fn kind() -> impl Strategy<Value = EntryKind> {
    prop_oneof![
        Just(EntryKind::Directory),
        prop::collection::vec(any::<u8>(), 0..2000).prop_map(|bytes| EntryKind::File(Content::Bytes(bytes.into()))),
        prop::collection::vec(11_u8..=255, 1..250).prop_map(EntryKind::Symlink),
    ]
}

fn any_entry() -> impl Strategy<Value = Entry> {
    let owner = || prop_oneof![Just(0), 0_u64..70_000, 2_097_150_u64..2_097_154, 0..=u64::from(u32::MAX)];
    let mtime = prop_oneof![
        Just(Mtime::Content),
        (0_u64..1 << 31).prop_map(Mtime::Seconds),
        (8_589_934_590_u64..8_589_934_594).prop_map(Mtime::Seconds)
    ];
    let xattrs = prop::collection::btree_map("user\\.[a-z]{1,8}", prop::collection::vec(11_u8..=255, 1..40), 0..3);
    (path(), kind(), 0_u32..0o10000, owner(), owner(), mtime, xattrs)
        .prop_map(|(path, kind, mode, uid, gid, mtime, xattrs)| Entry { path, kind, mode, uid, gid, mtime, xattrs })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn another_reader_finds_every_entry_as_it_was(entries in prop::collection::vec(any_entry(), 0..12)) {
        let (packed, blob) = packed(&entries, &options(Compression::None, 1, 0));
        prop_assert_eq!(packed.entries, entries.len() as u64);
        prop_assert_eq!(read(&blob), entries.iter().map(expected).collect::<Vec<_>>());
    }
}

#[test]
fn every_codec_reads_back_to_the_small_tree() {
    let tree: Vec<Found> = small_tree().iter().map(expected).collect();
    let blob = |compression| packed(&small_tree(), &options(compression, 2, 0)).1;
    assert_eq!(read(&blob(Compression::None)), tree);
    assert_eq!(read(&gunzip(&blob(Compression::Gzip(6)))), tree);
    assert_eq!(read(&zstd::decode_all(&blob(Compression::Zstd(3))[..]).unwrap()), tree);
}
