//! Images as real writers make them, and as hostile ones would, seen by the paths that are taken of them.

use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use proptest::collection::vec;
use proptest::prelude::*;
use tar::{Builder, EntryType, Header};

use super::*;
use crate::base::{FactKind, FactsBuilder, FactsError, Limits};
use crate::ground::Hint;
use crate::oci::ImagePath;
use crate::tree::{NodeKind, Sources};

/// `dir/`, `name=text`, `name -> target`, `name => hard link`, `name|` for a FIFO, in the order of the list. Files have
/// mode 0640, folders 1777, and all the time 3.
fn layer(entries: &[&str]) -> Vec<u8> {
    let mut tar = Builder::new(Vec::new());
    for entry in entries {
        let mut header = Header::new_ustar();
        header.set_mtime(3);
        header.set_uid(1);
        header.set_gid(2);
        let (mut kind, mut mode, mut body) = (EntryType::Directory, 0o1777, "");
        let mut name = *entry;
        if let Some((link, target)) = entry.split_once(" -> ") {
            (name, kind, mode) = (link, EntryType::Symlink, 0o777);
            header.set_link_name_literal(target).unwrap();
        } else if let Some((link, target)) = entry.split_once(" => ") {
            (name, kind, mode) = (link, EntryType::Link, 0o600);
            header.set_link_name_literal(target).unwrap();
        } else if let Some((file, text)) = entry.split_once('=') {
            (name, kind, mode, body) = (file, EntryType::Regular, 0o640, text);
        } else if let Some(fifo) = entry.strip_suffix('|') {
            (name, kind, mode) = (fifo, EntryType::Fifo, 0o600);
        }
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(body.len() as u64);
        header.set_cksum();
        tar.append(&header, body.as_bytes()).unwrap();
    }
    tar.into_inner().unwrap()
}

fn read_with(layers: &[Vec<u8>], wanted: &[&str], limits: &Limits) -> Result<ImageFiles, ImageSourceError> {
    let open = |number: usize| Ok(io::Cursor::new(layers[number].clone()));
    let wanted: Vec<PathBuf> = wanted.iter().map(PathBuf::from).collect();
    ImageFiles::read(
        "e.com/a:1",
        layers.len(),
        &open,
        &wanted,
        &std::env::temp_dir(),
        tempfile::tempfile().unwrap(),
        limits,
    )
}

fn read(layers: &[&[&str]], wanted: &[&str]) -> ImageFiles {
    let layers: Vec<Vec<u8>> = layers.iter().map(|entries| layer(entries)).collect();
    read_with(&layers, wanted, &Limits::default()).unwrap()
}

/// Shows what is at a path and below it in the notation of [`layer`]; `-` for nothing.
fn show(files: &ImageFiles, path: &str) -> String {
    let mut shown = Vec::new();
    match files.stat(Path::new(path)).unwrap() {
        None => return "-".to_owned(),
        Some(node) => show_node(files, PathBuf::from(path), &node.kind, &mut shown),
    }
    shown.join(" ")
}

fn show_node(files: &ImageFiles, path: PathBuf, kind: &NodeKind, shown: &mut Vec<String>) {
    let name = path.display().to_string();
    match kind {
        NodeKind::Directory => {
            shown.push(format!("{name}/"));
            for child in files.list(&path).unwrap().map(Result::unwrap) {
                let below = path.join(OsStr::from_bytes(&child.name));
                assert_eq!(files.stat(&below).unwrap().as_ref(), Some(&child.node), "{below:?}");
                show_node(files, below, &child.node.kind, shown);
            }
        }
        NodeKind::File => {
            let bytes = files.read(&path, 1000).unwrap().unwrap();
            shown.push(format!("{name}={}", String::from_utf8(bytes).unwrap()));
        }
        NodeKind::Symlink(target) => shown.push(format!("{name}->{}", String::from_utf8_lossy(target))),
        NodeKind::Special(what) => shown.push(format!("{name}|{what}")),
    }
}

/// What is claimed, the layers, what is taken of them, and what is seen.
type Case = (&'static str, &'static [&'static [&'static str]], &'static str, &'static str);

