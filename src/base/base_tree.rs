//! What placement asks of a base, and who answers: the whole of its facts, or a lock.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use super::{Answers, Fact, Facts, FactsError};
use crate::oci::ImagePath;

/// The most children of a folder that are remembered though nobody asked for them.
const LISTED_CHILDREN: usize = 256;

/// The file system of a base as placement sees it: a thing that answers questions.
///
/// What was asked can be remembered, so that a lock can hold the answers.
#[derive(Debug)]
pub struct BaseTree {
    known: Known,
    asked: Option<Mutex<Asked>>,
}

/// What was asked so far.
#[derive(Debug, Default)]
struct Asked {
    answers: Answers,
    /// The folders whose listing was looked at, the large ones too.
    visited: BTreeSet<ImagePath>,
}

#[derive(Debug)]
enum Known {
    Whole(Facts),
    Locked(Answers),
}

impl BaseTree {
    /// A base whose layers were read.
    pub fn whole(facts: Facts) -> Self {
        Self { known: Known::Whole(facts), asked: None }
    }

    /// The same, and what is asked is remembered. Of a folder on the way to what is asked, everything it holds is, where
    /// that is little: then files that are added to a project later are answered too.
    pub fn recording(facts: Facts) -> Self {
        Self { known: Known::Whole(facts), asked: Some(Mutex::default()) }
    }

    /// A base of which a lock knows what was asked when it was written.
    pub fn locked(answers: Answers) -> Self {
        Self { known: Known::Locked(answers), asked: None }
    }

    /// Returns what stands at a path, or `None` when nothing does. Symlinks are not followed, so a path through one is
    /// absent too; the root has no fact.
    ///
    /// # Errors
    /// [`FactsError::Unanswered`] when only a lock is known and it does not say. Otherwise when the facts cannot be read.
    pub fn lookup(&self, path: &ImagePath) -> Result<Option<Fact>, FactsError> {
        let fact = match &self.known {
            Known::Whole(facts) => facts.lookup(path)?,
            Known::Locked(answers) => answers.lookup(path)?,
        };
        self.note(|asked| asked.answers.note(path, fact.as_ref()));
        self.note_folders(path)?;
        Ok(fact)
    }

    /// Returns the number and the primary group of a user of the base's passwd, or `None` when it has no such user.
    ///
    /// # Errors
    /// As [`BaseTree::lookup`].
    pub fn user(&self, name: &str) -> Result<Option<(u64, u64)>, FactsError> {
        let found = match &self.known {
            Known::Whole(facts) => facts.names().user(name),
            Known::Locked(answers) => answers.user(name)?,
        };
        self.note(|asked| asked.answers.note_user(name, found));
        Ok(found)
    }

    /// Returns the number of a group of the base, or `None` when it has no such group.
    ///
    /// # Errors
    /// As [`BaseTree::lookup`].
    pub fn group(&self, name: &str) -> Result<Option<u64>, FactsError> {
        let found = match &self.known {
            Known::Whole(facts) => facts.names().group(name),
            Known::Locked(answers) => answers.group(name)?,
        };
        self.note(|asked| asked.answers.note_group(name, found));
        Ok(found)
    }

    /// Returns the whole of the facts, if it is they who answer: for messages that tell more than what was asked.
    pub fn facts(&self) -> Option<&Facts> {
        match &self.known {
            Known::Whole(facts) => Some(facts),
            Known::Locked(_) => None,
        }
    }

    /// Returns the answers to all that was asked so far, if they were remembered.
    pub fn answers(&self) -> Answers {
        let lock = |asked: &Mutex<Asked>| asked.lock().unwrap_or_else(PoisonError::into_inner).answers.clone();
        self.asked.as_ref().map(lock).unwrap_or_default().needed()
    }

    /// Remembers what the folders above a path hold, and the path itself if it is one.
    fn note_folders(&self, path: &ImagePath) -> Result<(), FactsError> {
        let (Known::Whole(facts), Some(asked)) = (&self.known, &self.asked) else { return Ok(()) };
        let mut asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
        for folder in std::iter::once(ImagePath::ROOT).chain(path.ancestors()).chain([path.clone()]) {
            if !asked.visited.contains(&folder) {
                if let Some(children) = facts.children(&folder, LISTED_CHILDREN)? {
                    asked.answers.note_listing(folder.clone(), children);
                }
                asked.visited.insert(folder);
            }
        }
        Ok(())
    }

    fn note(&self, note: impl FnOnce(&mut Asked)) {
        if let Some(asked) = &self.asked {
            note(&mut asked.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}
