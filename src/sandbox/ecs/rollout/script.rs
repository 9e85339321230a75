//! Scripts that tests write, and the courses that have a name.

use std::time::Duration;

use super::course;
use super::state::{DeploymentStatus, RolloutState, TaskCounts};
use crate::oci::Digest;

/// What the next deployment of a service goes through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RolloutScript {
    /// The steps, in the order of their times.
    pub steps: Vec<RolloutStep>,
    /// The digest that the service revision reports for each image.
    pub revision_digest: ReportedDigest,
    /// The digest that the tasks report for each image.
    pub task_digest: ReportedDigest,
    /// Another client's deployment that takes this one's place.
    pub superseded: Option<Supersession>,
}

/// A state, and when it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolloutStep {
    /// The time since the deployment was asked for.
    pub after: Duration,
    /// The state from then on.
    pub state: RolloutState,
}

/// Which digest ECS reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReportedDigest {
    /// The one the image has.
    #[default]
    Resolved,
    /// None.
    Absent,
    /// A given one, whatever the image has.
    Is(Digest),
}

/// A deployment that another client starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Supersession {
    /// The time since the superseded deployment was asked for.
    pub after: Duration,
    /// The `family:revision` that the other client deploys; `None` for the one that ran before.
    pub task_definition: Option<String>,
}

impl RolloutScript {
    /// A script of given steps. Before the first one the deployment is pending.
    pub fn of(steps: Vec<RolloutStep>) -> Self {
        Self { steps, ..Self::default() }
    }

    /// The deployment succeeds, in about a second and a half.
    pub fn succeed() -> Self {
        Self::of(course::success())
    }

    /// Tasks fail until the circuit breaker trips, and the revision before comes back.
    pub fn circuit_breaker_rollback() -> Self {
        Self::of(course::failing(true))
    }

    /// The circuit breaker trips, and the rollback fails too.
    pub fn rollback_failed() -> Self {
        let mut steps = course::failing(true);
        if let Some(last) = steps.last_mut() {
            last.state.status = DeploymentStatus::RollbackFailed;
            last.state.reason = Some("Rollback failed: tasks of the previous revision failed to start.".to_owned());
            last.state.events = vec!["(service {service}) (deployment {source}) deployment failed.".to_owned()];
            last.state.source = TaskCounts::NONE;
        }
        Self::of(steps)
    }

    /// The deployment stops half-way, and nothing goes back.
    pub fn stopped(reason: &str) -> Self {
        Self::of(course::stopped(reason))
    }

    /// Another client's update takes the deployment's place.
    pub fn superseded(by: Supersession) -> Self {
        Self { superseded: Some(by), ..Self::never_ends() }
    }

    /// The deployment goes on for ever.
    pub fn never_ends() -> Self {
        Self::of(course::endless())
    }

    /// The deployment waits at a pause hook until it is continued.
    pub fn paused(hook: &str) -> Self {
        Self::of(course::paused(hook))
    }

    /// Reports a digest of the service revision's images.
    #[must_use]
    pub fn reporting(self, revision_digest: ReportedDigest, task_digest: ReportedDigest) -> Self {
        Self { revision_digest, task_digest, ..self }
    }
}
