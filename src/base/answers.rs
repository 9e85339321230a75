//! The answers of a base to the questions of one build: what a lock holds.

use std::collections::BTreeMap;

use super::{Fact, FactKind, FactsError};
use crate::oci::ImagePath;

/// Answers to questions about paths and names, the negative ones included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// By path; `None` says that nothing stands there, and so nothing below it either.
    pub paths: BTreeMap<ImagePath, Option<Fact>>,
    /// By name: number and primary group.
    pub users: BTreeMap<String, Option<(u64, u64)>>,
    /// By name: number.
    pub groups: BTreeMap<String, Option<u64>>,
}

impl Answers {
    /// Returns what stands at a path.
    ///
    /// # Errors
    /// [`FactsError::Unanswered`] when that is not known.
    pub fn lookup(&self, path: &ImagePath) -> Result<Option<Fact>, FactsError> {
        let mut at = ImagePath::ROOT;
        for name in path.components() {
            at = at.join(name);
            match self.paths.get(&at) {
                Some(answer) if at == *path => return Ok(answer.clone()),
                Some(None) => return Ok(None),
                Some(Some(fact)) if fact.kind != FactKind::Directory => return Ok(None),
                _ => {}
            }
        }
        Err(FactsError::Unanswered { question: format!("what stands at `{path}`") })
    }

    /// Returns a user's number and primary group.
    ///
    /// # Errors
    /// As [`Answers::lookup`].
    pub fn user(&self, name: &str) -> Result<Option<(u64, u64)>, FactsError> {
        let unanswered = || FactsError::Unanswered { question: format!("who `{name}` is") };
        self.users.get(name).copied().ok_or_else(unanswered)
    }

    /// Returns a group's number.
    ///
    /// # Errors
    /// As [`Answers::lookup`].
    pub fn group(&self, name: &str) -> Result<Option<u64>, FactsError> {
        let unanswered = || FactsError::Unanswered { question: format!("which group `{name}` is") };
        self.groups.get(name).copied().ok_or_else(unanswered)
    }

    pub(super) fn note(&mut self, path: &ImagePath, fact: Option<&Fact>) {
        self.paths.entry(path.clone()).or_insert_with(|| fact.cloned());
    }

    pub(super) fn note_user(&mut self, name: &str, found: Option<(u64, u64)>) {
        self.users.insert(name.to_owned(), found);
    }

    pub(super) fn note_group(&mut self, name: &str, found: Option<u64>) {
        self.groups.insert(name.to_owned(), found);
    }
}
