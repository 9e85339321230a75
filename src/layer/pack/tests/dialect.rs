//! The tar dialect of format 1, claim by claim: what is written, and what never is.

use super::*;

const BLOCK: usize = 512;

/// The blocks of headers in a stream: the letter of each, its header, and the records of a PAX header.
fn headers(tar: &[u8]) -> Vec<(u8, &[u8], &[u8])> {
    let (mut headers, mut at) = (Vec::new(), 0);
    while tar[at..at + BLOCK].iter().any(|byte| *byte != 0) {
        let header = &tar[at..at + BLOCK];
        let size = usize::from_str_radix(std::str::from_utf8(&header[124..135]).unwrap(), 8).unwrap();
        let content = &tar[at + BLOCK..][..size];
        headers.push((header[156], header, if header[156] == b'x' { content } else { b"" }));
        at += BLOCK + size.next_multiple_of(BLOCK);
    }
    headers
}

fn tar_of(entries: &[Entry]) -> Vec<u8> {
    packed(entries, &options(Compression::None, 1, 0)).1
}

/// Entries that need every record that there is.
fn demanding() -> Vec<Entry> {
    let mut all = file(&format!("d/{}", "n".repeat(300)), b"x");
    (all.uid, all.gid, all.mtime) = (3_000_000, 4_000_000, Mtime::Seconds(10_000_000_000));
    all.xattrs.insert("security.capability".to_owned(), b"\n\x00=".to_vec());
    let link = entry("d/l", EntryKind::Symlink([b"../".repeat(50), vec![0xff]].concat()));
    vec![entry("d", EntryKind::Directory), link, all]
}

#[test]
fn only_files_folders_and_symlinks_are_written_and_pax_before_them() {
    for tree in [small_tree(), demanding()] {
        let tar = tar_of(&tree);
        assert!(
            headers(&tar).iter().all(|(letter, ..)| b"025x".contains(letter)),
            "no hard link, no hole, nothing of GNU"
        );
        assert!(headers(&tar).iter().all(|(_, header, _)| header[257..265] == *b"ustar\x0000"));
    }
}

#[test]
fn records_name_no_time_of_access_no_process_and_no_fraction() {
    let tar = tar_of(&demanding());
    let mut keys = std::collections::BTreeSet::new();
    for (_, header, mut records) in headers(&tar).into_iter().filter(|(letter, ..)| *letter == b'x') {
        assert!(header.starts_with(b"PaxHeaders/entry\0"), "one name for all");
        assert_eq!(header[136..147], *b"00000000000", "no time");
        while !records.is_empty() {
            let space = records.iter().position(|byte| *byte == b' ').unwrap();
            let length: usize = std::str::from_utf8(&records[..space]).unwrap().parse().unwrap();
            let (key, value) = {
                let record = &records[space + 1..length - 1];
                record.split_at(record.iter().position(|byte| *byte == b'=').unwrap())
            };
            let key = String::from_utf8(key.to_vec()).unwrap();
            let number = ["gid", "mtime", "uid"].contains(&key.as_str());
            assert!(!number || value[1..].iter().all(u8::is_ascii_digit), "{key} is a whole number");
            keys.insert(key);
            records = &records[length..];
        }
    }
    let known = ["SCHILY.xattr.security.capability", "gid", "hdrcharset", "linkpath", "mtime", "path", "uid"];
    assert_eq!(keys.into_iter().collect::<Vec<_>>(), known);
}

#[test]
fn names_begin_with_neither_dot_nor_slash_and_a_folder_s_ends_with_a_slash() {
    let text = |path: &str| file(path, b"");
    let tree = [entry("./a/", EntryKind::Directory), text("/a/b"), text("a//.//c"), entry("a/d", EntryKind::Directory)];
    let tar = tar_of(&tree);
    let names: Vec<_> =
        headers(&tar).iter().map(|(_, header, _)| header[..8].split(|byte| *byte == 0).next().unwrap()).collect();
    assert_eq!(names, [&b"a/"[..], b"a/b", b"a/c", b"a/d/"]);
}

#[test]
fn a_symlink_s_target_is_written_as_it_is() {
    for target in ["../../../etc", "/abs/olute", "./a/../b//c/", "a\\b\n", "."] {
        let tar = tar_of(&[entry("l", EntryKind::Symlink(target.into()))]);
        let header = headers(&tar)[0].1;
        assert_eq!(header[157..].split(|byte| *byte == 0).next(), Some(target.as_bytes()));
        assert_eq!(header[124..135], *b"00000000000", "a link has no content");
    }
}

#[test]
fn all_twelve_bits_of_a_mode_are_written_and_no_more() {
    for mode in [0, 0o7777, 0o1777, 0o4755, 0o2750, 0o100_644] {
        let tar = tar_of(&[Entry { mode, ..file("f", b"") }]);
        let written = std::str::from_utf8(&tar[100..107]).unwrap();
        assert_eq!(u32::from_str_radix(written, 8).unwrap(), mode & 0o7777);
    }
}

#[test]
fn the_stream_ends_with_two_blocks_of_zeros_and_nothing_after_them() {
    for length in [0, 1, 511, 512, 513, 9000, 10_240 - 3 * BLOCK] {
        let tar = tar_of(&[file("f", &vec![1; length])]);
        assert_eq!(tar.len(), BLOCK + length.next_multiple_of(BLOCK) + 2 * BLOCK, "no padding to a record of 10 KiB");
        assert!(tar[tar.len() - 2 * BLOCK..].iter().all(|byte| *byte == 0));
    }
}

#[test]
fn a_gzip_member_names_no_time_no_file_and_no_system() {
    for (level, extra) in [(1, 4), (2, 0), (6, 0), (8, 0), (9, 2)] {
        let (_, blob) = packed(&small_tree(), &options(Compression::Gzip(level), 2, 0));
        assert_eq!(blob[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, extra, 0xff], "level {level}");
    }
}

#[test]
fn equal_trees_may_have_blobs_of_several_digests_but_one_diff_id() {
    let all = [Compression::None, Compression::Gzip(1), Compression::Gzip(9), Compression::Zstd(3)];
    let made = all.map(|compression| packed(&small_tree(), &options(compression, 1, 0)));
    for (one, blob) in &made {
        assert_eq!(one.diff_id, made[0].0.diff_id);
        assert_eq!((one.digest, one.size), (Digest::of(blob), blob.len() as u64));
    }
    let digests: std::collections::HashSet<_> = made.iter().map(|(one, _)| one.digest).collect();
    assert_eq!(digests.len(), all.len());
}
