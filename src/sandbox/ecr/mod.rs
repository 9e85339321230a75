//! The operations of Amazon ECR's own API, over the registry's state.

mod image;
mod lifecycle;
mod operation;
mod repository;

pub(super) use operation::carry_out;
