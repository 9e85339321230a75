//! The text of a file that a person wrote, and how a place in it is shown to that person.

use super::error::{Flaw, Problem};

/// A range of bytes in a [`Source`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) start: usize,
    pub(super) end: usize,
}

/// A named text.
#[derive(Debug)]
pub(super) struct Source {
    name: String,
    text: String,
}

impl Source {
    pub(super) fn new(name: &str, text: &str) -> Self {
        // A byte order mark is no content, and would shift the first column.
        Self { name: name.to_owned(), text: text.strip_prefix('\u{feff}').unwrap_or(text).to_owned() }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Returns the text at a place.
    pub(super) fn slice(&self, place: Place) -> &str {
        self.text.get(place.start..place.end).unwrap_or_default()
    }

    /// Returns the number of the line that a place begins on; the first is 1.
    pub(super) fn line_number(&self, place: Place) -> usize {
        self.before(place).bytes().filter(|byte| *byte == b'\n').count() + 1
    }

    /// Returns the whole line that a place begins on.
    pub(super) fn line(&self, place: Place) -> &str {
        let start = self.before(place).rfind('\n').map_or(0, |newline| newline + 1);
        let rest = self.text.get(start..).unwrap_or_default();
        rest.split('\n').next().unwrap_or_default().trim_end_matches('\r')
    }

    /// Returns what is wrong at a place, with the line itself and a caret below it.
    pub(super) fn flaw(&self, place: Place, problem: Problem) -> Flaw {
        let line: Vec<char> = self.line(place).chars().collect();
        let column = self.before(place).rsplit('\n').next().unwrap_or_default().chars().count();
        let first_line = self.slice(place).split(['\n', '\r']).next().unwrap_or_default();
        let width = first_line.trim_end().chars().count().max(1);
        Flaw {
            file: self.name.clone(),
            line: self.line_number(place),
            column: column + 1,
            message: printable(&problem.message),
            excerpt: excerpt(&line, column, width),
            hint: problem.hint.as_deref().map(printable),
        }
    }

    fn before(&self, place: Place) -> &str {
        let mut end = place.start.min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        &self.text[..end]
    }
}

/// The widest line that is shown whole, in characters.
const WIDTH: usize = 120;

/// Returns the line and, below it, a caret for each character of the place. A long line is cut around the place.
fn excerpt(line: &[char], column: usize, width: usize) -> String {
    let start = if line.len() <= WIDTH { 0 } else { column.saturating_sub(WIDTH / 3).min(line.len() - WIDTH) };
    let shown: String = line.iter().skip(start).take(WIDTH).collect();
    let (head, tail) = (if start > 0 { "…" } else { "" }, if start + WIDTH < line.len() { "…" } else { "" });
    let indent = column - start + head.chars().count();
    let width = width.min((start + WIDTH).saturating_sub(column)).max(1);
    format!("{head}{}{tail}\n{}{}", printable(&shown), " ".repeat(indent), "^".repeat(width))
}

/// Returns text that cannot steer a terminal: a tab becomes one space, other control characters a replacement.
fn printable(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '\t' => ' ',
            control if control.is_control() => '\u{fffd}',
            other => other,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, start: usize, end: usize, expect: &str) {
        let flaw = Source::new("build.yaml", text).flaw(Place { start, end }, Problem::new("is wrong"));
        assert_eq!(flaw.to_string(), expect);
    }

    #[test]
    fn the_caret_stands_below_the_place() {
        check("a: 1\nbb: 2\n", 5, 7, "build.yaml:2:1: is wrong\n  2 | bb: 2\n    | ^^");
        check("a:\tü: x", 5, 6, "build.yaml:1:5: is wrong\n  1 | a: ü: x\n    |     ^");
        check("", 0, 0, "build.yaml:1:1: is wrong\n  1 | \n    | ^");
        check("a\r\nb", 9, 12, "build.yaml:2:2: is wrong\n  2 | b\n    |  ^");
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let text = format!("{}HERE{}", "x".repeat(500), "y".repeat(500));
        let flaw = Source::new("build.yaml", &text).flaw(Place { start: 500, end: 504 }, Problem::new("is wrong"));
        let lines: Vec<&str> = flaw.excerpt.lines().collect();
        let at = lines[1].find('^').expect("a caret");
        let below: String = lines[0].chars().skip(at).take(4).collect();
        assert_eq!((below.as_str(), flaw.column), ("HERE", 501));
        assert!(lines[0].chars().count() <= WIDTH + 2);
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        let flaw = Source::new("build.yaml", "a: \u{1b}[31m").flaw(Place::default(), Problem::new("has \u{1b}"));
        assert!(!flaw.to_string().contains('\u{1b}'));
    }
}
