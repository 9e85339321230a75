//! Owner, mode and time of what a layer writes.

use std::collections::BTreeMap;

use super::Mtime;
use super::owner::Owner;
use crate::base::Fact;
use crate::spec::{Capabilities, ModeRule, MtimeRule};
use crate::tree::{FileStamp, PatternState, Patterns};

/// The mode of folders that nobody described.
const FOLDER_MODE: u32 = 0o755;
/// The time of folders and links: some software takes 0 for no time at all.
const CONSTANT_TIME: Mtime = Mtime::Seconds(1);

/// What an entry carries beside its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Metadata {
    pub(super) mode: u32,
    pub(super) owner: Owner,
    pub(super) mtime: Mtime,
    pub(super) xattrs: BTreeMap<String, Vec<u8>>,
}

impl Metadata {
    /// Returns the metadata of what nobody described: 0755, root, 1.
    pub(super) fn plain() -> Self {
        Self { mode: FOLDER_MODE, owner: Owner::default(), mtime: CONSTANT_TIME, xattrs: BTreeMap::new() }
    }

    /// Returns the metadata that the base gives a path.
    pub(super) fn of(fact: Fact) -> Self {
        Self {
            mode: fact.mode,
            owner: Owner { uid: fact.uid, gid: fact.gid },
            mtime: Mtime::Seconds(fact.mtime),
            xattrs: fact.xattrs,
        }
    }
}

/// One rule of `paths`, or all that name a path merged: what is not set is left to others.
#[derive(Clone, Debug, Default)]
pub(super) struct Keys {
    pub(super) owner: Option<Owner>,
    pub(super) mode: Option<ModeRule>,
    pub(super) dir_mode: Option<u32>,
    pub(super) file_mode: Option<u32>,
    pub(super) mtime: Option<MtimeRule>,
    pub(super) capabilities: Option<Capabilities>,
}

impl Keys {
    fn add(&mut self, later: &Self) {
        self.owner = later.owner.or(self.owner);
        self.mode = later.mode.or(self.mode);
        self.dir_mode = later.dir_mode.or(self.dir_mode);
        self.file_mode = later.file_mode.or(self.file_mode);
        self.mtime = later.mtime.or(self.mtime);
        self.capabilities = later.capabilities.or(self.capabilities);
    }
}

/// The layer's own keys and its `paths`.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) owner: Owner,
    pub(super) mode: ModeRule,
    pub(super) mtime: MtimeRule,
    pub(super) paths: Vec<(Patterns, Keys)>,
}

/// Which rules name a folder, and so all below it.
pub(super) type RuleState = Vec<PatternState>;

impl Rules {
    /// Returns the state within `from`.
    pub(super) fn start(&self) -> RuleState {
        self.paths.iter().map(|(patterns, _)| patterns.start_with_root()).collect()
    }

    /// Returns the state within a folder.
    pub(super) fn enter(&self, above: &RuleState, relative: &[u8]) -> RuleState {
        self.paths.iter().zip(above).map(|((patterns, _), above)| patterns.enter(above, relative)).collect()
    }

    /// Returns the state within a folder, given its path below `from`.
    pub(super) fn within(&self, relative: &[u8]) -> RuleState {
        let mut state = self.start();
        if relative.is_empty() {
            return state;
        }
        let slashes = relative.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        for end in slashes.chain([relative.len()]) {
            state = self.enter(&state, &relative[..end]);
        }
        state
    }

    /// Returns what the rules say about the folder whose own state this is.
    pub(super) fn folder_keys(&self, inside: &RuleState) -> Keys {
        let mut keys = Keys::default();
        for ((patterns, rule), inside) in self.paths.iter().zip(inside) {
            if patterns.matches_folder(inside) {
                keys.add(rule);
            }
        }
        keys
    }

    fn file_keys(&self, above: &RuleState, relative: &[u8]) -> Keys {
        let mut keys = Keys::default();
        for ((patterns, rule), above) in self.paths.iter().zip(above) {
            if patterns.matches(above, relative) {
                keys.add(rule);
            }
        }
        keys
    }

    /// Returns the metadata of a regular file of the project.
    pub(super) fn file(&self, above: &RuleState, relative: &[u8], stamp: &FileStamp) -> Metadata {
        let keys = self.file_keys(above, relative);
        let mode = match keys.file_mode.map(ModeRule::Fixed).or(keys.mode).unwrap_or(self.mode) {
            ModeRule::Normal if stamp.mode & 0o100 != 0 => 0o755,
            ModeRule::Normal => 0o644,
            ModeRule::Keep => stamp.mode & 0o7777,
            ModeRule::Fixed(mode) => mode,
        };
        let mtime = match keys.mtime.unwrap_or(self.mtime) {
            MtimeRule::Content => Mtime::Content,
            other => constant(other, stamp),
        };
        let xattrs = xattrs(keys.capabilities);
        Metadata { mode, owner: keys.owner.unwrap_or(self.owner), mtime, xattrs }
    }

    /// Returns the capabilities that rules give a regular file.
    pub(super) fn capabilities(&self, above: &RuleState, relative: &[u8]) -> Option<Capabilities> {
        self.file_keys(above, relative).capabilities
    }

    /// Returns the metadata of a symlink of the project.
    pub(super) fn link(&self, above: &RuleState, relative: &[u8], stamp: &FileStamp) -> Metadata {
        let keys = self.file_keys(above, relative);
        let mtime = constant(keys.mtime.unwrap_or(self.mtime), stamp);
        Metadata { mode: 0o777, owner: keys.owner.unwrap_or(self.owner), mtime, xattrs: BTreeMap::new() }
    }

    /// Returns the metadata of a folder of the project that is new in the image, before rules.
    pub(super) fn new_folder(&self, stamp: &FileStamp) -> Metadata {
        let mode = folder_mode(self.mode, stamp);
        Metadata { mode, owner: self.owner, mtime: constant(self.mtime, stamp), xattrs: BTreeMap::new() }
    }
}

/// Returns the extended attributes of a file with these capabilities.
pub(super) fn xattrs(capabilities: Option<Capabilities>) -> BTreeMap<String, Vec<u8>> {
    let set = capabilities.filter(|set| !set.is_empty());
    set.map(|set| (Capabilities::XATTR.to_owned(), set.to_xattr())).into_iter().collect()
}

/// Lays what rules say about a folder of the project over its metadata.
pub(super) fn apply(metadata: &mut Metadata, keys: &Keys, stamp: &FileStamp) {
    if let Some(owner) = keys.owner {
        metadata.owner = owner;
    }
    match (keys.dir_mode, keys.mode) {
        (Some(mode), _) => metadata.mode = mode,
        (None, Some(rule)) => metadata.mode = folder_mode(rule, stamp),
        (None, None) => {}
    }
    if let Some(rule) = keys.mtime {
        metadata.mtime = constant(rule, stamp);
    }
}

/// Returns the time of an entry that has no content.
pub(super) fn constant(rule: MtimeRule, stamp: &FileStamp) -> Mtime {
    match rule {
        MtimeRule::Content => CONSTANT_TIME,
        MtimeRule::Seconds(seconds) => Mtime::Seconds(seconds),
        MtimeRule::Keep => Mtime::Seconds(stamp.mtime_seconds()),
    }
}

fn folder_mode(rule: ModeRule, stamp: &FileStamp) -> u32 {
    match rule {
        ModeRule::Normal => FOLDER_MODE,
        ModeRule::Keep => stamp.mode & 0o7777,
        // x wherever r is.
        ModeRule::Fixed(mode) => mode | (mode & 0o444) >> 2,
    }
}
