//! Lines for a shell, cut into commands as far as that is certain. What needs a shell to be understood (pipes,
//! substitutions, conditions) is not cut at all.

use super::instruction::HereDoc;
use super::scope::{Scope, Spot};
use crate::init::text::Text;

/// One command with its words.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Simple {
    pub(super) words: Vec<Word>,
    /// Where its output goes, if it goes to a file.
    pub(super) output: Option<Output>,
    /// What it reads, if that stands in the Dockerfile.
    pub(super) input: Option<Text>,
    /// As it is written.
    pub(super) source: String,
}

/// A word of a command.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Word {
    pub(super) text: Text,
    /// Whether the shell would look for files, or make several words of it.
    pub(super) is_pattern: bool,
}

/// A file that output goes to.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Output {
    pub(super) to: Word,
    pub(super) appends: bool,
}

impl Simple {
    pub(super) fn program(&self) -> String {
        self.words.first().map(|word| word.text.plain()).unwrap_or_default()
    }

    /// Returns the words after the program, unless one is a pattern.
    pub(super) fn arguments(&self) -> Option<Vec<Text>> {
        let rest = self.words.get(1..)?;
        rest.iter().all(|word| !word.is_pattern).then(|| rest.iter().map(|word| word.text.clone()).collect())
    }
}

/// Words that begin what only a shell understands.
const KEYWORDS: [&str; 11] = ["if", "for", "while", "until", "case", "then", "do", "function", "{", "}", "!"];

/// Cuts a text into its commands; `None` where that is not certain.
pub(super) fn commands(text: &str, here_docs: &[HereDoc], scope: &Scope) -> Option<Vec<Simple>> {
    let mut reader = Reader { rest: text, scope, here_docs: here_docs.iter(), done: Vec::new() };
    reader.read()?;
    let understood = |simple: &Simple| !KEYWORDS.contains(&simple.program().as_str());
    reader.done.retain(|simple| !simple.words.is_empty());
    reader.done.iter().all(understood).then_some(reader.done)
}

struct Reader<'a> {
    rest: &'a str,
    scope: &'a Scope,
    here_docs: std::slice::Iter<'a, HereDoc>,
    done: Vec<Simple>,
}

impl Reader<'_> {
    fn read(&mut self) -> Option<()> {
        let mut simple = Simple::default();
        let mut start = self.rest;
        loop {
            self.rest = self.rest.trim_start_matches([' ', '\t', '\r']);
            let Some(next) = self.rest.chars().next() else { break };
            let before = self.rest;
            let ends = match next {
                '\n' | ';' => self.skip(1),
                '&' if self.rest.starts_with("&&") => self.skip(2),
                '|' if self.rest.starts_with("||") => {
                    self.skip(2);
                    self.harmless()?;
                    true
                }
                '#' => {
                    let end = self.rest.find('\n').unwrap_or(self.rest.len());
                    self.skip(end)
                }
                '&' | '|' | '(' | ')' => return None,
                '<' | '>' | '0'..='9' if self.is_redirection() => {
                    self.redirection(&mut simple)?;
                    false
                }
                _ => {
                    simple.words.push(self.word()?);
                    false
                }
            };
            if ends {
                let length = start.len() - before.len();
                simple.source = start[..length].trim().to_owned();
                self.done.push(std::mem::take(&mut simple));
                start = self.rest;
            }
        }
        simple.source = start.trim().to_owned();
        self.done.push(simple);
        Some(())
    }

    fn skip(&mut self, bytes: usize) -> bool {
        self.rest = &self.rest[bytes..];
        true
    }

    /// Reads what follows `||`: only what does nothing.
    fn harmless(&mut self) -> Option<()> {
        let rest = self.rest.trim_start();
        let after = rest.strip_prefix("true").or_else(|| rest.strip_prefix(':'))?;
        let ends = after.trim_start().is_empty() || after.trim_start().starts_with([';', '&', '\n']);
        self.rest = after;
        // What ends this ends the command before it; an empty command is dropped.
        ends.then_some(())
    }

    fn is_redirection(&self) -> bool {
        self.rest.trim_start_matches(|c: char| c.is_ascii_digit()).starts_with(['<', '>'])
    }

    fn redirection(&mut self, simple: &mut Simple) -> Option<()> {
        let digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let stream = &self.rest[..digits];
        let rest = &self.rest[digits..];
        if rest.starts_with("<<") && !rest.starts_with("<<<") {
            self.rest = rest[2..].trim_start_matches('-');
            self.word()?;
            let document = self.here_docs.next()?;
            simple.input = Some(if document.expand {
                expanded(&document.text, self.scope)?
            } else {
                Text::literal(&document.text)
            });
            return Some(());
        }
        let appends = rest.starts_with(">>");
        let rest = rest.strip_prefix(">>").or_else(|| rest.strip_prefix('>'))?;
        if let Some(rest) = rest.strip_prefix('&') {
            self.rest = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '-');
            return Some(());
        }
        self.rest = rest.trim_start_matches([' ', '\t']);
        let to = self.word()?;
        if to.text.plain() != "/dev/null" {
            if matches!(stream, "2") || simple.output.is_some() {
                return None;
            }
            simple.output = Some(Output { to, appends });
        }
        Some(())
    }

    /// Reads one word with its quotes.
    fn word(&mut self) -> Option<Word> {
        let mut word = Word::default();
        let mut quote = None;
        while let Some(next) = self.rest.chars().next() {
            let after = &self.rest[next.len_utf8()..];
            match (quote, next) {
                (None, ' ' | '\t' | '\r' | '\n' | ';' | '&' | '|' | '<' | '>') => break,
                (None, '(' | ')') | (None | Some('"'), '`') => return None,
                (None, '\'' | '"') => quote = Some(next),
                (Some(open), c) if c == open => quote = None,
                (Some('\''), c) => word.text.push_char(c),
                (open, '\\') => {
                    let escaped = after.chars().next()?;
                    if open.is_some() && !matches!(escaped, '"' | '$' | '\\' | '`') {
                        word.text.push_char('\\');
                    }
                    word.text.push_char(escaped);
                    self.rest = &after[escaped.len_utf8()..];
                    continue;
                }
                (open, '$') => {
                    let (value, rest) = variable(after, self.scope)?;
                    word.is_pattern |= open.is_none() && value.plain().contains([' ', '*']);
                    word.text.push(&value);
                    self.rest = rest;
                    continue;
                }
                (open, c) => {
                    let begins = word.text == Text::default();
                    word.is_pattern |= open.is_none() && (matches!(c, '*' | '?' | '[' | '{') || c == '~' && begins);
                    word.text.push_char(c);
                }
            }
            self.rest = after;
        }
        quote.is_none().then_some(word)
    }
}

