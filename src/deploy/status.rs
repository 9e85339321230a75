//! What services run, since when, and what they went through.

use serde::Serialize;

use super::api_error::ApiError;
use super::aws::Ecs;
use super::deployment::Deployment;
use super::error::DeployError;
use super::going_back::GoingBack;
use super::history::PastDeployment;
use super::observation::ServiceState;
use super::options::DeployOptions;
use super::report::{DeployReport, ServiceReport};
use super::service_deployment::{ContainerImage, ServiceRevision, Status};
use super::verdict::Verdict;
use crate::ground::Timestamp;

/// The newest deployments that are told of.
const SHOWN: usize = 5;

/// A service as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServiceStatus {
    /// Its name.
    pub name: String,
    /// The task definition that it runs or goes to.
    pub task_definition_arn: String,
    /// The images of the chosen containers.
    pub images: Vec<RunningImage>,
    /// When it got that task definition, by ECS's clock (RFC 3339), if ECS still knows.
    pub since: Option<String>,
    /// Tasks that are wanted.
    pub desired: i32,
    /// Tasks that run.
    pub running: i32,
    /// Tasks that start.
    pub pending: i32,
    /// Where it answers, if a load balancer stands before it.
    pub url: Option<String>,
    /// Its newest deployments, newest first.
    pub deployments: Vec<DeploymentStatus>,
}

/// The image of a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RunningImage {
    /// The container.
    pub container: String,
    /// The image as the task definition has it.
    pub image: String,
    /// The digest that ECS reports.
    pub digest: Option<String>,
}

/// A deployment in a status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeploymentStatus {
    /// Its ARN.
    pub arn: String,
    /// ECS's word, such as `IN_PROGRESS`.
    pub status: String,
    /// The verdict on it, once it has ended, or `paused`.
    pub verdict: Option<Verdict>,
    /// The hooks that wait for an answer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hooks: Vec<String>,
    /// Why, in ECS's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The task definition that it brings, if ECS still knows.
    pub task_definition_arn: Option<String>,
    /// When it was asked for, by ECS's clock (RFC 3339).
    pub created_at: Option<String>,
    /// When it ended, by ECS's clock (RFC 3339).
    pub finished_at: Option<String>,
}

/// Tasks of a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    desired: i32,
    running: i32,
    pending: i32,
}

impl Deployment {
    /// Reads how the services stand.
    ///
    /// # Errors
    /// When ECS cannot be reached. Without the right to list deployments there are none to tell of.
    pub async fn status(&self, ecs: &Ecs, options: &DeployOptions) -> Result<Vec<ServiceStatus>, DeployError> {
        let mut all = Vec::new();
        for state in &self.services {
            all.push(self.status_of(ecs, state, options).await?);
        }
        Ok(all)
    }

    async fn status_of(
        &self,
        ecs: &Ecs,
        state: &ServiceState,
        options: &DeployOptions,
    ) -> Result<ServiceStatus, DeployError> {
        let (cluster, name) = (&self.place.cluster, &state.spec.name);
        let read = |source: ApiError| DeployError::Read {
            what: format!("service `{name}`"),
            place: self.place.clone(),
            source: source.into(),
        };
        let counts = ecs.counts(cluster, name).await.map_err(read)?;
        let (history, revisions) = match self.past(ecs, state).await {
            Ok(past) => past,
            Err(error) if error.is_denied() => {
                let hint = Some(format!("allow {} in the IAM policy", super::error::VERDICT_ACTIONS.join(", ")));
                options.warn(format!("the deployments of service `{name}` are not known: {error}"), hint);
                Default::default()
            }
            Err(error) => return Err(read(error)),
        };
        let hooks = match &state.standing.active {
            Some(active) => ecs.describe_service_deployment(active).await.ok().flatten().map(|one| one.awaiting_hooks),
            None => None,
        };
        let url = ecs.url(&state.service.target_groups).await.unwrap_or_else(|error| {
            super::preflight_run::tell(&error, &format!("where service `{name}` answers"), options);
            None
        });
        Ok(ServiceStatus { url, ..view(state, counts, &history, &revisions, &hooks.unwrap_or_default()) })
    }

    /// Reads the newest deployments, and the revisions that they went to or that have tasks now.
    async fn past(
        &self,
        ecs: &Ecs,
        state: &ServiceState,
    ) -> Result<(Vec<PastDeployment>, Vec<ServiceRevision>), ApiError> {
        let mut history = ecs.history(&self.place.cluster, &state.service.name).await?;
        // One more tells of the last one shown whether it was superseded, and since when the service has what it has.
        history.truncate(20 - state.service.current_revisions.len().min(10));
        let mut arns: Vec<String> = history.iter().map(|past| past.target_revision.clone()).collect();
        arns.extend(state.service.current_revisions.iter().cloned());
        arns.sort();
        arns.dedup();
        let revisions = if arns.is_empty() { Vec::new() } else { ecs.describe_service_revisions(&arns).await? };
        Ok((history, revisions))
    }

