//! The one error of the guard: all that was found, at once.

use std::fmt;

use crate::ground::Hint;

use super::finding::Finding;
use super::inspected::Inspected;
use super::rules::shown;
use super::secret::Secret;

/// Secrets would go into an image. The text lists every place, and never a secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refused {
    /// Secrets in files, by path and line.
    pub findings: Vec<Finding>,
    /// How many more there are in files.
    pub more: u64,
    /// Secrets in the environment that the build file gives the image.
    pub variables: Vec<RefusedVariable>,
}

/// A variable whose value is a secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RefusedVariable {
    /// Its name.
    pub name: String,
    /// What its value is.
    pub what: Secret,
}

impl Refused {
    /// Returns the error of what layers and the environment hold, or `None` if there is nothing to refuse.
    pub fn of(inspected: &Inspected, variables: Vec<RefusedVariable>) -> Option<Self> {
        let findings = inspected.refused.kept.iter().cloned().collect();
        let refused = Self { findings, more: inspected.refused.more, variables };
        (refused.count() > 0).then_some(refused)
    }

    /// Returns how many secrets there are.
    pub fn count(&self) -> u64 {
        (self.findings.len() + self.variables.len()) as u64 + self.more
    }
}

impl std::error::Error for Refused {}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.count() {
            1 => write!(f, "the image would hold a secret:")?,
            count => write!(f, "the image would hold {count} secrets:")?,
        }
        for finding in &self.findings {
            write!(f, "\n  {finding}")?;
        }
        if self.more > 0 {
            write!(f, "\n  and {} more in files", self.more)?;
        }
        for RefusedVariable { name, what } in &self.variables {
            write!(f, "\n  `config.env.{}`: {what}", shown(name.as_bytes()))?;
        }
        Ok(())
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "`{}`, line {line}: {}", self.path, self.what),
            None => write!(f, "`{}`: {}", self.path, self.what),
        }
    }
}

impl Hint for Refused {
    fn hint(&self) -> Option<String> {
        let path = match (self.findings.first(), self.variables.first()) {
            (Some(finding), _) => literal(&finding.path),
            (None, Some(variable)) => format!("config.env.{}", variable.name),
            (None, None) => return None,
        };
        let quoted = serde_json::Value::from(path);
        let leave_out = if self.findings.is_empty() { "" } else { "leave the file out in `.dockerignore`, or " };
        Some(format!(
            "{leave_out}let ECS hand the value to the container: `deploy: {{containers: {{NAME: {{secrets: {{VARIABLE: \
             ARN}}}}}}}}`; what is no secret is admitted by `secrets: {{allow: [{quoted}]}}`"
        ))
    }
}

/// Returns the pattern that matches a path and no other.
fn literal(path: &str) -> String {
    let special = |c: char| "*?[]\\!".contains(c);
    path.chars().flat_map(|c| special(c).then_some('\\').into_iter().chain([c])).collect()
}
