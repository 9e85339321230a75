//! One pattern of the `.dockerignore` language.
//!
//! The rules are those of Docker's matcher (moby/patternmatcher), kept to the letter where they surprise: `**x` without
//! other wildcards matches every path that ends in `x`, `x/**` every path below `x` but not `x`, and a class such as
//! `[^a]` matches a slash too. Names are bytes: what is not UTF-8 counts byte by byte.

use super::TreeError;

/// A compiled pattern, compared with paths relative to where the pattern list belongs.
#[derive(Clone, Debug)]
pub(super) struct Glob {
    text: Vec<u8>,
    form: Form,
}

#[derive(Clone, Debug)]
enum Form {
    /// No wildcard: the path itself.
    Exact,
    /// Only a `**` at the end: all that begins so.
    Prefix(usize),
    /// Only a `**` at the start: all that ends so.
    Suffix,
    /// Anything else.
    Steps(Steps),
}

#[derive(Clone, Debug)]
struct Steps {
    steps: Vec<Step>,
    /// What every match begins and ends with: two cheap comparisons that settle nearly all paths.
    head: Vec<u8>,
    tail: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// This character.
    One(u32),
    /// `?`: a character that is no slash.
    Any,
    /// `*`: characters that are no slashes.
    Star,
    /// `**` at the end: all characters.
    Rest,
    /// `**/`: nothing, or all up to a slash. Stands before its own [`Step::Folders`].
    Optional,
    /// The inside of `**/`.
    Folders,
    /// `[a-z]`, `[^a-z]`.
    Class(bool, Vec<(u32, u32)>),
}

impl Glob {
    /// Compiles a cleaned pattern without its `!`.
    pub(super) fn compile(text: &[u8]) -> Result<Self, TreeError> {
        let bad = |reason| TreeError::Pattern { pattern: String::from_utf8_lossy(text).into_owned(), reason };
        let (steps, plain) = parse(text).map_err(bad)?;
        let form = match plain {
            Plain::Exact => Form::Exact,
            Plain::Prefix => Form::Prefix(text.len() - 2),
            Plain::Suffix => Form::Suffix,
            Plain::No => Form::Steps(Steps { head: literal(steps.iter()), tail: literal_end(&steps), steps }),
        };
        Ok(Self { text: text.to_vec(), form })
    }

    /// Returns whether the pattern matches this path itself.
    pub(super) fn matches(&self, path: &[u8]) -> bool {
        match &self.form {
            Form::Exact => path == self.text,
            Form::Prefix(length) => path.starts_with(&self.text[..*length]),
            Form::Suffix => {
                let suffix = &self.text[2..];
                path.ends_with(suffix) || suffix.strip_prefix(b"/") == Some(path)
            }
            Form::Steps(steps) => steps.matches(path),
        }
    }

    /// Returns whether the pattern might match something below this folder. It errs towards yes.
    pub(super) fn may_match_below(&self, folder: &[u8]) -> bool {
        let mut wanted = self.text.split(|byte| *byte == b'/');
        for name in folder.split(|byte| *byte == b'/').filter(|name| !name.is_empty()) {
            let Some(component) = wanted.next() else { return false };
            if component.windows(2).any(|pair| pair == b"**") || component.iter().any(|byte| b"[\\".contains(byte)) {
                return true;
            }
            if !Self::compile(component).is_ok_and(|glob| glob.matches(name)) {
                return false;
            }
        }
        wanted.next().is_some()
    }

    /// Returns the pattern as it was written, if it holds no wildcard.
    pub(super) fn literal(&self) -> Option<&[u8]> {
        matches!(self.form, Form::Exact).then_some(&self.text)
    }
}

impl Steps {
    fn matches(&self, path: &[u8]) -> bool {
        if !path.starts_with(&self.head) || !path.ends_with(&self.tail) {
            return false;
        }
        let mut active = vec![false; self.steps.len() + 1];
        self.activate(&mut active, 0);
        for character in characters(path) {
            let mut next = vec![false; active.len()];
            for (at, _) in active.iter().enumerate().filter(|(_, active)| **active) {
                self.step(at, character, &mut next);
            }
            active = next;
        }
        active[self.steps.len()]
    }

    /// Marks a place and all that are reached from it without a character.
    fn activate(&self, active: &mut [bool], at: usize) {
        if std::mem::replace(&mut active[at], true) {
            return;
        }
        match self.steps.get(at) {
            Some(Step::Star | Step::Rest) => self.activate(active, at + 1),
            Some(Step::Optional) => {
                self.activate(active, at + 1);
                self.activate(active, at + 2);
            }
            _ => {}
        }
    }

