//! What can go wrong with the files of a project.

use std::path::PathBuf;

use crate::ground::{FileError, Hint};

/// A file of the project that cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// The system refused to list, stat or open it.
    #[error(transparent)]
    File(#[from] FileError),
    /// It was there when its folder was listed, and is gone now.
    #[error("`{}` vanished while it was read", path.display())]
    Vanished {
        /// The file.
        path: PathBuf,
    },
    /// It is not what it was when it was listed.
    #[error("`{}` changed while it was read{}", path.display(), growth(*lengths))]
    Changed {
        /// The file.
        path: PathBuf,
        /// Its length in bytes when it was listed, and when the change was found, where both are known.
        lengths: Option<(u64, u64)>,
    },
    /// A component of its path became a symlink, or was one.
    #[error("`{}` is reached through a symlink", path.display())]
    ThroughSymlink {
        /// The file.
        path: PathBuf,
    },
    /// A socket, FIFO or device: an image holds files, folders and symlinks of a project, nothing else.
    #[error("`{}` is a {what}, which an image cannot hold", path.display())]
    Special {
        /// The file.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// A name beginning with `.wh.` means a removal in a layer (OCI image spec, layer.md, "Whiteouts").
    #[error("`{}` has a name that means a removal in a layer", path.display())]
    WhiteoutName {
        /// The file.
        path: PathBuf,
    },
    /// It is too large to be read at once.
    #[error("`{}` is larger than {limit} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The most that is read.
        limit: u64,
    },
    /// A pattern that no path can be compared with.
    #[error("bad pattern `{pattern}`: {reason}")]
    Pattern {
        /// The pattern as it was written.
        pattern: String,
        /// What is wrong.
        reason: &'static str,
    },
}

fn growth(lengths: Option<(u64, u64)>) -> String {
    match lengths {
        Some((listed, found)) if listed < found => format!(": grew from {listed} to {found} bytes"),
        Some((listed, found)) if listed > found => format!(": shrank from {listed} to {found} bytes"),
        _ => String::new(),
    }
}

impl Hint for TreeError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::File(error) => return error.hint(),
            Self::Vanished { .. } | Self::Changed { .. } => {
                "stop what writes into the project while it is built, or exclude the path".to_owned()
            }
            Self::ThroughSymlink { .. } => "name the folder that the symlink points to".to_owned(),
            // Patterns are relative, to the layer's `from` or to the project: this one holds in both places.
            Self::Special { path, .. } => {
                let name = path.file_name().unwrap_or(path.as_os_str());
                format!("add `**/{}` to `exclude` or to .dockerignore", name.display())
            }
            Self::WhiteoutName { .. } => {
                "rename or exclude it; to hide a path of the base use `files: [{path: ..., remove: true}]`".to_owned()
            }
            Self::TooLarge { .. } => "check that it is the file you mean".to_owned(),
            Self::Pattern { .. } => "close each `[`, put something after `!`, escape literals with `\\`".to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_remedy_for_a_special_file_is_a_pattern_that_matches() {
        let error = TreeError::Special { path: PathBuf::from("/srv/shop/run/queue"), what: "FIFO" };
        let hint = error.hint().expect("a remedy");
        assert_eq!(hint, "add `**/queue` to `exclude` or to .dockerignore");
    }
}
