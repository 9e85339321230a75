//! What all connections share.

use std::sync::Arc;

use super::ecs::Ecs;
use super::fault::FaultScript;
use super::link::Link;
use super::registry::Registry;
use super::request_log::RequestLog;

/// The stand-in's state, its scripts and its log.
pub(super) struct World {
    /// The region that names carry.
    pub(super) region: String,
    /// The registry, with ECR's state.
    pub(super) registry: Arc<Registry>,
    /// ECS.
    pub(super) ecs: Ecs,
    /// What is to go wrong.
    pub(super) faults: FaultScript,
    /// How slow the way here is.
    pub(super) link: Link,
    /// What was asked.
    pub(super) log: RequestLog,
}

impl World {
    /// Returns the host that ECR would have.
    pub(super) fn ecr_host(&self) -> String {
        format!("{}.dkr.ecr.{}.amazonaws.com", self.registry.account, self.region)
    }
}
