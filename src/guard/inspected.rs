//! What an inspection saw, as data.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::oci::ImagePath;

use super::finding::{Finding, Findings, Severity};
use super::machine::Machine;
use super::program::Program;

/// The first of many, in their order, and the count of the others: what is kept is the same in whatever order they come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "T: Ord + Deserialize<'de>"))]
pub struct Sample<T> {
    /// The first.
    pub kept: BTreeSet<T>,
    /// How many more there are.
    pub more: u64,
}

impl<T> Default for Sample<T> {
    fn default() -> Self {
        Self { kept: BTreeSet::new(), more: 0 }
    }
}

impl<T: Ord> Sample<T> {
    /// How many are kept.
    pub const LIMIT: usize = 100;

    /// Adds one.
    pub fn add(&mut self, item: T) {
        if self.kept.insert(item) && self.kept.len() > Self::LIMIT {
            self.kept.pop_last();
            self.more += 1;
        }
    }

    /// Returns whether there was none.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty() && self.more == 0
    }

    /// Returns how many there were.
    pub fn count(&self) -> u64 {
        self.kept.len() as u64 + self.more
    }

    fn merge(&mut self, other: Self) {
        other.kept.into_iter().for_each(|item| self.add(item));
        self.more += other.more;
    }
}

/// What a layer, or several, hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inspected {
    /// Secrets that may not go into an image.
    pub refused: Findings,
    /// Secrets in files of published packages.
    pub warned: Findings,
    /// Programs and shared objects for another machine than that of one of the platforms. What lies below `node_modules`, `vendor`
    /// or `site-packages` is left out: packages bring builds for many machines.
    pub other_machines: Sample<OtherMachine>,
    /// Executable scripts whose first lines name a path of the machine that builds.
    pub machine_scripts: Sample<MachineScript>,
    /// Symlinks to a path of the machine that builds.
    pub machine_links: Sample<MachineLink>,
    /// Dynamic loaders that executables name. Of each, the first program that does.
    pub interpreters: Sample<RequiredInterpreter>,
    /// What stands at the paths that were asked for. A path without an answer is not in the layers.
    #[serde(with = "pairs")]
    pub asked: BTreeMap<ImagePath, Asked>,
}

/// A program for another machine.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OtherMachine {
    /// Where it stands in the image.
    pub path: ImagePath,
    /// What it runs on.
    pub machine: Machine,
}

/// A script that starts only on the machine that builds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MachineScript {
    /// Where it stands in the image.
    pub path: ImagePath,
    /// The path of the machine that its first lines name.
    pub interpreter: Vec<u8>,
}

/// A symlink that leads somewhere only on the machine that builds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MachineLink {
    /// Where it stands in the image.
    pub path: ImagePath,
    /// Its target, verbatim.
    pub target: Vec<u8>,
}

/// A dynamic loader that the image must hold.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RequiredInterpreter {
    /// Its path.
    pub interpreter: Vec<u8>,
    /// The first program that names it.
    pub example: ImagePath,
}

/// An entry that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The twelve permission bits.
    pub mode: u32,
    /// What it is.
    pub kind: AskedKind,
}

/// What an entry that was asked for is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AskedKind {
    /// A folder.
    Directory,
    /// A file, and how it would be started; `None` where its first bytes do not tell.
    File(Option<Program>),
    /// A symlink with its target, verbatim.
    Symlink(Vec<u8>),
}

impl Inspected {
    pub(super) fn add_finding(&mut self, finding: Finding) {
        match finding.severity {
            Severity::Refusal => self.refused.add(finding),
            Severity::Warning => self.warned.add(finding),
        }
    }

    pub(super) fn add_interpreter(&mut self, interpreter: &[u8], example: &ImagePath) {
        let known = self.interpreters.kept.iter().find(|known| known.interpreter == interpreter);
        match known {
            Some(known) if known.example <= *example => return,
            Some(known) => drop(self.interpreters.kept.take(&known.clone())),
            None => {}
        }
        self.interpreters.add(RequiredInterpreter { interpreter: interpreter.to_vec(), example: example.clone() });
    }

    /// Adds what a layer above holds; its answers count where both have one.
    pub fn merge(&mut self, above: Self) {
        self.refused.merge(above.refused);
        self.warned.merge(above.warned);
        self.other_machines.merge(above.other_machines);
        self.machine_scripts.merge(above.machine_scripts);
        self.machine_links.merge(above.machine_links);
        self.interpreters.more += above.interpreters.more;
        for found in above.interpreters.kept {
            self.add_interpreter(&found.interpreter, &found.example);
        }
        self.asked.extend(above.asked);
    }
}

/// A map as a list of pairs: JSON has no keys but texts, and a path need not be one.
mod pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(
        map: &BTreeMap<impl Serialize, impl Serialize>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map)
    }

    pub(super) fn deserialize<'de, D, K, V>(deserializer: D) -> Result<BTreeMap<K, V>, D::Error>
    where
        D: Deserializer<'de>,
        K: Ord + Deserialize<'de>,
        V: Deserialize<'de>,
    {
        Ok(Vec::<(K, V)>::deserialize(deserializer)?.into_iter().collect())
    }
}
