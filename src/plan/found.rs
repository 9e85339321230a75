//! What a path of the finished image leads to: the base and all own layers, symlinks followed.

use std::path::Path;

use super::fixed::WrittenKind;
use super::owner::NamesBelow;
use super::tree_below::{Place, Standing};
use super::{Content, Placement, PlanError};
use crate::oci::ImagePath;
use crate::spec::OwnerSpec;
use crate::tree::{Node, NodeKind};

/// What stands at the end of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where the path leads, symlinks followed.
    pub path: ImagePath,
    /// What stands there.
    pub what: FoundKind,
}

impl Found {
    /// Returns whether somebody may run it as a program.
    pub fn may_run(&self) -> bool {
        match self.what {
            FoundKind::Folder => false,
            FoundKind::OfBase(mode) | FoundKind::Own { mode, .. } => mode & 0o111 != 0,
        }
    }
}

/// What a path of the finished image is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FoundKind {
    /// A folder.
    Folder,
    /// A file or device of the base, with its twelve permission bits.
    OfBase(u32),
    /// A regular file of an own layer.
    Own {
        /// Its twelve permission bits.
        mode: u32,
        /// Its bytes.
        content: Content,
    },
}

impl Placement {
    /// Returns what a path of the finished image leads to, or `None` when it leads nowhere.
    ///
    /// # Errors
    /// When the base cannot say, or a file of the project cannot be looked at.
    pub fn find(&self, path: &ImagePath) -> Result<Option<Found>, PlanError> {
        let (tree, count) = (&self.tree, self.len());
        let path = match tree.resolve(count, "", path, true) {
            Ok(path) => path,
            Err(PlanError::Loop { .. } | PlanError::Dangling { .. } | PlanError::ParentIsFile { .. }) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let what = match tree.at(count, &path)? {
            None | Some((Standing::Symlink(_), _)) => return Ok(None),
            Some((Standing::Folder, _)) => Some(FoundKind::Folder),
            Some((Standing::File, Place::Base)) => tree.base.lookup(&path)?.map(|fact| FoundKind::OfBase(fact.mode)),
            Some((Standing::File, Place::Layer(layer))) => self.own_file(layer, &path)?,
        };
        Ok(what.map(|what| Found { path, what }))
    }

    /// Returns whether the finished image knows an owner by its names.
    ///
    /// # Errors
    /// As [`Placement::find`].
    pub fn knows_owner(&self, owner: &OwnerSpec) -> Result<bool, PlanError> {
        match NamesBelow::new(&self.tree, "").owner(owner) {
            Ok(_) => Ok(true),
            Err(PlanError::UnknownUser { .. } | PlanError::UnknownGroup { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn own_file(&self, layer: usize, path: &ImagePath) -> Result<Option<FoundKind>, PlanError> {
        let layer = &self.tree.layers[layer];
        let (way, whole) = layer.fixed.way(path);
        if let Some(written) = way.last().filter(|_| whole).and_then(|node| node.written.as_deref()) {
            let content = match &written.what {
                WrittenKind::Bytes(bytes) => Content::Bytes(bytes.clone()),
                WrittenKind::File(_, file) => Content::File(file.clone()),
                WrittenKind::Link(_) | WrittenKind::Folder => return Ok(None),
            };
            return Ok(Some(FoundKind::Own { mode: written.mode.unwrap_or(0o644), content }));
        }
        for source in layer.sources_of(path) {
            if layer.taken_at(&source)? != Some(NodeKind::File) {
                continue;
            }
            let above = layer.folder(source.parent().unwrap_or(Path::new("")));
            let (Some(above), Some(Node { stamp, .. })) = (above, layer.sources.stat(&source)?) else { continue };
            let mode = layer.rules.file(&above.rules, layer.relative(&source), &stamp).mode;
            return Ok(Some(FoundKind::Own { mode, content: Content::File(layer.sources.file(source, stamp)) }));
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::{base, files, layer, path, placed, project};
    use crate::spec::{ModeRule, OwnerPart};

    fn shown(found: Option<Found>) -> String {
        found.map_or("-".to_owned(), |found| match found.what {
            FoundKind::Folder => format!("{} d", found.path),
            FoundKind::OfBase(mode) => format!("{} base {mode:o}", found.path),
            FoundKind::Own { mode, content } => format!("{} own {mode:o} {}", found.path, content.len()),
        })
    }

    #[test]
    fn a_path_is_followed_through_the_base_and_all_layers() {
        let below = base(&["usr/", "usr/bin/", "usr/bin/sh=1", "bin -> usr/bin", "gone=1"]);
        let mut lower = layer("f");
        lower.mode = ModeRule::Fixed(0o750);
        let upper = files(&["start -> /app/run", "!gone", "app/conf=22"]);
        let placement = placed(&below, project(&["f/run=1", "f/d/x=1"]), &[(lower, "/app"), (upper, "/")]).unwrap();
        for (asked, expected) in [
            ("bin/sh", "/usr/bin/sh base 600"),
            ("start", "/app/run own 750 1"),
            ("app/d", "/app/d d"),
            ("app/conf", "/app/conf own 644 2"),
            ("gone", "-"),
            ("bin/none", "-"),
            ("start/x", "-"),
        ] {
            assert_eq!(shown(placement.find(&path(asked)).unwrap()), expected, "{asked}");
        }
    }

    #[test]
    fn an_owner_is_known_by_the_names_of_the_finished_image() {
        let below = base(&["etc/", "etc/passwd=a:x:1:1::/:/\n"]);
        let placement = placed(&below, project(&[]), &[(files(&["etc/group=g:x:2:\n"]), "/")]).unwrap();
        let owner = |user: &str, group: Option<&str>| OwnerSpec {
            user: OwnerPart::Name(user.to_owned()),
            group: group.map(|group| OwnerPart::Name(group.to_owned())),
        };
        assert!(placement.knows_owner(&owner("a", Some("g"))).unwrap());
        assert!(!placement.knows_owner(&owner("b", None)).unwrap());
    }
}
