//! What keeps a first build file from being made.

use crate::ground::Hint;
use crate::tree::TreeError;

/// A first build file that cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InitError {
    /// The project cannot be looked at.
    #[error("cannot look at the project")]
    Project(#[from] TreeError),
    /// The Dockerfile is not one; the words are the parser's, with line and column.
    #[error("cannot read `{file}` as a Dockerfile: {problem}")]
    Syntax {
        /// Its name.
        file: String,
        /// What is wrong, and where.
        problem: String,
    },
    /// The stage that was asked for is not there.
    #[error("`{file}` has no stage `{stage}`{}", if known.is_empty() { String::new() } else { format!("; there are {}", known.join(", ")) })]
    NoStage {
        /// The Dockerfile's name.
        file: String,
        /// The stage.
        stage: String,
        /// Those that have a name.
        known: Vec<String>,
    },
}

impl Hint for InitError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Project(error) => error.hint(),
            Self::Syntax { .. } => {
                Some("`docker build --check` tells more; or run `dockless init` without it".to_owned())
            }
            Self::NoStage { .. } => Some("leave `--target` out for the last stage".to_owned()),
        }
    }
}
