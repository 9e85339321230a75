//! Headers of the tar dialect of format 1.
//!
//! ustar with every number in octal. A name of up to 100 bytes stands in `name`; a longer one is split at the last slash
//! that leaves at most 155 bytes before it and at most 100 after it. What does not fit — a name or link without such a
//! split, an owner above 2097151, a size or time above 8589934591 — goes into a PAX extended header (POSIX.1-2001) before
//! the entry, with its records sorted by key, and the ustar field holds the cut name or zero. Extended attributes are
//! `SCHILY.xattr.NAME` records. Where a record's name or link is not UTF-8, `hdrcharset=BINARY` comes first.

use std::collections::BTreeMap;

use tar::{EntryType, Header};

use crate::plan::{Entry, EntryKind};

/// The unit of a tar stream.
pub(super) const BLOCK: usize = 512;
/// The name of every PAX extended header. It says nothing of process or time, as other writers' names do.
const PAX_NAME: &[u8] = b"PaxHeaders/entry";
const NAME_LIMIT: usize = 100;
const PREFIX_LIMIT: usize = 155;
/// Seven octal digits.
const OWNER_LIMIT: u64 = 0o7_777_777;
/// Eleven octal digits.
const NUMBER_LIMIT: u64 = 0o77_777_777_777;

/// Returns the blocks that stand before an entry's content: the PAX header with its records, if any, and the header.
pub(super) fn blocks(entry: &Entry, size: u64, mtime: u64) -> Vec<u8> {
    let mut name = entry.path.as_bytes().to_vec();
    let (kind, link) = match &entry.kind {
        EntryKind::Directory => {
            name.push(b'/');
            (EntryType::Directory, &[][..])
        }
        EntryKind::File(_) => (EntryType::Regular, &[][..]),
        EntryKind::Symlink(target) => (EntryType::Symlink, &target[..]),
    };
    let mut records = Records::default();
    let mut header = Header::new_ustar();
    set_name(&mut header, &name, &mut records);
    set_link(&mut header, link, &mut records);
    header.set_entry_type(kind);
    header.set_mode(entry.mode & 0o7777);
    header.set_uid(records.number("uid", entry.uid, OWNER_LIMIT));
    header.set_gid(records.number("gid", entry.gid, OWNER_LIMIT));
    header.set_size(records.number("size", size, NUMBER_LIMIT));
    header.set_mtime(records.number("mtime", mtime, NUMBER_LIMIT));
    for (name, value) in &entry.xattrs {
        records.add(&format!("SCHILY.xattr.{name}"), value);
    }
    header.set_cksum();
    let mut blocks = records.blocks();
    blocks.extend_from_slice(header.as_bytes());
    blocks
}

fn set_name(header: &mut Header, name: &[u8], records: &mut Records) {
    let split = split(name);
    let (prefix, short) = split.unwrap_or_else(|| {
        records.text("path", name);
        (&[], &name[..NAME_LIMIT])
    });
    let Some(ustar) = header.as_ustar_mut() else { unreachable!("the header was made as ustar") };
    ustar.name[..short.len()].copy_from_slice(short);
    ustar.prefix[..prefix.len()].copy_from_slice(prefix);
}

/// Returns the prefix and the name that a path splits into, or `None` where ustar cannot hold it.
fn split(name: &[u8]) -> Option<(&[u8], &[u8])> {
    if name.len() <= NAME_LIMIT {
        return Some((&[], name));
    }
    // A folder's own trailing slash is part of its name and no place to split.
    let inner = &name[..name.len() - 1];
    let last = inner.iter().take(PREFIX_LIMIT + 1).rposition(|byte| *byte == b'/').filter(|at| *at > 0)?;
    let (prefix, rest) = (&name[..last], &name[last + 1..]);
    (rest.len() <= NAME_LIMIT).then_some((prefix, rest))
}

fn set_link(header: &mut Header, link: &[u8], records: &mut Records) {
    if link.len() > NAME_LIMIT {
        records.text("linkpath", link);
    }
    let Some(ustar) = header.as_ustar_mut() else { unreachable!("the header was made as ustar") };
    let short = &link[..link.len().min(NAME_LIMIT)];
    ustar.linkname[..short.len()].copy_from_slice(short);
}

/// The records of a PAX extended header.
#[derive(Default)]
struct Records {
    records: BTreeMap<Vec<u8>, Vec<u8>>,
    binary: bool,
}

impl Records {
    fn add(&mut self, key: &str, value: &[u8]) {
        self.records.insert(key.as_bytes().to_vec(), value.to_vec());
    }

    fn text(&mut self, key: &str, value: &[u8]) {
        self.binary |= std::str::from_utf8(value).is_err();
        self.add(key, value);
    }

    /// Returns the number for the ustar field; one that does not fit goes into a record, and the field holds zero.
    fn number(&mut self, key: &str, value: u64, limit: u64) -> u64 {
        if value <= limit {
            return value;
        }
        self.add(key, value.to_string().as_bytes());
        0
    }

    fn blocks(&self) -> Vec<u8> {
        if self.records.is_empty() {
            return Vec::new();
        }
        let mut content = Vec::new();
        if self.binary {
            record(&mut content, b"hdrcharset", b"BINARY");
        }
        for (key, value) in &self.records {
            record(&mut content, key, value);
        }
        let mut header = Header::new_ustar();
        let Some(ustar) = header.as_ustar_mut() else { unreachable!("the header was made as ustar") };
        ustar.name[..PAX_NAME.len()].copy_from_slice(PAX_NAME);
        header.set_entry_type(EntryType::XHeader);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(content.len() as u64);
        header.set_cksum();
        let mut blocks = header.as_bytes().to_vec();
        content.resize(content.len().next_multiple_of(BLOCK), 0);
        blocks.append(&mut content);
        blocks
    }
}

