//! The syntax of interpolation: `${VAR}`, `${VAR:-default}`, `${VAR:?message}` and `$$`; any other `$` is literal.
//!
//! A default may hold variables itself: `${A:-${B:-c}}`. It ends at the first `}` that belongs to no variable in it.

use super::error::Problem;

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Text as it stands.
    Text(String),
    /// What a variable is replaced by.
    Variable(Variable),
}

/// A variable as the file names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) otherwise: Otherwise,
    /// The whole expression, to find its place.
    pub(super) expression: String,
}

/// What counts where a variable is not set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Otherwise {
    /// An error.
    Fail,
    /// `:?`: an error with this message; also where the variable is empty.
    Message(String),
    /// `:-`: this; also where the variable is empty.
    Default(Vec<Piece>),
}

/// An expression that is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TemplateError {
    pub(super) expression: String,
    pub(super) problem: Problem,
}

/// Defaults within defaults; more is a mistake.
const DEPTH_LIMIT: usize = 8;

/// Splits a text into what stands and what is replaced.
pub(super) fn parse(text: &str) -> Result<Vec<Piece>, TemplateError> {
    Reader { text, at: 0, depth: 0 }.pieces()
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    /// Reads to the end, or inside of a default to the brace that closes it.
    fn pieces(&mut self) -> Result<Vec<Piece>, TemplateError> {
        let mut pieces = Vec::new();
        let mut text = String::new();
        while let Some(next) = self.rest().chars().next() {
            if next == '}' && self.depth > 0 {
                break;
            }
            if self.rest().starts_with("${") {
                if !text.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut text)));
                }
                pieces.push(Piece::Variable(self.variable()?));
                continue;
            }
            self.at += if self.rest().starts_with("$$") { 2 } else { next.len_utf8() };
            text.push(next);
        }
        if !text.is_empty() {
            pieces.push(Piece::Text(text));
        }
        Ok(pieces)
    }

    fn variable(&mut self) -> Result<Variable, TemplateError> {
        let start = self.at;
        self.at += 2;
        let length = self.rest().bytes().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.')).count();
        let name = self.rest()[..length].to_owned();
        self.at += length;
        let otherwise = if self.rest().starts_with(":-") {
            self.at += 2;
            Otherwise::Default(self.default(start)?)
        } else if self.rest().starts_with(":?") {
            self.at += 2;
            let end = self.rest().find('}').ok_or_else(|| self.unclosed(start))?;
            let message = self.rest()[..end].to_owned();
            self.at += end;
            Otherwise::Message(message)
        } else {
            Otherwise::Fail
        };
        match self.rest().chars().next() {
            Some('}') => self.at += 1,
            None => return Err(self.unclosed(start)),
            Some(_) => return Err(self.unknown_form(start)),
        }
        let expression = self.text[start..self.at].to_owned();
        if name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit()) {
            return Err(self.unknown_form(start));
        }
        Ok(Variable { name, otherwise, expression })
    }

    fn default(&mut self, start: usize) -> Result<Vec<Piece>, TemplateError> {
        if self.depth == DEPTH_LIMIT {
            let problem = Problem::new(format!("defaults stand more than {DEPTH_LIMIT} deep in one another"));
            return Err(TemplateError { expression: self.text[start..self.at].to_owned(), problem });
        }
        self.depth += 1;
        let pieces = self.pieces();
        self.depth -= 1;
        pieces
    }

    fn unclosed(&self, start: usize) -> TemplateError {
        let problem = Problem::new("`${` is not closed").hint("add `}`, or write `$${` for the two characters");
        TemplateError { expression: self.text[start..].to_owned(), problem }
    }

    fn unknown_form(&self, start: usize) -> TemplateError {
        let rest = &self.text[start..];
        let expression = rest[..rest.find('}').map_or(rest.len(), |end| end + 1)].to_owned();
        let problem = Problem::new(format!("`{expression}` is no form of a variable")).hint(
            "write `${VAR}`, `${VAR:-default}` or `${VAR:?message}`, and `$${` for the two characters themselves",
        );
        TemplateError { expression, problem }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes pieces as they were read: text plain, variables as `<name|otherwise>`.
    fn show(pieces: &[Piece]) -> String {
        let shown = pieces.iter().map(|piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Variable(Variable { name, otherwise, .. }) => match otherwise {
                Otherwise::Fail => format!("<{name}>"),
                Otherwise::Message(message) => format!("<{name}?{message}>"),
                Otherwise::Default(default) => format!("<{name}-{}>", show(default)),
            },
        });
        shown.collect()
    }

    #[track_caller]
    fn check(text: &str, expect: &str) {
        let shown =
            parse(text).map_or_else(|error| format!("{}: {}", error.expression, error.problem.message), |p| show(&p));
        assert_eq!(shown, expect, "{text}");
    }

    #[test]
    fn a_bare_dollar_is_literal() {
        check("", "");
        check("a$b$ $1 ü$", "a$b$ $1 ü$");
        check("$$", "$");
        check("$$$$", "$$");
        check("$${X}", "${X}");
        check("$$${X}", "$<X>");
    }

    #[test]
    fn variables_have_three_forms() {
        check("a${X}b${git.commit}", "a<X>b<git.commit>");
        check("${X:-}|${X:-d e}", "<X->|<X-d e>");
        check("${X:?set it}", "<X?set it>");
        check("${A:-b${C:-$$}}}", "<A-b<C-$>>}");
    }

    #[test]
    fn other_forms_are_refused() {
        check("${", "${: `${` is not closed");
        check("a${X", "${X: `${` is not closed");
        check("${X:?", "${X:?: `${` is not closed");
        check("${X:-${Y}", "${X:-${Y}: `${` is not closed");
        check("${}", "${}: `${}` is no form of a variable");
        check("${X-y} z", "${X-y}: `${X-y}` is no form of a variable");
        check("${1}", "${1}: `${1}` is no form of a variable");
        check("${X:+y}", "${X:+y}: `${X:+y}` is no form of a variable");
        check("${X Y}", "${X Y}: `${X Y}` is no form of a variable");
        assert!(parse(&"${A:-".repeat(100_000)).is_err());
    }
}