    fn step(&self, at: usize, character: u32, next: &mut [bool]) {
        let slash = character == u32::from(b'/');
        // Past the last step the match is complete: a further character ends it.
        let Some(step) = self.steps.get(at) else { return };
        match step {
            Step::One(wanted) if *wanted == character => self.activate(next, at + 1),
            Step::Any if !slash => self.activate(next, at + 1),
            Step::Star if !slash => self.activate(next, at),
            Step::Rest => self.activate(next, at),
            Step::Folders => {
                self.activate(next, at);
                if slash {
                    self.activate(next, at + 1);
                }
            }
            Step::Class(negated, ranges) => {
                let inside = ranges.iter().any(|(low, high)| (*low..=*high).contains(&character));
                if inside != *negated {
                    self.activate(next, at + 1);
                }
            }
            Step::One(_) | Step::Any | Step::Star | Step::Optional => {}
        }
    }
}

/// Whether a pattern is one of the forms that Docker compares as plain text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Plain {
    Exact,
    Prefix,
    Suffix,
    No,
}

fn parse(text: &[u8]) -> Result<(Vec<Step>, Plain), &'static str> {
    let mut input = characters(text).peekable();
    let (mut steps, mut plain) = (Vec::new(), Plain::Exact);
    let mut first = true;
    while let Some(character) = input.next() {
        match ascii(character) {
            b'*' if input.next_if_eq(&u32::from(b'*')).is_some() => {
                input.next_if_eq(&u32::from(b'/'));
                if input.peek().is_none() {
                    plain = if plain == Plain::Exact { Plain::Prefix } else { Plain::No };
                    steps.push(Step::Rest);
                } else {
                    plain = Plain::No;
                    steps.extend([Step::Optional, Step::Folders]);
                }
                if first {
                    plain = Plain::Suffix;
                }
            }
            wildcard @ (b'*' | b'?' | b'\\' | b'[') => {
                plain = Plain::No;
                steps.push(match wildcard {
                    b'*' => Step::Star,
                    b'?' => Step::Any,
                    b'[' => class(&mut input)?,
                    _ => Step::One(input.next().ok_or("nothing follows the last `\\`")?),
                });
            }
            _ => steps.push(Step::One(character)),
        }
        first = false;
    }
    Ok((steps, plain))
}

/// Reads a class after its `[`, by the grammar of Go's `filepath.Match`, which Docker checks patterns with.
fn class(input: &mut std::iter::Peekable<impl Iterator<Item = u32>>) -> Result<Step, &'static str> {
    let negated = input.next_if_eq(&u32::from(b'^')).is_some();
    let mut ranges = Vec::new();
    loop {
        if !ranges.is_empty() && input.next_if_eq(&u32::from(b']')).is_some() {
            return Ok(Step::Class(negated, ranges));
        }
        let low = class_member(input)?;
        let high = if input.next_if_eq(&u32::from(b'-')).is_some() { class_member(input)? } else { low };
        if high < low {
            return Err("a range in a class runs backwards");
        }
        ranges.push((low, high));
    }
}

fn class_member(input: &mut impl Iterator<Item = u32>) -> Result<u32, &'static str> {
    const OPEN: &str = "a `[` is not closed";
    match input.next().ok_or(OPEN)? {
        escape if escape == u32::from(b'\\') => input.next().ok_or(OPEN),
        bare if bare == u32::from(b'-') || bare == u32::from(b']') => Err("a `-` or `]` in a class needs a `\\`"),
        plain => Ok(plain),
    }
}

fn literal<'a>(steps: impl Iterator<Item = &'a Step>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for step in steps {
        match step {
            Step::One(character) => push(&mut bytes, *character),
            _ => break,
        }
    }
    bytes
}

fn literal_end(steps: &[Step]) -> Vec<u8> {
    let from = steps.iter().rposition(|step| !matches!(step, Step::One(_))).map_or(0, |last| last + 1);
    literal(steps[from..].iter())
}

/// A byte that is no part of a UTF-8 character counts as a character of its own above all of Unicode.
const RAW: u32 = 0x11_0000;

fn characters(bytes: &[u8]) -> impl Iterator<Item = u32> + '_ {
    bytes.utf8_chunks().flat_map(|chunk| {
        let raw = chunk.invalid().iter().map(|byte| RAW + u32::from(*byte));
        chunk.valid().chars().map(u32::from).chain(raw)
    })
}

fn push(bytes: &mut Vec<u8>, character: u32) {
    match char::from_u32(character) {
        Some(character) => bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        None => bytes.push(u8::try_from(character - RAW).expect("made of one byte")),
    }
}

fn ascii(character: u32) -> u8 {
    u8::try_from(character).ok().filter(u8::is_ascii).unwrap_or(0)
}
