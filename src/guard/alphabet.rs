//! What secrets are written with: runs of an alphabet, and what sets a random one apart from a word or an example.

/// Returns whether a byte may stand in an identifier.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Returns whether a byte belongs to base64 (RFC 4648, section 4), padding apart.
pub(super) fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/'
}

/// Returns whether a byte belongs to base64url (RFC 4648, section 5).
pub(super) fn is_base64url(byte: u8) -> bool {
    is_word(byte) || byte == b'-'
}

/// Returns the longest beginning whose bytes are all of an alphabet.
pub(super) fn leading(bytes: &[u8], of: impl Fn(u8) -> bool) -> &[u8] {
    &bytes[..bytes.iter().position(|byte| !of(*byte)).unwrap_or(bytes.len())]
}

/// Returns whether a byte is of an alphabet; nothing is of none.
pub(super) fn ends_in(bytes: &[u8], of: impl Fn(u8) -> bool) -> bool {
    bytes.last().is_some_and(|byte| of(*byte))
}

/// Returns whether a run of at least 16 characters may be random. Fewer than ten different ones, one of them five times
/// in a row, a stretch of the alphabet or the word "example" are the marks of a placeholder.
pub(super) fn may_be_random(run: &[u8]) -> bool {
    let mut seen = [false; 256];
    run.iter().for_each(|byte| seen[usize::from(*byte)] = true);
    let different = seen.iter().filter(|seen| **seen).count();
    let repeated = run.windows(5).any(|five| five.iter().all(|byte| *byte == five[0]));
    let lower = run.to_ascii_lowercase();
    let holds = |word: &str| memchr::memmem::find(&lower, word.as_bytes()).is_some();
    different >= 10 && !repeated && !["example", "12345678", "abcdefgh"].into_iter().any(holds)
}

/// Returns whether a value stands for one that is filled in elsewhere: empty, a reference, or a word that asks to be
/// replaced.
pub(super) fn is_placeholder(value: &[u8]) -> bool {
    const WORDS: [&str; 12] = [
        "changeme",
        "change_me",
        "change-me",
        "changeit",
        "replaceme",
        "replace_me",
        "todo",
        "tbd",
        "null",
        "none",
        "secret",
        "password",
    ];
    let value = value.to_ascii_lowercase();
    let begins = |word: &str| value.starts_with(word.as_bytes());
    is_empty_or_reference(&value)
        || WORDS.iter().any(|word| value == word.as_bytes())
        || ["your", "xxx", "***", "...", "<", "{{", "example", "placeholder"].into_iter().any(begins)
}

/// Returns whether a value is nothing, or nothing but a reference: `${NAME}`, `$NAME`, `$(command)`, `%NAME%`.
pub(super) fn is_empty_or_reference(value: &[u8]) -> bool {
    let enclosed = |open: &[u8], close: u8| {
        value
            .strip_prefix(open)
            .and_then(|rest| rest.split_last())
            .is_some_and(|(last, inner)| *last == close && !inner.is_empty() && !inner.contains(&close))
    };
    let named = |name: &[u8]| {
        name.first().is_some_and(|first| is_word(*first) && !first.is_ascii_digit()) && name.iter().all(|b| is_word(*b))
    };
    value.is_empty()
        || enclosed(b"${", b'}')
        || enclosed(b"$(", b')')
        || enclosed(b"%", b'%')
        || value.strip_prefix(b"$").is_some_and(named)
}

/// Returns a value without the blanks and the one pair of quotes around it.
pub(super) fn unquoted(value: &[u8]) -> &[u8] {
    let value = value.trim_ascii();
    match value {
        [open @ (b'"' | b'\''), inner @ .., close] if open == close => inner.trim_ascii(),
        _ => value,
    }
}

/// Returns the lines of a text with the offset of each, without their ends.
pub(super) fn lines(text: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut offset = 0;
    text.split(|byte| *byte == b'\n').map(move |line| {
        let start = offset;
        offset += line.len() + 1;
        (start, line)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_and_words_that_ask_to_be_replaced_are_placeholders() {
        for value in
            ["", "${TOKEN}", "$TOKEN", "$(cat token)", "%TOKEN%", "changeme", "<token>", "{{ token }}", "YOUR_KEY"]
        {
            assert!(is_placeholder(value.as_bytes()), "{value}");
        }
        for value in ["$2y$10$abc", "${A}x${B}", "hunter2", "$", "p4ss"] {
            assert!(!is_placeholder(value.as_bytes()), "{value}");
        }
    }

    #[test]
    fn lines_know_where_they_begin() {
        assert_eq!(lines(b"a\n\nbc\r").collect::<Vec<_>>(), [(0, &b"a"[..]), (2, b""), (3, b"bc\r")]);
    }
}
