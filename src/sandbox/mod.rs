//! Floor 7: the stand-in: a registry, ECR and ECS on a loopback port.
//!
//! One HTTP server answers the distribution API under `/v2/` as ECR does, and the awsJson1_1 operations of ECR and ECS
//! that a push and a deployment need. It is what `--sandbox` starts, and the double that tests stand on: its clock is
//! handed in, its deployments follow scripts ([`RolloutScript`]), its requests are logged and can be made to fail
//! ([`Fault`]).

mod answer;
mod aws_json;
mod connection;
mod ecr;
mod ecs;
mod error;
mod fault;
mod glob;
mod link;
mod personality;
mod registry;
mod request_body;
mod request_log;
mod schedules;
mod seed;
mod server;
mod state;
mod surroundings;
mod world;

#[cfg(test)]
mod tests;

pub use ecs::TaskScript;
pub use ecs::rollout::{
    DeploymentStatus, LifecycleStage, ReportedDigest, RolloutScript, RolloutState, RolloutStep, StoppedTask,
    Supersession, TaskCount, TaskCounts, TrafficWeights,
};
pub use error::SandboxError;
pub use fault::{Action, Fault, Reset};
pub use link::Link;
pub use personality::{AuthRule, LocationForm, MountRule, PatchRule, Personality};
pub use request_log::LoggedRequest;
pub use seed::{Seed, SeedSchedule, SeedService};
pub use server::{Sandbox, SandboxOptions};
pub use surroundings::{Balancer, Target};
