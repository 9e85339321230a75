//! Order, uniqueness and independence of how a disk lists its folders, on random trees.

use proptest::prelude::*;

use super::*;
use crate::tree::{FileStamp, Listing, Node, SourceFile, TreeError};

/// Names that sort badly: prefixes of each other, bytes around the slash, links of the base.
const NAMES: [&str; 7] = ["a", "a-b", "a.b", "b", "lib", "x", "usr"];

fn any_path() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(&NAMES[..]), 1..6).prop_map(|names| names.join("/"))
}

/// Keeps the paths of which none is above another: they are files.
fn files_of(paths: Vec<String>) -> Vec<String> {
    let above = |path: &str| paths.iter().any(|other| other.starts_with(&format!("{path}/")));
    paths.iter().filter(|path| !above(path)).map(|path| format!("f/{path}")).collect()
}

proptest! {
    #[test]
    fn entries_are_sorted_unique_and_after_their_folders(
        one in prop::collection::vec(any_path(), 1..30),
        two in prop::collection::vec(any_path(), 1..30),
    ) {
        let facts = base(&["lib -> usr/lib", "usr/", "usr/lib/", "usr/x -> /a/b", "a/", "a/b/", "b/", "b/a -> ../usr"]);
        let (one, two) = (files_of(one), files_of(two));
        let mut sources = MemorySources::new();
        for path in &one {
            sources.text(path, "x");
        }
        for path in &two {
            sources.text(path.replacen('f', "g", 1), "x");
        }
        // A random tree may clash with the base or with itself; then it is an error, and never a wrong order.
        let layers = [(layer("f"), "/"), (layer("g"), "/lib")];
        let specs: Vec<LayerSpec> = layers.iter().map(|(spec, _)| spec.clone()).collect();
        let to = [path("/"), path("/lib")];
        let placed = Placement::new(facts, &Roots::project(Arc::new(sources)), &specs, &to, &LeftOut::default());
        if let Ok(placement) = placed {
            for index in 0..2 {
                let entries: Vec<Entry> = placement.entries(index).map_while(Result::ok).collect();
                assert_in_order(&entries);
                let again: Vec<Entry> = placement.entries(index).map_while(Result::ok).collect();
                prop_assert_eq!(entries, again);
            }
        }
    }

    #[test]
    fn every_file_of_a_tree_arrives_once(paths in prop::collection::vec(any_path(), 1..40)) {
        let files = files_of(paths);
        let mut sources = MemorySources::new();
        for path in &files {
            sources.text(path, "x");
        }
        let all = place(&base(&[]), sources, &[(layer("f"), "/")]).unwrap();
        assert_in_order(&all[0]);
        let mut expected: Vec<ImagePath> = files.iter().map(|file| path(&file[2..])).collect();
        expected.sort();
        expected.dedup();
        let arrived: Vec<ImagePath> = all[0]
            .iter()
            .filter(|entry| entry.kind != EntryKind::Directory)
            .map(|entry| entry.path.clone())
            .collect();
        prop_assert_eq!(arrived, expected);
    }
}

/// A disk that notes how it is asked.
struct Asked(MemorySources, std::sync::atomic::AtomicUsize, std::sync::atomic::AtomicUsize);

impl Sources for Arc<Asked> {
    fn stat(&self, path: &Path) -> Result<Option<Node>, TreeError> {
        self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        self.0.stat(path)
    }

    fn list(&self, folder: &Path) -> Result<Listing, TreeError> {
        self.2.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        self.0.list(folder)
    }

    fn file(&self, path: PathBuf, stamp: FileStamp) -> SourceFile {
        self.0.file(path, stamp)
    }

    fn read(&self, path: &Path, limit: u64) -> Result<Option<Vec<u8>>, TreeError> {
        self.0.read(path, limit)
    }
}

#[test]
fn folders_are_listed_once_when_their_entries_are_due_and_files_are_not_asked_for_one_by_one() {
    let mut sources = MemorySources::new();
    for folder in 0..20 {
        for name in 0..50 {
            sources.text(format!("f/{folder}/{name}"), "x");
        }
    }
    sources.text("docker-files/etc/x", "x").text(".dockerignore", "ignored\n").text("ignored/deep/x", "x");
    let asked = Arc::new(Asked(sources, 0.into(), 0.into()));
    let layers = [layer("docker-files"), layer(".")];
    let facts = base(&["etc/", "bin -> usr/bin", "srv/"]);
    let to = [path("/"), path("/srv/app")];
    let placement =
        Placement::new(facts, &Roots::project(Arc::new(Arc::clone(&asked))), &layers, &to, &LeftOut::default())
            .unwrap();
    let (stats, lists) = (&asked.1, &asked.2);
    let relaxed = std::sync::atomic::Ordering::Relaxed;
    stats.store(0, relaxed);
    lists.store(0, relaxed);
    let mut entries = placement.entries(1);
    assert_eq!(entries.next().unwrap().unwrap().path, path("srv"));
    assert!(lists.load(relaxed) <= 2, "only the folders on the way are listed");
    // `/srv/app`, `.dockerignore` and `f`; then the folders and files in it.
    assert_eq!(entries.filter(Result::is_ok).count(), 3 + 20 + 20 * 50);
    // The project, `f`, and the twenty folders in it; the ignored one is not entered.
    assert_eq!(lists.load(relaxed), 22);
    assert!(stats.load(relaxed) < 10, "{} questions beside the listings", stats.load(relaxed));
}
