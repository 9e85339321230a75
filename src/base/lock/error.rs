//! What can be wrong with a lock.

use crate::ground::Hint;
use crate::oci::{ConfigError, Digest, ManifestError};

/// A lock that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// It is larger than any that is written.
    #[error("the lock has {bytes} bytes; more than {limit} are not read")]
    TooLong {
        /// What it has.
        bytes: usize,
        /// The most that is read.
        limit: usize,
    },
    /// Two branches were merged into it, and nobody has decided.
    #[error("the lock holds an unresolved merge, from line {line} on")]
    Conflict {
        /// The line, from 1.
        line: usize,
    },
    /// It is no JSON, or not in the form of a lock; the source names line and column.
    #[error("the lock cannot be read")]
    Form(#[from] serde_json::Error),
    /// It was written in another form.
    #[error("the lock is of version {found}; this program reads version {known}")]
    Version {
        /// What it says.
        found: u64,
        /// What is read.
        known: u64,
    },
    /// Manifest or config are not what a digest beside them names.
    #[error("the lock holds a {what} of `{base}` whose digest is `{found}` and not `{expected}`")]
    Digest {
        /// The base as the build file names it.
        base: String,
        /// `manifest` or `config`.
        what: &'static str,
        /// What the lock, or the manifest in it, says.
        expected: Digest,
        /// What its bytes are.
        found: Digest,
    },
    /// The manifest is none.
    #[error("the lock holds a manifest of `{base}` that cannot be used")]
    Manifest {
        /// The base as the build file names it.
        base: String,
        /// What is wrong with it.
        source: ManifestError,
    },
    /// The config is none.
    #[error("the lock holds a config of `{base}` that cannot be used")]
    Config {
        /// The base as the build file names it.
        base: String,
        /// What is wrong with it.
        source: ConfigError,
    },
    /// The parts do not make one base.
    #[error("the lock does not hold a base for `{base}`: {why}")]
    Unsuited {
        /// The base as the build file names it.
        base: String,
        /// What does not fit.
        why: String,
    },
}

impl Hint for LockError {
    fn hint(&self) -> Option<String> {
        Some("restore it, or run `dockless lock --upgrade`, which writes it anew".to_owned())
    }
}
