//! Watching one deployment until there is a verdict on it.
//!
//! A poll that fails says nothing about the deployment: it is told once, and the watch goes on to its deadline.

use std::collections::BTreeSet;
use std::time::Duration;

use super::api_error::ApiError;
use super::aws::Ecs;
use super::dossier::{Collector, Dossier};
use super::options::DeployOptions;
use super::service::{Service, ServiceEvent, ServiceRollout};
use super::service_deployment::{RevisionCounts, ServiceDeployment, Status};
use super::timing::Pauses;
use super::verdict::{self, Footprint, Judgement, OurRollout, Verdict};
use crate::event::Event;
use crate::ground::Timestamp;
use crate::spec::GiveUp;

/// For this long, only the number of our service revision identifies our deployment: reads lag behind writes.
const NUMBER_ALONE: Duration = Duration::from_secs(30);

/// How our deployment is known.
#[derive(Clone, Debug)]
pub(super) enum Ours {
    /// By what UpdateService answered.
    Footprint(Footprint),
    /// By its ARN.
    Arn(String),
    /// By its entry in `deployments` of the service.
    Rollout(OurRollout),
}

/// When a deployment is given up that ECS itself would go on with.
#[derive(Clone, Copy, Debug)]
pub(super) struct GivingUp {
    /// The failed tasks that it takes.
    pub(super) failed_tasks: u32,
    /// What is done then.
    pub(super) then: GiveUp,
}

/// What a watch found.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) judgement: Judgement,
    /// The service deployment, if it was seen.
    pub(super) deployment: Option<String>,
    /// The service revision that it goes to, if it was seen.
    pub(super) revision: Option<String>,
    /// What is known of a failure.
    pub(super) dossier: Option<Dossier>,
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
    pub(super) giving_up: GivingUp,
    pub(super) collector: Collector<'a>,
    pub(super) progress: Progress,
}

