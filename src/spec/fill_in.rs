//! Variables in a text that is no part of the build file: a task definition beside it.

use std::path::Path;

use super::error::Problem;
use super::template::{self, Otherwise, Piece};
use super::variables::{Answer, Variables};

/// A text whose variables cannot be replaced.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct NotFilledIn {
    /// Which one, and why not.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl From<Problem> for NotFilledIn {
    fn from(problem: Problem) -> Self {
        Self { message: problem.message, hint: problem.hint }
    }
}

/// Replaces `${VAR}`, `${VAR:-default}`, `${VAR:?message}` and `$$` in a text by the rules of the build file: the
/// environment and git answer.
///
/// # Errors
/// When a variable has no value, or an expression is none.
pub fn fill_in(
    text: &str,
    project: &Path,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<String, NotFilledIn> {
    let pieces = template::parse(text).map_err(|error| error.problem)?;
    replace(&pieces, &Variables::new(project, environment))
}

fn replace(pieces: &[Piece], variables: &Variables<'_>) -> Result<String, NotFilledIn> {
    let mut replaced = String::new();
    for piece in pieces {
        let Piece::Variable(variable) = piece else {
            let Piece::Text(text) = piece else { continue };
            replaced.push_str(text);
            continue;
        };
        let unset = match variables.answer(&variable.name) {
            Answer::Value(value) if value.is_empty() && variable.otherwise != Otherwise::Fail => {
                Problem::new(format!("`{}` is empty", variable.name)).hint(format!("give `{}` a value", variable.name))
            }
            Answer::Value(value) => {
                replaced.push_str(&value);
                continue;
            }
            Answer::Unset(problem) => problem,
            Answer::Base(name) => return Err(Problem::new(format!("`base.{name}` is not known here")).into()),
            Answer::Wrong(problem) | Answer::Broken(problem, _) => return Err(problem.into()),
        };
        match &variable.otherwise {
            Otherwise::Default(default) => replaced.push_str(&replace(default, variables)?),
            Otherwise::Message(message) if !message.trim().is_empty() => {
                let message = format!("`{}`: {}", variable.name, message.trim());
                return Err(NotFilledIn { message, hint: unset.hint });
            }
            Otherwise::Fail | Otherwise::Message(_) => return Err(unset.into()),
        }
    }
    Ok(replaced)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_those_of_the_build_file() {
        let environment = |name: &str| match name {
            "A" => Some("1".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        let fill = |text: &str| fill_in(text, Path::new("."), &environment).map_err(|error| error.message);
        let rows = [
            ("${A}$A$$", Ok("1$A$")),
            ("${B:-${A}2}", Ok("12")),
            ("${EMPTY}", Ok("")),
            ("${EMPTY:-x}", Ok("x")),
            ("${B}", Err("`B` is not set in the environment")),
            ("${B:?say it}", Err("`B`: say it")),
        ];
        for (text, expect) in rows {
            assert_eq!(fill(text), expect.map(str::to_owned).map_err(str::to_owned), "{text}");
        }
    }
}
