//! `.env` files. Their name tells what they are for; a value makes them one.

use super::alphabet::{is_empty_or_reference, lines, unquoted};

/// Last parts of a name that say that the file is a sample or belongs to tests. Frameworks have these committed; a
/// `.env.test.local` they have not. A `.env.vault` is encrypted.
const SAMPLES: [&[u8]; 13] = [
    b"example",
    b"examples",
    b"sample",
    b"template",
    b"tpl",
    b"tmpl",
    b"dist",
    b"default",
    b"defaults",
    b"schema",
    b"test",
    b"testing",
    b"vault",
];

/// Returns whether a file of this name holds the environment of a program: `.env` and `.env.NAME`, samples apart.
pub(super) fn is_environment_file(name: &[u8]) -> bool {
    let Some(rest) = name.strip_prefix(b".env") else { return false };
    let last = rest.rsplit(|byte| *byte == b'.').next().unwrap_or_default();
    rest.is_empty() || rest.starts_with(b".") && !SAMPLES.iter().any(|sample| last.eq_ignore_ascii_case(sample))
}

/// Returns where the first value stands. Comments, names without a value, and values that only refer to others are none.
pub(super) fn first_value(text: &[u8]) -> Option<usize> {
    lines(text).find(|(_, line)| has_value(line)).map(|(offset, _)| offset)
}

fn has_value(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    let Some(sign) = line.iter().position(|byte| *byte == b'=') else { return false };
    let value = line[sign + 1..].trim_ascii();
    let comment = value.starts_with(b"#") || line.starts_with(b"#");
    let quoted = value.starts_with(b"\"") || value.starts_with(b"'");
    let end = memchr::memmem::find(value, b" #").filter(|_| !quoted).unwrap_or(value.len());
    !comment && !is_empty_or_reference(unquoted(&value[..end]))
}
