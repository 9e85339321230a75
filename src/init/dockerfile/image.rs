//! The image that an import builds up: layers with what they put where, and the state that instructions change.

use std::collections::BTreeMap;

use super::Finding;
use super::scope::{Scope, Spot};
use super::stages::Stages;
use super::words::Reader;
use crate::init::draft::{Draft, FileDraft, FileWhat, LayerDraft, RuleDraft};
use crate::init::listing::Project;
use crate::init::text::{Text, below, joined};
use crate::tree::TreeError;

/// An image under construction.
pub(super) struct Image<'a> {
    pub(super) project: Project<'a>,
    pub(super) stages: &'a Stages,
    pub(super) draft: Draft,
    pub(super) slots: Vec<Slot>,
    pub(super) scope: Scope,
    pub(super) escape: char,
    /// The working directory, absolute.
    pub(super) folder: Text,
    /// The user, if an instruction set one.
    pub(super) user: Option<Text>,
    pub(super) shell: Vec<String>,
    /// Whether this stage has said CMD.
    pub(super) has_cmd: bool,
    pub(super) findings: Vec<Finding>,
    pub(super) steps: Vec<String>,
    pub(super) notes: Vec<String>,
    /// Sources of the project that have variables, by what they are by default.
    pub(super) variable_sources: BTreeMap<String, Text>,
    /// The line that is read.
    pub(super) line: usize,
    /// The instruction that is read, in one line.
    pub(super) instruction: String,
}

/// A layer, and what it puts where.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) layer: LayerDraft,
    /// What it takes, relative to the project; `None` for files of elsewhere and entries of the build file.
    pub(super) from: Option<String>,
    /// Where that goes in the image.
    pub(super) to: String,
    /// Whether it is a folder whose content goes there.
    pub(super) is_folder: bool,
    /// The files of a folder that are taken alone.
    pub(super) only: Vec<String>,
    /// Whether a later layer takes all of it.
    pub(super) is_gone: bool,
}

impl Slot {
    /// Returns the path within `from` that goes to a path of the image.
    pub(super) fn inside<'p>(&self, path: &'p str) -> Option<&'p str> {
        let rest = if self.is_folder { below(path, &self.to)? } else { (path == self.to).then_some("")? };
        (self.only.is_empty() || self.only.iter().any(|name| name == rest)).then_some(rest)
    }
}

