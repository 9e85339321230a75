//! What a layer holds that it should not.

use serde::{Deserialize, Serialize};

use super::inspected::Sample;
use super::secret::Secret;

/// A secret in a file. The order is by path, then line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Finding {
    /// The path below the project, or below the context it came from; for what the build file wrote, the path in the
    /// image. What is shown here is what `secrets.allow` is matched with.
    pub path: String,
    /// The line, from 1; `None` in a file that is not text.
    pub line: Option<u64>,
    /// What it is.
    pub what: Secret,
    /// Whether it may go into an image.
    pub severity: Severity,
}

/// What a finding means for the build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// To be said: the file is other people's published one.
    Warning,
    /// Nothing may be written or sent.
    Refusal,
}

/// Findings of one severity: the first hundred by path and line, and the count of the others.
pub type Findings = Sample<Finding>;
