//! Service deployments and service revisions: the only words of ECS that can carry a verdict.
//!
//! A service looks stable right after an update, and again after a rollback; a service deployment has a status that
//! ends, and a target revision that names the image digests that run.

/// An entry of ListServiceDeployments; ECS lists newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeploymentBrief {
    /// The service deployment's ARN.
    pub arn: String,
    /// The ARN of the service revision that it goes to.
    pub target_revision: String,
    /// Where it stands.
    pub status: Status,
    /// Why, in ECS's words.
    pub reason: Option<String>,
}

/// A service deployment in full.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServiceDeployment {
    /// Its ARN.
    pub arn: String,
    /// Where it stands.
    pub status: Status,
    /// Why, in ECS's words.
    pub reason: Option<String>,
    /// The stage of a strategy with stages.
    pub stage: Option<String>,
    /// The service revision that it goes to.
    pub target: RevisionCounts,
    /// Hooks that wait for an answer, by id.
    pub awaiting_hooks: Vec<String>,
    /// Why it is being, or was, rolled back.
    pub rollback_reason: Option<String>,
    /// Consecutive failed tasks and how many are too many, where a circuit breaker counts.
    pub failures: Option<(i32, i32)>,
    /// The alarms that went off.
    pub alarms: Vec<String>,
    /// Whether it may end well before all tasks run.
    pub early_success: bool,
}

/// The tasks of one service revision.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RevisionCounts {
    /// The service revision's ARN.
    pub arn: String,
    /// Tasks that are wanted.
    pub requested: i32,
    /// Tasks that run.
    pub running: i32,
    /// Tasks that start.
    pub pending: i32,
    /// The share of the users' requests that goes to it, in percent, where the strategy shifts traffic.
    pub traffic: Option<f64>,
}

/// The status of a service deployment. There is no `FAILED` in ECS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Status {
    /// Accepted, not begun.
    #[default]
    Pending,
    /// Under way.
    InProgress,
    /// Ended well.
    Successful,
    /// Asked to stop.
    StopRequested,
    /// Ended by request, or replaced by a newer deployment.
    Stopped,
    /// Asked to go back.
    RollbackRequested,
    /// Going back.
    RollbackInProgress,
    /// Went back.
    RollbackSuccessful,
    /// Could not go back.
    RollbackFailed,
    /// A status newer than this program: taken as not ended.
    Other(String),
}

impl Status {
    /// Reads ECS's word.
    pub fn parse(word: &str) -> Self {
        match word {
            "PENDING" => Self::Pending,
            "IN_PROGRESS" => Self::InProgress,
            "SUCCESSFUL" => Self::Successful,
            "STOP_REQUESTED" => Self::StopRequested,
            "STOPPED" => Self::Stopped,
            "ROLLBACK_REQUESTED" => Self::RollbackRequested,
            "ROLLBACK_IN_PROGRESS" => Self::RollbackInProgress,
            "ROLLBACK_SUCCESSFUL" => Self::RollbackSuccessful,
            "ROLLBACK_FAILED" => Self::RollbackFailed,
            other => Self::Other(other.to_owned()),
        }
    }

    /// Returns ECS's word.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Pending => "PENDING",
            Self::InProgress => "IN_PROGRESS",
            Self::Successful => "SUCCESSFUL",
            Self::StopRequested => "STOP_REQUESTED",
            Self::Stopped => "STOPPED",
            Self::RollbackRequested => "ROLLBACK_REQUESTED",
            Self::RollbackInProgress => "ROLLBACK_IN_PROGRESS",
            Self::RollbackSuccessful => "ROLLBACK_SUCCESSFUL",
            Self::RollbackFailed => "ROLLBACK_FAILED",
            Self::Other(word) => word,
        }
    }

    /// Returns whether nothing more will happen.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Successful | Self::Stopped | Self::RollbackSuccessful | Self::RollbackFailed)
    }

    /// Returns whether it still goes forward: another client's wish for the same revision can join it.
    pub fn is_forward(&self) -> bool {
        matches!(self, Self::Pending | Self::InProgress)
    }
}

/// What a service runs at one point of its history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceRevision {
    /// Its ARN.
    pub arn: String,
    /// The task definition's ARN.
    pub task_definition: String,
    /// The images that ECS resolved.
    pub images: Vec<ContainerImage>,
}

/// The image of one container of a service revision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainerImage {
    /// The container's name.
    pub container: String,
    /// The image as the task definition has it.
    pub image: Option<String>,
    /// The digest that ECS resolved, if it reports one.
    pub digest: Option<String>,
}
