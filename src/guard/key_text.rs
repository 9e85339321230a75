//! Private keys as text: the header alone is talk about keys, with a body below it is one.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::alphabet::{ends_in, is_base64, leading, may_be_random};
use super::marks::{Around, Hit};
use super::secret::Secret;

/// What stands between `-----BEGIN ` and `PRIVATE KEY`.
const KINDS: [&str; 7] = ["", "RSA ", "EC ", "DSA ", "ENCRYPTED ", "OPENSSH ", "PGP "];
/// The shortest first run of a body: its lines have 64 characters and more.
const RUN: usize = 40;
/// The base64 of a PEM header's first 48 bytes: enough for its longest form.
const ENCODED_HEADER: usize = 64;

/// A PEM or PGP armour header with a body (RFC 7468, RFC 4880).
pub(super) fn pem(Around { before, after }: Around<'_>) -> Option<Hit> {
    let begin = before.windows(BEGIN.len()).rposition(|window| window == BEGIN)?;
    let kind = &before[begin + BEGIN.len()..];
    KINDS.iter().find(|known| known.as_bytes() == kind)?;
    let rest = &after[b"PRIVATE KEY".len()..];
    let (secret, rest) = match kind {
        b"PGP " => (Secret::PgpPrivateKey, rest.strip_prefix(b" BLOCK-----")?),
        _ => (Secret::PrivateKey, rest.strip_prefix(b"-----")?),
    };
    has_body(rest).then(|| (secret, begin.cast_signed() - before.len().cast_signed()))
}

const BEGIN: &[u8] = b"-----BEGIN ";

/// A PuTTY key with private lines. The public ones before them, 22 for 8192 bits, end within what is seen.
pub(super) fn putty(Around { after, .. }: Around<'_>) -> Option<Hit> {
    let version = &after[b"PuTTY-User-Key-File-".len()..];
    let named = version.first()?.is_ascii_digit() && version.get(1) == Some(&b':');
    let private = memchr::memmem::find(after, b"Private-Lines:")?;
    let count = after[private + b"Private-Lines:".len()..].trim_ascii_start();
    let lines = &count[leading(count, |byte| byte.is_ascii_digit()).len()..];
    (named && lines.len() < count.len() && has_body(lines)).then_some((Secret::PuttyKey, 0))
}

/// The base64 of a PEM private key, as Kubernetes stores it.
pub(super) fn encoded_pem(Around { before, after }: Around<'_>) -> Option<Hit> {
    let header = STANDARD_NO_PAD.decode(after.get(..ENCODED_HEADER)?).ok()?;
    let is_private = memchr::memmem::find(&header, b"PRIVATE KEY-----").is_some();
    let body = leading(after, is_base64);
    (is_private && body.len() > ENCODED_HEADER + RUN && !ends_in(before, is_base64)).then_some((Secret::PrivateKey, 0))
}

/// Returns whether a body of base64 follows: after line ends, written out (`\n`) or real, quotes and signs between the
/// lines of a string in source code, and the header lines that armour has (`Proc-Type: 4,ENCRYPTED`).
fn has_body(mut rest: &[u8]) -> bool {
    // Six headers are more than any writer makes.
    for _ in 0..6 {
        rest = after_separators(rest);
        let run = leading(rest, is_base64);
        if run.len() >= RUN {
            return may_be_key(&run[..RUN]);
        }
        match after_header(rest) {
            Some(after) => rest = after,
            None => return false,
        }
    }
    false
}

/// Returns whether the first characters of a body may be of a key. Zero bytes are `A`s, and an OpenSSH key begins with
/// many.
fn may_be_key(run: &[u8]) -> bool {
    let others: Vec<u8> = run.iter().copied().filter(|byte| *byte != b'A').collect();
    may_be_random(&others)
}

/// Skips what stands between two lines, at most 64 bytes of it.
fn after_separators(rest: &[u8]) -> &[u8] {
    let mut at = 0;
    while at < rest.len().min(64) {
        at += match &rest[at..] {
            [b'\\', b'n' | b'r' | b't', ..] => 2,
            [b' ' | b'\t' | b'\r' | b'\n' | b'"' | b'\'' | b'`' | b'+' | b'.' | b',' | b'\\' | b'|', ..] => 1,
            _ => break,
        };
    }
    &rest[at..]
}

/// Returns what follows a line `Name: value`, with the end of line real or written out.
fn after_header(rest: &[u8]) -> Option<&[u8]> {
    let name = leading(rest, |byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let value = rest[name.len()..].strip_prefix(b": ").filter(|_| !name.is_empty())?;
    let end = value.iter().position(|byte| *byte == b'\n' || *byte == b'\\')?;
    Some(&value[end..])
}
