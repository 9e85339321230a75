//! What a layer takes of the project (design: "What a layer takes").

use std::collections::HashSet;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::LeftOut;
use crate::spec::{IgnoreFile, LayerSource};
use crate::tree::{PatternState, Patterns, TreeError};

/// The rules by which one layer takes paths of the project.
#[derive(Debug)]
pub(super) struct Takes {
    from: PathBuf,
    ignore: Patterns,
    include: Patterns,
    exclude: Patterns,
    /// What layers with a more specific `from` take.
    elsewhere: HashSet<PathBuf>,
    left_out: LeftOut,
    /// Paths that `include` names without a wildcard.
    named: Vec<PathBuf>,
}

/// What is known within a folder: which patterns already match all of it.
#[derive(Clone, Debug)]
pub(super) struct TakeState {
    ignore: PatternState,
    include: PatternState,
    exclude: PatternState,
    /// Within something that is left out unless it is named.
    guarded: bool,
}

/// Whether a folder is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Take {
    /// Neither it nor anything below it.
    No,
    /// Only if something below it is.
    Below,
    /// It is.
    Yes,
}

impl Takes {
    /// Compiles the rules of a layer. `others` are the `from`s of the other layers.
    pub(super) fn new<'a>(
        source: &LayerSource,
        dockerignore: &Patterns,
        left_out: &LeftOut,
        others: impl Iterator<Item = &'a Path>,
    ) -> Result<Self, TreeError> {
        let from = source.from.clone();
        let subject = match source.ignore_file {
            IgnoreFile::Never => false,
            IgnoreFile::Always => true,
            IgnoreFile::Auto => from.as_os_str().is_empty() || !dockerignore.covers(from.as_os_str().as_bytes()),
        };
        let include = Patterns::compile(&source.include)?;
        let named = include.literals().map(|path| from.join(Path::new(std::ffi::OsStr::from_bytes(path)))).collect();
        Ok(Self {
            ignore: if subject { dockerignore.clone() } else { Patterns::default() },
            exclude: Patterns::compile(&source.exclude)?,
            elsewhere: others.filter(|other| *other != from && other.starts_with(&from)).map(Path::to_owned).collect(),
            left_out: left_out.clone(),
            from,
            include,
            named,
        })
    }

    /// Returns the file or folder that the layer takes from.
    pub(super) fn from(&self) -> &Path {
        &self.from
    }

    /// Returns the state within `from`.
    pub(super) fn start(&self) -> TakeState {
        let mut ignore = self.ignore.start();
        let mut folder = PathBuf::new();
        for name in &self.from {
            folder.push(name);
            ignore = self.ignore.enter(&ignore, folder.as_os_str().as_bytes());
        }
        TakeState { ignore, include: self.include.start(), exclude: self.exclude.start(), guarded: false }
    }

    /// Returns whether a file or symlink is taken, from the state of the folder that holds it.
    pub(super) fn file(&self, above: &TakeState, path: &Path) -> bool {
        let relative = self.relative(path);
        !self.elsewhere.contains(path)
            && !self.ignore.matches(&above.ignore, path.as_os_str().as_bytes())
            && !self.exclude.matches(&above.exclude, relative)
            && (self.include.is_empty() || self.include.matches(&above.include, relative))
            && (!self.guards(above, path) || self.names(path))
    }

    /// Returns whether a folder is taken, and the state within it.
    pub(super) fn folder(&self, above: &TakeState, path: &Path) -> (Take, TakeState) {
        let (whole, relative) = (path.as_os_str().as_bytes(), self.relative(path));
        let mut inside = TakeState {
            ignore: self.ignore.enter(&above.ignore, whole),
            include: self.include.enter(&above.include, relative),
            exclude: self.exclude.enter(&above.exclude, relative),
            guarded: self.guards(above, path),
        };
        if self.elsewhere.contains(path) {
            return (Take::No, inside);
        }
        let mut take = excluded(&self.ignore, &inside.ignore, whole);
        take = take.min(excluded(&self.exclude, &inside.exclude, relative));
        if !self.include.is_empty() && !self.include.matches_folder(&inside.include) {
            take = take.min(if self.include.may_match_below(relative) { Take::Below } else { Take::No });
        }
        if inside.guarded {
            inside.guarded = !self.names(path);
            if inside.guarded {
                let below = self.named.iter().any(|named| named.starts_with(path));
                take = take.min(if below { Take::Below } else { Take::No });
            }
        }
        (take, inside)
    }

    /// Returns the state within a folder at or below `from`, or `None` if a folder on the way is left out.
    pub(super) fn within(&self, folder: &Path) -> Option<TakeState> {
        let mut state = self.start();
        let mut path = self.from.clone();
        for name in folder.strip_prefix(&self.from).ok()? {
            path.push(name);
            let (take, inside) = self.folder(&state, &path);
            if take == Take::No {
                return None;
            }
            state = inside;
        }
        Some(state)
    }

    /// Returns the part of a path below `from`.
    pub(super) fn relative<'p>(&self, path: &'p Path) -> &'p [u8] {
        let (path, from) = (path.as_os_str().as_bytes(), self.from.as_os_str().as_bytes());
        match path.strip_prefix(from) {
            Some(rest) if from.is_empty() => rest,
            Some([]) => &[],
            Some([b'/', rest @ ..]) => rest,
            _ => path,
        }
    }

    fn guards(&self, above: &TakeState, path: &Path) -> bool {
        above.guarded || self.left_out.contains(path)
    }

    fn names(&self, path: &Path) -> bool {
        self.named.iter().any(|named| named == path)
    }
}

fn excluded(patterns: &Patterns, inside: &PatternState, folder: &[u8]) -> Take {
    if !patterns.matches_folder(inside) {
        Take::Yes
    } else if patterns.may_except_below(inside, folder) {
        Take::Below
    } else {
        Take::No
    }
}
