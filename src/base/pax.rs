//! The records of PAX extended headers.

use std::collections::BTreeMap;

/// Records by key: only those that are asked for, so that headers that stay in force do not add up in memory.
pub(super) type Records = BTreeMap<Vec<u8>, Vec<u8>>;

/// The keys that are kept, each with the most bytes of a value. Values of paths are limited where they are used.
const KEPT: [(&[u8], usize); 8] = [
    (b"path", 1 << 13),
    (b"linkpath", 1 << 13),
    (b"GNU.sparse.name", 1 << 13),
    (b"size", 64),
    (b"uid", 64),
    (b"gid", 64),
    (b"mtime", 64),
    (b"SCHILY.xattr.security.capability", 1 << 10),
];

/// Reads `LENGTH KEY=VALUE\n` records (POSIX pax, "pax Extended Header"). Of a key that is there twice the last counts.
pub(super) fn parse_records(mut bytes: &[u8]) -> Option<Records> {
    let mut records = Records::new();
    while bytes.first().is_some_and(|byte| *byte != 0) {
        let space = bytes.iter().position(|byte| *byte == b' ')?;
        let length = usize::try_from(digits(&bytes[..space])?).ok()?;
        let record = bytes.get(space + 1..length)?.strip_suffix(b"\n")?;
        let equals = record.iter().position(|byte| *byte == b'=')?;
        let (key, value) = (&record[..equals], &record[equals + 1..]);
        if let Some((_, most)) = KEPT.iter().find(|(kept, _)| *kept == key) {
            (value.len() <= *most).then(|| records.insert(key.to_vec(), value.to_vec()))?;
        }
        bytes = &bytes[length..];
    }
    Some(records)
}

/// Reads a decimal number; a fraction is dropped.
pub(super) fn decimal(text: &[u8]) -> Option<u64> {
    digits(text.split(|byte| *byte == b'.').next()?)
}

/// Only digits, unlike the standard library, which takes a plus sign.
fn digits(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()
}
