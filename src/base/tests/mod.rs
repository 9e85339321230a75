//! Layers as real writers make them, and as hostile ones would.

mod hostile;
mod model;

use std::io::{Read, Write};

use tar::{Builder, EntryType, Header};

use super::*;
use crate::oci::ImagePath;

fn path(text: &str) -> ImagePath {
    ImagePath::parse(text.as_bytes()).expect("inside the image")
}

fn header(name: &str, kind: EntryType, mode: u32, size: u64) -> Header {
    let mut header = Header::new_ustar();
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(1);
    header.set_gid(2);
    header.set_mtime(3);
    header.set_size(size);
    header.set_cksum();
    header
}

/// `dir/`, `name=text`, `name -> target`, `name => hard link`, in the order of the list.
fn layer(entries: &[&str]) -> Vec<u8> {
    let mut tar = Builder::new(Vec::new());
    for entry in entries {
        if let Some((name, target)) = entry.split_once(" -> ") {
            let mut header = header(name, EntryType::Symlink, 0o777, 0);
            header.set_link_name_literal(target).unwrap();
            header.set_cksum();
            tar.append(&header, std::io::empty()).unwrap();
        } else if let Some((name, target)) = entry.split_once(" => ") {
            let mut header = header(name, EntryType::Link, 0o644, 0);
            header.set_link_name_literal(target).unwrap();
            header.set_cksum();
            tar.append(&header, std::io::empty()).unwrap();
        } else if let Some((name, text)) = entry.split_once('=') {
            tar.append(&header(name, EntryType::Regular, 0o640, text.len() as u64), text.as_bytes()).unwrap();
        } else {
            tar.append(&header(entry, EntryType::Directory, 0o1777, 0), std::io::empty()).unwrap();
        }
    }
    tar.into_inner().unwrap()
}

fn builder() -> FactsBuilder {
    FactsBuilder::new(Limits::default(), &std::env::temp_dir())
}

fn facts(layers: &[&[&str]]) -> Facts {
    let mut builder = builder();
    for entries in layers {
        builder.add_layer(layer(entries).as_slice()).unwrap();
    }
    builder.finish().unwrap()
}

fn kinds(facts: &Facts, paths: &str) -> String {
    let kind = |text: &str| match facts.lookup(&path(text)).unwrap().map(|fact| fact.kind) {
        None => "-".to_owned(),
        Some(FactKind::Directory) => "d".to_owned(),
        Some(FactKind::File) => "f".to_owned(),
        Some(FactKind::Symlink(target)) => format!("l:{}", String::from_utf8(target).unwrap()),
        Some(FactKind::Other) => "o".to_owned(),
    };
    paths.split_whitespace().map(kind).collect::<Vec<_>>().join(" ")
}

#[test]
fn names_are_normalised_and_metadata_kept() {
    let facts = facts(&[&["./", "./tmp/", "/etc/", "./etc//x=1", "lib -> usr/lib", "usr/lib/"]]);
    assert_eq!(kinds(&facts, "tmp etc etc/x lib usr usr/lib none lib/x"), "d d f l:usr/lib d d - -");
    let tmp = facts.lookup(&path("tmp")).unwrap().unwrap();
    assert_eq!((tmp.mode, tmp.uid, tmp.gid, tmp.mtime), (0o1777, 1, 2, 3));
    let implied = facts.lookup(&path("usr")).unwrap().unwrap();
    assert_eq!((implied.mode, implied.uid, implied.mtime), (0o755, 0, 1));
}

#[test]
fn whiteouts_and_opaque_folders_hide_lower_layers_only() {
    let lower: &[&str] = &["a/", "a/old=1", "b/", "b/x=1", "b/sub/", "b/sub/y=1", "c=1"];
    let upper: &[&str] = &["a/new=1", "a/.wh..wh..opq=", ".wh.c=", ".wh.b=", "b/z=1", ".wh..wh.plnk="];
    let facts = facts(&[lower, upper]);
    assert_eq!(kinds(&facts, "a a/old a/new b b/x b/sub b/sub/y b/z c"), "d - f d - - - f -");
}

#[test]
fn what_replaces_a_folder_drops_its_content() {
    let facts = facts(&[&["a/", "a/x=1", "l -> a"], &["a=file", "l/y=1"], &["a/", "a/z=1"]]);
    assert_eq!(kinds(&facts, "a a/x a/z l l/y"), "d - f d f");
}

#[test]
fn a_symlink_of_the_same_layer_is_gone_through() {
    let facts = facts(&[&["usr/", "usr/lib/", "lib -> /usr/lib", "lib/x=1", "up -> usr/../usr", "up/y=1"]]);
    assert_eq!(kinds(&facts, "lib usr/lib/x usr/y"), "l:/usr/lib f f");
}

