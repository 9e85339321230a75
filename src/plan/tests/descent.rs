//! Which folders are looked into: those that are left out are not, unless an exception may admit something below them.

use std::sync::Mutex;

use super::*;
use crate::tree::{FileStamp, Listing, Node, SourceFile, TreeError};

/// A project that notes which folders were listed.
struct Listed(MemorySources, Mutex<Vec<PathBuf>>);

impl Sources for Arc<Listed> {
    fn stat(&self, path: &Path) -> Result<Option<Node>, TreeError> {
        self.0.stat(path)
    }

    fn list(&self, folder: &Path) -> Result<Listing, TreeError> {
        self.1.lock().unwrap().push(folder.to_owned());
        self.0.list(folder)
    }

    fn file(&self, path: PathBuf, stamp: FileStamp) -> SourceFile {
        self.0.file(path, stamp)
    }

    fn read(&self, path: &Path, limit: u64) -> Result<Option<Vec<u8>>, TreeError> {
        self.0.read(path, limit)
    }
}

const PROJECT: [&str; 7] = ["a/deep/x", "a/keep/x", "a/x", "b/deep/x", "b/x.md", "c/x", "x"];

/// Lays out the whole project and returns the folders that were listed on the way.
fn listed(ignore_file: &str, layer: LayerSpec) -> Vec<String> {
    let mut sources = project(&PROJECT);
    sources.text(".dockerignore", ignore_file);
    let listed = Arc::new(Listed(sources, Mutex::default()));
    place(&base(&[]), Arc::clone(&listed), &[(layer, "/app")]).unwrap();
    let mut folders: Vec<String> =
        listed.1.lock().unwrap().iter().map(|folder| folder.display().to_string()).filter(|f| !f.is_empty()).collect();
    folders.sort();
    folders.dedup();
    folders
}

#[test]
fn an_ignored_folder_is_entered_only_for_an_exception() {
    for (patterns, expected) in [
        ("", "a a/deep a/keep b b/deep c"),
        ("a\nb/\n", "c"),
        ("*\n!x\n", ""),
        ("a\n!a/keep\n", "a a/keep b b/deep c"),
        ("a\n!a/keep/y/z\n", "a a/keep b b/deep c"),
        ("!a/keep\na\n", "b b/deep c"),
        ("*\n!b/*.md\n", "b"),
        ("**\n!c\n", "c"),
        ("**/deep\n", "a a/keep b c"),
        ("a\nb\n!**/*.md\n", "a a/deep a/keep b b/deep c"),
    ] {
        assert_eq!(listed(patterns, layer(".")).join(" "), expected, "{patterns:?}");
    }
}

#[test]
fn an_excluded_folder_is_entered_only_for_an_exception_and_another_only_for_an_include() {
    let with = |include: &[&str], exclude: &[&str]| {
        let mut layer = layer(".");
        let source = layer.source.as_mut().expect("files of the project");
        source.include = include.iter().map(ToString::to_string).collect();
        source.exclude = exclude.iter().map(ToString::to_string).collect();
        listed("", layer).join(" ")
    };
    assert_eq!(with(&[], &["a", "b"]), "c");
    assert_eq!(with(&[], &["a", "b", "!b/x.md"]), "b c");
    assert_eq!(with(&["a/keep", "x"], &[]), "a a/keep");
    assert_eq!(with(&["*/x"], &["c"]), "a b");
}
