//! Watching one deployment until there is a verdict on it.
//!
//! A poll that fails says nothing about the deployment: it is told once, and the watch goes on to its deadline.

use std::collections::BTreeSet;
use std::time::Duration;

use super::api_error::ApiError;
use super::aws::Ecs;
use super::options::DeployOptions;
use super::service::Service;
use super::service_deployment::{RevisionCounts, ServiceDeployment, Status};
use super::timing::Pauses;
use super::verdict::{self, Footprint, Judgement, Verdict};
use crate::event::Event;
use crate::ground::Timestamp;

/// For this long, only the number of our service revision identifies our deployment: reads lag behind writes.
const NUMBER_ALONE: Duration = Duration::from_secs(30);

/// How our deployment is known.
#[derive(Clone, Debug)]
pub(super) enum Ours {
    /// By what UpdateService answered.
    Footprint(Footprint),
    /// By its ARN.
    Arn(String),
    /// By its id in `deployments` of the service, which had the task definition `before`.
    Rollout { id: String, before: String },
}

/// What a watch found.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) judgement: Judgement,
    /// The service deployment, if it was seen.
    pub(super) deployment: Option<String>,
    /// The service revision that it goes to, if it was seen.
    pub(super) revision: Option<String>,
}

/// A watch over one service.
pub(super) struct Watch<'a> {
    pub(super) ecs: &'a Ecs,
    pub(super) options: &'a DeployOptions,
    pub(super) cluster: &'a str,
    pub(super) service: &'a str,
    /// The ARN of the wanted revision.
    pub(super) task_definition: &'a str,
    /// When to give up.
    pub(super) deadline: Timestamp,
    /// Events that were there before.
    pub(super) seen: BTreeSet<String>,
    pub(super) started: Timestamp,
    pub(super) progress: Progress,
}

/// What a watch remembers from poll to poll.
#[derive(Default)]
pub(super) struct Progress {
    latest: Option<ServiceDeployment>,
    shown: Option<(String, i32, i32, i32)>,
    stopped_before: bool,
    failure: Option<ApiError>,
    revision: Option<String>,
}