/// What a watch remembers from poll to poll.
#[derive(Default)]
pub(super) struct Progress {
    latest: Option<ServiceDeployment>,
    shown: Option<(String, RevisionCounts, Option<String>)>,
    /// A judgement that is believed when it comes a second time: reads lag behind one another.
    doubted: Option<Verdict>,
    failure: Option<ApiError>,
    revision: Option<String>,
    events: Vec<ServiceEvent>,
    failed_tasks: i32,
    asked_back: bool,
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
                None if left.is_zero() => Some(Judgement::new(Verdict::Timeout, Some(self.outstanding()))),
                other => other,
            };
            if let Some(judgement) = judgement {
                return self.outcome(judgement, &ours).await;
            }
            self.options.clock.sleep(pauses.next_pause().min(left)).await;
        }
    }

    async fn outcome(self, judgement: Judgement, ours: &Ours) -> Outcome {
        let deployment = match ours {
            Ours::Arn(arn) => Some(arn.clone()),
            _ => None,
        };
        let latest = self.progress.latest;
        if let Some(latest) = latest.as_ref().filter(|_| judgement.verdict == Verdict::Successful) {
            tell_early_success(self.options, self.service, latest);
        }
        let target = latest.map(|latest| latest.target.arn).filter(|arn| !arn.is_empty());
        let revision = target.or(self.progress.revision);
        let dossier = match judgement.verdict.is_failure() {
            true => Some(self.collector.finish(self.progress.events).await),
            false => None,
        };
        Outcome { judgement, deployment, revision, dossier }
    }

    fn tell_failure(&mut self, error: ApiError) {
        if self.progress.failure.is_none() {
            self.options.warn(format!("service `{}` could not be looked at: {error}", self.service), None);
        }
        self.progress.failure = Some(error);
    }

    async fn look(&mut self, ours: &mut Ours) -> Result<Option<Judgement>, ApiError> {
        if let Ours::Rollout(rollout) = ours {
            let service = self.ecs.describe_service(self.cluster, self.service).await?;
            self.show_events(&service);
            let judgement = self.judge_rollout(&service, rollout);
            return match judgement {
                None => self.weigh_failures(&service, ours).await,
                some => Ok(some),
            };
        }
        let judgement = self.look_at_deployment(ours).await?;
        // The last words of a deployment come with its last status, so events are read after it.
        match self.ecs.describe_service(self.cluster, self.service).await {
            Ok(service) => {
                self.show_events(&service);
                match judgement {
                    None => self.weigh_failures(&service, ours).await,
                    some => Ok(some),
                }
            }
            Err(error) if judgement.is_none() => Err(error),
            Err(_) => Ok(judgement),
        }
    }

    async fn look_at_deployment(&mut self, ours: &mut Ours) -> Result<Option<Judgement>, ApiError> {
        if let Ours::Footprint(footprint) = ours {
            match self.find(footprint).await? {
                Found::Ours(arn) => *ours = Ours::Arn(arn),
                Found::Standing(arn) => {
                    *ours = Ours::Arn(arn);
                    return Ok(Some(Judgement::new(Verdict::NoChange, None)));
                }
                Found::Nothing => return Ok(None),
            }
        }
        let Ours::Arn(arn) = ours else { return Ok(None) };
        let Some(deployment) = self.describe(arn).await? else { return Ok(None) };
        self.show(&deployment.status, &deployment.target, deployment.stage.as_deref());
        let stopped = deployment.status == Status::Stopped;
        self.progress.latest = Some(deployment.clone());
        if !stopped {
            return Ok(verdict::judge(&deployment, None));
        }
        let briefs = self.ecs.list_service_deployments(self.cluster, self.service).await?;
        let newer = verdict::newer_than(&briefs, arn);
        // The list may lag behind: that nothing replaced ours is believed the second time.
        if newer.is_none() && self.is_doubtful(Verdict::Stopped) {
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

    async fn find(&self, footprint: &Footprint) -> Result<Found, ApiError> {
        let late = self.options.clock.now().since(self.started) >= NUMBER_ALONE;
        let briefs = self.ecs.list_service_deployments(self.cluster, self.service).await?;
        if let Some(brief) = verdict::find_ours(&briefs, footprint) {
            return Ok(Found::Ours(brief.arn.clone()));
        }
        if !late {
            return Ok(Found::Nothing);
        }
        if let Some(brief) = verdict::find_standing(&briefs, footprint) {
            return Ok(match brief.status {
                Status::Successful => Found::Standing(brief.arn.clone()),
                _ => Found::Ours(brief.arn.clone()),
            });
        }
        let new = briefs.iter().filter(|brief| !footprint.known.contains(&brief.arn));
        let targets: Vec<String> = new.map(|brief| brief.target_revision.clone()).collect();
        if targets.is_empty() {
            return Ok(Found::Nothing);
        }
        let revisions = self.ecs.describe_service_revisions(&targets).await?;
        let found = verdict::find_by_task_definition(&briefs, &revisions, footprint, self.task_definition);
        Ok(found.map_or(Found::Nothing, |brief| Found::Ours(brief.arn.clone())))
    }

    fn judge_rollout(&mut self, service: &Service, ours: &mut OurRollout) -> Option<Judgement> {
        if let Some(entry) = service.deployments.iter().find(|deployment| deployment.id == ours.id) {
            ours.seen = true;
            let status = Status::Other(entry.rollout_state.clone().unwrap_or_default());
            let (requested, running, pending) = (entry.desired, entry.running, entry.pending);
            self.show(&status, &RevisionCounts { requested, running, pending, ..RevisionCounts::default() }, None);
        }
        // What is not there after so long is gone, seen or not.
        ours.seen |= self.options.clock.now().since(self.started) >= NUMBER_ALONE;
        let number = ours.id.rsplit_once('/').map(|(_, number)| number);
        let current = service.current_revisions.iter().find(|arn| Some(super::arn::last_part(arn)) == number);
        self.progress.revision = current.cloned();
        let Some(judgement) = verdict::judge_rollout(service, ours) else {
            self.progress.doubted = None;
            return None;
        };
        // A rollout fails a moment before PRIMARY goes back, and a read may be older than the one before it.
        if judgement.verdict != Verdict::Successful && self.is_doubtful(judgement.verdict) {
            return None;
        }
        Some(judgement)
    }

    /// Returns whether a judgement comes for the first time in a row.
    fn is_doubtful(&mut self, verdict: Verdict) -> bool {
        self.progress.doubted.replace(verdict) != Some(verdict)
    }

    /// Collects what is known of tasks that failed, and gives up where that is wanted.
    async fn weigh_failures(&mut self, service: &Service, ours: &Ours) -> Result<Option<Judgement>, ApiError> {
        let entry = self.entry(service, ours);
        let by_entry = entry.map_or(0, |entry| entry.failed_tasks);
        if let Some(entry) = entry {
            self.collector.is_of(&entry.id);
        }
        let latest = self.progress.latest.as_ref();
        let failed = latest.and_then(|latest| latest.failures).map_or(0, |(count, _)| count).max(by_entry);
        if failed > self.progress.failed_tasks {
            self.collector.look().await;
        }
        self.progress.failed_tasks = failed;
        let goes_on = latest.is_none_or(|latest| latest.status.is_forward());
        let enough = u32::try_from(failed).is_ok_and(|failed| failed >= self.giving_up.failed_tasks);
        if !enough || !goes_on || self.progress.asked_back {
            return Ok(None);
        }
        let then = self.giving_up.then;
        match (then, ours) {
            (GiveUp::Off, _) => Ok(None),
            (GiveUp::Rollback, Ours::Arn(arn)) => Ok(self.ask_back(arn, failed).await),
            _ => Ok(Some(given_up(failed, None))),
        }
    }

    async fn ask_back(&mut self, arn: &str, failed: i32) -> Option<Judgement> {
        self.progress.asked_back = true;
        match self.ecs.stop_with_rollback(arn).await {
            Ok(()) => {
                let name = self.service;
                self.options.note(format!("service `{name}`: {failed} tasks failed, ECS is told to roll back"));
                None
            }
            Err(error) => Some(given_up(failed, Some(&error))),
        }
    }

    /// Returns our entry in `deployments` of the service.
    fn entry<'s>(&self, service: &'s Service, ours: &Ours) -> Option<&'s ServiceRollout> {
        let number = match ours {
            Ours::Rollout(rollout) => rollout.id.rsplit_once('/').map(|(_, number)| number.to_owned()),
            Ours::Footprint(footprint) => footprint.number.clone(),
            Ours::Arn(_) => {
                let target = self.progress.latest.as_ref().map(|latest| latest.target.arn.as_str());
                target.map(|target| super::arn::last_part(target).to_owned())
            }
        };
        service.deployments.iter().find(|entry| entry.number().is_some() && entry.number() == number.as_deref())
    }

    fn show(&mut self, status: &Status, counts: &RevisionCounts, stage: Option<&str>) {
        let now = (status.as_str().to_owned(), counts.clone(), stage.map(str::to_owned));
        if self.progress.shown.as_ref() != Some(&now) {
            self.options.observer.observe(Event::RolloutChanged {
                service: self.service.to_owned(),
                status: now.0.clone(),
                running: counts.running,
                pending: counts.pending,
                desired: counts.requested,
                stage: now.2.clone(),
                traffic: counts.traffic,
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
                self.progress.events.push(event.clone());
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
            Some((status, counts, stage)) => {
                let stage = stage.as_ref().map(|stage| format!(" ({stage})")).unwrap_or_default();
                let traffic = counts.traffic.map(|percent| format!(", {percent} % of the traffic is moved"));
                let RevisionCounts { requested, running, pending, .. } = counts;
                format!(
                    "it is {status}{stage}: {running} of {requested} tasks run, {pending} start{}",
                    traffic.unwrap_or_default()
                )
            }
        }
    }
}

/// What a list of deployments has for an update.
enum Found {
    Ours(String),
    /// The update changed nothing, and this one had brought it.
    Standing(String),
    Nothing,
}

fn given_up(failed: i32, why_not: Option<&ApiError>) -> Judgement {
    let because = why_not.map(|error| format!("; it could not be told to roll back: {error}")).unwrap_or_default();
    let reason = format!("{failed} tasks failed one after the other, and nothing of ECS ends it{because}");
    Judgement::new(Verdict::GivenUp, Some(reason))
}

/// A deployment with criteria for early success ends before all tasks run: that is told, not hidden.
fn tell_early_success(options: &DeployOptions, service: &str, deployment: &ServiceDeployment) {
    let RevisionCounts { running, requested, .. } = deployment.target;
    if deployment.early_success && running < requested {
        options
            .note(format!("service `{service}`: ECS calls it a success with {running} of {requested} tasks running"));
    }
}
