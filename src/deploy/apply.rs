//! Carrying out a plan: the calls in their order, and the verdict on each service. Nothing is decided here.

use std::collections::BTreeSet;

use super::api_error::ApiError;
use super::aws::Ecs;
use super::deployment::Deployment;
use super::dossier::{Collector, Dossier};
use super::error::{DeployError, ErrorClass, Leftover};
use super::observation::{Reader, ServiceState};
use super::options::DeployOptions;
use super::plan::{Action, DeployPlan, Revision};
use super::proof::{Claim, Proved};
use super::registering;
use super::report::{DeployReport, ServiceReport};
use super::service::{Service, Strategy};
use super::standing::{Last, Witness};
use super::task_definition::TaskDefinition;
use super::timing::{Pauses, timeout};
use super::verdict::{Footprint, Judgement, OurRollout, Verdict};
use super::wait::{GivingUp, Ours, Outcome, Progress, Watch};
use crate::event::Event;
use crate::oci::Digest;
use crate::spec::GiveUp;

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
    dossier: Option<Dossier>,
}

impl Ending {
    /// Of a deployment that nobody watched.
    fn not_awaited() -> Self {
        let judgement = Judgement::new(Verdict::NotAwaited, None);
        Self { judgement, deployment: None, digest: None, dossier: None }
    }
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
                self.leave(service, task_definition).await;
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
            let (pauses, policy) = (Pauses::new(self.options.jitter_seed), self.deployment.spec.on_active_deployment);
            let briefs = self.reader().await_quiet(state, limit, pauses, policy).await?;
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
        let arn = registering::register(self.ecs, definition, self.options).await?;
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
            None => Ending::not_awaited(),
        };
        self.report(service, &arn, registered, ending);
        Ok(())
    }

    /// Sends the update. An error need not mean that nothing was done: an earlier attempt may have been accepted and its
    /// answer lost, so the service itself is asked.
    async fn send_update(&self, service: &str, arn: &str, force: bool) -> Result<Service, ApiError> {
        let cluster = &self.deployment.place.cluster;
        let error = match self.ecs.update_service(cluster, service, arn, force).await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        let before = self.before.as_ref().and_then(|(_, before)| before.primary.as_deref());
        match self.ecs.describe_service(cluster, service).await {
            Ok(now) if now.task_definition == arn && is_another(&now, before) => Ok(now),
            _ => Err(error),
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
            Witness::Rollouts => Ours::Rollout(OurRollout {
                id: primary.map(|primary| primary.id.clone()).unwrap_or_default(),
                task_definition: answer.task_definition.clone(),
                before_id: before.primary,
                before: state.live_arn.clone(),
                seen: false,
            }),
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
            Witness::Rollouts => Ours::Rollout(joined(&state.service, task_definition, deployment)),
            _ => Ours::Arn(deployment.to_owned()),
        };
        let ending = self.watch(state, ours, task_definition).await;
        self.report(service, task_definition, false, ending);
    }

    async fn leave(&mut self, service: &str, task_definition: &str) {
        let Some(state) = self.state(service) else { return };
        let (deployment, images) = match &state.standing.last {
            Last::Successful { deployment, images } => (deployment.clone(), images.as_slice()),
            _ => (None, [].as_slice()),
        };
        let ending = if state.standing.witness == Witness::None {
            self.options.note(format!("service `{service}` has the image; whether it runs was not asked"));
            Ending::not_awaited()
        } else {
            let claim = self.claim(state, task_definition);
            let Proved { judgement, digest } = claim.prove_standing(Verdict::NoChange, images).await;
            Ending { judgement, deployment, digest, dossier: None }
        };
        self.report(service, task_definition, false, ending);
    }

    fn claim<'c>(&'c self, state: &'c ServiceState, task_definition: &'c str) -> Claim<'c> {
        let (ecs, options, targets) = (self.ecs, self.options, self.plan.targets.as_slice());
        Claim { ecs, options, cluster: &self.deployment.place.cluster, state, targets, task_definition }
    }

    async fn watch(&self, state: &ServiceState, ours: Ours, task_definition: &str) -> Ending {
        let started = self.options.clock.now();
        let before = self.before.as_ref().filter(|(of, _)| *of == state.spec.name);
        let seen = before.map_or_else(|| Before::of(&state.service).events, |(_, before)| before.events.clone());
        let (cluster, service) = (self.deployment.place.cluster.as_str(), state.spec.name.as_str());
        let watch = Watch {
            ecs: self.ecs,
            options: self.options,
            cluster,
            service,
            task_definition,
            deadline: started.plus(timeout(self.deployment.wait, &state.service.rollout)),
            seen,
            started,
            giving_up: self.giving_up(state),
            collector: Collector {
                ecs: self.ecs,
                options: self.options,
                cluster,
                service,
                task_definition,
                target_groups: &state.service.target_groups,
                logs: self.deployment.spec.dossier.logs,
                found: Default::default(),
            },
            progress: Progress::default(),
        };
        let Outcome { judgement, deployment, revision, dossier } = watch.follow(ours).await;
        let good = judgement.verdict;
        if !matches!(good, Verdict::Successful | Verdict::NoChange) {
            return Ending { judgement, deployment, digest: None, dossier };
        }
        let Proved { judgement, digest } = self.claim(state, task_definition).prove(good, revision.as_deref()).await;
        Ending { judgement, deployment, digest, dossier }
    }

    /// A circuit breaker ends what fails by itself, and only rolling updates have one.
    fn giving_up(&self, state: &ServiceState) -> GivingUp {
        let rollout = &state.service.rollout;
        let breaker = rollout.circuit_breaker && rollout.strategy == Strategy::Rolling;
        let spec = self.deployment.spec.give_up;
        let then = spec.then.unwrap_or(if breaker { GiveUp::Off } else { GiveUp::Report });
        GivingUp { failed_tasks: spec.failed_tasks, then }
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
            dossier: ending.dossier,
        });
    }
}

fn is_another(now: &Service, before: Option<&str>) -> bool {
    now.primary().is_some_and(|primary| Some(primary.id.as_str()) != before)
}

/// A rolling update that runs already: the entry that it replaces is what it would go back to.
fn joined(service: &Service, task_definition: &str, id: &str) -> OurRollout {
    let replaced = service.deployments.iter().find(|entry| entry.id != id);
    OurRollout {
        id: id.to_owned(),
        task_definition: task_definition.to_owned(),
        before_id: replaced.map(|entry| entry.id.clone()),
        before: replaced.map(|entry| entry.task_definition.clone()).unwrap_or_default(),
        seen: false,
    }
}
