//! The words of the build file and of the user configuration: one table that the readers check keys against, and that
//! the JSON Schema and the reference page are made of.
//!
//! The schema knows the form of a value, not its meaning: that a folder is there, or that two layers do not take the
//! same files, only reading says.

mod build_file;
mod deploy;
mod json;
mod layer;
mod page;
mod user_config;

pub use json::{build_file_schema, user_config_schema};
pub use page::build_file_page;

pub(super) use build_file::{BUILD_FILE, CONFIG, ENVIRONMENT, HEALTHCHECK, IMMUTABLE_TAGS, REPOSITORY, SECRETS};
pub(super) use deploy::{BEFORE, CONTAINER, DEPLOY, DOSSIER, GIVE_UP, NETWORK, SCHEDULE, SERVICE, WAIT};
pub(super) use layer::{FILE, LAYER, PATH_RULE};
pub(super) use user_config::{CACHE, HOST, USER_CONFIG};

/// The name of the schema beside a build file, where editors find it: `# yaml-language-server: $schema=`.
pub const SCHEMA_FILE: &str = "build.schema.json";

/// A map whose keys are words of the file.
pub(super) struct Section {
    /// Its name among the definitions of the schema.
    pub(super) name: &'static str,
    /// What it is, in a sentence.
    pub(super) about: &'static str,
    pub(super) keys: &'static [Key],
    pub(super) needs: Needs,
}

/// Which keys must be there.
pub(super) enum Needs {
    Nothing,
    All(&'static [&'static str]),
    AnyOf(&'static [&'static str]),
    OneOf(&'static [&'static str]),
    /// The first, and one of the others.
    And(&'static str, &'static [&'static str]),
}

/// A key: its name, what it is for, what its value is, and values as one would write them, in JSON.
pub(super) struct Key {
    pub(super) name: &'static str,
    about: &'static str,
    shape: Shape,
    examples: &'static [&'static str],
}

/// What a value may be. A text with variables in it may stand for each scalar.
enum Shape {
    /// A text; a number counts as written.
    Text,
    /// A text that has this form (a regular expression).
    Form(&'static str),
    /// Any scalar, as it is written.
    Scalar,
    Boolean,
    /// Nothing but `true`.
    True,
    /// A whole number of a range.
    Number(u64, u64),
    /// One of a few words.
    Word(&'static [&'static str]),
    List(&'static Shape),
    /// A list that is not empty.
    Some(&'static Shape),
    /// A map by the user's own words.
    By(&'static Shape),
    Section(&'static Section),
    /// This, or null, which takes an inherited value away.
    OrNull(&'static Shape),
    Either(&'static [Shape]),
}

impl Section {
    /// Whether a key is one of the section.
    pub(super) fn knows(&self, name: &str) -> bool {
        self.keys.iter().any(|key| key.name == name)
    }

    /// Returns the names of the keys in their order.
    pub(super) fn names(&self) -> Vec<&'static str> {
        self.keys.iter().map(|key| key.name).collect()
    }
}

/// Describes a key.
const fn key(name: &'static str, about: &'static str, shape: Shape, examples: &'static [&'static str]) -> Key {
    Key { name, about, shape, examples }
}
