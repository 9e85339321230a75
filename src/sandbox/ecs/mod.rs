//! The operations of Amazon ECS, with deployments that move by the clock.
//!
//! Nothing runs in the background: a deployment is a list of steps with their times, and each request looks at what
//! is past. So a test moves a deployment by moving the clock, and two looks at one time see the same.

mod arn;
mod cluster;
mod document;
mod event;
mod images;
mod log;
mod one_off;
mod operation;
mod revision;
pub(super) mod rollout;
mod service;
mod service_deployment;
mod standing;
mod start;
mod task;
mod task_definition;
mod view;

pub use one_off::TaskScript;
pub(super) use operation::Ecs;
