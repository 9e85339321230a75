//! Layers in the hands of others: whatever tree is packed, GNU tar, bsdtar and a reader by the letter of POSIX find it
//! as it was.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use dockless::layer::{PackOptions, pack};
use dockless::oci::ImagePath;
use dockless::plan::{Content, Entry, EntryKind, Mtime};
use dockless::spec::Compression;
use proptest::prelude::*;

use crate::support::layers::apply;
use crate::support::process::{run, run_within};
use crate::support::servers::folder;
use crate::support::tree::{Kind, Node, Tree, differences, read};
use crate::support::workbench::Workbench;

/// Both keep numbers, modes and attributes of what they unpack, and read names as the bytes that they are. Without `-P`
/// bsdtar takes what begins with a backslash, or with a letter and a colon, for a path of another system and cuts it off.
const READERS: [&[&str]; 2] = [
    &["tar", "-x", "-p", "--same-owner", "--numeric-owner", "--xattrs", "--xattrs-include=*", "-f", "-"],
    &["bsdtar", "-x", "-P", "-p", "--same-owner", "--numeric-owner", "--xattrs", "-f", "-"],
];

/// Any name that a disk can hold, with lengths on both sides of every limit of tar.
fn name() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![8 => b'a'..=b'z', 1 => 1_u8..=b'.', 1 => b'0'..=255_u8];
    let length = prop_oneof![6 => 1_usize..20, 1 => 95_usize..105, 1 => 150_usize..160, 1 => 250_usize..=255];
    let name = length.prop_flat_map(move |length| prop::collection::vec(byte.clone(), length));
    name.prop_filter("a name", |name| *name != b"." && *name != b".." && !name.starts_with(b".wh."))
}

fn kind() -> impl Strategy<Value = Kind> {
    let length = prop_oneof![4 => 1_usize..30, 1 => 95_usize..105, 1 => 200_usize..300];
    let target = length.prop_flat_map(|length| prop::collection::vec(1_u8..=255, length));
    // A file is held by its length and its digest: its bytes are made again of its length.
    let content = prop_oneof![Just(0), Just(512), 1_usize..5000].prop_map(|length| Kind::file(&bytes(length as u64)));
    prop_oneof![2 => Just(Kind::Folder), 3 => content, 1 => target.prop_map(Kind::Link)]
}

/// Content of a length.
fn bytes(length: u64) -> Vec<u8> {
    (0..length).map(|at| (at * 31 + length) as u8).collect()
}

fn owner() -> impl Strategy<Value = u32> {
    // The largest number means "leave the owner as it is" to the system.
    prop_oneof![Just(0), 0_u32..70_000, 2_097_150_u32..2_097_154, 0..u32::MAX]
}

fn xattrs() -> impl Strategy<Value = BTreeMap<String, Vec<u8>>> {
    prop::collection::btree_map("user\\.[a-z]{1,8}", prop::collection::vec(any::<u8>(), 1..40), 0..3)
}

fn node() -> impl Strategy<Value = Node> {
    let time = prop_oneof![0_i64..1 << 31, 8_589_934_590_i64..8_589_934_594];
    (kind(), 0_u32..0o10000, owner(), owner(), time, xattrs()).prop_map(|(kind, mode, uid, gid, mtime, xattrs)| {
        let link = matches!(kind, Kind::Link(_));
        // Links have neither modes nor attributes of users.
        let (mode, xattrs) = if link { (0o777, BTreeMap::new()) } else { (mode, xattrs) };
        Node { kind, mode, uid, gid, mtime, xattrs }
    })
}

/// A tree: each entry goes into a folder that was chosen among those before it.
fn tree() -> impl Strategy<Value = Tree> {
    let entry = (any::<prop::sample::Index>(), name(), node());
    prop::collection::vec(entry, 0..25).prop_map(|entries| {
        let (mut tree, mut folders) = (Tree::new(), vec![Vec::new()]);
        for (folder, name, node) in entries {
            let folder: &Vec<u8> = &folders[folder.index(folders.len())];
            let path = if folder.is_empty() { name } else { [folder, &b"/"[..], &name].concat() };
            if path.len() > 3000 || tree.contains_key(&path) {
                continue;
            }
            if node.kind == Kind::Folder {
                folders.push(path.clone());
            }
            tree.insert(path, node);
        }
        tree
    })
}

fn entry(path: &[u8], node: &Node) -> Entry {
    let path = ImagePath::parse(path).expect("inside the image");
    let kind = match &node.kind {
        Kind::Folder => EntryKind::Directory,
        Kind::File(length, _) => EntryKind::File(Content::Bytes(bytes(*length).into())),
        Kind::Link(target) => EntryKind::Symlink(target.clone()),
        Kind::Special(letter) => unreachable!("no `{letter}` is made"),
    };
    let mtime = Mtime::Seconds(u64::try_from(node.mtime).expect("after 1970"));
    let (uid, gid) = (node.uid.into(), node.gid.into());
    Entry { path, kind, mode: node.mode, uid, gid, mtime, xattrs: node.xattrs.clone() }
}