/// Returns the value of what stands behind a dollar sign, and the rest; `None` where only a shell knows.
fn variable<'t>(after: &'t str, scope: &Scope) -> Option<(Text, &'t str)> {
    let (inner, braced) = match after.strip_prefix('{') {
        Some(inner) => (inner, true),
        None => (after, false),
    };
    let length = inner.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
    if length == 0 || inner.starts_with(|c: char| c.is_ascii_digit()) {
        // A dollar sign before anything else is one, but for what a shell knows of itself.
        let special = after.starts_with(['(', '{', '?', '!', '#', '@', '*', '$', '-', '\'', '"']);
        return (!special && length == 0).then(|| (Text::literal("$"), after));
    }
    let rest = &inner[length..];
    let rest = if braced { rest.strip_prefix('}')? } else { rest };
    Some((scope.value(&inner[..length], Spot::Elsewhere)?, rest))
}

/// Replaces variables in the body of a here-document.
fn expanded(text: &str, scope: &Scope) -> Option<Text> {
    let mut out = Text::default();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let after = &rest[next.len_utf8()..];
        rest = match next {
            '`' => return None,
            '\\' if after.starts_with(['$', '`', '\\']) => {
                out.push_char(after.chars().next()?);
                &after[1..]
            }
            '$' => {
                let (value, rest) = variable(after, scope)?;
                out.push(&value);
                rest
            }
            other => {
                out.push_char(other);
                after
            }
        };
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Option<Vec<Vec<String>>> {
        let mut scope = Scope::of("");
        scope.set_env("TZ", Text::literal("Asia/Seoul"));
        let all = commands(text, &[], &scope)?;
        Some(all.iter().map(|simple| simple.words.iter().map(|word| word.text.plain()).collect()).collect())
    }

    #[test]
    fn lines_are_cut_into_commands() {
        for (text, expect) in [
            ("a b && c 'd e'; f", vec![vec!["a", "b"], vec!["c", "d e"], vec!["f"]]),
            ("ln -s /z/$TZ /e # why", vec![vec!["ln", "-s", "/z/Asia/Seoul", "/e"]]),
            ("a 2>/dev/null || true; b >&2", vec![vec!["a"], vec!["b"]]),
            ("a\nb", vec![vec!["a"], vec!["b"]]),
            ("echo \"a\\\"b\\n\"", vec![vec!["echo", "a\"b\\n"]]),
        ] {
            let expect: Vec<Vec<String>> =
                expect.into_iter().map(|w| w.into_iter().map(str::to_owned).collect()).collect();
            assert_eq!(cut(text), Some(expect), "{text}");
        }
    }

    #[test]
    fn what_needs_a_shell_is_left_to_one() {
        for text in
            ["a | b", "a || b", "$(a)", "`a`", "if a; then b; fi", "(a)", "a &", "a $NONE", "a < b", "echo 'a", "f 2>x"]
        {
            assert_eq!(cut(text), None, "{text}");
        }
    }
}
