//! From a text with variables to its value.

use super::env_value::{EnvOtherwise, EnvPiece, EnvValue};
use super::error::{Flaw, Problem, SpecError};
use super::source::{Place, Source};
use super::template::{self, Otherwise, Piece, Variable};
use super::variables::{Answer, Variables};

/// One scalar of the file, whose text is to be interpolated.
pub(super) struct Interpolation<'a> {
    pub(super) source: &'a Source,
    pub(super) place: Place,
    pub(super) variables: &'a Variables<'a>,
}

impl Interpolation<'_> {
    /// Returns the text with every variable replaced; the base's are refused.
    pub(super) fn text(&self, text: &str) -> Result<String, SpecError> {
        let mut replaced = String::new();
        for piece in self.pieces(text, false)? {
            if let EnvPiece::Text(text) = piece {
                replaced.push_str(&text);
            }
        }
        Ok(replaced)
    }

    /// Returns the text with every variable replaced but the base's.
    pub(super) fn env_value(&self, text: &str) -> Result<EnvValue, SpecError> {
        self.pieces(text, true).map(EnvValue)
    }

    fn pieces(&self, text: &str, base: bool) -> Result<Vec<EnvPiece>, SpecError> {
        let pieces = template::parse(text).map_err(|error| self.flaw(&error.expression, error.problem))?;
        self.replace(&pieces, base)
    }

    fn replace(&self, pieces: &[Piece], base: bool) -> Result<Vec<EnvPiece>, SpecError> {
        let mut replaced = Vec::new();
        for piece in pieces {
            match piece {
                Piece::Text(text) => replaced.push(EnvPiece::Text(text.clone())),
                Piece::Variable(variable) => replaced.extend(self.variable(variable, base)?),
            }
        }
        Ok(replaced)
    }

    fn variable(&self, variable: &Variable, base: bool) -> Result<Vec<EnvPiece>, SpecError> {
        let expression = &variable.expression;
        let unset = match self.variables.answer(&variable.name) {
            Answer::Value(value) if value.is_empty() && variable.otherwise != Otherwise::Fail => {
                Problem::new(format!("`{}` is empty", variable.name)).hint(format!("give `{}` a value", variable.name))
            }
            Answer::Value(value) => return Ok(vec![EnvPiece::Text(value)]),
            Answer::Unset(problem) => problem,
            Answer::Base(name) if base => return Ok(vec![self.base(name, variable)]),
            Answer::Base(_) => {
                let problem = Problem::new(format!("`{}` can be used in `config.env` only", variable.name));
                return Err(self
                    .flaw(expression, problem.hint("the base's environment is read after the build file"))
                    .into());
            }
            Answer::Wrong(problem) => return Err(self.flaw(expression, problem).into()),
            Answer::Broken(problem, cause) => {
                let flaw = Box::new(self.flaw(expression, problem));
                return Err(SpecError::Unanswered { flaw, source: Box::new(cause) });
            }
        };
        match &variable.otherwise {
            Otherwise::Default(default) => self.replace(default, base),
            Otherwise::Fail => Err(self.flaw(expression, unset).into()),
            Otherwise::Message(message) => Err(self.flaw(expression, demanded(&variable.name, message, unset)).into()),
        }
    }

    /// Keeps a variable of the base for later, with all that may have to be said then.
    fn base(&self, name: String, variable: &Variable) -> EnvPiece {
        let unset = Problem::new(format!("the base image does not set `{name}`"))
            .hint(format!("give a default: `${{base.{name}:-default}}`"));
        let otherwise = match &variable.otherwise {
            Otherwise::Fail => EnvOtherwise::Fail(Box::new(self.flaw(&variable.expression, unset))),
            Otherwise::Message(message) => {
                let problem = demanded(&variable.name, message, unset);
                EnvOtherwise::FailEmpty(Box::new(self.flaw(&variable.expression, problem)))
            }
            Otherwise::Default(default) => match self.replace(default, true) {
                Ok(pieces) => EnvOtherwise::Default(EnvValue(pieces)),
                Err(SpecError::Flaw(flaw) | SpecError::Unanswered { flaw, .. }) => EnvOtherwise::FailEmpty(flaw),
                Err(other) => {
                    let problem = Problem::new(other.to_string());
                    EnvOtherwise::FailEmpty(Box::new(self.flaw(&variable.expression, problem)))
                }
            },
        };
        EnvPiece::Base { name, otherwise }
    }

    /// Shows the expression where the file has it literally, else the scalar that holds it.
    fn flaw(&self, expression: &str, problem: Problem) -> Flaw {
        let place = self.source.slice(self.place).find(expression).map_or(self.place, |offset| {
            let start = self.place.start + offset;
            Place { start, end: start + expression.len() }
        });
        self.source.flaw(place, problem)
    }
}

/// The error of `:?`: the file's own words, and what was missing.
fn demanded(name: &str, message: &str, unset: Problem) -> Problem {
    match message.trim() {
        "" => unset,
        message => Problem { message: format!("`{name}`: {message}"), ..unset },
    }
}
