//! What can go wrong while a base's layers are read.

use std::io;

use crate::ground::{FileError, Hint};

/// A layer of a base whose file system cannot be told. Layers are counted from 1, the lowest first.
#[derive(Debug, thiserror::Error)]
pub enum FactsError {
    /// Its bytes cannot be read or decompressed.
    #[error("cannot read layer {layer} of the image")]
    Read {
        /// Which layer.
        layer: u16,
        /// What the stream or its decoder said.
        source: io::Error,
    },
    /// It is no tar, or a broken one.
    #[error("layer {layer} of the image is no valid tar: {reason}")]
    Malformed {
        /// Which layer.
        layer: u16,
        /// What is wrong.
        reason: &'static str,
    },
    /// An entry names something outside the image.
    #[error("layer {layer} of the image holds `{path}`, which leads outside the image")]
    Outside {
        /// Which layer.
        layer: u16,
        /// The entry's path.
        path: String,
    },
    /// Symlinks of the layer lead to each other without end.
    #[error("layer {layer} of the image holds `{path}`, whose folder is a loop of symlinks")]
    Loop {
        /// Which layer.
        layer: u16,
        /// The entry's path.
        path: String,
    },
    /// It is larger in some respect than any sane layer.
    #[error("layer {layer} of the image has more than {limit} {what}")]
    Limit {
        /// Which layer.
        layer: u16,
        /// What there is too much of.
        what: &'static str,
        /// The most that is taken.
        limit: u64,
    },
    /// A lock is asked for what it does not hold.
    #[error("the lock does not say {question}")]
    Unanswered {
        /// What is asked: `what stands at ...`.
        question: String,
    },
    /// What the base holds is too much for memory, and the file for the rest fails.
    #[error("cannot keep what the base holds in a file")]
    File(#[from] FileError),
    /// Stored facts that are not what was stored.
    #[error("stored facts of a base are not usable: {reason}")]
    Stored {
        /// What is wrong.
        reason: &'static str,
    },
}

impl Hint for FactsError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::File(source) => return source.hint(),
            Self::Read { .. } => "pull the base anew; if it fails again, the base's layer itself is damaged".to_owned(),
            Self::Malformed { .. } | Self::Outside { .. } | Self::Loop { .. } | Self::Limit { .. } => {
                "check that `base` names the image you mean, and rebuild that image".to_owned()
            }
            Self::Unanswered { .. } => "run `dockless lock`".to_owned(),
            Self::Stored { .. } => "run `dockless cache prune`; the facts are read anew".to_owned(),
        })
    }
}
