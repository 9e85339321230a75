//! What can be wrong with a build file or a user configuration, and how it is said.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;

use crate::ground::{FileError, Hint};

/// A build file or a user configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SpecError {
    /// Something at one place of the file is wrong.
    #[error("{0}")]
    Flaw(Box<Flaw>),
    /// Something at one place of the file asks for what cannot be had.
    #[error("{flaw}")]
    Unanswered {
        /// The place, and what was asked for.
        flaw: Box<Flaw>,
        /// Why it cannot be had.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A value of the command line, which overrides one of the file, is wrong.
    #[error("`{option}`: {message}")]
    Override {
        /// The option: `--tag`, `--platform`, ...
        option: &'static str,
        /// What is wrong.
        message: String,
        /// What to write instead.
        hint: Option<String>,
    },
    /// A variable of the environment, which the file refers to by meaning rather than by name, is wrong.
    #[error("the environment variable `{name}` is `{value}`, which is no count of seconds since 1970")]
    Epoch {
        /// The variable's name.
        name: &'static str,
        /// Its value.
        value: String,
    },
    /// There is no build file.
    #[error("there is no build file in `{}`", project.display())]
    NoBuildFile {
        /// The folder that was looked in.
        project: PathBuf,
    },
    /// The file is larger than any build file.
    #[error("`{}` has more than {} KiB, which is no build file", path.display(), limit / 1024)]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The largest size that is read, in bytes.
        limit: u64,
    },
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Hint for SpecError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Flaw(flaw) | Self::Unanswered { flaw, .. } => flaw.hint.clone(),
            Self::Override { hint, .. } => hint.clone(),
            Self::Epoch { name, .. } => Some(format!("set it to a whole number, such as `{name}=1700000000`")),
            Self::NoBuildFile { .. } => {
                Some("write a `build.yaml` there, or name the project with `-C DIR` or the file with `-f FILE`".into())
            }
            Self::TooLarge { .. } => Some("name the build file with `-f FILE`".to_owned()),
            // A file that need not be there is never an error, so this one was named.
            Self::File(error) if error.is_not_found() => {
                Some("name a file that is there; `-f FILE` is looked for from the project's folder on".to_owned())
            }
            Self::File(error) => error.hint(),
        }
    }
}

impl From<Flaw> for SpecError {
    fn from(flaw: Flaw) -> Self {
        Self::Flaw(Box::new(flaw))
    }
}

/// What is wrong at one place of a file; prints with the line itself and a caret below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// The file's name, as the reader knows it.
    pub file: String,
    /// The line; the first is 1.
    pub line: usize,
    /// The column in characters; the first is 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// The line itself, and a second one with the carets.
    pub excerpt: String,
    /// What to write instead.
    pub hint: Option<String>,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)?;
        let number = self.line.to_string();
        let blank = " ".repeat(number.len());
        let margins = [number, blank];
        margins.iter().zip(self.excerpt.lines()).try_for_each(|(margin, line)| write!(f, "\n  {margin} | {line}"))
    }
}

/// What is wrong with a value, wherever it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl Problem {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// Offers the word that was probably meant, if one is near.
    pub(super) fn near(self, word: &str, candidates: &[&str]) -> Self {
        match crate::ground::did_you_mean(word, candidates.iter().copied()) {
            Some(candidate) => self.hint(format!("did you mean `{candidate}`?")),
            None => self,
        }
    }

    /// Offers the word that was probably meant, or all of them.
    pub(super) fn one_of(self, word: &str, candidates: &[&str]) -> Self {
        let near = self.near(word, candidates);
        if near.hint.is_some() {
            return near;
        }
        let words: Vec<String> = candidates.iter().map(|candidate| format!("`{candidate}`")).collect();
        near.hint(format!("known here: {}", words.join(", ")))
    }
}