    /// Awaits the active deployment of each service, and gives the verdict on it; of a service without one that on its
    /// newest deployment.
    ///
    /// # Errors
    /// When ECS cannot be asked in the beginning.
    pub async fn await_verdicts(&self, ecs: &Ecs, options: &DeployOptions) -> Result<DeployReport, DeployError> {
        let mut reports = Vec::new();
        for state in &self.services {
            let report = match &state.standing.active {
                Some(active) => self.join_active(ecs, state, active, options).await?,
                None => self.last_verdict(ecs, state).await?,
            };
            reports.push(report);
        }
        Ok(DeployReport::of(reports, Vec::new()))
    }

    async fn join_active(
        &self,
        ecs: &Ecs,
        state: &ServiceState,
        active: &str,
        options: &DeployOptions,
    ) -> Result<ServiceReport, DeployError> {
        let images = match ecs.describe_service_deployment(active).await {
            Ok(Some(deployment)) => {
                let revisions = ecs.describe_service_revisions(&[deployment.target.arn]).await.unwrap_or_default();
                revisions.into_iter().next().map(|revision| revision.images).unwrap_or_default()
            }
            _ => Vec::new(),
        };
        let back = GoingBack { deployment: self, ecs, options };
        back.join(state, &state.service.task_definition, active, &images).await
    }

    async fn last_verdict(&self, ecs: &Ecs, state: &ServiceState) -> Result<ServiceReport, DeployError> {
        let (name, definition) = (&state.spec.name, &state.live_arn);
        let read = |source: ApiError| DeployError::Read {
            what: format!("the deployments of service `{name}`"),
            place: self.place.clone(),
            source: source.into(),
        };
        let (history, revisions) = self.past(ecs, state).await.map_err(read)?;
        let Some(newest) = history.first() else {
            return Ok(ServiceReport::unwatched(name, Verdict::NoChange, definition, None));
        };
        let revision = revisions.iter().find(|revision| revision.arn == newest.target_revision);
        let arn = revision.map_or(definition, |revision| &revision.task_definition);
        let verdict = newest.verdict(None).unwrap_or(Verdict::NotAwaited);
        let image = revision.and_then(|revision| image_of(&revision.images, state.containers().next()?));
        let mut report = ServiceReport::unwatched(name, verdict, arn, Some(newest.arn.clone()));
        report.digest = image.and_then(|image| image.digest.as_deref()?.parse().ok());
        report.reason = newest.reason.clone().filter(|_| verdict.exit_code() != 0);
        Ok(report)
    }
}

fn image_of<'a>(images: &'a [ContainerImage], container: &str) -> Option<&'a ContainerImage> {
    images.iter().find(|image| image.container == container)
}

/// Puts a status together.
fn view(
    state: &ServiceState,
    counts: Counts,
    history: &[PastDeployment],
    revisions: &[ServiceRevision],
    hooks: &[String],
) -> ServiceStatus {
    let revision_of = |past: &PastDeployment| revisions.iter().find(|revision| revision.arn == past.target_revision);
    let current = state.service.current_revisions.iter();
    let running = current.filter_map(|arn| revisions.iter().find(|revision| revision.arn == *arn));
    let running = running.into_iter().find(|revision| revision.task_definition == state.live_arn);
    let images = state.live().containers().into_iter().filter(|one| state.containers().any(|name| name == one.name));
    let images = images.map(|one| RunningImage {
        container: one.name.to_owned(),
        image: one.image.to_owned(),
        digest: running.and_then(|revision| image_of(&revision.images, one.name)?.digest.clone()),
    });
    let deployments = history.iter().enumerate().take(SHOWN).map(|(index, past)| {
        let newer = index.checked_sub(1).and_then(|newer| history.get(newer));
        let is_active = state.standing.active.as_deref() == Some(past.arn.as_str());
        let hooks = if is_active { hooks.to_vec() } else { Vec::new() };
        let paused = (!hooks.is_empty() && past.status.is_forward()).then_some(Verdict::Paused);
        DeploymentStatus {
            arn: past.arn.clone(),
            status: past.status.as_str().to_owned(),
            verdict: paused.or_else(|| past.verdict(newer)),
            hooks,
            reason: past.reason.clone(),
            task_definition_arn: revision_of(past).map(|revision| revision.task_definition.clone()),
            created_at: past.created_at.map(Timestamp::rfc3339),
            finished_at: past.finished_at.map(Timestamp::rfc3339),
        }
    });
    // What the service has came with the oldest of the newest good deployments that all brought it.
    let brought = history.iter().filter(|past| past.status == Status::Successful);
    let since = brought
        .take_while(|past| revision_of(past).is_some_and(|revision| revision.task_definition == state.live_arn))
        .last();
    ServiceStatus {
        name: state.spec.name.clone(),
        task_definition_arn: state.live_arn.clone(),
        images: images.collect(),
        since: since.and_then(|past| past.finished_at.or(past.created_at)).map(Timestamp::rfc3339),
        desired: counts.desired,
        running: counts.running,
        pending: counts.pending,
        url: None,
        deployments: deployments.collect(),
    }
}

impl Ecs {
    async fn counts(&self, cluster: &str, service: &str) -> Result<Counts, ApiError> {
        let call = self.client().describe_services().cluster(cluster).services(service);
        let output = call.send().await.map_err(|error| ApiError::of("DescribeServices", error))?;
        let found = output.services().first();
        Ok(found.map_or_else(Counts::default, |service| Counts {
            desired: service.desired_count(),
            running: service.running_count(),
            pending: service.pending_count(),
        }))
    }
}
