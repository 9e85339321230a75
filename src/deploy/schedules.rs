//! What starts tasks by the clock, moved to the new revision: rules of EventBridge and schedules of its Scheduler.
//!
//! Both are read again right before they are written, and written as they were read but for the task definition: the
//! Scheduler replaces all that an update does not repeat.

use serde::Serialize;
use serde_json::Value;

use super::api_error::ApiError;
use super::arn::{family, last_part};
use super::aws::Ecs;
use super::plan::Revision;
use super::schedule_document::{self, Target};
use crate::ground::Hint;
use crate::spec::ScheduleSpec;

/// One target that is moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleMove {
    /// The rule or schedule.
    pub schedule: ScheduleSpec,
    /// The ARN of the task definition that it starts now.
    pub from: String,
    /// The service whose revision it is moved to.
    pub service: String,
    /// That revision.
    pub revision: Revision,
}

impl std::fmt::Display for ScheduleMove {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "move {} from `{}` to ", named(&self.schedule), last_part(&self.from))?;
        match &self.revision {
            Revision::Live(arn) => write!(f, "`{}`", last_part(arn)),
            Revision::Registered(_) => f.write_str("it"),
        }
    }
}

/// A schedule after a deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ScheduleReport {
    /// `rule BUS/NAME` or `scheduler GROUP/NAME`.
    pub schedule: String,
    /// The ARN of the task definition that it started before.
    pub from: String,
    /// The ARN of the task definition that it starts now.
    pub to: String,
}

/// What a schedule starts, as it was read.
#[derive(Clone, Debug)]
pub(super) struct ScheduleState {
    pub(super) schedule: ScheduleSpec,
    pub(super) targets: Vec<Target>,
}

/// Returns a schedule in the words of messages.
pub(super) fn named(schedule: &ScheduleSpec) -> String {
    match schedule {
        ScheduleSpec::Rule { bus, name } if bus == "default" => format!("rule `{name}`"),
        ScheduleSpec::Rule { bus, name } => format!("rule `{bus}/{name}`"),
        ScheduleSpec::Scheduler { group, name } => format!("schedule `{group}/{name}`"),
    }
}

fn reported(schedule: &ScheduleSpec) -> String {
    match schedule {
        ScheduleSpec::Rule { bus, name } => format!("rule {bus}/{name}"),
        ScheduleSpec::Scheduler { group, name } => format!("scheduler {group}/{name}"),
    }
}

/// Reads what schedules start.
///
/// # Errors
/// When one cannot be read, or starts no task of these families.
pub(super) async fn read(
    ecs: &Ecs,
    schedules: &[ScheduleSpec],
    families: &[&str],
) -> Result<Vec<ScheduleState>, ScheduleError> {
    let mut states = Vec::new();
    for schedule in schedules {
        let document = fetch(ecs, schedule).await?;
        let targets = schedule_document::targets(schedule, &document);
        if !targets.iter().any(|target| families.contains(&family(&target.task_definition))) {
            return Err(ScheduleError::NotOurs {
                schedule: named(schedule),
                starts: targets.iter().map(|target| last_part(&target.task_definition).to_owned()).collect(),
                families: families.iter().map(|family| (*family).to_owned()).collect(),
            });
        }
        states.push(ScheduleState { schedule: schedule.clone(), targets });
    }
    Ok(states)
}

async fn fetch(ecs: &Ecs, schedule: &ScheduleSpec) -> Result<Value, ScheduleError> {
    ecs.schedule(schedule).await.map_err(|source| match source.is("ResourceNotFoundException") {
        true => ScheduleError::NotFound { schedule: named(schedule), source: source.into() },
        false => ScheduleError::Read { schedule: named(schedule), source: source.into() },
    })
}

/// Moves the targets of one schedule that start a task definition of the family of `to`, and returns from where.
///
/// # Errors
/// When it cannot be read again or be written.
pub(super) async fn move_to(
    ecs: &Ecs,
    schedule: &ScheduleSpec,
    to: &str,
) -> Result<Option<ScheduleReport>, ScheduleError> {
    let document = fetch(ecs, schedule).await?;
    let Some((changed, from)) = schedule_document::moved(schedule, &document, to) else { return Ok(None) };
    let written = ecs.put_schedule(schedule, &changed).await;
    written.map_err(|source| ScheduleError::Write { schedule: named(schedule), source: source.into() })?;
    Ok(Some(ScheduleReport { schedule: reported(schedule), from, to: to.to_owned() }))
}

/// A schedule that cannot be moved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// It does not exist.
    #[error("there is no {schedule}")]
    NotFound {
        /// The schedule.
        schedule: String,
        /// AWS's answer.
        source: Box<ApiError>,
    },
    /// It cannot be read.
    #[error("cannot read {schedule}")]
    Read {
        /// The schedule.
        schedule: String,
        /// Why not.
        source: Box<ApiError>,
    },
    /// It starts nothing of what is deployed.
    #[error("{schedule} starts no task of {}: it starts {}", listed(families), listed(starts))]
    NotOurs {
        /// The schedule.
        schedule: String,
        /// The task definitions that it starts.
        starts: Vec<String>,
        /// The families that are deployed.
        families: Vec<String>,
    },
    /// It cannot be written.
    #[error("cannot move {schedule} to the new revision")]
    Write {
        /// The schedule.
        schedule: String,
        /// Why not.
        source: Box<ApiError>,
    },
}

fn listed(names: &[String]) -> String {
    match names {
        [] => "nothing of ECS".to_owned(),
        names => names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
    }
}

impl Hint for ScheduleError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NotFound { .. } => Some(
                "correct `deploy.schedules`: a rule is `{rule: [BUS/]NAME}`, a schedule `{scheduler: [GROUP/]NAME}`"
                    .to_owned(),
            ),
            Self::NotOurs { .. } => {
                Some("take it out of `deploy.schedules`, or add the service whose family it starts".to_owned())
            }
            Self::Read { source, .. } | Self::Write { source, .. } => source.hint(),
        }
    }
}
