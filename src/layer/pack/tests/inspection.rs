//! What a layer is looked at for on the way: every file once, with no trace in the bytes.

use super::*;
use crate::guard::{AskedKind, Guard, Inspected, InspectionOptions, Program, Secret};
use crate::tree::{ProjectRoot, SourceFile, stamp_of};

fn inspection() -> Arc<Inspection> {
    let asked = ["srv/serve", "srv", "srv/link", "srv/empty"].map(|path| ImagePath::parse(path.as_bytes()).unwrap());
    Arc::new(Inspection::new(InspectionOptions {
        guard: Arc::new(Guard::default()),
        platforms: vec!["linux/amd64".parse().unwrap()],
        machine_paths: Vec::new(),
        asked: asked.into(),
    }))
}

/// Packs with an inspection, and returns what it saw.
fn inspected(entries: &[Entry], options: PackOptions) -> (Packed, Inspected) {
    let options = PackOptions { inspection: Some(inspection()), ..options };
    let packed = packed(entries, &options).0;
    (packed, options.inspection.unwrap().take())
}

fn token(seed: u64) -> Vec<u8> {
    let letters =
        noise(36, seed).into_iter().map(|byte| b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"[usize::from(byte) % 36]);
    b"npm_".iter().copied().chain(letters).collect()
}

/// The trees of the other tests, with secrets in files of every length and on both sides of every seam.
fn tree_with_secrets() -> Vec<Entry> {
    let mut entries = large_tree();
    for (number, length) in [0_usize, 100, 1 << 20, (1 << 20) + 1, (2 << 20) + 20, 3_000_000].into_iter().enumerate() {
        let mut content = b"#\n".repeat(length / 2);
        content.truncate(length.saturating_sub(20));
        content.extend_from_slice(b"\n");
        content.extend(token(number as u64));
        content.extend(b" ".repeat(length / 3));
        entries.push(file(&format!("s/{number}"), &content));
    }
    entries
}

#[test]
fn an_inspection_leaves_no_trace_in_the_bytes() {
    for tree in [small_tree(), tree_with_secrets()] {
        for compression in [Compression::Gzip(6), Compression::None] {
            let options = options(compression, 2, 0);
            assert_eq!(inspected(&tree, options.clone()).0, packed(&tree, &options).0);
        }
    }
}

#[test]
fn each_file_is_looked_at_once_whatever_its_length_and_the_threads() {
    let first = inspected(&tree_with_secrets(), options(Compression::None, 1, 0)).1;
    let found: Vec<_> = first.refused.kept.iter().map(|finding| (finding.path.as_str(), finding.what)).collect();
    let expected = ["s/0", "s/1", "s/2", "s/3", "s/4", "s/5"].map(|path| (path, Secret::NpmToken));
    assert_eq!((found, first.refused.more), (expected.to_vec(), 0));
    assert_eq!(inspected(&tree_with_secrets(), options(Compression::Gzip(1), 8, 64 << 20)).1, first);
}

#[test]
fn files_folders_and_links_that_were_asked_for_are_told() {
    let asked = inspected(&small_tree(), options(Compression::None, 2, 0)).1.asked;
    let kinds: Vec<(String, u32, AskedKind)> =
        asked.into_iter().map(|(path, asked)| (path.to_string(), asked.mode, asked.kind)).collect();
    let script = Program::Script { interpreter: b"/bin/sh".to_vec(), rest: Vec::new() };
    assert_eq!(
        kinds,
        [
            ("/srv".to_owned(), 0o644, AskedKind::Directory),
            ("/srv/empty".to_owned(), 0o644, AskedKind::File(None)),
            ("/srv/link".to_owned(), 0o777, AskedKind::Symlink(b"../etc/shop".to_vec())),
            ("/srv/serve".to_owned(), 0o4755, AskedKind::File(Some(script))),
        ]
    );
}

#[test]
fn a_file_on_disk_is_shown_by_its_path_in_the_project() {
    let folder = tempfile::tempdir().unwrap();
    let root = Arc::new(ProjectRoot::open(folder.path()).unwrap());
    for (name, length) in [("small", 10), ("large", 2 << 20)] {
        std::fs::write(folder.path().join(name), [b"\n".repeat(length), token(3)].concat()).unwrap();
        let stamp = stamp_of(&std::fs::File::open(folder.path().join(name)).unwrap()).unwrap();
        let content = Content::File(SourceFile::new(Arc::clone(&root), name.into(), stamp));
        let seen = inspected(&[entry("srv/f", EntryKind::File(content))], options(Compression::None, 2, 0)).1;
        let found: Vec<_> = seen.refused.kept.iter().map(|finding| (finding.path.as_str(), finding.line)).collect();
        assert_eq!(found, [(name, Some(length as u64 + 1))]);
    }
}
