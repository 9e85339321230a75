//! What all connections share.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use super::ecs::Ecs;
use super::fault::FaultScript;
use super::link::Link;
use super::registry::Registry;
use super::request_log::RequestLog;
use super::schedules::Schedules;

/// The stand-in's state, its scripts and its log.
pub(super) struct World {
    /// The region that names carry.
    pub(super) region: String,
    /// The registry, with ECR's state.
    pub(super) registry: Arc<Registry>,
    /// ECS.
    pub(super) ecs: Ecs,
    /// EventBridge and its Scheduler.
    pub(super) schedules: Schedules,
    /// What is to go wrong.
    pub(super) faults: FaultScript,
    /// How slow the way here is.
    pub(super) link: Link,
    /// What was asked.
    pub(super) log: RequestLog,
    /// How many requests were left without an answer.
    pub(super) stalled: AtomicUsize,
}

impl World {
    /// Returns the host that ECR would have.
    pub(super) fn ecr_host(&self) -> String {
        format!("{}.dkr.ecr.{}.amazonaws.com", self.registry.account, self.region)
    }
}