const CASES: &[Case] = &[
    ("a file", &[&["bin/", "bin/tool=T", "other=O"]], "bin/tool", "bin/tool=T"),
    ("a folder without its own entry", &[&["a/b/c=1", "a/d=2", "ab=3"]], "a", "a/ a/b/ a/b/c=1 a/d=2"),
    ("the whole image", &[&["./", "./b=1", "a/c=2"]], "", "/ a/ a/c=2 b=1"),
    ("nothing", &[&["a/x=1"]], "a/y", "-"),
    ("nothing below a file", &[&["a=1"]], "a/y", "-"),
    ("children by bytes", &[&["a/b.c=1", "a/b/x=2", "a/b-c=3"]], "a", "a/ a/b/ a/b/x=2 a/b-c=3 a/b.c=1"),
    ("the upper file wins", &[&["a/x=old"], &["a/x=new"]], "a", "a/ a/x=new"),
    ("a whiteout", &[&["a/x=1", "a/y=2"], &["a/.wh.x="]], "a", "a/ a/y=2"),
    ("a whiteout above", &[&["t/a/x=1"], &[".wh.t=", "t/a/y=2"]], "t/a", "t/a/ t/a/y=2"),
    ("a whiteout of it", &[&["a/x=1"], &[".wh.a="]], "a", "-"),
    ("written again", &[&["a/x=1"], &["a/.wh.x="], &["a/x=3"]], "a/x", "a/x=3"),
    ("an opaque folder", &[&["a/x=1", "a/s/y=2"], &["a/z=3", "a/.wh..wh..opq="]], "a", "a/ a/z=3"),
    ("an opaque folder above", &[&["t/a/x=1"], &["t/.wh..wh..opq=", "t/a/z=3"]], "t/a", "t/a/ t/a/z=3"),
    (
        "a folder that stays for what is new in it",
        &[&["a/s/", "a/s/y=2"], &["a/s/n=1", "a/.wh.s="]],
        "a/s",
        "a/s/ a/s/n=1",
    ),
    ("bookkeeping of AUFS", &[&["a/x=1"], &["a/.wh..wh.plnk=", "a/.wh..wh.aufs="]], "a", "a/ a/x=1"),
    ("a file for a folder", &[&["a/b/x=1"], &["a/b=2"]], "a", "a/ a/b=2"),
    ("a folder for a file", &[&["a/b=2"], &["a/b/x=1"]], "a", "a/ a/b/ a/b/x=1"),
    ("a file for a folder above, then a folder", &[&["t/a/x=1"], &["t=2"], &["t/a/y=3"]], "t/a", "t/a/ t/a/y=3"),
    ("a link for a folder and back", &[&["a/b/x=1"], &["a/b -> /etc"], &["a/b/y=2"]], "a", "a/ a/b/ a/b/y=2"),
    ("symlinks below as they are", &[&["a/l -> ../b", "b/x=1"]], "a", "a/ a/l->../b"),
    ("a relative link to a file", &[&["a/l -> ../b/x", "b/x=1"]], "a/l", "a/l=1"),
    ("an absolute link to a folder", &[&["l -> /b/c", "b/c/x=1"]], "l", "l/ l/x=1"),
    ("links above", &[&["lib -> usr/lib", "usr/lib/a/x=1"]], "lib/a", "lib/a/ lib/a/x=1"),
    (
        "absolute links above",
        &[&["opt/v -> /srv/./v2", "srv/v2 -> ../../srv/v3/", "srv/v3/x=1"]],
        "opt/v/x",
        "opt/v/x=1",
    ),
    ("a link to the root", &[&["a/r -> ../..", "b=1"]], "a/r/b", "a/r/b=1"),
    ("a loop", &[&["a -> b", "b -> a"]], "a/x", "-"),
    ("a link of the same layer on the way", &[&["lib -> usr/lib", "lib/x=1"]], "usr/lib", "usr/lib/ usr/lib/x=1"),
    ("a link of a lower layer in the way", &[&["lib -> usr/lib", "usr/lib/y=2"], &["lib/x=1"]], "lib", "lib/ lib/x=1"),
    (
        "lower files of what became a link",
        &[&["usr/lib/x=0"], &["lib/x=1"], &["lib -> usr/lib"]],
        "lib",
        "lib/ lib/x=0",
    ),
    ("a hard link within", &[&["a/x=1", "a/h => a/x"]], "a", "a/ a/h=1 a/x=1"),
    ("a hard link to the outside", &[&["b/x=1", "a/h => ./b/x"]], "a", "a/ a/h=1"),
    ("a hard link to what is gone", &[&["b/x=1"], &["a/h => b/x", "b/.wh.x="]], "a", "a/ a/h=1"),
    ("a hard link to what changes", &[&["a/x=1", "a/h => a/x"], &["a/x=22"]], "a", "a/ a/h=1 a/x=22"),
    ("hard links in a row", &[&["b/x=1", "c => b/x", "d => c", "a => d"]], "a", "a=1"),
    ("a hard link to a symlink", &[&["s -> t", "t=1", "a/h => s"]], "a", "a/ a/h->t"),
    ("a hard link through a link", &[&["lib -> usr/lib", "usr/lib/x=1", "a => lib/x"]], "a", "a=1"),
    ("a hard link that does not last", &[&["a/h => none", "a/x=1"], &["a/.wh.h="]], "a", "a/ a/x=1"),
    ("special files", &[&["a/p|"]], "a", "a/ a/p|FIFO"),
    ("an empty file", &[&["a="]], "a", "a="),
];

