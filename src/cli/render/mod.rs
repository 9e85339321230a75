//! What people and programs see: lines on stderr, data on stdout.

pub(crate) mod dossier;
pub(crate) mod error;
pub(crate) mod human;
pub(crate) mod image;
pub(crate) mod json;
pub(crate) mod reference;
pub(crate) mod start;