impl Image<'_> {
    /// Reads a word of an instruction.
    pub(super) fn word(&mut self, text: &str) -> Text {
        let word = Reader { scope: &mut self.scope, escape: self.escape, spot: Spot::Elsewhere }.word(text);
        for name in self.scope.missed() {
            self.find(format!("`${name}` is a variable of the base: write its value where it is missing now"));
        }
        word
    }

    /// Notes that the instruction became something else than a line of the build file.
    pub(super) fn find(&mut self, what: String) {
        let (line, instruction) = (self.line, self.instruction.clone());
        self.findings.push(Finding { line, instruction, what });
    }

    /// Returns an absolute path of the image.
    pub(super) fn absolute(&self, path: &Text) -> Text {
        let (plain, template) = (path.plain(), path.template());
        let in_folder = !plain.starts_with('/');
        let whole = joined(&self.folder.plain(), &plain);
        let varies = template != plain || in_folder && self.folder.template() != self.folder.plain();
        if !varies || plain.contains("..") {
            return Text::literal(&whole);
        }
        if !in_folder {
            return path.clone();
        }
        let mut out = self.folder.clone();
        out.push_char('/');
        out.push(path);
        out
    }

    /// Writes an entry of the build file, over an earlier one of the same path.
    pub(super) fn write(&mut self, path: &Text, what: FileWhat) -> &mut FileDraft {
        let path =
            if path.template() == path.plain() { Text::literal(&joined("/", &path.plain())) } else { path.clone() };
        let slot = self.file_slot(&path);
        let files = &mut self.slots[slot].layer.files;
        let comment = String::new();
        let owner = self.user.clone().filter(|user| !is_root(user) && what != FileWhat::Remove);
        let known = files.iter().position(|file| file.path.plain() == path.plain());
        let at = match known {
            Some(at) => {
                files[at].what = what;
                at
            }
            None => {
                files.push(FileDraft { comment, path, what, owner, mode: None });
                files.len() - 1
            }
        };
        &mut files[at]
    }

    /// Returns the layer of entries that an entry goes into: the top one, if it is of entries.
    fn file_slot(&mut self, path: &Text) -> usize {
        let top = self.slots.iter().rposition(|slot| !slot.is_gone);
        if let Some(top) = top
            && self.slots[top].from.is_none()
            && !self.slots[top].layer.files.is_empty()
        {
            let removed = |file: &FileDraft| file.path.plain() == path.plain() && file.what == FileWhat::Remove;
            if !self.slots[top].layer.files.iter().any(removed) {
                return top;
            }
        }
        let count = self.slots.iter().filter(|slot| !slot.layer.files.is_empty()).count();
        let name = if count == 0 { "system".to_owned() } else { format!("system-{}", count + 1) };
        let layer = LayerDraft { name, ..LayerDraft::default() };
        self.slots.push(Slot {
            layer,
            from: None,
            to: "/".to_owned(),
            is_folder: true,
            only: Vec::new(),
            is_gone: false,
        });
        self.slots.len() - 1
    }

    /// Returns the entry of the build file at a path, the topmost.
    pub(super) fn written(&mut self, path: &str) -> Option<&mut FileDraft> {
        let files = self.slots.iter_mut().rev().flat_map(|slot| slot.layer.files.iter_mut().rev());
        files.into_iter().find(|file| file.path.plain() == path)
    }

    /// Returns the layers that put something at or below a path, each with the path in what it takes: empty where the
    /// layer lies whole at or below it.
    ///
    /// Of layers whose folder the path may be in, those count that have it now; where none has, the one that lies
    /// closest, for what is made before the image.
    pub(super) fn layers_at(&self, path: &str) -> Result<Vec<(usize, String)>, TreeError> {
        let (mut found, mut may_be) = (Vec::new(), Vec::new());
        for (index, slot) in self.slots.iter().enumerate().filter(|(_, slot)| !slot.is_gone) {
            if slot.layer.from.is_none() {
                continue;
            }
            if below(&slot.to, path).is_some() {
                found.push((index, String::new()));
            } else if let Some(rest) = slot.inside(path) {
                match self.has(slot, rest)? {
                    true => found.push((index, rest.to_owned())),
                    false => may_be.push((index, rest.to_owned())),
                }
            }
        }
        if found.is_empty() {
            let closest = may_be.into_iter().filter(|(index, _)| self.slots[*index].to != "/");
            found.extend(closest.max_by_key(|(index, _)| (self.slots[*index].to.len(), *index)));
        }
        Ok(found)
    }

    /// Returns whether a layer's folder in the project has something at a path.
    pub(super) fn has(&self, slot: &Slot, inside: &str) -> Result<bool, TreeError> {
        let Some(from) = &slot.from else { return Ok(false) };
        let path = joined(&format!("/{from}"), inside);
        let path = path.trim_start_matches('/');
        Ok(self.project.has(path)? || self.project.has_folder(path)?)
    }

    /// Adds a rule to a layer, for a path within it or for all of it.
    pub(super) fn rule(&mut self, slot: usize, inside: &str, change: impl FnOnce(&mut RuleDraft)) {
        let pattern = if inside.is_empty() { "**" } else { inside };
        let paths = &mut self.slots[slot].layer.paths;
        // A rule for the same path is completed as long as no later one speaks of what it covers.
        let same = paths.iter().rposition(|rule| rule.patterns[0].plain() == pattern);
        let free = same.filter(|at| !paths[at + 1..].iter().any(|rule| overlap(&rule.patterns[0].plain(), pattern)));
        let at = free.unwrap_or_else(|| {
            paths.push(RuleDraft { patterns: vec![Text::literal(pattern)], ..RuleDraft::default() });
            paths.len() - 1
        });
        change(&mut paths[at]);
    }
}

/// Whether a path that one pattern covers may be covered by the other.
fn overlap(one: &str, other: &str) -> bool {
    let (one, other) = (joined("/", one), joined("/", other));
    one == "/**" || other == "/**" || below(&one, &other).is_some() || below(&other, &one).is_some()
}

pub(super) fn is_root(user: &Text) -> bool {
    let plain = user.plain();
    matches!(plain.split(':').next(), Some("" | "0" | "root"))
}
