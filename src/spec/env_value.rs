//! Values of `config.env`: text in which the base's variables are still open.

use super::error::{Flaw, SpecError};

/// A value of `config.env`. All is resolved but `${base.VAR}`, which only the base's config can answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnvValue(pub(super) Vec<EnvPiece>);

/// A part of an [`EnvValue`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum EnvPiece {
    /// Text as it stands.
    Text(String),
    /// A variable of the base's environment, by its name without `base.`.
    Base { name: String, otherwise: EnvOtherwise },
}

/// What counts where the base does not set a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum EnvOtherwise {
    /// An error where it is not set.
    Fail(Box<Flaw>),
    /// An error where it is not set or empty: `:?`, or a default that cannot be had.
    FailEmpty(Box<Flaw>),
    /// This where it is not set or empty.
    Default(EnvValue),
}

impl EnvValue {
    /// Makes a value without variables.
    pub fn literal(text: impl Into<String>) -> Self {
        Self(vec![EnvPiece::Text(text.into())])
    }

    /// Returns the value in an image whose base has this environment.
    ///
    /// # Errors
    /// When a variable of the base without default is not set; the error shows the line of the build file.
    ///
    /// ```
    /// use dockless::spec::EnvValue;
    /// assert_eq!(EnvValue::literal("Asia/Seoul").resolve(&[]).expect("no variables"), "Asia/Seoul");
    /// ```
    pub fn resolve(&self, base_env: &[(String, String)]) -> Result<String, SpecError> {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                EnvPiece::Text(literal) => text.push_str(literal),
                EnvPiece::Base { name, otherwise } => text.push_str(&answer(name, otherwise, base_env)?),
            }
        }
        Ok(text)
    }
}

fn answer(name: &str, otherwise: &EnvOtherwise, base_env: &[(String, String)]) -> Result<String, SpecError> {
    // Of two settings the last one counts, as in a process.
    let value = base_env.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    match (value, otherwise) {
        (Some(value), EnvOtherwise::Fail(_)) => Ok(value),
        (Some(value), _) if !value.is_empty() => Ok(value),
        (_, EnvOtherwise::Default(default)) => default.resolve(base_env),
        (_, EnvOtherwise::Fail(flaw) | EnvOtherwise::FailEmpty(flaw)) => Err(SpecError::Flaw(flaw.clone())),
    }
}