impl Watch<'_> {
    /// Polls until there is a verdict; the deadline gives one too.
    pub(super) async fn follow(mut self, mut ours: Ours) -> Outcome {
        let mut pauses = Pauses::new(self.options.jitter_seed);
        loop {
            let judgement = match self.look(&mut ours).await {
                Ok(judgement) => {
                    self.progress.failure = None;
                    judgement
                }
                Err(error) => {
                    self.tell_failure(error);
                    None
                }
            };
            let left = self.deadline.since(self.options.clock.now());
            let judgement = match judgement {
                None if left.is_zero() => Some(Judgement::new(Verdict::TimedOut, Some(self.outstanding()))),
                other => other,
            };
            if let Some(judgement) = judgement {
                return self.outcome(judgement, &ours);
            }
            self.options.clock.sleep(pauses.next_pause().min(left)).await;
        }
    }

    fn outcome(self, judgement: Judgement, ours: &Ours) -> Outcome {
        let deployment = match ours {
            Ours::Arn(arn) => Some(arn.clone()),
            _ => None,
        };
        let target = self.progress.latest.map(|latest| latest.target.arn).filter(|arn| !arn.is_empty());
        Outcome { judgement, deployment, revision: target.or(self.progress.revision) }
    }

    fn tell_failure(&mut self, error: ApiError) {
        if self.progress.failure.is_none() {
            self.options.warn(format!("service `{}` could not be looked at: {error}", self.service), None);
        }
        self.progress.failure = Some(error);
    }

    async fn look(&mut self, ours: &mut Ours) -> Result<Option<Judgement>, ApiError> {
        if let Ours::Rollout { id, before } = ours {
            let service = self.ecs.describe_service(self.cluster, self.service).await?;
            self.show_events(&service);
            return Ok(self.judge_rollout(&service, id, before));
        }
        let judgement = self.look_at_deployment(ours).await?;
        // The last words of a deployment come with its last status, so events are read after it.
        let service = self.ecs.describe_service(self.cluster, self.service).await;
        match service {
            Ok(service) => self.show_events(&service),
            Err(error) if judgement.is_none() => return Err(error),
            Err(_) => {}
        }
        Ok(judgement)
    }

    async fn look_at_deployment(&mut self, ours: &mut Ours) -> Result<Option<Judgement>, ApiError> {
        if let Ours::Footprint(footprint) = ours {
            match self.find(footprint).await? {
                Some(arn) => *ours = Ours::Arn(arn),
                None => return Ok(None),
            }
        }
        let Ours::Arn(arn) = ours else { return Ok(None) };
        let Some(deployment) = self.describe(arn).await? else { return Ok(None) };
        self.show(&deployment.status, &deployment.target);
        let stopped = deployment.status == Status::Stopped;
        self.progress.latest = Some(deployment.clone());
        if !stopped {
            return Ok(verdict::judge(&deployment, None));
        }
        let briefs = self.ecs.list_service_deployments(self.cluster, self.service).await?;
        let newer = verdict::newer_than(&briefs, arn);
        // The list may lag behind: that nothing replaced ours is believed the second time.
        if newer.is_none() && !std::mem::replace(&mut self.progress.stopped_before, true) {
            return Ok(None);
        }
        Ok(verdict::judge(&deployment, newer))
    }

    /// Describes our deployment; where only that right is missing, the list says less but enough.
    async fn describe(&self, arn: &str) -> Result<Option<ServiceDeployment>, ApiError> {
        match self.ecs.describe_service_deployment(arn).await {
            Err(error) if error.is_denied() => {
                let briefs = self.ecs.list_service_deployments(self.cluster, self.service).await?;
                Ok(briefs.into_iter().find(|brief| brief.arn == arn).map(|brief| ServiceDeployment {
                    arn: brief.arn,
                    status: brief.status,
                    reason: brief.reason,
                    target: RevisionCounts { arn: brief.target_revision, ..RevisionCounts::default() },
                    ..ServiceDeployment::default()
                }))
            }
            other => other,
        }
    }

    async fn find(&self, footprint: &Footprint) -> Result<Option<String>, ApiError> {
        let late = self.options.clock.now().since(self.started) >= NUMBER_ALONE;
        let footprint = Footprint { unchanged: footprint.unchanged && late, ..footprint.clone() };
        let briefs = self.ecs.list_service_deployments(self.cluster, self.service).await?;
        if let Some(brief) = verdict::find_ours(&briefs, &footprint) {
            return Ok(Some(brief.arn.clone()));
        }
        let new = briefs.iter().filter(|brief| !footprint.known.contains(&brief.arn));
        let targets: Vec<String> = new.map(|brief| brief.target_revision.clone()).collect();
        if !late || targets.is_empty() {
            return Ok(None);
        }
        let revisions = self.ecs.describe_service_revisions(&targets).await?;
        let found = verdict::find_by_task_definition(&briefs, &revisions, &footprint, self.task_definition);
        Ok(found.map(|brief| brief.arn.clone()))
    }

    fn judge_rollout(&mut self, service: &Service, id: &str, before: &str) -> Option<Judgement> {
        if let Some(entry) = service.deployments.iter().find(|deployment| deployment.id == id) {
            let status = Status::Other(entry.rollout_state.clone().unwrap_or_default());
            let counts =
                RevisionCounts { requested: entry.desired, running: entry.running, ..RevisionCounts::default() };
            self.show(&status, &counts);
        }
        let number = id.rsplit_once('/').map(|(_, number)| number);
        let current = service.current_revisions.iter().find(|arn| Some(super::arn::last_part(arn)) == number);
        self.progress.revision = current.cloned();
        let judgement = verdict::judge_rollout(service, id, before, self.task_definition)?;
        // A rollout fails a moment before PRIMARY goes back: that it does not is believed the second time.
        if judgement.verdict == Verdict::Stopped && !std::mem::replace(&mut self.progress.stopped_before, true) {
            return None;
        }
        Some(judgement)
    }

    fn show(&mut self, status: &Status, counts: &RevisionCounts) {
        let now = (status.as_str().to_owned(), counts.running, counts.pending, counts.requested);
        if self.progress.shown.as_ref() != Some(&now) {
            self.options.observer.observe(Event::RolloutChanged {
                service: self.service.to_owned(),
                status: now.0.clone(),
                running: now.1,
                pending: now.2,
                desired: now.3,
            });
            self.progress.shown = Some(now);
        }
    }

    /// Tells each new event once, oldest first.
    fn show_events(&mut self, service: &Service) {
        for event in service.events.iter().rev() {
            if self.seen.insert(event.id.clone()) {
                self.options.observer.observe(Event::ServiceEvent {
                    service: self.service.to_owned(),
                    at: event.at,
                    message: event.message.clone(),
                });
            }
        }
    }

    /// Says what is missing at the deadline.
    fn outstanding(&self) -> String {
        if let Some(error) = &self.progress.failure {
            return format!("ECS could not be asked in the end: {error}");
        }
        match &self.progress.shown {
            None => "ECS lists no deployment that is ours".to_owned(),
            Some((status, running, pending, desired)) => {
                let stage = self.progress.latest.as_ref().and_then(|latest| latest.stage.as_deref());
                let stage = stage.map(|stage| format!(" ({stage})")).unwrap_or_default();
                format!("it is {status}{stage}: {running} of {desired} tasks run, {pending} start")
            }
        }
    }
}
