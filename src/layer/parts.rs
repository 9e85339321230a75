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

use super::checkpoint::{Checkpoints, Resume};
use super::fingerprint::{EntryFrame, Fingerprint};
use crate::oci::{Digest, ImagePath};
use crate::plan::{Entry, EntryKind};

const BLOCK: u64 = 512;

/// A part as it is planned.
#[derive(Clone, Debug)]
pub struct Part {
    /// The folder that it begins with; `None` for the first.
    pub start: Option<ImagePath>,
    /// The count of its entries, with the repeated ones.
    pub entries: u64,
    /// The fingerprint of its entries, if they have one.
    pub fingerprint: Option<Digest>,
    /// The last place up to which it is as it was packed before.
    pub resume: Option<(Resume, Fingerprint)>,
}

/// Cuts a layer into parts of about `at` bytes, or leaves it whole where that is `None`. Each part's fingerprint begins
/// with the settings; `known` are checkpoints of earlier states. There is always one part, with or without entries.
///
/// # Errors
/// The first error of the listing.
pub fn plan_parts<E>(
    entries: impl Iterator<Item = Result<Entry, E>>,
    at: Option<u64>,
    settings: &Fingerprint,
    known: &Checkpoints,
) -> Result<Vec<Part>, E> {
    let mut frame = EntryFrame::default();
    let mut whole = Some(Draft::new(None, settings));
    let (mut parts, mut draft) = (Vec::new(), Draft::new(None, settings));
    let (mut cutter, mut trail, mut total) = (Cutter::new(at), Trail::default(), 0);
    for entry in entries {
        let entry = entry?;
        trail.leave(&entry.path);
        frame.set(&entry);
        if let Some(whole) = &mut whole {
            whole.add(&frame, known);
        }
        if at.is_some() {
            if cutter.cuts_before(&entry) {
                let next = Draft::new(Some(entry.path.clone()), settings);
                parts.push(std::mem::replace(&mut draft, next).finish());
                for folder in &trail.folders {
                    frame.set(folder);
                    draft.add(&frame, known);
                }
                frame.set(&entry);
            }
            draft.add(&frame, known);
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
    resume: Option<(Resume, Fingerprint)>,
}

impl Draft {
    fn new(start: Option<ImagePath>, settings: &Fingerprint) -> Self {
        Self { start, entries: 0, fingerprint: settings.clone(), resume: None }
    }

    fn add(&mut self, frame: &EntryFrame, known: &Checkpoints) {
        self.entries += 1;
        self.fingerprint.frame(frame);
        if let Some(found) = known.find(self.entries, &self.fingerprint) {
            self.resume = Some((found, self.fingerprint.clone()));
        }
    }

    fn finish(self) -> Part {
        let Self { start, entries, fingerprint, resume } = self;
        Part { start, entries, fingerprint: fingerprint.finish(), resume }
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

/// Returns the entries of one part, out of those of its layer from the part's start on, with the folders above it before
/// them. `next` is the folder that the next part begins with; if it is gone since, the cut is where it would stand.
pub fn part_entries<E>(
    entries: impl Iterator<Item = Result<Entry, E>>,
    next: Option<ImagePath>,
) -> impl Iterator<Item = Result<Entry, E>> {
    let ends = move |entry: &Entry| {
        entry.kind == EntryKind::Directory && next.as_ref().is_some_and(|next| entry.path >= *next)
    };
    entries.take_while(move |entry| !entry.as_ref().is_ok_and(&ends))
}

#[cfg(test)]
mod tests;
