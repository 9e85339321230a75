//! Where a service stands before anything is done: which deployment of its task definition came last, and how it ended.
//!
//! That a service has the wanted task definition proves nothing: the deployment that brought it may run, may have
//! failed, or may have been rolled back to an older service revision of the same task definition.

use super::service::Service;
use super::service_deployment::{ContainerImage, DeploymentBrief, ServiceRevision};

/// How deployments of a service can be observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Witness {
    /// Through its service deployments.
    ServiceDeployments,
    /// Only through `deployments` of the service: the caller may not list service deployments. It serves rolling
    /// updates alone, the only ones with a rollout state.
    Rollouts,
    /// Not at all: no verdict is wanted.
    None,
}

/// A service's recent past.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// How it was learned.
    pub witness: Witness,
    /// The ARN or id of a deployment that has not ended.
    pub active: Option<String>,
    /// How the last deployment of the service's task definition ended.
    pub last: Last,
}

/// The last deployment of the task definition that a service has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Last {
    /// It goes forward; its ARN, or its id where only rollouts are seen.
    Running(String),
    /// It ended well.
    Successful {
        /// Its ARN, where ECS still remembers it.
        deployment: Option<String>,
        /// The images of its service revision.
        images: Vec<ContainerImage>,
    },
    /// It ended otherwise.
    Failed,
    /// Nothing says how it ended.
    Unknown,
}

impl Standing {
    /// Judges by service deployments, newest first, and by the revisions they went to.
    pub fn of_deployments(
        service: &Service,
        task_definition: &str,
        briefs: &[DeploymentBrief],
        revisions: &[ServiceRevision],
    ) -> Self {
        let active = briefs.iter().find(|brief| !brief.status.is_final()).map(|brief| brief.arn.clone());
        let revision_of = |arn: &str| revisions.iter().find(|revision| revision.arn == arn);
        let newest = briefs.iter().find_map(|brief| {
            let revision = revision_of(&brief.target_revision)?;
            (revision.task_definition == task_definition).then_some((brief, revision))
        });
        let last = match newest {
            Some((brief, _)) if brief.status.is_forward() => Last::Running(brief.arn.clone()),
            Some((brief, revision)) if brief.status == super::service_deployment::Status::Successful => {
                Last::Successful { deployment: Some(brief.arn.clone()), images: revision.images.clone() }
            }
            Some(_) => Last::Failed,
            // ECS forgets deployments after 90 days; what runs, it still knows.
            None => match last_of_rollouts(service, task_definition) {
                Last::Successful { .. } => {
                    let current = service.current_revisions.iter().find_map(|arn| revision_of(arn));
                    let images = current.map(|revision| revision.images.clone()).unwrap_or_default();
                    Last::Successful { deployment: None, images }
                }
                other => other,
            },
        };
        Self { witness: Witness::ServiceDeployments, active, last }
    }

    /// Judges by `deployments` of the service alone.
    pub fn of_rollouts(service: &Service, task_definition: &str) -> Self {
        let primary = service.primary();
        let active = primary.filter(|primary| primary.rollout_state.as_deref() == Some("IN_PROGRESS"));
        Self {
            witness: Witness::Rollouts,
            active: active.map(|primary| primary.id.clone()),
            last: last_of_rollouts(service, task_definition),
        }
    }

    /// Asks for nothing, since no verdict is wanted; only a failure that the service itself tells counts.
    pub fn not_asked(service: &Service, task_definition: &str) -> Self {
        let failed = last_of_rollouts(service, task_definition) == Last::Failed;
        let last = if failed { Last::Failed } else { Last::Successful { deployment: None, images: Vec::new() } };
        Self { witness: Witness::None, active: None, last }
    }
}

fn last_of_rollouts(service: &Service, task_definition: &str) -> Last {
    let Some(primary) = service.primary().filter(|primary| primary.task_definition == task_definition) else {
        return Last::Unknown;
    };
    let alone = service.deployments.len() == 1 && primary.running == primary.desired;
    match primary.rollout_state.as_deref() {
        Some("COMPLETED") => Last::Successful { deployment: None, images: Vec::new() },
        Some("FAILED") => Last::Failed,
        Some("IN_PROGRESS") => Last::Running(primary.id.clone()),
        // Other strategies have no rollout state.
        _ if alone => Last::Successful { deployment: None, images: Vec::new() },
        _ => Last::Unknown,
    }
}
