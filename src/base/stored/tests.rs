//! Files of several levels, in memory and on disk.

use std::collections::BTreeMap;

use super::*;
use crate::base::{Fact, FactKind, Names};

fn fact(mtime: u64) -> Fact {
    let kind = match mtime % 4 {
        0 => FactKind::Directory,
        1 => FactKind::File,
        2 => FactKind::Symlink(mtime.to_string().into_bytes()),
        _ => FactKind::Other,
    };
    let xattrs = mtime.is_multiple_of(5).then(|| ("security.capability".to_owned(), vec![7; 3])).into_iter().collect();
    Fact { kind, mode: 0o4755, uid: u64::from(u32::MAX), gid: 0, mtime, xattrs }
}

/// Paths whose order by bytes and by depth differ, many enough for three levels.
fn paths() -> BTreeMap<ImagePath, Fact> {
    let mut paths = BTreeMap::new();
    for one in ["a", "a-b", "a.b", "b"] {
        for two in 0..30 {
            for three in 0..40 {
                for text in
                    [one.to_owned(), format!("{one}/{two}"), format!("{one}/{two}/{}{three}", "long".repeat(40))]
                {
                    let path = ImagePath::parse(text.as_bytes()).unwrap();
                    let next = paths.len() as u64;
                    paths.entry(path).or_insert_with(|| fact(next));
                }
            }
        }
    }
    paths
}

fn written(paths: &BTreeMap<ImagePath, Fact>, folder: &std::path::Path, memory: usize) -> Reader {
    let mut writer = Writer::new(folder, memory).unwrap();
    for (path, fact) in paths {
        writer.add(path, fact).unwrap();
    }
    writer.finish(&Names { passwd: Some(b"root".to_vec()), group: None }).unwrap()
}

#[test]
fn every_path_and_no_other_is_found_in_memory_and_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let (name, paths) = (folder.path().join("kept"), paths());
    let mut files = Vec::new();
    for memory in [0, usize::MAX] {
        let mut reader = written(&paths, folder.path(), memory);
        reader.persist(&name).unwrap();
        files.push(std::fs::read(&name).unwrap());
        for reader in [reader, Reader::open(&name).unwrap()] {
            assert_eq!(reader.count(), paths.len() as u64);
            assert_eq!(reader.names().passwd.as_deref(), Some(b"root".as_slice()));
            for (path, fact) in paths.iter().step_by(3) {
                assert_eq!(reader.lookup(path).unwrap().as_ref(), Some(fact));
                assert_eq!(reader.lookup(&path.join(b"\x01")).unwrap(), None);
            }
            assert_eq!(reader.lookup(&ImagePath::ROOT).unwrap(), None);
        }
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    assert!(files[0] == files[1], "the same facts are the same bytes");
}

#[test]
fn a_file_without_a_name_vanishes() {
    let folder = tempfile::tempdir().unwrap();
    let reader = written(&paths(), folder.path(), 0);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    drop(reader);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_folder_lists_its_children_alone() {
    let folder = tempfile::tempdir().unwrap();
    let reader = written(&paths(), folder.path(), 0);
    let names = |path: &[u8], limit| {
        let children = reader.children(&ImagePath::parse(path).unwrap(), limit).unwrap();
        children.map(|children| children.into_iter().map(|(name, _)| String::from_utf8(name).unwrap()).collect())
    };
    let of_root: Option<Vec<String>> = names(b"", 4);
    assert_eq!(of_root.unwrap(), ["a", "a-b", "a.b", "b"]);
    assert_eq!(names(b"", 3), None);
    assert_eq!(names(b"a", 30).unwrap().len(), 30);
    assert_eq!(names(b"a/7", 40).unwrap().len(), 40);
    assert_eq!(names(b"a/7/none", 40), Some(Vec::new()));
}

#[test]
fn numbers_come_back_and_overlong_ones_do_not() {
    for number in [0, 1, 127, 128, u64::MAX - 1, u64::MAX] {
        let mut bytes = Vec::new();
        number::put_number(&mut bytes, number);
        assert_eq!(number::number(&mut bytes.as_slice()), Some(number));
    }
    for bytes in [[0x80; 9].as_slice(), &[0xff; 11], &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]] {
        assert_eq!(number::number(&mut &*bytes), None);
    }
}