#[test]
fn hard_links_take_the_metadata_of_their_target() {
    let mut tar = Builder::new(Vec::new());
    tar.append(&header("a", EntryType::Regular, 0o4755, 1), b"x".as_slice()).unwrap();
    let mut link = header("b", EntryType::Link, 0o600, 0);
    link.set_link_name_literal("./a").unwrap();
    link.set_cksum();
    tar.append(&link, std::io::empty()).unwrap();
    let mut builder = FactsBuilder::new(Limits::default(), &std::env::temp_dir());
    builder.add_layer(tar.into_inner().unwrap().as_slice()).unwrap();
    assert_eq!(builder.finish().unwrap().lookup(&path("b")).unwrap().unwrap().mode, 0o4755);
}

#[test]
fn passwd_and_group_are_found_through_symlinks_and_hard_links() {
    let facts = facts(&[
        &["etc/", "etc/passwd=old", "etc/group=g:x:1:", "usr/", "usr/share/"],
        &["usr/share/passwd=new", "etc/passwd -> ../usr/share/passwd", "usr/group=h:x:2:", "etc/group => usr/group"],
    ]);
    assert_eq!(facts.names(), &Names { passwd: Some(b"new".to_vec()), group: Some(b"h:x:2:".to_vec()) });
    assert_eq!(Facts::empty().names(), &Names::default());
    let looped = self::facts(&[&["etc/", "etc/passwd -> passwd"]]);
    assert_eq!(looped.names().passwd, None);
}

fn pax(records: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (key, value) in records {
        let mut length = key.len() + value.len() + 3;
        while length != key.len() + value.len() + 3 + length.to_string().len() {
            length = key.len() + value.len() + 3 + length.to_string().len();
        }
        body.extend_from_slice(format!("{length} {key}=").as_bytes());
        body.extend_from_slice(value);
        body.push(b'\n');
    }
    body
}

#[test]
fn pax_and_gnu_extensions_are_read() {
    let long = "d/".repeat(120) + "file";
    let mut tar = Builder::new(Vec::new());
    let body = pax(&[
        ("path", long.as_bytes()),
        ("uid", b"3000000000"),
        ("mtime", b"12.9"),
        ("SCHILY.xattr.security.capability", b"\x01\n\0="),
        ("SCHILY.xattr.user.other", b"x"),
    ]);
    tar.append(&header("pax", EntryType::XHeader, 0o644, body.len() as u64), body.as_slice()).unwrap();
    tar.append(&header("short", EntryType::Regular, 0o644, 0), std::io::empty()).unwrap();
    let name = format!("{long}2\0");
    tar.append(&header("././@LongLink", EntryType::GNULongName, 0o644, name.len() as u64), name.as_bytes()).unwrap();
    tar.append(&header("short", EntryType::Regular, 0o644, 700), [7; 700].as_slice()).unwrap();
    tar.append(&header("after", EntryType::Regular, 0o644, 0), std::io::empty()).unwrap();
    let mut builder = FactsBuilder::new(Limits::default(), &std::env::temp_dir());
    builder.add_layer(tar.into_inner().unwrap().as_slice()).unwrap();
    let facts = builder.finish().unwrap();
    let fact = facts.lookup(&path(&long)).unwrap().unwrap();
    assert_eq!((fact.uid, fact.mtime), (3_000_000_000, 12));
    assert_eq!(
        fact.xattrs.into_iter().collect::<Vec<_>>(),
        [("security.capability".to_owned(), b"\x01\n\0=".to_vec())]
    );
    assert_eq!(kinds(&facts, &format!("{long}2 after short")), "f f -");
}

/// Counts what is read.
struct Counting<'a>(&'a [u8], &'a mut usize);

impl Read for Counting<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.0.read(buffer)?;
        *self.1 += read;
        Ok(read)
    }
}

#[test]
fn every_codec_is_told_by_its_bytes_and_read_to_the_end() {
    let mut tar = layer(&["a=1", "b/"]);
    tar.extend_from_slice(&[0; 100_000]);
    let (front, back) = tar.split_at(700);
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let zstd = |bytes: &[u8]| zstd::encode_all(bytes, 1).unwrap();
    for bytes in [
        tar.clone(),
        gzip(&tar),
        [gzip(front), gzip(back)].concat(),
        zstd(&tar),
        [zstd(front), zstd(back)].concat(),
        [b"\x50\x2a\x4d\x18\x01\0\0\0x".to_vec(), zstd(&tar)].concat(),
    ] {
        let mut read = 0;
        let mut builder = FactsBuilder::new(Limits::default(), &std::env::temp_dir());
        builder.add_layer(Counting(&bytes, &mut read)).unwrap();
        assert_eq!(kinds(&builder.finish().unwrap(), "a b"), "f d");
        assert_eq!(read, bytes.len());
    }
}

