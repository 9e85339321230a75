//! The rules with what a project admits.

use std::borrow::Cow;

use crate::tree::{Patterns, TreeError};

use super::finding::Severity;
use super::scan::{self, Hits};
use super::secret::Secret;
use super::{alphabet, aws};

/// The version of the rules: what was found under one version says nothing under another.
pub const RULES: u32 = 2;

/// Folders of published packages. What lies below one is warned of and not refused.
const PUBLISHED: [&[u8]; 3] = [b"node_modules", b"vendor", b"site-packages"];

/// Decides what may go into an image.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    allow: Patterns,
}

impl Guard {
    /// Makes a guard that admits the paths which these `.dockerignore` patterns cover. They are matched with the path
    /// from the project's root, or from the root of the context that a file comes from.
    ///
    /// # Errors
    /// When a pattern is not well formed.
    pub fn new(allow: &[String]) -> Result<Self, TreeError> {
        Ok(Self { allow: Patterns::compile(allow)? })
    }

    /// Returns what the value of an environment variable gives away, or `None`. `config.env.NAME` in the list of what
    /// is admitted admits a variable.
    ///
    /// ```
    /// use dockless::guard::{Guard, Secret};
    /// let guard = Guard::new(&["config.env.TEST_KEY".to_owned()]).unwrap();
    /// let token = format!("npm_{}", "abc0DEF1ghi2JKL3mno4".repeat(2).split_at(36).0);
    /// assert_eq!(guard.variable("NPM_TOKEN", &token), Some(Secret::NpmToken));
    /// assert_eq!(guard.variable("TEST_KEY", &token), None);
    /// assert_eq!(guard.variable("NPM_TOKEN", "${NPM_TOKEN}"), None);
    /// ```
    pub fn variable(&self, name: &str, value: &str) -> Option<Secret> {
        // The name stands before the value as it would in a file, so that the rules for named values see it.
        let text = format!("{name}={value}");
        let found = scan::whole(b"", text.as_bytes()).first();
        let name_of_secret = || {
            let name = name.to_ascii_uppercase();
            name.contains("AWS") && name.contains("SECRET") && aws::is_secret(alphabet::unquoted(value.as_bytes()))
        };
        found
            .or_else(|| name_of_secret().then_some(Secret::AwsSecretKey))
            .filter(|_| !self.admits(format!("config.env.{name}").as_bytes()))
    }

    /// Returns what is to be said about a file, or `None` if it is admitted. `path` is what [`Guard::new`] describes.
    pub(super) fn severity(&self, path: &[u8]) -> Option<Severity> {
        if self.admits(path) {
            return None;
        }
        Some(if is_published(path) { Severity::Warning } else { Severity::Refusal })
    }

    fn admits(&self, path: &[u8]) -> bool {
        !self.allow.is_empty() && self.allow.covers(path)
    }
}

/// Returns whether a file lies in a folder of published packages.
pub(super) fn is_published(path: &[u8]) -> bool {
    let mut components = path.split(|byte| *byte == b'/');
    // The last one is the file.
    components.next_back();
    components.any(|component| PUBLISHED.contains(&component))
}

/// Returns a path as messages show it: what is not text is replaced, and nothing in it can steer a terminal.
pub(super) fn shown(path: &[u8]) -> String {
    let text: Cow<'_, str> = String::from_utf8_lossy(path);
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect::<Vec<_>>() } else { vec![c] }).collect()
}

impl Hits {
    /// Returns what stands first.
    fn first(&self) -> Option<Secret> {
        self.secrets().next().map(|(_, secret)| secret)
    }
}
