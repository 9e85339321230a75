//! What parts promise: whole trees each, the same files together, and cuts that stay where they are.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use proptest::prelude::*;

use super::*;
use crate::plan::{Content, Mtime};

fn entry(path: &str, kind: EntryKind) -> Entry {
    let (path, xattrs) = (ImagePath::parse(path.as_bytes()).unwrap(), BTreeMap::new());
    Entry { path, kind, mode: 0o755, uid: 0, gid: 0, mtime: Mtime::Content, xattrs }
}

fn file(path: &str, length: usize) -> Entry {
    entry(path, EntryKind::File(Content::Bytes(vec![b'x'; length].into())))
}

fn folder(path: &str) -> Entry {
    entry(path, EntryKind::Directory)
}

/// Packages in one folder, each a folder with a file and a folder below it.
fn packages(lengths: impl IntoIterator<Item = usize>) -> Vec<Entry> {
    let mut entries = vec![folder("srv"), folder("srv/modules")];
    for (number, length) in lengths.into_iter().enumerate() {
        let package = format!("srv/modules/{number:04}");
        entries.extend([
            folder(&package),
            folder(&format!("{package}/lib")),
            file(&format!("{package}/lib/a"), length),
            file(&format!("{package}/package.json"), 700),
        ]);
    }
    entries.push(file("srv/start", 10));
    entries
}

fn plan(entries: &[Entry], at: Option<u64>) -> Vec<Part> {
    plan_parts(entries.iter().cloned().map(Ok::<_, Infallible>), at, &Fingerprint::default(), &Checkpoints::default())
        .unwrap()
}

/// Returns entries as a walk from a place on does.
fn from(entries: &[Entry], start: Option<&ImagePath>) -> Vec<Entry> {
    let is_left = |entry: &&Entry| start.is_none_or(|start| entry.path >= *start || start.starts_with(&entry.path));
    entries.iter().filter(is_left).cloned().collect()
}

fn cut(entries: &[Entry], plan: &[Part]) -> Vec<Vec<Entry>> {
    let part = |number: usize| {
        let start = plan[number].start.as_ref();
        let next = plan.get(number + 1).and_then(|next| next.start.clone());
        part_entries(from(entries, start).into_iter().map(Ok::<_, Infallible>), next).collect::<Result<_, _>>()
    };
    (0..plan.len()).map(|number| part(number).unwrap()).collect()
}

/// What tells parts apart.
fn shown(plan: &[Part]) -> Vec<(Option<ImagePath>, u64, Option<Digest>)> {
    plan.iter().map(|part| (part.start.clone(), part.entries, part.fingerprint)).collect()
}

fn fingerprint(entries: &[Entry]) -> Option<Digest> {
    let mut fingerprint = Fingerprint::default();
    entries.iter().for_each(|entry| fingerprint.entry(entry));
    fingerprint.finish()
}

#[test]
fn a_layer_up_to_the_size_is_one_part() {
    let entries = packages([1000; 50]);
    let total: u64 = entries.iter().map(weight).sum();
    let whole = (None, entries.len() as u64, fingerprint(&entries));
    assert_eq!(shown(&plan(&entries, None)), std::slice::from_ref(&whole));
    assert_eq!(shown(&plan(&entries, Some(total))), [whole]);
    assert!(plan(&entries, Some(total - 1)).len() > 1);
    assert_eq!(shown(&plan(&[], Some(1))), [(None, 0, fingerprint(&[]))]);
}

#[test]
fn a_part_repeats_the_folders_above_it_as_they_are() {
    let mut entries = packages([3000; 200]);
    entries[1].mode = 0o2775;
    let plan = plan(&entries, Some(100 << 10));
    assert!(plan.len() > 5, "{}", plan.len());
    for (planned, part) in plan.iter().zip(cut(&entries, &plan)).skip(1) {
        assert_eq!(part[..2], entries[..2]);
        assert!(part.iter().any(|entry| Some(&entry.path) == planned.start.as_ref()));
    }
}

#[test]
fn the_cuts_of_format_1_stand() {
    let starts: Vec<String> = plan(&packages([3000; 200]), Some(200 << 10))
        .iter()
        .flat_map(|part| &part.start)
        .map(ToString::to_string)
        .collect();
    assert_eq!(starts, STARTS);
}

