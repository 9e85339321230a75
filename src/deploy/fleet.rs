//! Several services as one deployment: what is registered, tasks before, services in their order, schedules after.

use std::collections::BTreeSet;

use futures_util::future::join_all;

use super::apply::Run;
use super::aws::Ecs;
use super::before::{BeforeReport, BeforeRun, Runner};
use super::before_error::BeforeError;
use super::containers::ContainerError;
use super::deployment::Deployment;
use super::error::{DeployError, ErrorClass, Leftover};
use super::observation::ServiceState;
use super::options::DeployOptions;
use super::own_definition::own_definition;
use super::plan::{Action, DeployPlan, Revision};
use super::report::{DeployReport, ServiceReport};
use super::schedules::{ScheduleMove, ScheduleReport};
use super::verdict::Verdict;
use super::{arn, order};
use crate::spec::{BeforeSpec, ServiceOrder};

mod ending;

/// Checks what needs no call: that each task before names a container that there is.
pub(super) fn check(deployment: &Deployment) -> Result<(), DeployError> {
    let shares = deployment.shares.iter().enumerate();
    for (share, spec) in shares.flat_map(|(index, share)| share.before.iter().map(move |spec| (index, spec))) {
        let Some(state) = state_of(deployment, share, spec) else { continue };
        let containers: Vec<String> =
            state.source().containers().iter().map(|container| container.name.to_owned()).collect();
        if let Some(container) = spec.container.as_ref().filter(|name| !containers.contains(name)) {
            let family = state.family().to_owned();
            let source = ContainerError::Unknown { container: container.clone(), family, containers };
            return Err(DeployError::BeforeContainer { task: spec.name.clone(), source });
        }
    }
    Ok(())
}

/// Returns whose revision a task runs: that of the named service, else of the first one that its image is for.
fn state_of<'a>(deployment: &'a Deployment, share: usize, spec: &BeforeSpec) -> Option<&'a ServiceState> {
    let first = || deployment.shares.get(share)?.services.first().map(|service| &service.name);
    let name = spec.service.as_ref().or_else(first)?;
    deployment.services.iter().find(|state| state.spec.name == *name)
}

/// Adds to a plan what comes before and after the services.
pub(super) fn with_company(deployment: &Deployment, mut plan: DeployPlan) -> DeployPlan {
    let updates = plan.actions.iter().any(|action| matches!(action, Action::UpdateService { .. }));
    if updates {
        let shares = deployment.shares.iter().enumerate();
        let specs = shares.flat_map(|(index, share)| share.before.iter().map(move |spec| (index, spec)));
        plan.before = specs.filter_map(|(share, spec)| before_run(deployment, &plan, share, spec)).collect();
    }
    plan.schedules = moves(deployment, &plan);
    plan
}

fn before_run(deployment: &Deployment, plan: &DeployPlan, share: usize, spec: &BeforeSpec) -> Option<BeforeRun> {
    let state = state_of(deployment, share, spec)?;
    let service = state.spec.name.clone();
    let revision = plan.revision_of(&service)?;
    let definition = match &revision {
        Revision::Live(arn) => state.existing(arn).clone(),
        Revision::Registered(index) => plan.registrations().nth(*index)?.clone(),
    };
    let of_share = state.edits.iter().find(|edit| edit.share == share).or(state.edits.first());
    let container = spec.container.clone().or_else(|| of_share.map(|edit| edit.spec.name.clone()))?;
    let own = own_definition(&definition);
    Some(BeforeRun { spec: spec.clone(), service, container, revision, definition, own })
}

fn moves(deployment: &Deployment, plan: &DeployPlan) -> Vec<ScheduleMove> {
    let mut moves = Vec::new();
    for state in &deployment.schedules {
        for target in &state.targets {
            let family = arn::family(&target.task_definition);
            let Some(service) = deployment.services.iter().find(|service| service.family() == family) else { continue };
            let Some(revision) = plan.revision_of(&service.spec.name) else { continue };
            let has_it = revision == Revision::Live(target.task_definition.clone());
            if !has_it && arn::is_pinned(&target.task_definition) {
                let (schedule, from) = (state.schedule.clone(), target.task_definition.clone());
                moves.push(ScheduleMove { schedule, from, service: service.spec.name.clone(), revision });
            }
        }
    }
    moves
}

/// Takes a revision out of use that nothing runs; what cannot be taken back is named.
pub(super) async fn discard(ecs: &Ecs, options: &DeployOptions, arn: &str) -> Leftover {
    match ecs.deregister(arn).await {
        Ok(()) => Leftover::Deregistered(arn.to_owned()),
        Err(error) => {
            let hint = format!("take it away with `aws ecs deregister-task-definition --task-definition {arn}`");
            options.warn(format!("`{arn}` is left behind: {error}"), Some(hint));
            Leftover::Left(arn.to_owned())
        }
    }
}

