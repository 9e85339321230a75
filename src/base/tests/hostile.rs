//! Layers that nobody writes in good faith: each ends in an error or in the right tree, within its limits.

use proptest::prelude::*;

use super::*;

/// What reading some layers ends in: the kinds at some paths, or a part of the error's text.
#[derive(Clone, Copy)]
enum Ends {
    Kinds(&'static str, &'static str),
    Error(&'static str),
}

use Ends::{Error, Kinds};

fn check(name: &str, limits: Limits, layers: &[Vec<u8>], ends: Ends) {
    let mut builder = FactsBuilder::new(limits, &std::env::temp_dir());
    let result = layers.iter().try_for_each(|layer| builder.add_layer(layer.as_slice()));
    match (result, ends) {
        (Ok(()), Kinds(paths, expected)) => assert_eq!(kinds(&builder.finish().unwrap(), paths), expected, "{name}"),
        (Err(error), Error(expected)) => assert!(error.to_string().contains(expected), "{name}: {error}"),
        (Ok(()), Error(expected)) => panic!("{name}: read, and not `{expected}`"),
        (Err(error), Kinds(..)) => panic!("{name}: {error}"),
    }
}

/// A tar without its end, so that more can follow.
fn open_tar(entries: &[&str]) -> Vec<u8> {
    let mut tar = layer(entries);
    tar.truncate(tar.len() - 1024);
    tar
}

/// One header with its body, padded.
fn member(mut header: Header, body: &[u8]) -> Vec<u8> {
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend_from_slice(body);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

fn extended(records: &[(&str, &[u8])], kind: EntryType) -> Vec<u8> {
    let body = pax(records);
    member(header("pax", kind, 0o644, body.len() as u64), &body)
}

/// An empty file whose header is preceded by PAX records.
fn with_records(records: &[(&str, &[u8])]) -> Vec<u8> {
    [extended(records, EntryType::XHeader), member(header("x", EntryType::Regular, 0o644, 0), b"")].concat()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn special(kind: EntryType) -> Vec<u8> {
    member(header("x", kind, 0o644, 0), b"")
}

/// An empty file with some bytes at a place of its header.
fn with_field(at: usize, field: &[u8]) -> Vec<u8> {
    let mut header = header("x", EntryType::Regular, 0o644, 0);
    header.as_mut_bytes()[at..at + field.len()].copy_from_slice(field);
    member(header, b"")
}

const UID: usize = 108;
const SIZE: usize = 124;
const MTIME: usize = 136;

#[test]
fn paths_and_links_stay_inside_the_image() {
    let cases: [(&str, &[&[&str]], Ends); 17] = [
        ("a name above the root", &[&["../x=1"]], Error("outside")),
        ("a name that goes up and down", &[&["a/../b=1"]], Error("outside")),
        ("an absolute name", &[&["/x=1", "//y=1"]], Kinds("x y", "f f")),
        ("a link above the root", &[&["l -> ../../..", "l/x=1"]], Kinds("x", "f")),
        ("an absolute link", &[&["etc/", "l -> /etc", "l/x=1"]], Kinds("etc/x", "f")),
        ("a cycle in a layer", &[&["a -> b", "b -> a", "a/x=1"]], Error("loop")),
        ("a link to itself", &[&["a -> a", "a/x=1"]], Error("loop")),
        ("a cycle across layers", &[&["a -> b"], &["b -> a", "b/x=1"]], Kinds("a a/x b", "d f l:a")),
        ("a file as a folder", &[&["a=1", "a/b=1"]], Kinds("a a/b", "d f")),
        ("a folder becomes a link", &[&["a/", "a/x=1"], &["a -> b"]], Kinds("a a/x", "l:b -")),
        ("a hard link to itself", &[&["a => a"]], Kinds("a", "f")),
        ("a hard link to a later entry", &[&["a => b", "b=1"]], Kinds("a b", "f f")),
        ("a hard link to a folder", &[&["d/", "a => d"]], Kinds("a d", "f d")),
        ("a hard link out of the root", &[&["a => ../../etc/passwd"]], Kinds("a", "f")),
        ("a hard link through a link", &[&["d/", "d/t -> z", "l -> d"], &["a => l/t"]], Kinds("a", "l:z")),
        ("a hard link through a cycle", &[&["p -> q", "q -> p"], &["a => p/x"]], Kinds("a", "f")),
        ("the root itself", &[&["./", "/", "x="]], Kinds("x", "f")),
    ];
    for (name, layers, ends) in cases {
        check(name, Limits::default(), &layers.iter().map(|entries| layer(entries)).collect::<Vec<_>>(), ends);
    }
}

#[test]
fn whiteouts_of_odd_names_hide_nothing_else() {
    let lower: &[&str] = &["a/", "a/x=1", "b=1"];
    let cases: [(&str, &[&str], Ends); 8] = [
        ("of nothing", &["a/.wh.="], Error("names no file")),
        ("of the folder itself", &["a/.wh..="], Error("names no file")),
        ("of the folder above", &["a/.wh...="], Error("names no file")),
        ("of a whiteout", &[".wh..wh.x="], Kinds("a a/x b", "d f f")),
        ("of what is not there", &[".wh.none=", "none/.wh.x="], Kinds("a/x b none", "f f d")),
        ("of all in the root", &[".wh..wh..opq="], Kinds("a a/x b", "- - -")),
        ("of a folder and all in it", &["a/.wh..wh..opq=", ".wh.a=", "a/.wh..wh..opq="], Kinds("a a/x b", "d - f")),
        ("of what the layer writes", &["c=1", ".wh.c=", ".wh.b=", "b=2", ".wh.b="], Kinds("b c", "f f")),
    ];
    for (name, upper, ends) in cases {
        check(name, Limits::default(), &[layer(lower), layer(upper)], ends);
    }
}

#[test]
fn broken_headers_end_in_errors() {
    let long = "x".repeat(5000);
    let many = vec![b'x'; 2 << 20];
    let mut signed = header("\u{e9}", EntryType::Regular, 0o644, 0);
    let sum: i64 = i64::from(signed.cksum().unwrap()) - 2 * 256;
    signed.as_mut_bytes()[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut sparse = Header::new_gnu();
    sparse.set_entry_type(EntryType::GNUSparse);
    sparse.set_size(0);
    sparse.as_gnu_mut().unwrap().isextended = [1];
    let cases: Vec<(&str, Vec<u8>, Ends)> = vec![
        ("no bytes", Vec::new(), Kinds("x", "-")),
        ("zeros alone", vec![0; 1024], Kinds("x", "-")),
        ("no tar", b"#!/bin/sh\n".to_vec(), Error("ends within a header")),
        ("no tar, but long", vec![b'x'; 2048], Error("checksum")),
        ("garbage after the end", [layer(&["x="]), many.clone()].concat(), Kinds("x", "f")),
        ("a sum of signed bytes", signed.as_bytes().to_vec(), Kinds("\u{e9}", "f")),
        ("a character device", special(EntryType::Char), Kinds("x", "o")),
        ("a block device", special(EntryType::Block), Kinds("x", "o")),
        ("a FIFO", special(EntryType::Fifo), Kinds("x", "o")),
        ("a type that nobody knows", special(EntryType::new(b'Z')), Kinds("x", "f")),
        ("a size that is no number", with_field(SIZE, b"9999999"), Error("no number")),
        ("a negative octal size", with_field(SIZE, b"-0000000001"), Error("no number")),
        ("a negative binary size", with_field(SIZE, &[0xff; 12]), Error("absurd")),
        ("a huge binary size", with_field(SIZE, &[0x80, 0, 0, 0, 0x7f, 0, 0, 0, 0, 0, 0, 0]), Error("uncompressed")),
        ("an overlong octal uid", with_field(UID, b"77777777"), Kinds("x", "f")),
        ("a negative binary uid", with_field(UID, &[0xff; 8]), Error("larger than any")),
        ("a negative time", with_field(MTIME, &[0xff; 12]), Kinds("x", "f")),
        ("a PAX size that is no number", with_records(&[("size", b"-1")]), Error("no number")),
        ("a PAX size beyond the end", with_records(&[("size", b"4096")]), Error("ends within an entry")),
        ("an absurd PAX size", with_records(&[("size", b"18446744073709551615")]), Error("absurd")),
        ("a PAX uid with a sign", with_records(&[("uid", b"+1")]), Error("no number")),
        ("a key that is there twice", with_records(&[("path", b"y"), ("path", b"z")]), Kinds("x y z", "- - f")),
        ("a zero byte in a name", with_records(&[("path", b"a\0b")]), Error("outside")),
        ("a zero byte in a link", with_records(&[("linkpath", b"a\0b")]), Error("zero byte")),
        ("a path that is too long", with_records(&[("path", long.as_bytes())]), Error("bytes in a path")),
        ("a link that is too long", with_records(&[("linkpath", long.as_bytes())]), Error("bytes in a path")),
        ("a huge value", with_records(&[("path", &vec![b'x'; 1 << 16])]), Error("broken")),
        ("a huge key that nobody asks for", with_records(&[("comment", &vec![b'x'; 1 << 16])]), Kinds("x", "f")),
        ("a huge header", with_records(&[("comment", &many)]), Error("extension header")),
        ("a PAX length that lies", raw_pax(b"99 path=y\n"), Error("PAX header is broken")),
        ("a PAX length that is too short", raw_pax(b"3 path=y\n"), Error("PAX header is broken")),
        ("a PAX length of nothing", raw_pax(b"0 path=y\n"), Error("PAX header is broken")),
        ("a PAX record without a key", raw_pax(b"7 path\n"), Error("PAX header is broken")),
        ("a sparse file whose map has no end", member(sparse, b""), Error("cannot read layer 1")),
    ];
    for (name, bytes, ends) in cases {
        check(name, Limits::default(), &[bytes], ends);
    }
}

fn raw_pax(body: &[u8]) -> Vec<u8> {
    let extended = member(header("pax", EntryType::XHeader, 0o644, body.len() as u64), body);
    [extended, special(EntryType::Regular)].concat()
}

#[test]
fn broken_compression_ends_in_errors() {
    let tar = layer(&["x="]);
    let zstd = |bytes: &[u8]| zstd::encode_all(bytes, 3).unwrap();
    let (head, tail) = tar.split_at(600);
    let empty_members = gzip(b"").repeat(50_000);
    let cases: [(&str, Vec<u8>, Ends); 7] = [
        ("two members", [gzip(head), gzip(tail)].concat(), Kinds("x", "f")),
        ("many empty members", [empty_members, gzip(&tar)].concat(), Kinds("x", "f")),
        ("garbage after a member", [gzip(&tar), b"garbage".to_vec()].concat(), Error("cannot read layer 1")),
        ("garbage after a frame", [zstd(&tar), b"garbage".to_vec()].concat(), Error("cannot read layer 1")),
        ("a cut member", gzip(&tar)[..40].to_vec(), Error("cannot read layer 1")),
        ("a member in a member", gzip(&gzip(&tar)), Error("layer 1")),
        ("a magic alone", vec![0x1f, 0x8b], Error("cannot read layer 1")),
    ];
    for (name, bytes, ends) in cases {
        check(name, Limits::default(), &[bytes], ends);
    }
}

#[test]
fn bombs_are_left_at_their_limit() {
    let zeros = vec![0; 64 << 20];
    let bomb = [layer(&[]), zeros].concat();
    let (gzipped, frame) = (gzip(&bomb), zstd::encode_all(bomb.as_slice(), 3).unwrap());
    let small = Limits { unpacked_bytes: 1 << 20, ..Limits::default() };
    let ratio = Limits { ratio: 100, ratio_free_bytes: 1 << 20, ..Limits::default() };
    for bytes in [&gzipped, &frame, &bomb] {
        let mut builder = FactsBuilder::new(small, &std::env::temp_dir());
        let error = builder.add_layer(bytes.as_slice()).unwrap_err();
        assert!(error.to_string().ends_with("more than 1048576 uncompressed bytes"), "{error}");
    }
    for bytes in [&gzipped, &frame] {
        check("ratio", ratio, std::slice::from_ref(bytes), Error("100 uncompressed bytes for each of its bytes"));
    }
    check("a layer of zeros that is not compressed", ratio, &[bomb], Kinds("x", "-"));
}

/// A tar that is made while it is read: empty files whose names are told by their number.
struct Endless<F> {
    name: F,
    next: u32,
    block: Vec<u8>,
}

fn endless<F: Fn(u32) -> String>(name: F) -> Endless<F> {
    Endless { name, next: 0, block: Vec::new() }
}

impl<F: Fn(u32) -> String> Read for Endless<F> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.block.is_empty() {
            let name = (self.name)(self.next);
            self.block = match name.len() {
                0..100 => member(header(&name, EntryType::Regular, 0o644, 0), b""),
                _ => with_records(&[("path", name.as_bytes())]),
            };
            self.next += 1;
        }
        let count = buffer.len().min(self.block.len());
        buffer[..count].copy_from_slice(&self.block[..count]);
        self.block.drain(..count);
        Ok(count)
    }
}

#[test]
fn what_has_no_end_is_left_at_its_limit() {
    let limits = Limits { memory_bytes: 0, ..Limits::default() };
    let deep = |number: u32| format!("{number}/{}", "d/".repeat(2000));
    let long = |number: u32| format!("{number}{}", "x".repeat(4000));
    let mut builder = FactsBuilder::new(Limits { entries: 30_000, ..limits }, &std::env::temp_dir());
    let error = builder.add_layer(endless(|number| number.to_string())).unwrap_err();
    assert!(error.to_string().ends_with("more than 30000 entries"), "{error}");
    let mut builder = FactsBuilder::new(Limits { entries: 30_000, ..limits }, &std::env::temp_dir());
    let error = builder.add_layer(endless(deep)).unwrap_err();
    assert!(error.to_string().ends_with("more than 30000 entries"), "implied folders count: {error}");
    let mut builder = FactsBuilder::new(Limits { walked_bytes: 100_000, ..limits }, &std::env::temp_dir());
    let error = builder.add_layer(endless(deep)).unwrap_err();
    assert!(error.to_string().ends_with("more than 100000 bytes in all its paths"), "{error}");
    let mut builder = FactsBuilder::new(Limits { index_bytes: 8 << 20, ..limits }, &std::env::temp_dir());
    let error = builder.add_layer(endless(long)).unwrap_err();
    assert!(error.to_string().contains("bytes in the index"), "{error}");
}

#[test]
fn links_that_lead_through_links_do_not_multiply_the_depth() {
    let mut entries = vec![format!("{}=", "d/".repeat(45) + "x"), format!("l0 -> {}", "d/".repeat(45))];
    for number in 1..200 {
        entries.push(format!("l{number} -> l{}/{}", number - 1, "d/".repeat(30)));
        entries.push(format!("l{number}/x="));
    }
    let bytes = layer(&entries.iter().map(String::as_str).collect::<Vec<_>>());
    let path_bytes = Limits { path_bytes: 1000, ..Limits::default() };
    check("depth", path_bytes, std::slice::from_ref(&bytes), Error("more than 1000 bytes in a path"));
    check("links", Limits::default(), &[bytes], Error("loop"));
}

#[test]
fn forty_thousand_entries_need_no_more_memory_than_a_few() {
    let folder = tempfile::tempdir().unwrap();
    let mut builder = FactsBuilder::new(Limits { memory_bytes: 1 << 20, ..Limits::default() }, folder.path());
    let count = 40_000;
    let name = |number: u32| format!("usr/{}/{}/{number}", number % 7, number / 1000);
    let tar = endless(name).take(u64::from(count) * 512);
    builder.add_layer(tar).unwrap();
    assert!(builder.resident_bytes() < 2 << 20, "{} bytes", builder.resident_bytes());
    let facts = builder.finish().unwrap();
    assert_eq!(facts.len(), u64::from(count) + 1 + 7 + 280);
    for number in (0..count).step_by(997) {
        assert!(facts.lookup(&path(&name(number))).unwrap().is_some(), "{number}");
    }
    assert_eq!(facts.lookup(&path("usr/1/1/none")).unwrap(), None);
}

#[test]
fn more_layers_than_can_be_counted_end_in_an_error() {
    let mut builder = builder();
    for _ in 0..u16::MAX - 1 {
        builder.add_layer(std::io::empty()).unwrap();
    }
    let error = builder.add_layer(std::io::empty()).unwrap_err();
    assert!(error.to_string().ends_with("more than 65534 layers"), "{error}");
}

#[test]
fn global_headers_do_not_add_up() {
    let mut bytes = Vec::new();
    for number in 0..2000 {
        bytes.extend(extended(&[(&format!("KEY.{number}"), &[b'x'; 600])], EntryType::XGlobalHeader));
    }
    bytes.extend(extended(&[("uid", b"7")], EntryType::XGlobalHeader));
    bytes.extend(open_tar(&["x="]));
    let mut builder = builder();
    builder.add_layer(bytes.as_slice()).unwrap();
    assert_eq!(builder.finish().unwrap().lookup(&path("x")).unwrap().unwrap().uid, 7);
}

/// A layer with everything that has more than one block.
fn mixed() -> Vec<u8> {
    let body = "x".repeat(1500);
    let long = "d/".repeat(200);
    [
        open_tar(&["a/", &format!("a/f={body}"), "l -> a", "h => a/f", "etc/passwd=root:x:0:0", "a/.wh.q="]),
        with_records(&[("path", long.as_bytes()), ("mtime", b"1.5")]),
        member(header("././@LongLink", EntryType::GNULongName, 0, 601), &[b'n'; 601]),
        layer(&["short=1"]),
    ]
    .concat()
}

proptest! {
    #[test]
    fn a_layer_cut_at_any_byte_ends_in_an_error_or_in_what_was_whole(end in 0..mixed().len()) {
        let mut builder = builder();
        if builder.add_layer(&mixed()[..end]).is_ok() {
            prop_assert!(end % 512 == 0 || end + 1024 > mixed().len(), "only the padding behind the end may be cut");
            prop_assert!(builder.finish().unwrap().len() <= 8 + 200);
        }
    }

    #[test]
    fn a_layer_with_a_changed_byte_ends_in_an_answer(at in 0..mixed().len(), byte in any::<u8>(), packed in any::<bool>()) {
        let mut bytes = mixed();
        bytes[at] = byte;
        let limits = Limits { unpacked_bytes: 1 << 20, ..Limits::default() };
        let mut builder = FactsBuilder::new(limits, &std::env::temp_dir());
        let bytes = if packed { gzip(&bytes) } else { bytes };
        if builder.add_layer(bytes.as_slice()).is_ok() {
            builder.finish().unwrap();
        }
    }

    #[test]
    fn any_bytes_end_in_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..2048), magic in 0..4usize) {
        let magic: &[u8] = [&[][..], &[0x1f, 0x8b, 8, 0], &[0x28, 0xb5, 0x2f, 0xfd], &[0x50, 0x2a, 0x4d, 0x18]][magic];
        let _ = builder().add_layer([magic, &bytes].concat().as_slice());
    }
}

#[test]
fn a_layer_cut_between_blocks_ends_in_an_error_or_in_what_was_whole() {
    let whole = mixed();
    for end in (0..whole.len()).step_by(512) {
        let mut builder = builder();
        if builder.add_layer(&whole[..end]).is_ok() {
            builder.finish().unwrap();
        }
    }
}
