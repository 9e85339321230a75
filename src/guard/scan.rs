//! The search for secrets in the bytes of one file, whole or in whatever pieces they come.
//!
//! Marks are looked at with a fixed view around them, so pieces are joined where a view would cross a seam: the window
//! holds the piece and what of the bytes before it a view may still reach. The answer depends on the file alone.

use std::collections::BTreeMap;

use super::document::{self, Documents, HEAD};
use super::marks::{self, AFTER, Around, BEFORE, Rule};
use super::secret::Secret;

/// Findings kept of one file.
const KEPT: usize = 8;
/// Long pieces are taken in steps of this.
const STEP: usize = 128 << 10;
/// A zero byte this near to the beginning makes a file binary, as git has it.
const TEXT: usize = 8000;

/// What was found in one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Hits {
    /// One of each line; the first line is 0.
    lines: BTreeMap<u64, Secret>,
    more: u64,
    binary: bool,
}

impl Hits {
    /// Returns each line, from 1 or `None` where the file has none, with what stands there.
    pub(super) fn secrets(&self) -> impl Iterator<Item = (Option<u64>, Secret)> + '_ {
        self.lines.iter().map(|(line, secret)| ((!self.binary).then_some(line + 1), *secret))
    }

    /// Returns how many more there are.
    pub(super) fn more(&self) -> u64 {
        self.more
    }

    fn add(&mut self, line: u64, secret: Secret) {
        if self.lines.len() >= KEPT && self.lines.keys().all(|known| *known < line) {
            self.more += 1;
            return;
        }
        self.lines.entry(line).or_insert(secret);
        self.bound();
    }

    /// Says of a line what a whole document knows better.
    fn replace(&mut self, line: u64, secret: Secret) {
        self.lines.insert(line, secret);
        self.bound();
    }

    fn bound(&mut self) {
        if self.lines.len() > KEPT {
            self.lines.pop_last();
            self.more += 1;
        }
    }
}

/// Looks at a file that is in memory. `name` is the last component of its path.
pub(super) fn whole(name: &[u8], content: &[u8]) -> Hits {
    let mut search = Search::default();
    search.look(content, 0, content.len(), 0, 0);
    search.conclude(name, &content[..content.len().min(HEAD)])
}

/// A file that is read piece by piece.
#[derive(Debug, Default)]
pub(super) struct Scan {
    search: Search,
    head: Vec<u8>,
    window: Vec<u8>,
    /// Where in the window the marks not looked at yet begin.
    next: usize,
    /// Bytes and lines of the file before the window.
    passed: u64,
    lines: u64,
}

impl Scan {
    pub(super) fn feed(&mut self, piece: &[u8]) {
        self.head.extend_from_slice(&piece[..piece.len().min(HEAD - self.head.len())]);
        for step in piece.chunks(STEP) {
            self.window.extend_from_slice(step);
            // The last marks wait for all that a view of them holds.
            self.look_until(self.window.len().saturating_sub(AFTER));
            self.pass();
        }
    }

    pub(super) fn end(mut self, name: &[u8]) -> Hits {
        self.look_until(self.window.len());
        self.search.conclude(name, &self.head)
    }

    /// The first bytes, at most [`HEAD`] of them.
    pub(super) fn head(&self) -> &[u8] {
        &self.head
    }

    fn look_until(&mut self, to: usize) {
        if to > self.next {
            self.search.look(&self.window, self.next, to, self.passed, self.lines);
            self.next = to;
        }
    }

    /// Drops what no view reaches any more.
    fn pass(&mut self) {
        let passed = self.next.saturating_sub(BEFORE);
        self.lines += count_lines(&self.window[..passed]);
        self.window.drain(..passed);
        self.passed += passed as u64;
        self.next -= passed;
    }
}

#[derive(Debug, Default)]
struct Search {
    hits: Hits,
    documents: Documents,
}

impl Search {
    /// Looks at the marks that begin in `from..to` of a window, before which the file has `passed` bytes and `lines`
    /// lines.
    fn look(&mut self, window: &[u8], mut from: usize, to: usize, passed: u64, lines: u64) {
        let mut place = Place { at: 0, line: lines };
        while let Some((at, rule)) = marks::next(window, from, to) {
            from = at + 1;
            match rule {
                Rule::Document(document) if passed + (at as u64) < HEAD as u64 => self.documents.add(document),
                Rule::Document(_) => {}
                Rule::Look(look) => {
                    let before = &window[at.saturating_sub(BEFORE)..at];
                    let after = &window[at..window.len().min(at + AFTER)];
                    if let Some((secret, offset)) = look(Around { before, after }) {
                        let at = at.checked_add_signed(offset).expect("within the view");
                        self.hits.add(place.line_of(window, at), secret);
                    }
                }
            }
        }
    }

    fn conclude(self, name: &[u8], head: &[u8]) -> Hits {
        let mut hits = self.hits;
        hits.binary = memchr::memchr(0, &head[..head.len().min(TEXT)]).is_some();
        // A program may hold a document as a constant; what it is there for is not to be told from its first bytes.
        let documents = if hits.binary { Documents::default() } else { self.documents };
        for (at, secret) in document::secrets(name, head, documents) {
            hits.replace(count_lines(&head[..at]), secret);
        }
        hits
    }
}

/// A place in a window and its line. Each hit is counted from the one before, so that a file full of them is read twice
/// and not once for each.
struct Place {
    at: usize,
    line: u64,
}

impl Place {
    fn line_of(&mut self, window: &[u8], at: usize) -> u64 {
        if at >= self.at {
            self.line += count_lines(&window[self.at..at]);
        } else {
            self.line -= count_lines(&window[at..self.at]);
        }
        self.at = at;
        self.line
    }
}

fn count_lines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}
