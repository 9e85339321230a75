//! One state of a deployment.

use serde::{Deserialize, Serialize};

/// The status of a service deployment, in ECS's words. There is no `FAILED`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the names are ECS's own")]
pub enum DeploymentStatus {
    #[default]
    Pending,
    InProgress,
    Successful,
    StopRequested,
    Stopped,
    RollbackRequested,
    RollbackInProgress,
    RollbackSuccessful,
    RollbackFailed,
}

impl DeploymentStatus {
    /// Returns whether nothing follows.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Successful | Self::Stopped | Self::RollbackSuccessful | Self::RollbackFailed)
    }

    /// Returns whether the deployment goes, or went, back to the revision before it.
    pub fn is_rollback(self) -> bool {
        matches!(self, Self::RollbackInProgress | Self::RollbackSuccessful | Self::RollbackFailed)
    }
}

/// The stage of a deployment that is not rolling, in ECS's words and order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the names are ECS's own")]
pub enum LifecycleStage {
    ReconcileService,
    PreScaleUp,
    ScaleUp,
    PostScaleUp,
    TestTrafficShift,
    PostTestTrafficShift,
    ProductionTrafficShift,
    PostProductionTrafficShift,
    BakeTime,
    CleanUp,
}

/// A count of tasks, said in terms of the service's desired count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TaskCount {
    /// No task.
    #[default]
    None,
    /// As many as the service wants.
    All,
    /// This many.
    Exactly(u32),
}

impl TaskCount {
    /// Returns the count for a service that wants `desired` tasks.
    pub(in crate::sandbox) fn of(self, desired: u32) -> u32 {
        match self {
            Self::None => 0,
            Self::All => desired,
            Self::Exactly(count) => count,
        }
    }
}

/// How many tasks of a revision run and are about to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskCounts {
    /// Tasks that run.
    pub running: TaskCount,
    /// Tasks that are being started.
    pub pending: TaskCount,
}

impl TaskCounts {
    /// No task at all.
    pub const NONE: Self = Self { running: TaskCount::None, pending: TaskCount::None };
    /// All tasks are being started.
    pub const STARTING: Self = Self { running: TaskCount::None, pending: TaskCount::All };
    /// All tasks run.
    pub const RUNNING: Self = Self { running: TaskCount::All, pending: TaskCount::None };
}

/// The share of requests that the target revision gets, in percent; the source gets the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrafficWeights {
    /// Of the requests of users.
    pub production: u32,
    /// Of the requests through the test listener.
    pub test: u32,
}

/// A task that stopped on the way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoppedTask {
    /// ECS's reason, such as `Essential container in task exited`.
    pub reason: String,
    /// ECS's code, such as `EssentialContainerExited` or `TaskFailedToStart`.
    pub stop_code: String,
    /// The exit code of the first container; `None` when it never started.
    pub exit_code: Option<i32>,
    /// The reason of the first container, such as `OutOfMemoryError`.
    pub container_reason: Option<String>,
}

/// What a deployment looks like from one step to the next.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RolloutState {
    /// The status.
    pub status: DeploymentStatus,
    /// Why, in words.
    pub reason: Option<String>,
    /// The stage; always `None` when rolling.
    pub stage: Option<LifecycleStage>,
    /// The tasks of the revision that is deployed.
    pub target: TaskCounts,
    /// The tasks of the revision that is replaced.
    pub source: TaskCounts,
    /// How many tasks failed in a row.
    pub failures: u32,
    /// The alarms that went off.
    pub alarms: Vec<String>,
    /// The traffic; `None` when rolling.
    pub weights: Option<TrafficWeights>,
    /// The id of the pause hook that waits for an answer.
    pub hook: Option<String>,
    /// Service events that are emitted as the state is entered. `{service}`, `{deployment}` and `{source}` stand for
    /// the service's name and the ids (`ecs-svc/N`) of the deployed and the replaced revision.
    pub events: Vec<String>,
    /// Tasks that stopped as the state was entered.
    pub stopped: Vec<StoppedTask>,
}
