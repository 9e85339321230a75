//! The answers of a base to the questions of one build: what a lock holds.

use std::collections::{BTreeMap, BTreeSet};

use super::{Fact, FactKind, FactsError, Listing};
use crate::oci::ImagePath;

/// Answers to questions about paths and names, the negative ones included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// By path; `None` says that nothing stands there, and so nothing below it either.
    pub paths: BTreeMap<ImagePath, Option<Fact>>,
    /// The folders of which `paths` has every child, so that any other name in them is absent.
    pub listed: BTreeSet<ImagePath>,
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
        if path.is_root() {
            return Ok(None);
        }
        for name in path.components() {
            let listed = self.listed.contains(&at);
            at = at.join(name);
            match self.paths.get(&at) {
                Some(answer) if at == *path => return Ok(answer.clone()),
                Some(None) => return Ok(None),
                Some(Some(fact)) if fact.kind != FactKind::Directory => return Ok(None),
                None if listed => return Ok(None),
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

    /// Returns the answers without those that follow from others: nothing stands below what is absent, or is no folder.
    #[must_use]
    pub fn needed(self) -> Self {
        let (present, absent): (BTreeMap<_, _>, _) = self.paths.into_iter().partition(|(_, fact)| fact.is_some());
        let mut needed = Self { paths: present, ..self };
        for (path, _) in BTreeMap::from_iter(absent) {
            if needed.lookup(&path).is_err() {
                needed.paths.insert(path, None);
            }
        }
        needed
    }

    pub(super) fn note(&mut self, path: &ImagePath, fact: Option<&Fact>) {
        self.paths.entry(path.clone()).or_insert_with(|| fact.cloned());
    }

    /// Notes all that a folder holds.
    pub(super) fn note_listing(&mut self, folder: ImagePath, children: Listing) {
        let named = children.into_iter().map(|(name, fact)| (folder.join(&name), Some(fact)));
        self.paths.extend(named);
        self.listed.insert(folder);
    }

    pub(super) fn note_user(&mut self, name: &str, found: Option<(u64, u64)>) {
        self.users.insert(name.to_owned(), found);
    }

    pub(super) fn note_group(&mut self, name: &str, found: Option<u64>) {
        self.groups.insert(name.to_owned(), found);
    }
}