#[test]
fn what_is_taken_is_what_the_layers_make() {
    for (claim, layers, wanted, shown) in CASES {
        assert_eq!(show(&read(layers, &[wanted]), wanted), *shown, "{claim}");
    }
}

#[test]
fn several_wanted_paths_stand_beside_each_other_and_lead_where_they_lead() {
    let layers: &[&[&str]] = &[&["usr/lib/a/x=1", "usr/lib/b=2", "lib -> usr/lib", "usr/l -> lib/a", "c=3"]];
    let files = read(layers, &["lib/a", "usr/lib", "usr", "usr/l/x", "none/y"]);
    assert_eq!(show(&files, "lib/a"), "lib/a/ lib/a/x=1");
    assert_eq!(show(&files, "usr/lib"), "usr/lib/ usr/lib/a/ usr/lib/a/x=1 usr/lib/b=2");
    assert_eq!(show(&files, "usr/l/x"), "usr/l/x=1");
    // Above what is wanted there are folders with nothing else in them, whatever the image has there.
    assert_eq!(show(&files, "lib"), "lib/ lib/a/ lib/a/x=1");
    let roots: Vec<Vec<u8>> = files.list(Path::new("")).unwrap().map(|child| child.unwrap().name).collect();
    assert_eq!(roots, [b"lib".to_vec(), b"usr".to_vec()]);
    assert_eq!((show(&files, "c"), show(&files, "none"), show(&files, "none/y")), ("-".into(), "-".into(), "-".into()));
    // A symlink that a more specific path goes through is a folder to who asks for it, and a symlink in its folder.
    assert_eq!(files.stat(Path::new("usr/l")).unwrap().unwrap().kind, NodeKind::Directory);
    let usr = files.list(Path::new("usr")).unwrap().next().unwrap().unwrap();
    assert_eq!(usr.node.kind, NodeKind::Symlink(b"lib/a".to_vec()));
}

#[test]
fn stamps_say_mode_time_and_content() {
    let files = read(&[&["a/", "a/x=1", "a/y=1", "a/z=2", "i/x=1", "a/h => a/x"]], &["a", "i"]);
    let stamp = |path: &str| files.stat(Path::new(path)).unwrap().unwrap().stamp;
    assert_eq!((stamp("a").mode, stamp("a/x").mode, stamp("a/h").mode), (0o041_777, 0o100_640, 0o100_640));
    assert_eq!((stamp("a/x").mtime_seconds(), stamp("a/x").size), (3, 1));
    assert_eq!((stamp("i").mode, stamp("i").mtime_seconds()), (0o040_755, 1));
    assert_eq!(stamp("a/x"), stamp("a/y"));
    assert_ne!(stamp("a/x"), stamp("a/z"), "files of one size and time, told apart by their bytes");
}

