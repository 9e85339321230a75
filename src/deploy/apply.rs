//! Carrying out a plan: the calls in their order, and the verdict on each service. Nothing is decided here.

use std::collections::BTreeSet;
use std::time::Duration;

use super::api_error::ApiError;
use super::aws::Ecs;
use super::deployment::Deployment;
use super::error::{DeployError, ErrorClass, Leftover};
use super::observation::{Reader, ServiceState};
use super::options::DeployOptions;
use super::plan::{Action, DeployPlan, Revision};
use super::report::{DeployReport, ServiceReport};
use super::service::Service;
use super::standing::{Last, Witness};
use super::task_definition::TaskDefinition;
use super::timing::{Pauses, timeout};
use super::verdict::{self, Footprint, Judgement, Proof, Verdict};
use super::wait::{Ours, Outcome, Progress, Watch};
use crate::event::Event;
use crate::oci::Digest;

/// Attempts to register while another client registers revisions of the same family.
const REGISTER_ATTEMPTS: u32 = 6;
/// ECS reports digests a little later than the status that they belong to.
const DIGEST_LOOKS: u32 = 3;
const DIGEST_PAUSE: Duration = Duration::from_secs(2);

/// A plan while it is carried out.
pub(super) struct Run<'a> {
    deployment: &'a Deployment,
    ecs: &'a Ecs,
    plan: &'a DeployPlan,
    options: &'a DeployOptions,
    /// The revisions that this run registered, in the plan's order, each with the service it was made for.
    registered: Vec<(String, String)>,
    /// What was seen right before the next update: the service it belongs to, and that service then.
    before: Option<(String, Before)>,
    updated: Vec<String>,
    reports: Vec<ServiceReport>,
}

/// A service right before its update.
#[derive(Clone, Default)]
struct Before {
    /// All deployments that ECS listed: S0.
    known: BTreeSet<String>,
    /// The id of its PRIMARY.
    primary: Option<String>,
    /// Its events.
    events: BTreeSet<String>,
}

impl Before {
    fn of(service: &Service) -> Self {
        Self {
            known: BTreeSet::new(),
            primary: service.primary().map(|primary| primary.id.clone()),
            events: service.events.iter().map(|event| event.id.clone()).collect(),
        }
    }
}