/// Appends `LENGTH KEY=VALUE\n`, where LENGTH counts the whole record with its own digits.
fn record(out: &mut Vec<u8>, key: &[u8], value: &[u8]) {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    out.extend_from_slice(length.to_string().as_bytes());
    out.push(b' ');
    out.extend_from_slice(key);
    out.push(b'=');
    out.extend_from_slice(value);
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::ImagePath;
    use crate::plan::Mtime;

    fn directory(path: &[u8]) -> Entry {
        Entry {
            path: ImagePath::parse(path).unwrap(),
            kind: EntryKind::Directory,
            mode: 0o755,
            uid: 0,
            gid: 0,
            mtime: Mtime::Seconds(1),
            xattrs: BTreeMap::new(),
        }
    }

    fn link(target: &[u8]) -> Entry {
        Entry { kind: EntryKind::Symlink(target.to_vec()), ..directory(b"l") }
    }

    fn count(entry: &Entry) -> usize {
        blocks(entry, 0, 1).len() / BLOCK
    }

    #[test]
    fn a_record_counts_its_own_digits() {
        for length in [1, 4, 5, 6, 90, 91, 92, 93, 94, 990, 9990] {
            let mut out = Vec::new();
            record(&mut out, b"k", &vec![b'v'; length]);
            let told: usize = std::str::from_utf8(out.split(|b| *b == b' ').next().unwrap()).unwrap().parse().unwrap();
            assert_eq!(told, out.len());
        }
    }

    #[test]
    fn names_use_pax_only_where_ustar_has_no_room() {
        let file = |name: &[u8]| Entry { kind: EntryKind::Symlink(b"t".to_vec()), ..directory(name) };
        assert_eq!(count(&file(&[b'a'; 100])), 1);
        assert_eq!(count(&file(&[b'a'; 101])), 3);
        assert_eq!(count(&directory(&[b'a'; 99])), 1, "with its slash 100 bytes");
        assert_eq!(count(&directory(&[b'a'; 100])), 3);
        let split = [[b'p'; 155].as_slice(), b"/", &[b'n'; 100]].concat();
        assert_eq!(count(&file(&split)), 1, "256 bytes, split at the one place");
        assert_eq!(count(&directory(&split)), 3, "its slash is one byte too many");
        assert_eq!(count(&file(&split[1..])), 1, "255 bytes");
        assert_eq!(count(&file(&[b'a'; 255])), 3, "no place to split");
        assert_eq!(count(&file(&vec![b'a'; 300])), 3);
        assert_eq!(count(&file(&[&split[..], b"nn/n"].concat())), 3, "300 bytes hold no split");
        let no_split = [[b'p'; 156].as_slice(), b"/", &[b'n'; 99]].concat();
        assert_eq!(count(&file(&no_split)), 3);
        assert_eq!(count(&file(&[b"a/".as_slice(), &[b'n'; 101]].concat())), 3);
        assert_eq!(count(&link(&[b't'; 100])), 1);
        assert_eq!(count(&link(&[b't'; 101])), 3);
    }

    #[test]
    fn a_long_name_is_split_at_the_last_slash_that_fits() {
        let name = [[b'a'; 60].as_slice(), b"/", &[b'b'; 60], b"/", &[b'c'; 60]].concat();
        assert_eq!(split(&name), Some((&name[..121], &name[122..])));
        assert_eq!(split(b"short/name"), Some((&b""[..], &b"short/name"[..])), "not split without need");
        let folder = [[b'a'; 60].as_slice(), b"/", &[b'b'; 60], b"/"].concat();
        assert_eq!(split(&folder), Some((&folder[..60], &folder[61..])), "its own slash ends its name");
    }

    #[test]
    fn numbers_use_pax_only_where_ustar_has_no_room() {
        let owned = |uid| Entry { uid, gid: uid, ..directory(b"d") };
        assert_eq!(count(&owned(OWNER_LIMIT)), 1);
        assert_eq!(count(&owned(OWNER_LIMIT + 1)), 3);
        assert_eq!(blocks(&directory(b"d"), NUMBER_LIMIT, 1).len(), BLOCK);
        let large = blocks(&directory(b"d"), NUMBER_LIMIT + 1, 1);
        assert_eq!(large.len(), 3 * BLOCK);
        assert!(large[BLOCK..].starts_with(b"19 size=8589934592\n"));
    }

    #[test]
    fn a_name_that_is_not_utf_8_is_announced_before_it_is_recorded() {
        let raw = count(&directory(b"\xff"));
        assert_eq!(raw, 1, "raw where it fits");
        let long = blocks(&directory(&[0xff; 101]), 0, 1);
        assert!(long[BLOCK..].starts_with(b"21 hdrcharset=BINARY\n112 path=\xff"));
    }

    #[test]
    fn headers_name_no_owner_and_no_machine() {
        let header = blocks(&directory(b"d"), 0, 1);
        assert_eq!(&header[257..265], b"ustar\x0000");
        assert!(header[265..345].iter().all(|byte| *byte == 0 || *byte == b'0'), "no names, no devices");
    }
}
