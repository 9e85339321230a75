//! The index against a map in memory, with so little memory that most of it stands in a file.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::ordered::Ordered;
use super::*;

fn record(number: u64) -> Record {
    Record { kind: Kind::File, mode: 0o644, layer: 1, uid: 0, gid: 0, mtime: number, capability: Span::default() }
}

/// A long key, so that a page holds few of them.
fn key(number: u16) -> Vec<u8> {
    let mut key = vec![b'k'; 1000 + usize::from(number % 7) * 400];
    key[..2].copy_from_slice(&number.to_be_bytes());
    key
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn records_are_those_of_a_map(steps in vec((0..6u8, 0..900u16), 0..3000), sorted in any::<bool>()) {
        let folder = tempfile::tempdir().unwrap();
        let mut index = Ordered::new(folder.path(), 0);
        let mut map = BTreeMap::new();
        let mut steps = steps;
        if sorted {
            steps.sort_by_key(|(_, number)| *number);
        }
        for (step, (what, number)) in steps.into_iter().enumerate() {
            let key = key(number);
            let value = record(step as u64);
            match what {
                0..3 => prop_assert_eq!(index.insert(&key, value).unwrap(), map.insert(key, value)),
                3 => prop_assert_eq!(index.get(&key).unwrap(), map.get(&key).copied()),
                4 => prop_assert_eq!(index.remove(&key).unwrap(), map.remove(&key)),
                _ => {
                    let found = index.first_from(&key).unwrap().map(|(key, value)| (key.to_vec(), value));
                    prop_assert_eq!(found, map.range(key..).next().map(|(key, value)| (key.clone(), *value)));
                }
            }
        }
        let mut from = Vec::new();
        for (key, value) in &map {
            let found = index.first_from(&from).unwrap().expect("as many as in the map");
            prop_assert_eq!((found.0.as_ref(), &found.1), (key.as_slice(), value));
            from = [key.as_slice(), &[0]].concat();
        }
        prop_assert_eq!(index.first_from(&from).unwrap(), None);
        for key in map.keys() {
            index.remove(key).unwrap();
        }
        prop_assert_eq!(index.first_from(&[]).unwrap(), None);
    }
}

#[test]
fn memory_holds_a_fixed_number_of_pages() {
    let folder = tempfile::tempdir().unwrap();
    let mut index = Ordered::new(folder.path(), 0);
    let mut most = 0;
    for number in 0..4000 {
        index.insert(&key(number), record(0)).unwrap();
        most = most.max(index.pages.in_memory());
    }
    assert!(index.pages.spilled());
    assert!(most < 80, "{most} pages");
    assert!(index.pages.bytes() > 4_000_000);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "the file has no name");
}

#[test]
fn pages_that_are_filled_in_order_are_full() {
    let folder = tempfile::tempdir().unwrap();
    let mut index = Ordered::new(folder.path(), 1 << 20);
    for number in 0..10_000u32 {
        index.insert(&number.to_be_bytes(), record(0)).unwrap();
    }
    let cells = 10_000 * (2 + 4 + 45);
    assert!(index.pages.bytes() < cells * 11 / 10, "{} bytes", index.pages.bytes());
    assert!(!index.pages.spilled(), "what fits into memory is not written");
}

#[test]
fn emptied_pages_are_used_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut index = Ordered::new(folder.path(), 0);
    for _ in 0..5 {
        for number in 0..500 {
            index.insert(&key(number), record(0)).unwrap();
        }
        for number in 0..500 {
            index.remove(&key(number)).unwrap();
        }
    }
    assert!(index.pages.bytes() < 3_000_000, "{} bytes", index.pages.bytes());
}

#[test]
fn stored_bytes_come_back_from_memory_and_from_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut table = Table::new(folder.path(), 0);
    let texts: Vec<Vec<u8>> = (0..40u8).map(|number| vec![number; usize::from(number) * 3000]).collect();
    let spans: Vec<Span> = texts.iter().map(|text| table.store(text).unwrap()).collect();
    for (text, span) in texts.iter().zip(spans) {
        assert_eq!(table.stored(span).unwrap(), *text);
        assert_eq!(span.is_empty(), text.is_empty());
    }
}

#[test]
fn a_folder_is_swept_once_a_layer() {
    let folder = tempfile::tempdir().unwrap();
    let mut table = Table::new(folder.path(), 0);
    let Kind::Directory(id) = table.new_folder() else { unreachable!() };
    table.put(ROOT, b"a", Record { kind: Kind::Directory(id), ..record(0) }).unwrap();
    for number in 0..200u32 {
        table.put(id, &number.to_le_bytes().map(|byte| byte | 1), Record { layer: 2, ..record(0) }).unwrap();
    }
    // A whiteout at the end of a layer finds the folder swept, and looks at none of its names.
    table.prune(id, 2).unwrap();
    let before = table.steps();
    for _ in 0..1000 {
        table.prune(id, 2).unwrap();
        table.prune(ROOT, 2).unwrap();
    }
    assert!(table.steps() - before < 10, "{} steps", table.steps() - before);
    table.prune(ROOT, 3).unwrap();
    assert_eq!(table.next_child(ROOT, b"").unwrap(), None);
}