fn packed(tree: &Tree) -> Vec<u8> {
    let mut entries: Vec<Entry> = tree.iter().map(|(path, node)| entry(path, node)).collect();
    entries.sort_by(|one, other| one.path.cmp(&other.path));
    let options = PackOptions { compression: Compression::None, ..PackOptions::default() };
    let (_, blob) = pack(entries.into_iter().map(Ok::<_, Infallible>), &options, Vec::new()).expect("a tree is packed");
    blob
}

/// Unpacks a layer with a program and reads what it made.
fn unpacked(reader: &[&str], layer: &Path, bench: &Path) -> Tree {
    let place = tempfile::tempdir_in(bench).expect("a folder");
    let mut command = Command::new(reader[0]);
    command
        .args(&reader[1..])
        .current_dir(place.path())
        .env("LC_ALL", "C.UTF-8")
        .stdin(File::open(layer).expect("it was written"));
    let ended =
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().and_then(std::process::Child::wait_with_output);
    let ended = ended.unwrap_or_else(|why| panic!("{}: {why}", reader[0]));
    assert!(ended.status.success(), "{}: {}", reader[0], String::from_utf8_lossy(&ended.stderr));
    read(place.path())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    #[test]
    fn any_tree_reads_back_equal_through_every_reader(tree in tree()) {
        let bench = tempfile::tempdir_in(folder()).expect("the lab's folder is there");
        let layer = bench.path().join("layer.tar");
        std::fs::write(&layer, packed(&tree)).expect("the lab's folder is writable");
        let mut found = Tree::new();
        apply(&mut found, File::open(&layer).expect("it was written"));
        prop_assert_eq!(differences(&tree, &found), Vec::<String>::new(), "by the letter");
        for reader in READERS {
            let found = unpacked(reader, &layer, bench.path());
            prop_assert_eq!(differences(&tree, &found), Vec::<String>::new(), "{}", reader[0]);
        }
    }
}

#[test]
fn attributes_of_the_checkout_stay_out_of_layers() {
    let bench = Workbench::new();
    let build = "version: 1\nbase: scratch\nplatforms: [linux/amd64]\nlayers:\n  - {from: app, to: /app, mode: keep}\n";
    let digest = |attributes: &[(&str, &[u8])]| {
        let project = bench.project(build, &[("app/serve", "#!/bin/sh\n")]);
        let file = project.dir.join("app/serve");
        for (name, value) in attributes {
            let flags = rustix::fs::XattrFlags::empty();
            rustix::fs::setxattr(&file, *name, value, flags).unwrap_or_else(|why| panic!("{name}: {why}"));
        }
        let mut build = bench.dockless();
        run(build.arg("-C").arg(&project.dir).args(["build", "--no-cache"])).ok().stdout
    };
    let plain = digest(&[]);
    // What `setcap` gives a file on this machine is not asked for by the build file either.
    let capability = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(
        digest(&[("user.note", b"x"), ("trusted.overlay.opaque", b"y"), ("security.capability", &capability)]),
        plain
    );
}

/// One byte more than the size field of ustar can say.
const LARGE: u64 = 8 << 30;
/// It takes seconds with optimisation, and minutes without.
const LARGE_LIMIT: Duration = Duration::from_secs(600);

#[test]
fn a_file_above_eight_gibibytes_has_its_size_for_every_reader() {
    let bench = Workbench::new();
    let build = "version: 1\nbase: scratch\nplatforms: [linux/amd64]\ncompression: zstd:1\n\
                 layers:\n  - {from: data, to: /data, mtime: 1, mode: keep}\n";
    let project = bench.project(build, &[("data/after", "a\n")]);
    let file = File::create(project.dir.join("data/a-large")).expect("the workbench is writable");
    // All of it is a hole, so that it takes no room; in a layer there are no holes.
    file.set_len(LARGE).expect("a sparse file");
    let output = format!("oci:{}", bench.path("layout").display());
    let mut build = bench.dockless();
    run_within(LARGE_LIMIT, build.arg("-C").arg(&project.dir).args(["build", "--output", &output])).ok();
    let manifest = crate::support::layout::manifest(&bench.path("layout"));
    let digest = manifest["layers"][0]["digest"].as_str().expect("a digest");
    let blob = bench.path("layout/blobs").join(digest.replace(':', "/"));

    let plain = zstd::Decoder::new(File::open(&blob).expect("it was listed")).expect("a zstd stream");
    let mut archive = tar::Archive::new(plain.take(1 << 20));
    let sizes = archive.entries().expect("entries").take(2).map(|entry| entry.expect("a header").size());
    assert_eq!(sizes.collect::<Vec<_>>(), [0, LARGE], "the tar crate");
    for reader in ["bsdtar", "tar"] {
        let listed = run(Command::new(reader).args(["--numeric-owner", "-tvf"]).arg(&blob)).ok().stdout;
        let lines: Vec<&str> = listed.lines().collect();
        assert!(lines[1].contains(&LARGE.to_string()) && lines[1].ends_with("data/a-large"), "{reader}: {listed}");
        assert!(lines.len() == 3 && lines[2].ends_with("data/after"), "{reader}: {listed}");
    }
}