/// What is said of a service in the end.
struct Ending {
    judgement: Judgement,
    deployment: Option<String>,
    digest: Option<Digest>,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        deployment: &'a Deployment,
        ecs: &'a Ecs,
        plan: &'a DeployPlan,
        options: &'a DeployOptions,
    ) -> Self {
        let (registered, updated, reports) = (Vec::new(), Vec::new(), Vec::new());
        Self { deployment, ecs, plan, options, registered, before: None, updated, reports }
    }

    pub(super) async fn carry_out(mut self) -> Result<DeployReport, DeployError> {
        for action in &self.plan.actions {
            if let Err(error) = self.step(action).await {
                return Err(self.with_changes(error));
            }
            if self.reports.last().is_some_and(|report| report.verdict.exit_code() != 0) {
                break;
            }
        }
        let done: BTreeSet<&str> = self.reports.iter().map(|report| report.name.as_str()).collect();
        let names = self.deployment.services.iter().map(|state| state.spec.name.clone());
        let not_started = names.filter(|name| !done.contains(name.as_str())).collect();
        Ok(DeployReport::of(self.reports, not_started))
    }

    /// Carries out the registrations alone, and returns the ARNs in the plan's order; those of a run that fails half-way
    /// are taken back.
    pub(super) async fn register_all(mut self) -> Result<Vec<String>, DeployError> {
        for action in self.plan.actions.iter().filter(|action| matches!(action, Action::Register { .. })) {
            if let Err(error) = self.step(action).await {
                for (_, arn) in &self.registered {
                    super::fleet::discard(self.ecs, self.options, arn).await;
                }
                return Err(error);
            }
        }
        Ok(self.registered.into_iter().map(|(_, arn)| arn).collect())
    }

    fn with_changes(&self, error: DeployError) -> DeployError {
        if self.updated.is_empty() || error.class() == ErrorClass::HalfWay {
            return error;
        }
        DeployError::AfterChanges { updated: self.updated.clone(), source: Box::new(error) }
    }

    async fn step(&mut self, action: &Action) -> Result<(), DeployError> {
        match action {
            Action::Register { service, definition, .. } => {
                // A revision that is registered and then not used is noise: first make sure that it can be used.
                self.look_before(service).await?;
                self.register(service, definition).await
            }
            Action::UpdateService { service, revision, force_new_deployment } => {
                self.look_before(service).await?;
                self.update(service, revision, *force_new_deployment).await
            }
            Action::Join { service, task_definition, deployment } => {
                self.join(service, task_definition, deployment).await;
                Ok(())
            }
            Action::Nothing { service, task_definition } => {
                self.leave(service, task_definition);
                Ok(())
            }
        }
    }

    fn state(&self, service: &str) -> Option<&'a ServiceState> {
        self.deployment.services.iter().find(|state| state.spec.name == service)
    }

    fn reader(&self) -> Reader<'a> {
        Reader { ecs: self.ecs, place: &self.deployment.place, options: self.options, latest: false }
    }

    /// Waits for other deployments, and makes sure that the service still is what the plan started from.
    async fn look_before(&mut self, service: &str) -> Result<(), DeployError> {
        let Some(state) = self.state(service) else { return Ok(()) };
        if self.before.as_ref().is_some_and(|(of, _)| of == service) {
            return Ok(());
        }
        let mut before = Before::of(&state.service);
        if state.standing.witness != Witness::None {
            let limit = timeout(self.deployment.wait, &state.service.rollout);
            let briefs = self.reader().await_quiet(state, limit, Pauses::new(self.options.jitter_seed)).await?;
            let now = self.ecs.describe_service(&self.deployment.place.cluster, &state.service.name).await;
            let now = now.map_err(|source| DeployError::Read {
                what: format!("service `{service}`"),
                place: self.deployment.place.clone(),
                source: source.into(),
            })?;
            if now.task_definition != state.service.task_definition {
                return Err(DeployError::Moved {
                    service: service.to_owned(),
                    planned: state.service.task_definition.clone(),
                    now: now.task_definition,
                });
            }
            before = Before::of(&now);
            before.known = briefs.into_iter().map(|brief| brief.arn).collect();
        }
        self.before = Some((service.to_owned(), before));
        Ok(())
    }

    async fn register(&mut self, service: &str, definition: &TaskDefinition) -> Result<(), DeployError> {
        let mut pauses = Pauses::new(self.options.jitter_seed);
        let mut attempt = 1;
        let arn = loop {
            match self.ecs.register_raw(definition.document()).await {
                Ok(arn) => break arn,
                Err(error) if error.is_concurrent_register() && attempt < REGISTER_ATTEMPTS => {
                    let pause = pauses.next_pause();
                    self.options.observer.observe(Event::Retrying {
                        what: format!("registering a revision of `{}`", definition.family()),
                        why: error.to_string(),
                        pause_ms: u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
                    });
                    self.options.clock.sleep(pause).await;
                    attempt += 1;
                }
                Err(source) => {
                    return Err(DeployError::Register {
                        family: definition.family().to_owned(),
                        source: source.into(),
                    });
                }
            }
        };
        self.options.observer.observe(Event::TaskDefinitionRegistered { arn: arn.clone() });
        self.registered.push((service.to_owned(), arn));
        Ok(())
    }

    async fn update(&mut self, service: &str, revision: &Revision, force: bool) -> Result<(), DeployError> {
        let (arn, registered) = match revision {
            Revision::Live(arn) => (arn.clone(), false),
            Revision::Registered(index) => {
                (self.registered.get(*index).map(|(_, arn)| arn.clone()).unwrap_or_default(), true)
            }
        };
        let answer = match self.send_update(service, &arn, force).await {
            Ok(answer) => answer,
            Err(source) => {
                let leftover = self.clean_up(service, revision, source.is_refusal()).await;
                return Err(DeployError::Update { service: service.to_owned(), leftover, source: source.into() });
            }
        };
        self.updated.push(service.to_owned());
        self.options
            .observer
            .observe(Event::ServiceUpdated { service: service.to_owned(), task_definition: arn.clone() });
        let ending = match self.ours(service, &answer) {
            Some((state, ours)) => self.watch(state, ours, &arn).await,
            None => Ending { judgement: Judgement::new(Verdict::NotAwaited, None), deployment: None, digest: None },
        };
        self.report(service, &arn, registered, ending);
        Ok(())
    }

    /// Sends the update. Where the answer is lost, the service itself tells whether the update was accepted.
    async fn send_update(&self, service: &str, arn: &str, force: bool) -> Result<Service, ApiError> {
        let cluster = &self.deployment.place.cluster;
        match self.ecs.update_service(cluster, service, arn, force).await {
            Err(error) if !error.is_refusal() && !force => match self.ecs.describe_service(cluster, service).await {
                Ok(now) if now.task_definition == arn => Ok(now),
                _ => Err(error),
            },
            other => other,
        }
    }

    /// Returns how our deployment is known by UpdateService's answer; `None` when no verdict is wanted.
    fn ours(&mut self, service: &str, answer: &Service) -> Option<(&'a ServiceState, Ours)> {
        let state = self.state(service)?;
        let before = self.before.clone().map(|(_, before)| before).unwrap_or_default();
        let primary = answer.primary();
        let ours = match state.standing.witness {
            Witness::None => return None,
            Witness::ServiceDeployments => Ours::Footprint(Footprint {
                known: before.known,
                number: primary.and_then(|primary| primary.number()).map(str::to_owned),
                unchanged: primary.is_some_and(|primary| Some(&primary.id) == before.primary.as_ref()),
            }),
            Witness::Rollouts => Ours::Rollout {
                id: primary.map(|primary| primary.id.clone()).unwrap_or_default(),
                before: state.service.task_definition.clone(),
            },
        };
        Some((state, ours))
    }

    /// Takes back a revision that no service runs; one that might be running, after a lost answer, is only named.
    async fn clean_up(&self, service: &str, revision: &Revision, surely_unused: bool) -> Leftover {
        let Revision::Registered(index) = revision else { return Leftover::Nothing };
        let Some((_, arn)) = self.registered.get(*index).filter(|(made_for, _)| made_for == service) else {
            return Leftover::Nothing;
        };
        if surely_unused && self.ecs.deregister(arn).await.is_ok() {
            Leftover::Deregistered(arn.clone())
        } else {
            Leftover::Left(arn.clone())
        }
    }

    async fn join(&mut self, service: &str, task_definition: &str, deployment: &str) {
        let Some(state) = self.state(service) else { return };
        self.options.note(format!("service `{service}`: the deployment `{deployment}` brings the image already"));
        let ours = match state.standing.witness {
            Witness::Rollouts => Ours::Rollout { id: deployment.to_owned(), before: String::new() },
            _ => Ours::Arn(deployment.to_owned()),
        };
        let ending = self.watch(state, ours, task_definition).await;
        self.report(service, task_definition, false, ending);
    }

    fn leave(&mut self, service: &str, task_definition: &str) {
        let Some(state) = self.state(service) else { return };
        let (deployment, images) = match &state.standing.last {
            Last::Successful { deployment, images } => (deployment.clone(), images.as_slice()),
            _ => (None, [].as_slice()),
        };
        let ending = if state.standing.witness == Witness::None {
            self.options.note(format!("service `{service}` has the image; whether it runs was not asked"));
            Ending { judgement: Judgement::new(Verdict::NotAwaited, None), deployment: None, digest: None }
        } else {
            let proof = verdict::prove(images, &state.containers, &self.plan.target);
            self.ending(state, Verdict::NoChange, deployment, proof)
        };
        self.report(service, task_definition, false, ending);
    }

    async fn watch(&self, state: &ServiceState, ours: Ours, task_definition: &str) -> Ending {
        let started = self.options.clock.now();
        let before = self.before.as_ref().filter(|(of, _)| *of == state.spec.name);
        let seen = before.map_or_else(|| Before::of(&state.service).events, |(_, before)| before.events.clone());
        let watch = Watch {
            ecs: self.ecs,
            options: self.options,
            cluster: &self.deployment.place.cluster,
            service: &state.spec.name,
            task_definition,
            deadline: started.plus(timeout(self.deployment.wait, &state.service.rollout)),
            seen,
            started,
            progress: Progress::default(),
        };
        let Outcome { judgement, deployment, revision } = watch.follow(ours).await;
        if judgement.verdict != Verdict::Successful {
            return Ending { judgement, deployment, digest: None };
        }
        let proof = self.proof(state, revision).await;
        self.ending(state, Verdict::Successful, deployment, proof)
    }

    /// Asks for the digests of our service revision. Not to be told them is no failure; to be told others is.
    async fn proof(&self, state: &ServiceState, revision: Option<String>) -> Proof {
        let Some(revision) = revision else { return Proof::NotReported };
        for look in 1..=DIGEST_LOOKS {
            let revisions = self.ecs.describe_service_revisions(std::slice::from_ref(&revision)).await;
            let images = match &revisions {
                Ok(revisions) => revisions.first().map(|revision| revision.images.as_slice()).unwrap_or_default(),
                Err(error) if error.is_denied() => return Proof::NotReported,
                Err(_) => &[],
            };
            let proof = verdict::prove(images, &state.containers, &self.plan.target);
            if proof != Proof::NotReported || state.service.desired == 0 || look == DIGEST_LOOKS {
                return proof;
            }
            self.options.clock.sleep(DIGEST_PAUSE).await;
        }
        Proof::NotReported
    }

    fn ending(&self, state: &ServiceState, good: Verdict, deployment: Option<String>, proof: Proof) -> Ending {
        match proof {
            Proof::Ours(digest) => Ending { judgement: Judgement::new(good, None), deployment, digest: Some(digest) },
            Proof::NotReported => {
                self.options.note(format!("service `{}`: digest not reported by ECS", state.spec.name));
                Ending { judgement: Judgement::new(good, None), deployment, digest: None }
            }
            Proof::Different { container, reported } => {
                let ours = self.plan.target.digest;
                let reason = format!("container `{container}` runs `{reported}`, and `{ours}` was deployed");
                Ending {
                    judgement: Judgement::new(Verdict::WrongDigest, Some(reason)),
                    deployment,
                    digest: reported.parse().ok(),
                }
            }
        }
    }

    fn report(&mut self, service: &str, task_definition: &str, registered: bool, ending: Ending) {
        self.reports.push(ServiceReport {
            name: service.to_owned(),
            verdict: ending.judgement.verdict,
            reason: ending.judgement.reason,
            task_definition_arn: task_definition.to_owned(),
            deployment_arn: ending.deployment,
            digest: ending.digest,
            registered,
            url: None,
        });
    }
}
