//! What a deployment goes through: scripts made of timed steps.

mod course;
mod script;
mod state;

pub(in crate::sandbox) use course::{breaker_trip, natural, requested_rollback};
pub use script::{ReportedDigest, RolloutScript, RolloutStep, Supersession};
pub use state::{DeploymentStatus, LifecycleStage, RolloutState, StoppedTask, TaskCount, TaskCounts, TrafficWeights};
