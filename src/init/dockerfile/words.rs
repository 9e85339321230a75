//! Words of instructions: quotes, escapes and variables as Docker reads them (Dockerfile reference, "Environment
//! replacement").

use super::scope::{Scope, Spot};
use crate::init::text::Text;

/// Reads texts of one stage.
pub(super) struct Reader<'a> {
    pub(super) scope: &'a mut Scope,
    pub(super) escape: char,
    pub(super) spot: Spot,
}

impl Reader<'_> {
    /// Replaces variables in a word, and takes quotes and escapes away.
    pub(super) fn word(&mut self, text: &str) -> Text {
        let mut out = Text::default();
        let mut rest = text;
        let mut quote = None;
        while let Some(character) = rest.chars().next() {
            let after = &rest[character.len_utf8()..];
            rest = match (quote, character) {
                (None, '\'' | '"') => {
                    quote = Some(character);
                    after
                }
                (Some(open), c) if c == open => {
                    quote = None;
                    after
                }
                (Some('\''), c) => {
                    out.push_char(c);
                    after
                }
                (open, c) if c == self.escape => self.escaped(after, open.is_some(), &mut out),
                (_, '$') => self.variable(after, &mut out),
                (_, c) => {
                    out.push_char(c);
                    after
                }
            };
        }
        out
    }

    /// Takes an escaped character; in double quotes only some can be escaped.
    fn escaped<'t>(&self, after: &'t str, quoted: bool, out: &mut Text) -> &'t str {
        let Some(next) = after.chars().next() else {
            out.push_char(self.escape);
            return after;
        };
        if quoted && !matches!(next, '"' | '$') && next != self.escape {
            out.push_char(self.escape);
        }
        out.push_char(next);
        &after[next.len_utf8()..]
    }

    /// Replaces what stands behind a dollar sign, and returns the rest.
    fn variable<'t>(&mut self, after: &'t str, out: &mut Text) -> &'t str {
        if let Some(inner) = after.strip_prefix('{')
            && let Some(end) = closing(inner)
        {
            self.braced(&inner[..end], out);
            return &inner[end + 1..];
        }
        let length = after.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
        let digit = after.starts_with(|c: char| c.is_ascii_digit());
        if length == 0 || digit {
            out.push_char('$');
            return after;
        }
        let value = self.value(&after[..length]);
        out.push(&value);
        &after[length..]
    }

    /// `NAME`, `NAME:-word`, `NAME-word`, `NAME:+word`, `NAME+word`.
    fn braced(&mut self, inner: &str, out: &mut Text) {
        let length = inner.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
        let (name, operator) = inner.split_at(length);
        let known = self.scope.value(name, Spot::Elsewhere);
        let is_set = known.is_some_and(|known| !known.plain().is_empty());
        let value = match operator.trim_start_matches(':').chars().next() {
            Some('-') if is_set => self.value(name),
            Some('-') => self.word(&operator.trim_start_matches(':')[1..]),
            Some('+') if is_set => self.word(&operator.trim_start_matches(':')[1..]),
            Some('+') => Text::default(),
            _ => self.value(name),
        };
        out.push(&value);
    }

    fn value(&mut self, name: &str) -> Text {
        self.scope.value(name, self.spot).unwrap_or_else(|| {
            self.scope.miss(name);
            Text::default()
        })
    }

    /// Splits `A=b C="d e"`, and the old form `A b c`, into names and values.
    pub(super) fn pairs(&mut self, text: &str) -> Vec<(String, Text)> {
        let words = split(text, self.escape);
        let is_old = words.first().is_some_and(|word| !word.contains('='));
        if is_old {
            let (name, value) = text.split_once([' ', '\t']).unwrap_or((text, ""));
            return vec![(name.to_owned(), self.word(value.trim()))];
        }
        // All values of one instruction see the variables as they are before it.
        let pair = |word: &String| {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            (self.word(name).plain(), self.word(value))
        };
        words.iter().map(pair).collect()
    }
}

/// Returns where the brace closes that is open already.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0;
    for (at, character) in text.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => return Some(at),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Splits at white space outside of quotes; quotes and escapes stay.
pub(super) fn split(text: &str, escape: char) -> Vec<String> {
    let mut words = Vec::new();
    let (mut word, mut quote) = (String::new(), None);
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        match (quote, character) {
            (None, c) if c.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                continue;
            }
            (None, '\'' | '"') => quote = Some(character),
            (Some(open), c) if c == open => quote = None,
            (open, c) if c == escape && open != Some('\'') => {
                word.push(c);
                word.extend(rest.next());
                continue;
            }
            _ => {}
        }
        word.push(character);
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, String)> {
        let mut scope = Scope::of("docker.io/library/php:8");
        scope.argument("V", Some(&Text::literal("1.4")), None);
        scope.set_env("A", Text::literal("a b"));
        let mut reader = Reader { scope: &mut scope, escape: '\\', spot: Spot::Elsewhere };
        reader.pairs(text).into_iter().map(|(name, value)| (name, value.template())).collect()
    }

    #[test]
    fn values_are_read_as_docker_reads_them() {
        for (text, expect) in [
            ("X=1", vec![("X", "1")]),
            ("X=\"a b\" Y=c\\ d", vec![("X", "a b"), ("Y", "c d")]),
            ("X a b c", vec![("X", "a b c")]),
            ("X=$A/$V", vec![("X", "a b/${V:-1.4}")]),
            ("X='$A'", vec![("X", "$A")]),
            ("X=\\${A}", vec![("X", "$${A}")]),
            ("X=${NONE:-d}${A:+set}${NONE:+no}", vec![("X", "dset")]),
            ("X=$PHP_INI_DIR", vec![("X", "/usr/local/etc/php")]),
            ("X=", vec![("X", "")]),
            ("X=\"a\\nb\"", vec![("X", "a\\nb")]),
        ] {
            let expect: Vec<(String, String)> =
                expect.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            assert_eq!(read(text), expect, "{text}");
        }
    }
}
