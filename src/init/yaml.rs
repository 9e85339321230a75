//! Scalars and lines of YAML as a person would write them: plain where that is safe, quoted where it is not.

use std::fmt::Write;

/// Lines of a YAML document under construction.
#[derive(Debug, Default)]
pub(super) struct Lines {
    text: String,
}

impl Lines {
    pub(super) fn line(&mut self, indent: usize, text: &str) {
        match text.is_empty() {
            true => self.text.push('\n'),
            // Writing to a string cannot fail.
            false => {
                let _ = writeln!(self.text, "{:indent$}{text}", "");
            }
        }
    }

    pub(super) fn comment(&mut self, indent: usize, text: &str) {
        for line in text.lines() {
            self.line(indent, format!("# {}", printable(line)).trim_end());
        }
    }

    /// Writes a line with a comment behind it, where lines are short enough for one.
    pub(super) fn commented(&mut self, indent: usize, text: &str, comment: &str) {
        /// The column that the comments behind lines share.
        const COLUMN: usize = 46;
        let width = COLUMN.saturating_sub(indent);
        match comment {
            "" => self.line(indent, text),
            comment if text.len() < width => self.line(indent, &format!("{text:width$}# {}", printable(comment))),
            comment => self.line(indent, &format!("{text}  # {}", printable(comment))),
        }
    }

    /// Writes `key: text`, a text of several lines as a block.
    pub(super) fn content(&mut self, indent: usize, key: &str, text: &str) {
        match block(text) {
            Some(marker) => {
                self.line(indent, &format!("{key}: {marker}"));
                text.lines().for_each(|line| self.line(if line.is_empty() { 0 } else { indent + 2 }, line));
            }
            None => self.line(indent, &format!("{key}: {}", quoted(text))),
        }
    }

    pub(super) fn finish(self) -> String {
        self.text
    }
}

/// Returns how a text begins as a block scalar (YAML 1.2, 8.1), or `None` where it is better quoted.
fn block(text: &str) -> Option<&'static str> {
    let lines = text.lines().count();
    let plain = |c: char| {
        matches!(c, '\n' | '\t')
            || (!c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'))
    };
    let spaced =
        text.starts_with([' ', '\n', '\t']) || text.ends_with("\n\n") || text.lines().any(|l| l.ends_with(' '));
    match lines < 2 || spaced || !text.chars().all(plain) {
        true => None,
        false if text.ends_with('\n') => Some("|"),
        false => Some("|-"),
    }
}

/// Returns a scalar: plain where every reader takes it for the same text, else in double quotes.
pub(super) fn scalar(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { quoted(text) }
}

/// Returns a flow list of scalars.
pub(super) fn list<T: AsRef<str>>(items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| scalar(item.as_ref())).collect();
    format!("[{}]", items.join(", "))
}

fn is_plain(text: &str) -> bool {
    let safe = |c: char| c.is_ascii_alphanumeric() || "_./-+@:=$~".contains(c);
    // With a slash and a letter it is neither a number nor a date.
    let is_path = text.contains('/') && text.contains(|c: char| c.is_ascii_alphabetic());
    let begins =
        text.starts_with(|c: char| c.is_ascii_alphabetic() || "/._".contains(c) || is_path && c.is_ascii_digit());
    let word = text.to_ascii_lowercase();
    let special = ["true", "false", "yes", "no", "on", "off", "null", "y", "n", ".", "..", ".nan", ".inf"];
    begins
        && text.chars().all(safe)
        && !text.ends_with(':')
        && (text == "." || !special.contains(&word.as_str()))
        && !looks_like_number(text)
}

/// Returns whether a reader may take a text that begins with a dot for a number, such as `.5`.
fn looks_like_number(text: &str) -> bool {
    text.starts_with('.') && text[1..].starts_with(|c: char| c.is_ascii_digit())
}

/// Returns a text in double quotes (YAML 1.2, 7.3.1).
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}') => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Returns a text without what would end a comment or disturb a terminal.
fn printable(text: &str) -> String {
    let breaks =
        |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}');
    text.chars().map(|c| if breaks(c) { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_are_quoted_where_readers_differ() {
        for text in ["node", "/usr/local/bin/app", ".", "a.b:c", "linux/amd64", "www-data:www-data", "_x", "1.dkr/x"] {
            assert_eq!(scalar(text), text);
        }
        let texts = [
            "",
            "yes",
            "No",
            "null",
            "0755",
            "1.4",
            "a b",
            "a: b",
            "a:",
            "*",
            "-x",
            "${V:-1}",
            "{",
            "[x",
            "a#b",
            "é",
            "..",
            ".5",
            "1/2",
            "~",
            "0.0.0.0:8080",
            "\u{7f}",
            "x\n",
        ];
        for text in texts {
            assert!(scalar(text).starts_with('"'), "{text:?}");
        }
        assert_eq!(quoted("a\"\\\n\u{1}"), "\"a\\\"\\\\\\n\\u0001\"");
    }

    #[test]
    fn texts_of_several_lines_are_blocks_where_blocks_keep_them() {
        assert_eq!((block("a\nb\n"), block("a\nb"), block("a\n")), (Some("|"), Some("|-"), None));
        for text in [" a\nb\n", "a\nb\n\n", "a \nb\n", "a\r\nb\n", "\na\nb\n"] {
            assert_eq!(block(text), None, "{text:?}");
        }
    }
}