#[test]
fn messages_name_the_image_and_the_path() {
    let files = read(&[&["a/x=1"]], &["a"]);
    let stamp = files.stat(Path::new("a/x")).unwrap().unwrap().stamp;
    assert_eq!(files.file("a/x".into(), stamp).display(), Path::new("e.com/a:1:/a/x"));
    assert_eq!(files.read(Path::new("a/x"), 0).unwrap_err().to_string(), "`e.com/a:1:/a/x` is larger than 0 bytes");
    assert_eq!(files.read(Path::new("a"), 9).unwrap(), None);
    assert!(files.list(Path::new("a/x")).is_err() && files.list(Path::new("b")).is_err());
    assert!(files.file("b".into(), stamp).open().is_err());
}

#[test]
fn every_codec_is_read_to_its_end_each_time() {
    let tar = [layer(&["a/x=1"]), vec![0; 50_000]].concat();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&tar).unwrap();
    let layers = [tar.clone(), encoder.finish().unwrap(), zstd::encode_all(tar.as_slice(), 1).unwrap()];
    for bytes in layers {
        let (length, read) = (bytes.len(), std::cell::RefCell::new(Vec::new()));
        struct Counting<'a>(io::Cursor<Vec<u8>>, usize, &'a std::cell::RefCell<Vec<usize>>);
        impl Read for Counting<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let read = self.0.read(buffer)?;
                self.2.borrow_mut()[self.1] += read;
                Ok(read)
            }
        }
        let open = |_| {
            read.borrow_mut().push(0);
            Ok(Counting(io::Cursor::new(bytes.clone()), read.borrow().len() - 1, &read))
        };
        let spool = tempfile::tempfile().unwrap();
        let files =
            ImageFiles::read("i", 1, &open, &["a".into()], &std::env::temp_dir(), spool, &Limits::default()).unwrap();
        assert_eq!(show(&files, "a"), "a/ a/x=1");
        assert_eq!(*read.borrow(), [length, length]);
    }
}

