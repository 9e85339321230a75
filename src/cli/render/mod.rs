//! What people and programs see: lines on stderr, data on stdout.

pub(crate) mod dossier;
pub(crate) mod error;
pub(crate) mod github;
pub(crate) mod human;
pub(crate) mod image;
pub(crate) mod json;
pub(crate) mod live;
pub(crate) mod ndjson;
pub(crate) mod outputs;
pub(crate) mod page;
pub(crate) mod plan;
pub(crate) mod printable;
pub(crate) mod reference;
pub(crate) mod screen;
pub(crate) mod start;
pub(crate) mod summary;
pub(crate) mod tally;
pub(crate) mod terminal;
pub(crate) mod usage;