#[test]
fn hostile_layers_end_in_errors() {
    let limits = Limits {
        entries: 3,
        unpacked_bytes: 20_000,
        path_bytes: 64,
        extension_bytes: 100,
        names_bytes: 4,
        ..Limits::default()
    };
    let mut huge = header("a", EntryType::Regular, 0o644, 0);
    huge.set_size(u64::MAX - 100);
    huge.set_cksum();
    let mut broken = layer(&["a=1"]);
    broken[0] = b'b';
    let cases: [(&str, Vec<u8>); 11] = [
        ("outside", layer(&["a/../../x=1"])),
        ("entries", layer(&["a/", "b/", "c/", "d/"])),
        ("uncompressed", layer(&[&format!("a={}", "x".repeat(30_000))])),
        ("path", layer(&[&format!("{}=", "x".repeat(65))])),
        ("passwd", layer(&["etc/passwd=12345"])),
        ("loop", layer(&["a -> b", "b -> a", "a/x=1"])),
        ("checksum", broken),
        ("ends within an entry", layer(&["a=1"])[..515].to_vec()),
        ("ends within a header", layer(&["a=1"])[..100].to_vec()),
        ("absurd", huge.as_bytes().to_vec()),
        ("extension", header("x", EntryType::XHeader, 0, 101).as_bytes().to_vec()),
    ];
    for (expected, bytes) in cases {
        let error = FactsBuilder::new(limits, &std::env::temp_dir()).add_layer(bytes.as_slice()).unwrap_err();
        assert!(error.to_string().contains(expected), "{expected}: {error}");
    }
    let cut = zstd::encode_all(layer(&["a=1"]).as_slice(), 1).unwrap();
    assert!(FactsBuilder::new(limits, &std::env::temp_dir()).add_layer(&cut[..cut.len() - 5]).is_err());
}

#[test]
fn stored_facts_come_back_and_damage_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("new/facts");
    let mut before = facts(&[&["a/", "a/l -> x", "etc/", "etc/passwd=p", "etc/none/", "z=1"]]);
    before.persist(&file).unwrap();
    let bytes = std::fs::read(&file).unwrap();
    let after = Facts::open(&file).unwrap();
    assert_eq!(after.len(), 6);
    assert_eq!(kinds(&after, "a a/l etc/passwd etc/none z q"), "d l:x f d f -");
    assert_eq!(after.lookup(&path("a")).unwrap(), before.lookup(&path("a")).unwrap());
    assert_eq!(after.names(), &Names { passwd: Some(b"p".to_vec()), group: None });
    let open = |bytes: &[u8]| {
        std::fs::write(&file, bytes).unwrap();
        Facts::open(&file)
    };
    for end in 0..bytes.len() {
        assert!(matches!(open(&bytes[..end]), Err(FactsError::Stored { .. })));
    }
    for place in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[place] ^= 1;
        assert!(matches!(open(&damaged), Err(FactsError::Stored { .. })));
    }
}

#[test]
fn a_lock_knows_what_was_asked_and_what_lies_beside_it() {
    let mut large: Vec<String> = (0..257).map(|number| format!("large/{number}=")).collect();
    large.extend(["etc/a=1", "etc/b/c=1", "lib -> usr/lib", "usr/", "z="].map(str::to_owned));
    let base = facts(&[&large.iter().map(String::as_str).collect::<Vec<_>>()]);
    let base = BaseTree::recording(base);
    for asked in ["etc/none/below", "etc/none", "large/0", "large/none", "srv/app/x"] {
        base.lookup(&path(asked)).unwrap();
    }
    let answers = base.answers();
    let noted: Vec<String> = answers.paths.keys().map(ToString::to_string).collect();
    assert_eq!(noted.join(" "), "/etc /etc/a /etc/b /large /large/0 /large/none /lib /usr /z");
    assert_eq!(answers.listed, [ImagePath::ROOT, path("etc")].into());
    let locked = BaseTree::locked(answers);
    for (asked, expected) in [
        ("etc/a", Some(true)),
        ("etc/none/below", Some(false)),
        ("etc/never asked", Some(false)),
        ("lib/x", Some(false)),
        ("var/www", Some(false)),
        ("large/none", Some(false)),
        ("large/1", None),
        ("etc/b/c", None),
        ("usr/lib", None),
        ("", Some(false)),
    ] {
        assert_eq!(locked.lookup(&path(asked)).ok().map(|fact| fact.is_some()), expected, "{asked}");
    }
}
