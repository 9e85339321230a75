//! An image's layers applied by the letter of the image specification, one to the other, in memory.
//!
//! The tar is read here byte by byte, without the product and without the library that the product reads and writes with.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use super::tree::{Kind, Node, Tree};

const BLOCK: usize = 512;

/// The records of a PAX header.
type Records = BTreeMap<String, Vec<u8>>;

/// An entry of a layer.
struct Member {
    path: Vec<u8>,
    letter: u8,
    link: Vec<u8>,
    node: Node,
}

/// Applies a layer of plain tar to a tree, as "Applying Changesets" of the image specification says.
///
/// Returns the paths that it holds. Fails where an entry has a parent that is no folder of the tree.
#[track_caller]
pub(crate) fn apply(tree: &mut Tree, tar: impl Read) -> BTreeSet<Vec<u8>> {
    let (mut written, mut removed, mut paths) = (Tree::new(), Vec::new(), BTreeSet::new());
    for Member { path, letter, link, mut node } in members(tar) {
        assert!(paths.insert(path.clone()), "/{} stands twice in a layer", path.escape_ascii());
        let (folder, name) = split(&path);
        let parent = written.get(folder).or_else(|| tree.get(folder)).map(|node| &node.kind);
        let is_folder = folder.is_empty() || parent == Some(&Kind::Folder);
        assert!(is_folder, "/{} has no folder that it could stand in", path.escape_ascii());
        if let Some(hidden) = name.strip_prefix(b".wh.") {
            removed.push(join(folder, hidden));
            continue;
        }
        if letter == b'1' {
            let target = written.get(&link).or_else(|| tree.get(&link));
            node = target.unwrap_or_else(|| panic!("a link to /{}", link.escape_ascii())).clone();
        }
        written.insert(path, node);
    }
    for path in removed {
        // Whiteouts hide what is below a layer, never what the layer itself writes.
        remove(tree, &path);
    }
    for (path, node) in written {
        if node.kind != Kind::Folder || tree.get(&path).is_some_and(|below| below.kind != Kind::Folder) {
            remove(tree, &path);
        }
        tree.insert(path, node);
    }
    paths
}

fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(at) => (&path[..at], &path[at + 1..]),
        None => (b"", path),
    }
}

fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    if folder.is_empty() { name.to_vec() } else { [folder, b"/", name].concat() }
}

/// Removes a path and all below it.
pub(crate) fn remove(tree: &mut Tree, path: &[u8]) {
    let below = [path, b"/"].concat();
    tree.retain(|key, _| key != path && !key.starts_with(&below));
}

#[track_caller]
fn members(mut tar: impl Read) -> Vec<Member> {
    let (mut members, mut records) = (Vec::new(), Records::new());
    loop {
        let mut header = [0; BLOCK];
        tar.read_exact(&mut header).expect("a header");
        if header == [0; BLOCK] {
            return members;
        }
        let size = match records.get("size") {
            Some(size) => decimal(size),
            None => octal(&header[124..136]),
        };
        let length = usize::try_from(size).expect("small files");
        let mut content = vec![0; length.next_multiple_of(BLOCK)];
        tar.read_exact(&mut content).expect("a content");
        content.truncate(length);
        match header[156] {
            b'x' => records = parse(&content),
            _ => members.push(member(&header, &std::mem::take(&mut records), &content)),
        }
    }
}

fn member(header: &[u8; BLOCK], records: &Records, content: &[u8]) -> Member {
    let number = |key: &str, field: &[u8]| records.get(key).map_or_else(|| octal(field), |value| decimal(value));
    let short = join(text(&header[345..500]), text(&header[..100]));
    let mut path = records.get("path").cloned().unwrap_or(short);
    if path.last() == Some(&b'/') {
        path.pop();
    }
    let link = records.get("linkpath").cloned().unwrap_or_else(|| text(&header[157..257]).to_vec());
    let kind = match header[156] {
        b'0' => Kind::file(content),
        b'1' => Kind::file(b""),
        b'2' => Kind::Link(link.clone()),
        b'5' => Kind::Folder,
        other => panic!("/{} is of type {}", path.escape_ascii(), other.escape_ascii()),
    };
    let mode = if header[156] == b'2' { 0o777 } else { octal(&header[100..108]) & 0o7777 };
    let attributes = records.iter().filter_map(|(key, value)| Some((key.strip_prefix("SCHILY.xattr.")?, value)));
    let node = Node {
        kind,
        mode: u32::try_from(mode).expect("twelve bits"),
        uid: u32::try_from(number("uid", &header[108..116])).expect("an owner"),
        gid: u32::try_from(number("gid", &header[116..124])).expect("a group"),
        mtime: i64::try_from(number("mtime", &header[136..148])).expect("a time"),
        xattrs: attributes.map(|(name, value)| (name.to_owned(), value.clone())).collect(),
    };
    Member { path, letter: header[156], link, node }
}

/// Reads `LENGTH KEY=VALUE\n` records by their lengths.
fn parse(mut bytes: &[u8]) -> Records {
    let mut records = Records::new();
    while !bytes.is_empty() {
        let space = bytes.iter().position(|byte| *byte == b' ').expect("a record's length");
        let length = usize::try_from(decimal(&bytes[..space])).expect("a short record");
        let (key, value) = {
            let record = &bytes[space + 1..length - 1];
            let equals = record.iter().position(|byte| *byte == b'=').expect("a record's key");
            (&record[..equals], &record[equals + 1..])
        };
        records.insert(String::from_utf8(key.to_vec()).expect("keys are text"), value.to_vec());
        bytes = &bytes[length..];
    }
    records
}

fn text(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

fn octal(field: &[u8]) -> u64 {
    let digits = std::str::from_utf8(text(field)).expect("octal digits").trim();
    u64::from_str_radix(digits, 8).unwrap_or_else(|why| panic!("`{digits}`: {why}"))
}

/// Reads a decimal number; a fraction is dropped.
fn decimal(digits: &[u8]) -> u64 {
    let digits = std::str::from_utf8(digits).expect("digits");
    digits.split('.').next().and_then(|whole| whole.parse().ok()).unwrap_or_else(|| panic!("`{digits}` is no number"))
}