/// A change moves all files of split layers to other layers, and needs a line in the changelog.
const STARTS: [&str; 14] = [
    "/srv/modules/0010",
    "/srv/modules/0031",
    "/srv/modules/0049",
    "/srv/modules/0059",
    "/srv/modules/0073",
    "/srv/modules/0095",
    "/srv/modules/0107",
    "/srv/modules/0116",
    "/srv/modules/0126",
    "/srv/modules/0144",
    "/srv/modules/0154",
    "/srv/modules/0163",
    "/srv/modules/0175/lib",
    "/srv/modules/0198",
];

#[test]
fn a_removal_stays_with_its_folder() {
    let mut entries = Vec::new();
    for number in 0..300 {
        let path = format!("d{number:03}");
        entries.extend([folder(&path), file(&format!("{path}/.wh.old"), 0), folder(&format!("{path}/new"))]);
        entries.push(file(&format!("{path}/new/a"), 2000));
    }
    let plan = plan(&entries, Some(50 << 10));
    assert!(plan.len() > 5);
    for part in cut(&entries, &plan) {
        for (before, entry) in part.iter().zip(&part[1..]) {
            let is_removal = entry.path.file_name().is_some_and(|name| name.starts_with(b".wh."));
            assert!(!is_removal || Some(&before.path) == entry.path.parent().as_ref(), "{}", entry.path);
        }
    }
}

#[test]
fn folders_that_are_gone_since_the_plan_lose_nothing_else() {
    let entries = packages([3000; 200]);
    let plan = plan(&entries, Some(100 << 10));
    let gone = plan[2].start.clone().unwrap();
    let left: Vec<Entry> = entries.iter().filter(|entry| !entry.path.starts_with(&gone)).cloned().collect();
    let all: BTreeSet<Vec<u8>> =
        cut(&left, &plan).iter().flatten().map(|entry| entry.path.as_bytes().to_vec()).collect();
    assert_eq!(all, left.iter().map(|entry| entry.path.as_bytes().to_vec()).collect());
}

#[test]
fn one_package_of_500_that_changes_moves_few_bytes() {
    // Sizes as packages have them: most are small, few are large.
    let length = |number: usize| 1000 + (number * 7919 % 97) * (number * 104_729 % 89) * 20;
    let sizes: Vec<usize> = (0..500).map(length).collect();
    let total: u64 = packages(sizes.iter().copied()).iter().map(weight).sum();
    let at = total / 8;
    let before: BTreeSet<_> =
        plan(&packages(sizes.iter().copied()), Some(at)).into_iter().map(|it| it.fingerprint).collect();
    assert!((9..32).contains(&before.len()), "{} parts", before.len());
    let mut worst = 0;
    for changed in (0..500).step_by(7) {
        let mut sizes = sizes.clone();
        sizes[changed] = sizes[changed] * 3 / 2 + 5000;
        let entries = packages(sizes);
        let plan = plan(&entries, Some(at));
        let parts = plan.iter().zip(cut(&entries, &plan));
        let moved = parts.filter(|(planned, _)| !before.contains(&planned.fingerprint));
        let moved: u64 = moved.flat_map(|(_, entries)| entries).map(|entry| weight(&entry)).sum();
        worst = worst.max(moved);
    }
    assert!(worst <= 2 * at, "{worst} of {total} moved, at {at}");
}

proptest! {
    #[test]
    fn parts_hold_all_entries_once_and_each_is_a_tree(
        lengths in proptest::collection::vec(0_usize..20_000, 1..120),
        at in 600_u64..400_000,
    ) {
        let entries = packages(lengths);
        let plan = plan(&entries, Some(at));
        let parts = cut(&entries, &plan);
        let mut all = Vec::new();
        for (planned, part) in plan.iter().zip(&parts) {
            // Packed is what was planned.
            prop_assert_eq!((planned.entries, planned.fingerprint), (part.len() as u64, fingerprint(part)));
            let mut seen = BTreeSet::from([ImagePath::ROOT]);
            for entry in part {
                prop_assert!(seen.contains(&entry.path.parent().unwrap()), "{} has no folder", entry.path);
                prop_assert!(seen.insert(entry.path.clone()), "{} comes twice", entry.path);
                if !all.contains(entry) {
                    all.push(entry.clone());
                }
            }
        }
        prop_assert_eq!(all, entries);
    }
}
