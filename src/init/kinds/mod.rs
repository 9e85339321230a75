//! What a project of each kind becomes: layers with dependencies below code, and the steps that come before.

mod go;
mod java;
mod node;
mod other;
mod php;
mod python;
mod python_start;
mod ruby;
mod rust;
mod site;

use super::draft::Draft;
use super::kind::Kind;
use super::listing::Project;
use crate::tree::TreeError;

/// A project of a kind, as far as its files say.
#[derive(Debug, Default)]
pub(super) struct Outline {
    /// Base, layers and config; the rest is filled by whoever asked.
    pub(super) draft: Draft,
    /// What `.dockerignore` leaves out beside what it always does.
    pub(super) ignored: Vec<&'static str>,
    /// Commands that make what the layers take, in order.
    pub(super) steps: Vec<String>,
    /// What a reader should know before trusting it.
    pub(super) notes: Vec<String>,
}

/// Returns what a project of this kind becomes.
pub(super) fn outline(project: &Project<'_>, kind: Kind) -> Result<Outline, TreeError> {
    match kind {
        Kind::Laravel => php::laravel(project),
        Kind::Php => php::php(project),
        Kind::Ruby => ruby::ruby(project),
        Kind::Python => python::python(project),
        Kind::Go => go::go(project),
        Kind::Rust => rust::rust(project),
        Kind::Java => java::java(project),
        Kind::Next => node::next(project),
        Kind::Nest => node::nest(project),
        Kind::Node => node::node(project),
        Kind::Static => site::site(project),
        Kind::Other => other::other(project),
    }
}
