//! Floor 3: the first build file of a project, made of what is there already.
//!
//! [`of_project`] looks at a project's files and recognises what it is; [`of_dockerfile`] reads a Dockerfile instruction
//! by instruction; a [`LiveService`] gives the section `deploy`. All three return documents and what to tell about them,
//! and write nothing.

mod dockerfile;
mod draft;
mod error;
mod ignore;
mod kind;
mod kinds;
mod listing;
mod manifest;
mod proof;
mod render;
mod service;
mod start;
mod text;
mod yaml;

pub use dockerfile::{CiStage, Finding};
pub use error::InitError;
pub use kind::{Kind, NoKind};
pub use service::{LiveContainer, LiveService};
pub use start::{Document, Options, Standing, Start, default_name, kinds, of_dockerfile, of_project};

#[cfg(test)]
mod tests;
