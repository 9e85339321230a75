//! The parts of a split layer: several layers that put the same files into the image as the one would.
//!
//! A part begins with a folder: a cut lies before the entry of one. Three rules, with `at` for what the build file says:
//!
//! 1. A layer of at most `at` bytes is one part. The bytes of an entry are a block and its content in whole blocks.
//! 2. A part of at least `at / 4` bytes ends before a folder if the first eight bytes of the SHA-256 of its path,
//!    big-endian, modulo `at / 4`, are less than the bytes since the folder before it: so about every `at / 2`.
//! 3. A part of at least `at` bytes ends before the next folder.
//!
//! Rule 2 looks at the folder and what stands right before it, so what is added, changed or removed moves the cuts near it
//! and no others. Each part repeats the folders above its first entry, with their metadata: it can be unpacked alone, and
//! what is repeated changes nothing. A removal follows the entry of its folder, so it is in the part that brings that.

use std::collections::VecDeque;

use super::fingerprint::Fingerprint;
use crate::oci::{Digest, ImagePath};
use crate::plan::{Entry, EntryKind};

const BLOCK: u64 = 512;

/// A part as it is planned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The folder that it begins with; `None` for the first.
    pub start: Option<ImagePath>,
    /// The count of its entries, with the repeated ones.
    pub entries: u64,
    /// The fingerprint of its entries, if they have one.
    pub fingerprint: Option<Digest>,
}

/// Cuts a layer into parts of about `at` bytes, or leaves it whole where that is `None`. Each part's fingerprint begins
/// with the settings. There is always one part, with or without entries.
///
/// # Errors
/// The first error of the listing.
pub fn plan_parts<E>(
    entries: impl Iterator<Item = Result<Entry, E>>,
    at: Option<u64>,
    settings: &Fingerprint,
) -> Result<Vec<Part>, E> {
    let mut whole = Some(Draft::new(None, settings));
    let (mut parts, mut draft) = (Vec::new(), Draft::new(None, settings));
    let (mut cutter, mut trail, mut total) = (Cutter::new(at), Trail::default(), 0);
    for entry in entries {
        let entry = entry?;
        trail.leave(&entry.path);
        if let Some(whole) = &mut whole {
            whole.add(&entry);
        }
        if at.is_some() {
            if cutter.cuts_before(&entry) {
                let next = Draft::new(Some(entry.path.clone()), settings);
                parts.push(std::mem::replace(&mut draft, next).finish());
                trail.folders.iter().for_each(|folder| draft.add(folder));
            }
            draft.add(&entry);
            total += weight(&entry);
        }
        if at.is_some_and(|at| total > at) {
            whole = None;
        }
        trail.enter(&entry);
    }
    Ok(match whole {
        Some(whole) => vec![whole.finish()],
        None => {
            parts.push(draft.finish());
            parts
        }
    })
}

struct Draft {
    start: Option<ImagePath>,
    entries: u64,
    fingerprint: Fingerprint,
}

impl Draft {
    fn new(start: Option<ImagePath>, settings: &Fingerprint) -> Self {
        Self { start, entries: 0, fingerprint: settings.clone() }
    }

    fn add(&mut self, entry: &Entry) {
        self.entries += 1;
        self.fingerprint.entry(entry);
    }

    fn finish(self) -> Part {
        Part { start: self.start, entries: self.entries, fingerprint: self.fingerprint.finish() }
    }
}

/// Decides where parts end.
struct Cutter {
    at: u64,
    /// The bytes of the part so far.
    part: u64,
    /// The bytes since the last folder, with it.
    near: u64,
}

impl Cutter {
    fn new(at: Option<u64>) -> Self {
        Self { at: at.unwrap_or(u64::MAX), part: 0, near: 0 }
    }

    fn cuts_before(&mut self, entry: &Entry) -> bool {
        let mut cut = false;
        if matches!(entry.kind, EntryKind::Directory) {
            cut = self.part >= self.at || (self.part >= self.at / 4 && self.is_chosen(&entry.path));
            self.near = 0;
        }
        if cut {
            self.part = 0;
        }
        let weight = weight(entry);
        self.part = self.part.saturating_add(weight);
        self.near = self.near.saturating_add(weight);
        cut
    }

    fn is_chosen(&self, path: &ImagePath) -> bool {
        let digest = Digest::of(path.as_bytes());
        let mut first = [0; 8];
        first.copy_from_slice(&digest.as_bytes()[..8]);
        u64::from_be_bytes(first) % (self.at / 4).max(1) < self.near
    }
}

fn weight(entry: &Entry) -> u64 {
    let content = match &entry.kind {
        EntryKind::File(content) => content.len(),
        EntryKind::Directory | EntryKind::Symlink(_) => 0,
    };
    content.div_ceil(BLOCK).saturating_mul(BLOCK).saturating_add(BLOCK)
}

/// The entries of the folders above the present one.
#[derive(Default)]
struct Trail {
    folders: Vec<Entry>,
}

impl Trail {
    fn leave(&mut self, path: &ImagePath) {
        while self.folders.last().is_some_and(|folder| !path.starts_with(&folder.path)) {
            self.folders.pop();
        }
    }

    fn enter(&mut self, entry: &Entry) {
        if matches!(entry.kind, EntryKind::Directory) {
            self.folders.push(entry.clone());
        }
    }
}

/// The entries of a layer, handed out part by part.
pub struct Parts<I: Iterator> {
    entries: std::iter::Peekable<I>,
    trail: Trail,
    /// Where the parts after the present one begin.
    starts: VecDeque<ImagePath>,
}

impl<I: Iterator<Item = Result<Entry, E>>, E> Parts<I> {
    /// Cuts entries where a plan says. Folders that are gone since are cut at in their order.
    pub fn new(entries: I, plan: &[Part]) -> Self {
        let starts = plan.iter().filter_map(|part| part.start.clone()).collect();
        Self { entries: entries.peekable(), trail: Trail::default(), starts }
    }

    /// Returns the entries of the next part; those of the part before must have been taken.
    pub fn next_part(&mut self) -> impl Iterator<Item = Result<Entry, E>> {
        let mut above = VecDeque::new();
        if let Some(Ok(first)) = self.entries.peek() {
            self.trail.leave(&first.path);
            above.extend(self.trail.folders.iter().cloned());
        }
        let (end, mut begun) = (self.starts.pop_front(), false);
        std::iter::from_fn(move || {
            if let Some(folder) = above.pop_front() {
                return Some(Ok(folder));
            }
            let ends = |entry: &Entry| {
                begun && entry.kind == EntryKind::Directory && end.as_ref().is_some_and(|end| entry.path >= *end)
            };
            if matches!(self.entries.peek()?, Ok(entry) if ends(entry)) {
                return None;
            }
            begun = true;
            let entry = self.entries.next()?;
            if let Ok(entry) = &entry {
                self.trail.leave(&entry.path);
                self.trail.enter(entry);
            }
            Some(entry)
        })
    }
}

#[cfg(test)]
mod tests;
