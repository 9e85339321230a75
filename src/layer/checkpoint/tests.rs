//! What checkpoints promise: the bytes of a cold pack whatever was edited, and nothing read before them.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs;
use std::sync::Mutex;

use proptest::prelude::*;

use super::*;
use crate::guard::{Guard, Inspection, InspectionOptions};
use crate::layer::{
    Earlier, Kept as KeptLayer, KnownChunks, PackError, PackOptions, Packed, pack, pack_with, plan_parts,
};
use crate::oci::DiffId;
use crate::plan::{Content, Entry, EntryKind, Mtime};
use crate::spec::Compression;
use crate::store::{BlobBytes, FileClock};

const CLOCK: FileClock = FileClock { device: 0, now_ns: 0 };

fn entry(path: &str, kind: EntryKind) -> Entry {
    let (path, xattrs) = (ImagePath::parse(path.as_bytes()).unwrap(), BTreeMap::new());
    Entry { path, kind, mode: 0o644, uid: 0, gid: 0, mtime: Mtime::Content, xattrs }
}

/// Bytes with a secret in each file whose seed is 3.
fn text(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    let mut bytes: Vec<u8> = std::iter::repeat_with(|| b'a' + next() % 16).take(length).collect();
    if seed == 3 {
        bytes.extend_from_slice(b"\nnpm_");
        bytes.extend((0..36).map(|_| b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"[usize::from(next()) % 36]));
        bytes.push(b'\n');
    }
    bytes
}

fn tree(files: &[(usize, u64)]) -> Vec<Entry> {
    let mut contents: BTreeMap<(usize, u64), Arc<[u8]>> = BTreeMap::new();
    let file = |(number, &(length, seed)): (usize, &(usize, u64))| {
        let content = contents.entry((length, seed)).or_insert_with(|| text(length, seed).into());
        entry(&format!("srv/{number:04}"), EntryKind::File(Content::Bytes(Arc::clone(content))))
    };
    let folder = entry("srv", EntryKind::Directory);
    std::iter::once(folder).chain(files.iter().enumerate().map(file)).collect()
}

fn options(compression: Compression) -> PackOptions {
    let inspection = Inspection::new(InspectionOptions {
        guard: Arc::new(Guard::default()),
        platforms: Vec::new(),
        machine_paths: Vec::new(),
        asked: Default::default(),
    });
    PackOptions { compression, threads: 2, inspection: Some(Arc::new(inspection)), ..PackOptions::default() }
}

/// All that is to be the same, however a layer was packed.
type Outcome = (Packed, Vec<u8>, Inspected);

fn cold(entries: &[Entry], compression: Compression) -> Outcome {
    let options = options(compression);
    let (packed, bytes) = pack(entries.iter().cloned().map(Ok::<_, Infallible>), &options, Vec::new()).unwrap();
    (packed, bytes, options.inspection.unwrap().take())
}

/// Packs on checkpoints, and returns what was asked for of the entries too.
fn warm(
    entries: &[Entry],
    compression: Compression,
    known: &Checkpoints,
) -> Result<(Outcome, KeptLayer, usize), PackError<Infallible>> {
    let all = || entries.iter().cloned().map(Ok::<_, Infallible>);
    let [part] = plan_parts(all(), None, &Fingerprint::default(), known).unwrap().try_into().unwrap();
    let last = part.resume.as_ref().map(|(resume, _)| resume.last().clone());
    let is_left = |entry: &Entry| last.as_ref().is_none_or(|last| entry.path > *last);
    let asked = Mutex::new(0);
    let left = all().filter(|entry| is_left(entry.as_ref().unwrap())).inspect(|_| *asked.lock().unwrap() += 1);
    let options = options(compression);
    let chunks = KnownChunks::default();
    let earlier = Earlier { known: &chunks, settings: Fingerprint::default(), clock: CLOCK, resume: part.resume };
    let (packed, kept, bytes) = pack_with(left, &options, earlier, Vec::new())?;
    let asked = *asked.lock().unwrap();
    Ok(((packed, bytes, options.inspection.unwrap().take()), kept, asked))
}

/// Puts a blob into a file and knows its checkpoints by what is read back from their record.
fn stored(path: &std::path::Path, packed: &Packed, kept: &KeptLayer, bytes: &[u8]) -> Checkpoints {
    fs::write(path, bytes).unwrap();
    let place = BlobBytes::File { path: path.to_owned(), offset: 0 };
    let record = serde_json::to_vec(&kept.checkpoints).unwrap();
    let mut known = Checkpoints::default();
    let blob = Blob { digest: packed.digest, size: packed.size, bytes: place };
    known.add(blob, kept.table.clone(), serde_json::from_slice(&record).unwrap());
    known
}

#[test]
fn what_is_before_a_change_is_not_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = [(300_000, 3); 80];
    for compression in [Compression::Gzip(6), Compression::Zstd(3)] {
        let ((packed, bytes, _), kept, asked) = warm(&tree(&files), compression, &Checkpoints::default()).unwrap();
        assert_eq!(asked, 81);
        let known = stored(&folder.path().join("blob"), &packed, &kept, &bytes);
        files[70] = (310_000, files[70].1 + 1);
        let (again, kept, asked) = warm(&tree(&files), compression, &known).unwrap();
        assert!(asked < 40, "{asked} of 81");
        assert!(kept.table.copied() > 1 && kept.checkpoints.len() > 1);
        assert_eq!(again.2.refused.count(), 80 - u64::from(files[70].1 != 3));
        assert!(again == cold(&tree(&files), compression));
    }
}

#[test]
fn a_blob_that_is_not_what_it_was_is_not_continued() {
    let folder = tempfile::tempdir().unwrap();
    let (path, entries) = (folder.path().join("blob"), tree(&[(200_000, 1); 40]));
    let ((packed, bytes, _), kept, _) = warm(&entries, Compression::default(), &Checkpoints::default()).unwrap();
    let known = stored(&path, &packed, &kept, &bytes);
    assert!(warm(&entries, Compression::default(), &known).is_ok());
    let mut flipped = bytes.clone();
    flipped[bytes.len() / 2] ^= 1;
    for damaged in [&flipped, &bytes[..bytes.len() / 2], &[]] {
        fs::write(&path, damaged).unwrap();
        assert!(matches!(warm(&entries, Compression::default(), &known), Err(PackError::Stale)));
    }
    fs::remove_file(&path).unwrap();
    assert!(matches!(warm(&entries, Compression::default(), &known), Err(PackError::Stale)));
}

#[test]
fn there_is_no_checkpoint_behind_a_file_that_may_change_without_a_trace() {
    use crate::tree::{FileStamp, MemorySources, Sources};
    let mut entries = tree(&[(200_000, 1); 40]);
    let (_, kept, _) = warm(&entries, Compression::default(), &Checkpoints::default()).unwrap();
    let fresh = FileStamp { ctime_ns: 1, ..FileStamp::default() };
    let fresh = MemorySources::new().file("x".into(), fresh);
    let mut trace = super::super::tape::Trace::new(Fingerprint::default(), CLOCK);
    entries.truncate(20);
    entries.iter().for_each(|entry| trace.entry(entry));
    assert!(trace.mark(20).is_some() && !kept.checkpoints.is_empty());
    trace.entry(&entry("srv/fresh", EntryKind::File(Content::File(fresh))));
    trace.entry(&entries[19]);
    assert!(trace.mark(22).is_none());
}

#[test]
fn a_state_that_does_not_fit_its_blob_is_left_out() {
    let entries = tree(&[(300_000, 1); 20]);
    let ((packed, bytes, _), kept, _) = warm(&entries, Compression::default(), &Checkpoints::default()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut odd = Hasher::default();
    odd.update(b"x");
    let changes: [&dyn Fn(&mut Checkpoint); 3] =
        [&|point| point.chunks += 100, &|point| point.tar = odd.state(), &|point| point.entries += 1];
    for change in changes {
        let mut kept = KeptLayer { table: kept.table.clone(), checkpoints: kept.checkpoints.clone(), ..kept_of(&kept) };
        kept.checkpoints.iter_mut().for_each(change);
        let known = stored(&folder.path().join("blob"), &packed, &kept, &bytes);
        let (again, _, asked) = warm(&entries, Compression::default(), &known).unwrap();
        assert_eq!((again.0, asked), (packed, entries.len()));
    }
}

fn kept_of(kept: &KeptLayer) -> KeptLayer {
    KeptLayer { table: kept.table.clone(), checkpoints: Vec::new(), fingerprint: kept.fingerprint.clone() }
}

#[test]
fn a_cut_that_the_next_entry_made_is_no_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let compression = Compression::default();
    // A large file ends the chunk before it; so does one that would make the chunk too long.
    for before in [vec![(10, 1), (2_200_000, 0)], vec![(900_000, 0); 5]] {
        let ((packed, bytes, _), kept, _) = warm(&tree(&before), compression, &Checkpoints::default()).unwrap();
        let known = stored(&folder.path().join("blob"), &packed, &kept, &bytes);
        for left in 1..before.len() {
            let after = tree(&before[..left]);
            assert!(warm(&after, compression, &known).unwrap().0 == cold(&after, compression), "{left}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_edit_gives_what_a_cold_pack_gives(
        before in proptest::collection::vec((0_usize..400_000, 0_u64..4), 1..24),
        edits in proptest::collection::vec((any::<prop::sample::Index>(), 0_usize..2_500_000, 0_u64..4, 0_u8..3), 0..4),
        zstd in any::<bool>(),
    ) {
        let compression = if zstd { Compression::Zstd(1) } else { Compression::Gzip(1) };
        let folder = tempfile::tempdir().unwrap();
        let (mut files, mut known) = (before, Checkpoints::default());
        // Each edit goes on from the state that the one before left.
        for (round, (at, length, seed, edit)) in edits.into_iter().enumerate() {
            let (outcome, kept, _) = warm(&tree(&files), compression, &known).unwrap();
            prop_assert!(outcome == cold(&tree(&files), compression));
            known = stored(&folder.path().join(round.to_string()), &outcome.0, &kept, &outcome.1);
            let at = at.index(files.len());
            match edit {
                0 => files[at] = (length, seed),
                1 => files.insert(at, (length, seed)),
                _ if files.len() > 1 => drop(files.remove(at)),
                _ => {}
            }
        }
        let (outcome, ..) = warm(&tree(&files), compression, &known).unwrap();
        prop_assert!(outcome == cold(&tree(&files), compression));
        let diff_id = DiffId(outcome.0.diff_id.0);
        prop_assert_eq!(diff_id, cold(&tree(&files), compression).0.diff_id);
    }
}