/// A plan while it is carried out.
pub(super) struct Fleet<'a> {
    deployment: &'a Deployment,
    ecs: &'a Ecs,
    plan: &'a DeployPlan,
    options: &'a DeployOptions,
    /// The ARNs of the plan's registrations, as far as they are made.
    registered: Vec<Option<String>>,
    /// Registrations that a service or a schedule was given.
    used: BTreeSet<usize>,
    reports: Vec<ServiceReport>,
    before: Vec<BeforeReport>,
    schedules: Vec<ScheduleReport>,
}

impl<'a> Fleet<'a> {
    pub(super) fn new(
        deployment: &'a Deployment,
        ecs: &'a Ecs,
        plan: &'a DeployPlan,
        options: &'a DeployOptions,
    ) -> Self {
        let registered = plan.registrations().map(|_| None).collect();
        let (used, reports, before, schedules) = Default::default();
        Self { deployment, ecs, plan, options, registered, used, reports, before, schedules }
    }

    pub(super) async fn carry_out(mut self) -> Result<DeployReport, DeployError> {
        let at_once = self.deployment.spec.order_of_services == ServiceOrder::AtOnce;
        self.begin(at_once || !self.plan.before.is_empty()).await?;
        let stopped = self.services().await;
        self.end(stopped).await
    }

    /// Does all that changes no service: with `register` all revisions are registered, and the tasks before are run.
    ///
    /// # Errors
    /// When a revision cannot be registered or a task fails; what was registered is taken back by then.
    pub(super) async fn begin(&mut self, register: bool) -> Result<(), DeployError> {
        if register {
            let run = Run::new(self.deployment, self.ecs, self.plan, self.options);
            self.registered = run.register_all().await?.into_iter().map(Some).collect();
        }
        if let Err(source) = self.run_before().await {
            let leftover = self.discard_unused().await.unwrap_or(Leftover::Nothing);
            return Err(DeployError::Before { leftover, source: Box::new(source) });
        }
        Ok(())
    }

    /// Takes back what was begun: no service was changed.
    pub(super) async fn abandon(&mut self) {
        self.discard_unused().await;
    }

    /// Updates the services and awaits their verdicts.
    pub(super) async fn services(&mut self) -> Result<(), DeployError> {
        order::keep(self.ecs, &self.plan.order_tags, self.options).await;
        match self.deployment.spec.order_of_services {
            ServiceOrder::AtOnce => self.at_once().await,
            ServiceOrder::OneByOne => self.one_by_one().await,
        }
    }

    /// Goes back where that is wanted, else moves the schedules, and reports.
    ///
    /// # Errors
    /// What stopped the services, or a schedule that cannot be moved.
    pub(super) async fn end(mut self, stopped: Result<(), DeployError>) -> Result<DeployReport, DeployError> {
        let failed = stopped.is_err() || self.reports.iter().any(|report| matches!(report.verdict.exit_code(), 6 | 7));
        let leftover = self.discard_unused().await;
        if self.deployment.spec.all_or_nothing {
            match failed {
                true => self.go_back().await,
                false => self.tell_what_stays(),
            }
        }
        if let Err(error) = stopped {
            return Err(self.with_changes(with_leftover(error, leftover)));
        }
        if self.reports.iter().all(|report| report.verdict.exit_code() == 0) {
            self.move_schedules().await?;
        }
        self.find_urls().await;
        Ok(self.report())
    }

    /// Returns the report of services that stay as they are, since another deployment ended badly.
    pub(super) fn not_started(self) -> DeployReport {
        self.report()
    }

    fn report(self) -> DeployReport {
        let done: BTreeSet<&str> = self.reports.iter().map(|report| report.name.as_str()).collect();
        let names = self.deployment.services.iter().map(|state| state.spec.name.clone());
        let not_started = names.filter(|name| !done.contains(name.as_str())).collect();
        let (before, schedules) = (self.before, self.schedules);
        DeployReport { before, schedules, ..DeployReport::of(self.reports, not_started) }
    }

    async fn run_before(&mut self) -> Result<(), BeforeError> {
        let runner = Runner { ecs: self.ecs, place: &self.deployment.place, options: self.options };
        for run in &self.plan.before {
            let arn = match &run.own {
                Some(own) => runner.own_revision(run, own).await?,
                None => self.arn_of(&run.revision).unwrap_or_default(),
            };
            self.before.push(runner.run(run, &arn).await?);
        }
        Ok(())
    }

