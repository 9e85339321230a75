//! Manifests and indexes, by tag and by digest.

mod acceptance;
mod exchange;

pub(super) use exchange::{admit, answer};
