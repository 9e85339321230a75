//! Owners by name, looked up in the passwd and group of the tree below.

use super::PlanError;
use super::tree_below::{NamesFile, TreeBelow};
use crate::base::Names;
use crate::oci::ImagePath;
use crate::spec::{OwnerPart, OwnerSpec};

/// The most that is read of a passwd or a group.
const LIMIT: u64 = 1 << 20;

/// The numbers of an owner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) uid: u64,
    pub(super) gid: u64,
}

/// The names of the tree below a layer. Its files are looked at when the first name is asked for.
pub(super) struct NamesBelow<'a> {
    tree: &'a TreeBelow,
    layer: &'a str,
    held: Option<Held>,
}

/// Who says what a user's and what a group's name means: the base, or a file of an own layer.
struct Held {
    users_of_base: bool,
    groups_of_base: bool,
    own: Names,
}

impl<'a> NamesBelow<'a> {
    /// The names that `layer`, which lies upon the whole of `tree`, can use.
    pub(super) fn new(tree: &'a TreeBelow, layer: &'a str) -> Self {
        Self { tree, layer, held: None }
    }

    /// Returns the tree below.
    pub(super) fn tree(&self) -> &'a TreeBelow {
        self.tree
    }

    /// Returns the numbers of an owner. A name alone brings its primary group, a number alone is uid and gid.
    pub(super) fn owner(&mut self, owner: &OwnerSpec) -> Result<Owner, PlanError> {
        let (uid, primary) = match &owner.user {
            OwnerPart::Id(id) => (*id, *id),
            OwnerPart::Name(name) => self.user(name)?,
        };
        let gid = match &owner.group {
            None => primary,
            Some(OwnerPart::Id(id)) => *id,
            Some(OwnerPart::Name(name)) => self.group(name)?,
        };
        Ok(Owner { uid, gid })
    }

    fn user(&mut self, name: &str) -> Result<(u64, u64), PlanError> {
        let (tree, layer) = (self.tree, self.layer);
        let held = self.held()?;
        let found = if held.users_of_base { tree.base.user(name)? } else { held.own.user(name) };
        found.ok_or_else(|| {
            let names = tree.base.facts().filter(|_| held.users_of_base).map_or(&held.own, |facts| facts.names());
            PlanError::UnknownUser { layer: layer.to_owned(), name: name.to_owned(), near: names.user_like(name) }
        })
    }

    fn group(&mut self, name: &str) -> Result<u64, PlanError> {
        let (tree, layer) = (self.tree, self.layer);
        let held = self.held()?;
        let found = if held.groups_of_base { tree.base.group(name)? } else { held.own.group(name) };
        found.ok_or_else(|| {
            let names = tree.base.facts().filter(|_| held.groups_of_base).map_or(&held.own, |facts| facts.names());
            PlanError::UnknownGroup { layer: layer.to_owned(), name: name.to_owned(), near: names.group_like(name) }
        })
    }

    fn held(&mut self) -> Result<&Held, PlanError> {
        let held = match self.held.take() {
            Some(held) => held,
            None => {
                let (users_of_base, passwd) = self.file(b"etc/passwd")?;
                let (groups_of_base, group) = self.file(b"etc/group")?;
                Held { users_of_base, groups_of_base, own: Names { passwd, group } }
            }
        };
        Ok(self.held.insert(held))
    }

    fn file(&self, path: &[u8]) -> Result<(bool, Option<Vec<u8>>), PlanError> {
        let path = ImagePath::parse(path).expect("a path inside the image");
        Ok(match self.tree.names_file(self.tree.layers.len(), &path, LIMIT)? {
            NamesFile::OfBase => (true, None),
            NamesFile::Own(bytes) => (false, Some(bytes)),
            NamesFile::None => (false, None),
        })
    }
}
