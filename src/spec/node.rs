//! A YAML document as a tree in which every key and value knows its place.

use super::source::Place;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) value: Value,
}

/// A value. Scalars stay as they were written: what a scalar means, only its reader knows.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// Nothing, `~` or `null`.
    Null,
    /// One text.
    Scalar(Scalar),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the order of the file, each key once.
    Map(Vec<Entry>),
}

/// A text, and whether it stood there without quotes.
#[derive(Clone, Debug)]
pub(super) struct Scalar {
    pub(super) text: String,
    pub(super) plain: bool,
}

/// A key and its value.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_place: Place,
    pub(super) node: Node,
}

impl Value {
    /// Returns the kind of value in the words of messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Scalar(scalar) if scalar.is_boolean() => "a boolean",
            Self::Scalar(scalar) if scalar.is_number() => "a number",
            Self::Scalar(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }
}

impl Scalar {
    /// Returns whether YAML's core schema takes this for a boolean.
    pub(super) fn is_boolean(&self) -> bool {
        self.plain && matches!(self.text.as_str(), "true" | "True" | "TRUE" | "false" | "False" | "FALSE")
    }

    /// Returns whether YAML's core schema takes this for a number.
    pub(super) fn is_number(&self) -> bool {
        let digits = |text: &str| text.bytes().any(|b| b.is_ascii_digit());
        self.plain && digits(&self.text) && self.text.parse::<f64>().is_ok()
    }
}
