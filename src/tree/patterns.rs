//! A list of `.dockerignore` patterns: `include`, `exclude`, `match`, and the file itself.
//!
//! A path is matched when the last pattern that matches it, or a folder above it, is not an exception (`!`). One thing
//! is Docker's and surprises: an exception is asked only about what is matched so far, also when a folder is entered. So
//! `**/*.md` and `!docs` leave `docs/a.md` out, since nothing matched `docs` when its exception was asked; `*` and
//! `!docs` let it in. Not kept is what its translation to regular expressions does by accident: `\d` is a `d`, and `^`,
//! `|` and `{}` are themselves.

use super::TreeError;
use super::glob::Glob;

/// An ordered list of patterns.
#[derive(Clone, Debug, Default)]
pub struct Patterns {
    patterns: Vec<Pattern>,
}

#[derive(Clone, Debug)]
struct Pattern {
    glob: Glob,
    exception: bool,
}

/// Which patterns match a folder or one above it: they match all that is below.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PatternState(Vec<bool>);

impl Patterns {
    /// Compiles patterns as a build file lists them.
    ///
    /// # Errors
    /// When a pattern is not well formed.
    pub fn compile<T: AsRef<[u8]>>(patterns: impl IntoIterator<Item = T>) -> Result<Self, TreeError> {
        let mut list = Self::default();
        for pattern in patterns {
            list.add(pattern.as_ref())?;
        }
        Ok(list)
    }

    /// Reads the text of a `.dockerignore`: one pattern a line; a `#` in the first column makes a comment.
    ///
    /// # Errors
    /// When a pattern is not well formed.
    pub fn parse(text: &[u8]) -> Result<Self, TreeError> {
        let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
        Self::compile(text.split(|byte| *byte == b'\n').filter(|line| !line.starts_with(b"#")))
    }

    /// Returns whether there are no patterns.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Returns the state above all paths: nothing matched yet.
    pub fn start(&self) -> PatternState {
        PatternState(vec![false; self.patterns.len()])
    }

    /// Returns the state above all paths for lists in which `.` names the folder they belong to, and so all below it.
    pub fn start_with_root(&self) -> PatternState {
        PatternState(self.patterns.iter().map(|pattern| pattern.glob.literal() == Some(b".")).collect())
    }

    /// Returns whether the folder whose own state this is, is matched.
    pub fn matches_folder(&self, inside: &PatternState) -> bool {
        let last = self.patterns.iter().zip(&inside.0).rev().find(|(_, inside)| **inside);
        last.is_some_and(|(pattern, _)| !pattern.exception)
    }

    /// Returns the state within a folder, from that of the folder above it.
    pub fn enter(&self, above: &PatternState, folder: &[u8]) -> PatternState {
        self.compare(above, folder).0
    }

    /// Returns whether a path is matched, from the state of the folder that holds it.
    pub fn matches(&self, above: &PatternState, path: &[u8]) -> bool {
        self.compare(above, path).1
    }

    /// Compares a path with all patterns in order: only one that would change the answer so far is asked.
    fn compare(&self, above: &PatternState, path: &[u8]) -> (PatternState, bool) {
        let mut matched = false;
        let known = self.patterns.iter().zip(&above.0);
        let state = known.map(|(pattern, above)| {
            let holds = *above || (pattern.exception == matched && pattern.glob.matches(path));
            if holds {
                matched = !pattern.exception;
            }
            holds
        });
        (PatternState(state.collect()), matched)
    }

    /// Returns whether a path is matched by itself or by a folder above it.
    pub fn covers(&self, path: &[u8]) -> bool {
        let mut state = self.start();
        for end in path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(end, _)| end) {
            state = self.enter(&state, &path[..end]);
        }
        self.matches(&state, path)
    }

    /// Returns whether something below a matched folder may be admitted by an exception; `inside` is the folder's own
    /// state. It errs towards yes.
    pub fn may_except_below(&self, inside: &PatternState, folder: &[u8]) -> bool {
        let after_the_match = self.patterns.iter().zip(&inside.0).rev().take_while(|(pattern, inside)| {
            // Nothing before a pattern that matches the folder can decide about what is below it.
            !**inside || pattern.exception
        });
        after_the_match.into_iter().any(|(pattern, _)| pattern.exception && pattern.glob.may_match_below(folder))
    }

    /// Returns whether something below a folder that is not matched may be. It errs towards yes.
    pub fn may_match_below(&self, folder: &[u8]) -> bool {
        self.patterns.iter().any(|pattern| !pattern.exception && pattern.glob.may_match_below(folder))
    }

    /// Returns the patterns without wildcards, which name one path each; exceptions are not among them.
    pub fn literals(&self) -> impl Iterator<Item = &[u8]> {
        self.patterns.iter().filter(|pattern| !pattern.exception).filter_map(|pattern| pattern.glob.literal())
    }

    fn add(&mut self, written: &[u8]) -> Result<(), TreeError> {
        let text = trim(written);
        if text.is_empty() {
            return Ok(());
        }
        let (exception, text) = match text.strip_prefix(b"!") {
            Some(rest) => (true, trim(rest)),
            None => (false, text),
        };
        let cleaned = clean(text);
        // An exception for `/` itself would be one for nothing.
        if exception && (text.is_empty() || (text.starts_with(b"/") && cleaned == b".")) {
            let pattern = String::from_utf8_lossy(trim(written)).into_owned();
            return Err(TreeError::Pattern { pattern, reason: "nothing follows the `!`" });
        }
        let glob = Glob::compile(&cleaned).map_err(|error| match error {
            TreeError::Pattern { reason, .. } => {
                TreeError::Pattern { pattern: String::from_utf8_lossy(written).into_owned(), reason }
            }
            other => other,
        })?;
        self.patterns.push(Pattern { glob, exception });
        Ok(())
    }
}

/// Removes the white space of Unicode from both ends.
fn trim(text: &[u8]) -> &[u8] {
    let blank = |valid: &str, rest: &str| valid.len() - rest.len();
    let start = text.utf8_chunks().next().map_or(0, |first| blank(first.valid(), first.valid().trim_start()));
    let text = &text[start..];
    let last = text.utf8_chunks().last().filter(|last| last.invalid().is_empty());
    &text[..text.len() - last.map_or(0, |last| blank(last.valid(), last.valid().trim_end()))]
}

/// Cleans a path lexically as Go's `filepath.Clean` does, and makes it relative: `/a//b/../c/` is `a/c`, `/` is `.`.
fn clean(text: &[u8]) -> Vec<u8> {
    let absolute = text.starts_with(b"/");
    let mut names: Vec<&[u8]> = Vec::new();
    for name in text.split(|byte| *byte == b'/') {
        match name {
            b"" | b"." => {}
            b".." if names.last().is_some_and(|last| *last != b"..") => drop(names.pop()),
            b".." if absolute => {}
            name => names.push(name),
        }
    }
    if names.is_empty() { b".".to_vec() } else { names.join(&b'/') }
}

#[cfg(test)]
mod tests;
