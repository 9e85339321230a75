//! Format 1 as its page has it, held by a reader that knows nothing but the page: `docs/reference/format-1.md`.

use std::fs;
use std::io::Read;
use std::path::Path;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::support::{Project, Runner};

/// A name that ustar can only write in two parts.
const FOLDERS: &str = "a-folder-with-a-name-of-forty-characters-x/another-folder-with-a-name-of-47-characters-yz";
const LONG: &str = "a-file-with-a-name-of-some-characters.txt";

/// The image of a small project, and the blob of its layer.
fn built() -> (Project, Vec<u8>, Value, Vec<u8>) {
    let project = Project::with("base: scratch\nlayers:\n  - {from: app, to: /srv/app}\n");
    project.write(&format!("app/{FOLDERS}/{LONG}"), "long\n");
    project.write("app/Zebra", "");
    project.mode("app/hello.txt", 0o700);
    project.mode("app/Zebra", 0o600);
    std::os::unix::fs::symlink("hello.txt", project.join("app/link")).expect("a link");
    let place = format!("oci:{}", project.join("image").display());
    let run = Runner::new().run(project.path(), &["build", "--output", &place]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let (_, digest) = run.stdout.trim().rsplit_once("@sha256:").expect("a digest");
    let manifest = blob(project.path(), digest);
    let value: Value = serde_json::from_slice(&manifest).expect("JSON");
    let layer = blob(project.path(), hex(&value["layers"][0]["digest"]));
    (project, manifest, value, layer)
}

fn blob(project: &Path, hex: &str) -> Vec<u8> {
    fs::read(project.join("image/blobs/sha256").join(hex)).expect("a blob")
}

fn hex(digest: &Value) -> &str {
    digest.as_str().and_then(|digest| digest.strip_prefix("sha256:")).expect("a digest")
}

/// A header of 512 bytes, by the offsets of POSIX.
struct Header<'a>(&'a [u8]);

impl Header<'_> {
    fn text(&self, from: usize, length: usize) -> String {
        let field = &self.0[from..from + length];
        let end = field.iter().position(|byte| *byte == 0).unwrap_or(length);
        String::from_utf8(field[..end].to_vec()).expect("text")
    }

    fn number(&self, from: usize, length: usize) -> u64 {
        let text = self.text(from, length);
        u64::from_str_radix(text.trim_matches(' '), 8).unwrap_or_else(|_| panic!("`{text}` is not octal"))
    }

    /// What each header of every layer has.
    fn check(&self) {
        assert_eq!(&self.0[257..265], b"ustar\x0000", "magic and version");
        assert_eq!((self.text(265, 32), self.text(297, 32)), (String::new(), String::new()), "owners are numbers");
        assert_eq!((self.number(108, 8), self.number(116, 8)), (0, 0), "root owns what nobody else does");
        let spaces = |(at, byte): (usize, &u8)| if (148..156).contains(&at) { 32 } else { u64::from(*byte) };
        assert_eq!(self.number(148, 8), self.0.iter().enumerate().map(spaces).sum::<u64>(), "checksum");
    }

    /// Type, path as written in prefix and name, mode, time, target.
    fn line(&self) -> String {
        let (prefix, name) = (self.text(345, 155), self.text(0, 100));
        let (kind, mode, time) = (char::from(self.0[156]), self.number(100, 8), self.number(136, 12));
        let line = format!("{kind} {prefix}|{name} {mode:o} {time} {}", self.text(157, 100));
        line.trim_end().to_owned()
    }
}

/// The time that a file gets of its content.
fn time_of(content: &str) -> u64 {
    let hash = Sha256::digest(content);
    315_532_800 + u64::from_be_bytes(hash[..8].try_into().expect("8 bytes")) % 1_000_000_000
}

#[test]
fn the_tar_stream_is_what_the_page_says() {
    let (_project, _, _, layer) = built();
    let mut tar = Vec::new();
    flate2::read::GzDecoder::new(&layer[..]).read_to_end(&mut tar).expect("gzip");
    let (mut rest, mut lines) = (&tar[..], Vec::new());
    while rest[0] != 0 {
        let header = Header(&rest[..512]);
        header.check();
        lines.push(header.line());
        rest = &rest[512 + usize::try_from(header.number(124, 12)).expect("small").next_multiple_of(512)..];
    }
    assert!(rest.len() == 1024 && rest.iter().all(|byte| *byte == 0), "two zero blocks, and nothing after them");
    let (first, second) = FOLDERS.split_once('/').expect("two folders");
    let expected = [
        "5 |srv/ 755 1".to_owned(),
        "5 |srv/app/ 755 1".to_owned(),
        format!("0 |srv/app/Zebra 644 {}", time_of("")),
        format!("5 |srv/app/{first}/ 755 1"),
        format!("5 |srv/app/{FOLDERS}/ 755 1"),
        format!("0 srv/app/{first}/{second}|{LONG} 644 {}", time_of("long\n")),
        format!("0 |srv/app/hello.txt 755 {}", time_of("hello\n")),
        "2 |srv/app/link 777 1 hello.txt".to_owned(),
    ];
    assert_eq!(lines, expected);
}

#[test]
fn the_gzip_member_and_the_documents_are_what_the_page_says() {
    let (project, manifest, value, layer) = built();
    // A sync flush ends the one chunk, an empty fixed block the member; sum and length follow.
    let end = layer.len() - 8;
    assert_eq!(layer[end - 6..end], [0, 0, 0xff, 0xff, 3, 0]);
    assert_eq!(value["layers"][0]["annotations"]["dev.dockless.layer"], "1;gzip:6");
    let config = blob(project.path(), hex(&value["config"]["digest"]));
    let read: Value = serde_json::from_slice(&config).expect("JSON");
    assert_eq!(read["created"], "1970-01-01T00:00:01Z");
    for (bytes, value) in [(manifest, &value), (config, &read)] {
        // This reader keeps keys sorted, and writes no white space.
        assert_eq!(String::from_utf8(bytes).expect("text"), value.to_string());
    }
}
