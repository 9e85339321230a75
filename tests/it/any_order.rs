//! Promise 1 for trees that nobody thought of: the order in which files came to be has no say in the bytes.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::support::Runner;

/// What is to stand at a path.
#[derive(Clone, Debug)]
enum Thing {
    Folder,
    File(Vec<u8>),
    Link(Vec<u8>),
}

/// Names that sort differently by bytes, by letters and by path: short ones of few letters, and some with odd bytes.
fn name() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![4 => b'a'..=b'c', 2 => Just(b'-'), 1 => Just(b'A'), 1 => 1_u8..=b'.', 1 => b'0'..=255_u8];
    let name = prop::collection::vec(byte, 1..5);
    name.prop_filter("a name", |name| *name != b"." && *name != b".." && !name.starts_with(b".wh."))
}

fn thing() -> impl Strategy<Value = Thing> {
    prop_oneof![
        Just(Thing::Folder),
        prop::collection::vec(any::<u8>(), 0..300).prop_map(Thing::File),
        prop::collection::vec(1_u8..=255, 1..150).prop_map(Thing::Link),
    ]
}

/// Things with paths, of which none is below a thing that is no folder, in two orders.
fn things() -> impl Strategy<Value = [Vec<(PathBuf, Thing)>; 2]> {
    let thing = (prop::collection::vec(name(), 1..4), thing());
    let things = prop::collection::vec(thing, 1..20).prop_map(|things| {
        let (mut taken, mut folders, mut kept) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
        for (names, thing) in things {
            let path = PathBuf::from(OsStr::from_bytes(&names.join(&b'/')));
            let above: Vec<PathBuf> = path.ancestors().skip(1).map(Path::to_owned).collect();
            if taken.contains(&path) || folders.contains(&path) || above.iter().any(|path| taken.contains(path)) {
                continue;
            }
            folders.extend(above);
            let folder = matches!(thing, Thing::Folder);
            if folder {
                folders.insert(path.clone())
            } else {
                taken.insert(path.clone())
            };
            kept.push((path, thing));
        }
        kept
    });
    let both = things.prop_flat_map(|things| (Just(things.clone()), Just(things).prop_shuffle()));
    both.prop_map(|(one, other)| [one, other])
}

fn make(project: &Path, things: &[(PathBuf, Thing)]) {
    let app = project.join("app");
    fs::create_dir_all(&app).expect("a folder");
    fs::write(app.join("always"), "there").expect("a file");
    for (path, thing) in things {
        let path = app.join(path);
        fs::create_dir_all(path.parent().expect("an inner path")).expect("a folder");
        match thing {
            Thing::Folder => fs::create_dir_all(&path).expect("a folder"),
            Thing::File(bytes) => fs::write(&path, bytes).expect("a file"),
            Thing::Link(target) => std::os::unix::fs::symlink(OsStr::from_bytes(target), &path).expect("a link"),
        }
    }
    let build = "version: 1\nname: example.com/a\nbase: scratch\nplatforms: [linux/amd64]\n\
                 layers:\n  - {from: app, to: /app}\n";
    fs::write(project.join("build.yaml"), build).expect("a build file");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(16) })]

    #[test]
    fn shuffled_files_give_equal_bytes(orders in things()) {
        let folder = tempfile::tempdir().expect("a folder");
        let runner = Runner::new();
        let runs = [0, 1].map(|number| {
            let project = folder.path().join(number.to_string());
            make(&project, &orders[number]);
            runner.run(&project, &["build", "--no-cache"])
        });
        prop_assert_eq!(runs[0].code, 0, "{}", runs[0].stderr);
        prop_assert_eq!(&runs[0].stdout, &runs[1].stdout);
    }
}