    fn arn_of(&self, revision: &Revision) -> Option<String> {
        match revision {
            Revision::Live(arn) => Some(arn.clone()),
            Revision::Registered(index) => self.registered.get(*index)?.clone(),
        }
    }

    /// Returns the part of the plan that is one service's, and the registration that it uses.
    fn part(&self, service: &str) -> (DeployPlan, Option<usize>) {
        let (mut actions, mut uses) = (Vec::new(), None);
        for action in &self.plan.actions {
            match action {
                Action::UpdateService { service: name, revision, force_new_deployment } if name == service => {
                    let mut revision = revision.clone();
                    if let Revision::Registered(index) = revision {
                        uses = Some(index);
                        revision = match self.arn_of(&revision) {
                            Some(arn) => Revision::Live(arn),
                            None => {
                                actions.extend(self.plan.registers().nth(index).cloned());
                                Revision::Registered(0)
                            }
                        };
                    }
                    let force_new_deployment = *force_new_deployment;
                    actions.push(Action::UpdateService { service: name.clone(), revision, force_new_deployment });
                }
                Action::Join { service: name, .. } | Action::Nothing { service: name, .. } if name == service => {
                    actions.push(action.clone());
                }
                _ => {}
            }
        }
        (DeployPlan::of_actions(&self.plan.targets, actions), uses)
    }

    fn names(&self) -> Vec<String> {
        self.deployment.services.iter().map(|state| state.spec.name.clone()).collect()
    }

    async fn one_by_one(&mut self) -> Result<(), DeployError> {
        for name in self.names() {
            let (part, uses) = self.part(&name);
            let done = Run::new(self.deployment, self.ecs, &part, self.options).carry_out().await;
            let goes_on = done.as_ref().is_ok_and(|report| report.exit_code() == 0);
            self.take(uses, done)?;
            if !goes_on {
                break;
            }
        }
        Ok(())
    }

    async fn at_once(&mut self) -> Result<(), DeployError> {
        let parts: Vec<_> = self.names().iter().map(|name| self.part(name)).collect();
        let runs = parts.iter().map(|(part, _)| Run::new(self.deployment, self.ecs, part, self.options).carry_out());
        let all = join_all(runs).await;
        let mut first = Ok(());
        for ((_, uses), done) in parts.into_iter().zip(all) {
            let taken = self.take(uses, done);
            first = first.and(taken);
        }
        first
    }

    /// Takes over how one service ended, and that its revision is in use.
    fn take(&mut self, uses: Option<usize>, done: Result<DeployReport, DeployError>) -> Result<(), DeployError> {
        if let (Some(index), Err(DeployError::Update { source, .. })) = (uses, &done)
            && !source.is_refusal()
        {
            // The answer was lost: a service may have it.
            self.used.insert(index);
        }
        for mut report in done?.services {
            if let Some(index) = uses {
                report.registered = true;
                self.used.insert(index);
                if let Some(arn) = self.registered.get_mut(index) {
                    arn.get_or_insert_with(|| report.task_definition_arn.clone());
                }
            }
            self.reports.push(report);
        }
        Ok(())
    }

    /// Takes back what was registered and given to no service, and returns what became of the last one.
    async fn discard_unused(&mut self) -> Option<Leftover> {
        let mut last = None;
        for (index, arn) in self.registered.iter_mut().enumerate() {
            if !self.used.contains(&index)
                && let Some(arn) = arn.take()
            {
                last = Some(discard(self.ecs, self.options, &arn).await);
            }
        }
        last
    }

    /// Says of an error which services were changed before it and stay so.
    fn with_changes(&self, error: DeployError) -> DeployError {
        let updated: Vec<String> = self.changed().map(|report| report.name.clone()).collect();
        for report in &self.reports {
            self.options.note(format!("service `{}`: {}", report.name, report.verdict.as_str()));
        }
        match updated.is_empty() || error.class() == ErrorClass::HalfWay {
            true => error,
            false => DeployError::AfterChanges { updated, source: Box::new(error) },
        }
    }

    fn changed(&self) -> impl Iterator<Item = &ServiceReport> {
        let unchanged = [Verdict::NoChange, Verdict::RolledBack];
        self.reports.iter().filter(move |report| !unchanged.contains(&report.verdict))
    }
}

/// An update that failed does not know of a revision that was registered for several services.
fn with_leftover(error: DeployError, leftover: Option<Leftover>) -> DeployError {
    match (error, leftover) {
        (DeployError::Update { service, leftover: Leftover::Nothing, source }, Some(leftover)) => {
            DeployError::Update { service, leftover, source }
        }
        (error, _) => error,
    }
}