#[test]
fn hostile_images_end_in_errors() {
    let limits = Limits {
        entries: 6,
        unpacked_bytes: 20_000,
        path_bytes: 64,
        extension_bytes: 100,
        names_bytes: 4,
        ..Limits::default()
    };
    let mut sparse = layer(&["a=1"]);
    sparse[156] = b'S';
    let sum: u32 = sparse[..148].iter().chain(&sparse[156..512]).map(|byte| u32::from(*byte)).sum::<u32>() + 256;
    sparse[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let cases: [(&str, Vec<u8>); 9] = [
        ("outside", layer(&["a/../../x=1"])),
        ("outside", layer(&["a => ../x"])),
        ("entries", layer(&["a/", "b/", "c/", "d/", "e/", "f/", "g/"])),
        ("uncompressed", layer(&[&format!("a={}", "x".repeat(30_000))])),
        ("path", layer(&[&format!("{}=", "x".repeat(65))])),
        ("loop", layer(&["x -> y", "y -> x", "x/x=1"])),
        ("hard link to nothing", layer(&["a => b"])),
        ("hard link to a folder", layer(&["a/b/", "a/c => a/b"])),
        ("sparse", sparse),
    ];
    for (expected, bytes) in cases {
        let error = read_with(&[bytes], &["a"], &limits).unwrap_err();
        assert!(error.hint().is_some());
        let ImageSourceError::Layers { image, source } = error else { panic!("{expected}: {error}") };
        assert!(source.to_string().contains(expected), "{expected}: {source}");
        assert_eq!(image, "e.com/a:1");
    }
    let row: Vec<String> = (0..20).map(|number| format!("l{} => l{number}", number + 1)).collect();
    let entries: Vec<&str> = std::iter::once("l0=1").chain(row.iter().map(String::as_str)).collect();
    let error = read_with(&[layer(&entries)], &["l20"], &Limits::default()).unwrap_err();
    assert!(matches!(error, ImageSourceError::Layers { source: FactsError::Limit { .. }, .. }), "{error}");
}

#[test]
fn bytes_that_do_not_last_are_not_kept() {
    let spool = tempfile::tempfile().unwrap();
    let layers = [layer(&["a/x=0123456789", "b=outside"]), layer(&["a/.wh.x=", "a/y=123"])];
    let open = |number: usize| Ok(io::Cursor::new(layers[number].clone()));
    ImageFiles::read(
        "i",
        2,
        &open,
        &["a".into()],
        &std::env::temp_dir(),
        spool.try_clone().unwrap(),
        &Limits::default(),
    )
    .unwrap();
    assert_eq!(spool.metadata().unwrap().len(), 3);
}

#[test]
fn a_layer_that_cannot_be_opened_or_is_another_at_the_second_reading_is_said() {
    let limits = Limits::default();
    let spool = || tempfile::tempfile().unwrap();
    let gone = |_| -> io::Result<&[u8]> { Err(io::Error::other("gone")) };
    let error = ImageFiles::read("i", 1, &gone, &["a".into()], &std::env::temp_dir(), spool(), &limits).unwrap_err();
    assert_eq!(error.to_string(), "cannot open layer 1 of `i`");
    let readings = std::cell::Cell::new(0);
    let other = |_| {
        readings.set(readings.get() + 1);
        Ok(io::Cursor::new(layer(if readings.get() == 1 { &["a/x=1"] } else { &["b=1"] })))
    };
    let error = ImageFiles::read("i", 1, &other, &["a".into()], &std::env::temp_dir(), spool(), &limits).unwrap_err();
    assert!(matches!(error, ImageSourceError::Changed { .. }), "{error}");
}

/// Every path of up to three names of `a`, `b`, `c`.
fn few_paths() -> Vec<String> {
    let names = ["a", "b", "c"];
    let two = names.iter().flat_map(|one| names.iter().map(move |two| format!("{one}/{two}")));
    let two: Vec<String> = two.collect();
    let three = two.iter().flat_map(|two| names.iter().map(move |three| format!("{two}/{three}")));
    names.iter().map(|name| (*name).to_owned()).chain(two.clone()).chain(three).collect()
}

fn any_entry() -> impl Strategy<Value = String> {
    let path = || proptest::sample::select(few_paths());
    let hidden = |path: String| match path.rsplit_once('/') {
        Some((folder, name)) => format!("{folder}/.wh.{name}="),
        None => format!(".wh.{path}="),
    };
    prop_oneof![
        3 => (path(), 0..9).prop_map(|(path, text)| format!("{path}={text}")),
        2 => path().prop_map(|path| format!("{path}/")),
        1 => (path(), path()).prop_map(|(path, target)| format!("{path} -> /{target}")),
        1 => (path(), path()).prop_map(|(path, target)| format!("{path} => {target}")),
        1 => path().prop_map(hidden),
        1 => path().prop_map(|path| format!("{path}/.wh..wh..opq=")),
    ]
}

fn kind(files: &ImageFiles, path: &str) -> Option<FactKind> {
    files.stat(Path::new(path)).unwrap().map(|node| match node.kind {
        NodeKind::Directory => FactKind::Directory,
        NodeKind::File => FactKind::File,
        NodeKind::Symlink(target) => FactKind::Symlink(target),
        NodeKind::Special(_) => FactKind::Other,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// The facts of a base are told by other code: both must see one file system. And what is taken alone is what is
    /// taken with all else.
    #[test]
    fn what_is_seen_is_what_the_facts_say(layers in vec(vec(any_entry(), 0..8), 1..4)) {
        let layers: Vec<Vec<u8>> =
            layers.iter().map(|entries| layer(&entries.iter().map(String::as_str).collect::<Vec<_>>())).collect();
        let mut builder = FactsBuilder::new(Limits::default(), &std::env::temp_dir());
        let built = layers.iter().try_for_each(|bytes| builder.add_layer(bytes.as_slice()));
        // Loops of symlinks, and hard links that no runtime could make, are refused.
        prop_assume!(built.is_ok());
        let facts = builder.finish().unwrap();
        let Ok(all) = read_with(&layers, &[""], &Limits::default()) else { return Ok(()) };
        for path in few_paths() {
            let fact = facts.lookup(&ImagePath::parse(path.as_bytes()).unwrap()).unwrap();
            prop_assert_eq!(kind(&all, &path), fact.map(|fact| fact.kind), "{}", path);
        }
        for wanted in ["a", "b/c", "c/a/b"] {
            let alone = read_with(&layers, &[wanted], &Limits::default()).unwrap();
            let through_link = Path::new(wanted).ancestors().any(|above| {
                matches!(kind(&all, above.to_str().unwrap()), Some(FactKind::Symlink(_)))
            });
            if !through_link {
                prop_assert_eq!(show(&alone, wanted), show(&all, wanted));
            }
        }
    }
}
