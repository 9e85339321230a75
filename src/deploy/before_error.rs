//! What a one-off task before can end with.

use super::api_error::ApiError;
use super::error::ErrorClass;
use crate::ground::Hint;

/// A task that did not do what it should; no service was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BeforeError {
    /// It cannot be started.
    #[error("cannot start task `{task}`")]
    Start {
        /// The task.
        task: String,
        /// Why not.
        source: Box<ApiError>,
    },
    /// ECS has no place for it.
    #[error("there is no place for task `{task}`: {words}")]
    NoPlace {
        /// The task.
        task: String,
        /// ECS's words.
        words: String,
    },
    /// It ended badly.
    #[error("task `{task}` failed: {why}")]
    Failed {
        /// The task.
        task: String,
        /// Why, with ECS's words.
        why: String,
        /// The task's ARN.
        arn: String,
        /// Whether its log was shown.
        shown: bool,
    },
    /// It runs, and how it ends may not be asked.
    #[error("task `{task}` cannot be watched")]
    Unwatched {
        /// The task.
        task: String,
        /// Why not.
        source: Box<ApiError>,
    },
    /// It did not end in time.
    #[error("task `{task}` did not end in {waited_s} s{}", if *still_runs { ", and could not be stopped" } else { "" })]
    Timeout {
        /// The task.
        task: String,
        /// How long it was waited for, in seconds.
        waited_s: u64,
        /// The task's ARN.
        arn: String,
        /// Whether it could not be stopped.
        still_runs: bool,
    },
}

impl BeforeError {
    /// Returns what the error means for the process: a task that AWS refused to start has changed nothing.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Start { source, .. } if source.is_refusal() => ErrorClass::Refused,
            _ => ErrorClass::BeforeFailed,
        }
    }
}

impl Hint for BeforeError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Start { source, .. } if source.message.contains("Network Configuration must be provided") => Some(
                "the service has no network of its own: give the task one, `network: {subnets: [...]}` in `deploy.before`"
                    .to_owned(),
            ),
            Self::Start { source, .. } | Self::Unwatched { source, .. } => source.hint(),
            Self::NoPlace { words, .. } if words.contains("RESOURCE:") => {
                Some("the cluster's instances are full: add one, or give the task `launch_type: FARGATE`".to_owned())
            }
            Self::NoPlace { .. } => Some("look at the cluster's instances and capacity providers".to_owned()),
            Self::Failed { shown: true, .. } => {
                Some("its log stands above; no service was changed".to_owned())
            }
            Self::Failed { arn, .. } => Some(format!(
                "look at its log; `aws ecs describe-tasks --tasks {arn}` says more for an hour, and no service was changed"
            )),
            Self::Timeout { still_runs: true, arn, .. } => {
                Some(format!("stop it with `aws ecs stop-task --task {arn}`, and allow `ecs:StopTask`"))
            }
            Self::Timeout { .. } => Some("give it more time: `timeout` in `deploy.before`".to_owned()),
        }
    }
}
