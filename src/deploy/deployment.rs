//! A deployment that can begin: everything it needs exists, and is known as it was when it was looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::aws::Ecs;
use super::error::{DeployError, Place};
use super::fleet::{self, Fleet};
use super::guards;
use super::observation::{self, ServiceState};
use super::options::DeployOptions;
use super::order;
use super::plan::{Action, DeployPlan, Subject, TargetImage};
use super::preflight::ImageFacts;
use super::report::DeployReport;
use super::schedules::{self, ScheduleState};
use super::share::Share;
use super::task_definition::TaskDefinition;
use super::timing::{Pauses, timeout};
use crate::ground::Timestamp;
use crate::oci::Repository;
use crate::spec::{ActiveDeployment, DeploySpec, ServiceSpec, TaskDefinitionSource, WaitTimeout};

/// Services, their task definitions and their recent past, ready to be planned on.
#[derive(Clone, Debug)]
pub struct Deployment {
    pub(super) place: Place,
    pub(super) wait: WaitTimeout,
    pub(super) services: Vec<ServiceState>,
    pub(super) spec: DeploySpec,
    pub(super) schedules: Vec<ScheduleState>,
    /// What is known of the images that were looked at, by their share.
    pub(super) images: BTreeMap<usize, ImageFacts>,
    /// What each image is for. Never empty.
    pub(super) shares: Vec<Share>,
    file: Option<TaskDefinition>,
    latest: bool,
    read_at: Timestamp,
    /// Members newer than this program's SDK that were told of.
    told: BTreeSet<String>,
}

/// What was read within this time is still taken as what is there.
const FRESH: Duration = Duration::from_secs(5);

impl Deployment {
    /// Reads what is there and checks that the deployment can begin. Nothing is changed; every error here is one that
    /// is better known before anything is built.
    ///
    /// # Errors
    /// When the cluster, a service or a container is missing, a service is not ECS's own to deploy, rights are missing,
    /// or ECS cannot be reached. The class of each is [`super::ErrorClass::Refused`].
    pub async fn prepare(
        ecs: &Ecs,
        spec: &DeploySpec,
        repository: &Repository,
        options: &DeployOptions,
    ) -> Result<Self, DeployError> {
        let (services, before) = (spec.services.clone(), spec.before.clone());
        let share = Share { repository: repository.clone(), services, before };
        Self::prepare_shared(ecs, spec, vec![share], options).await
    }

    /// As [`Deployment::prepare`], with several images: `spec` names the services and tasks before of all of them.
    ///
    /// # Errors
    /// As [`Deployment::prepare`], and when two images are for one container.
    pub async fn prepare_shared(
        ecs: &Ecs,
        spec: &DeploySpec,
        shares: Vec<Share>,
        options: &DeployOptions,
    ) -> Result<Self, DeployError> {
        let region = ecs.region().ok_or_else(|| DeployError::NoRegion(spec.cluster.clone()))?;
        guards::check_region(spec, region)?;
        let place = Place { cluster: spec.cluster.clone(), region: Some(region.to_owned()), account: None };
        let file = match &spec.task_definition {
            TaskDefinitionSource::Live | TaskDefinitionSource::Latest => None,
            TaskDefinitionSource::File(path) => Some(TaskDefinition::read(path, &options.fill_in)?),
        };
        let (wait, read_at, services) = (spec.wait, options.clock.now(), Vec::new());
        let latest = spec.task_definition == TaskDefinitionSource::Latest;
        let mut deployment = Self {
            place,
            wait,
            services,
            spec: spec.clone(),
            schedules: Vec::new(),
            images: BTreeMap::new(),
            shares,
            file,
            latest,
            read_at,
            told: BTreeSet::new(),
        };
        deployment.read(ecs, &spec.services, options).await?;
        fleet::check(&deployment)?;
        let families: Vec<&str> = deployment.services.iter().map(ServiceState::family).collect();
        deployment.schedules = schedules::read(ecs, &spec.schedules, &families).await?;
        Ok(deployment)
    }

    /// Reads one of the services again, alone, as what it has now.
    pub(super) async fn afresh(
        &self,
        ecs: &Ecs,
        service: &ServiceSpec,
        options: &DeployOptions,
    ) -> Result<Self, DeployError> {
        let spec = DeploySpec {
            services: vec![service.clone()],
            task_definition: TaskDefinitionSource::Live,
            before: Vec::new(),
            schedules: Vec::new(),
            order: None,
            ..self.spec.clone()
        };
        let shares = self.shares.iter().map(|share| Share { before: Vec::new(), ..share.clone() });
        Self::prepare_shared(ecs, &spec, shares.collect(), options).await
    }

    /// Returns the repository of the first image that a service gets.
    pub(super) fn repository_of(&self, state: &ServiceState) -> &Repository {
        let first = state.edits.first().map_or(0, |edit| edit.share);
        self.shares.get(first).map(|share| &share.repository).expect("there is a share")
    }

    /// Asks for no digest: where nothing is known to compare with, nothing is proved.
    #[must_use]
    pub(super) fn without_proof(mut self) -> Self {
        self.services.iter_mut().for_each(|state| state.edits.clear());
        self
    }

    /// Reads the services; a task definition that several have is asked for once. What was read before counts no more:
    /// its tags, and whether it can still be deployed, may have changed meanwhile.
    async fn read(&mut self, ecs: &Ecs, specs: &[ServiceSpec], options: &DeployOptions) -> Result<(), DeployError> {
        self.read_at = options.clock.now();
        let described = observation::describe(ecs, &mut self.place, specs).await?;
        let mut states = Vec::new();
        for (spec, service) in specs.iter().zip(described) {
            let reader = observation::Reader { ecs, place: &self.place, options, latest: self.latest };
            states.push(reader.read(spec, service, self.file.as_ref(), &self.shares, &states).await?);
        }
        for state in states {
            match self.services.iter_mut().find(|known| known.spec.name == state.spec.name) {
                Some(known) => *known = state,
                None => self.services.push(state),
            }
        }
        self.tell_newer(options);
        Ok(())
    }

    /// Tells once of members that are newer than this program: they are kept, and nobody here knows what they mean.
    fn tell_newer(&mut self, options: &DeployOptions) {
        let members = self.services.iter().flat_map(|state| state.source().newer_members());
        let new: Vec<String> = members.filter(|member| self.told.insert(member.clone())).collect();
        if !new.is_empty() {
            let names = new.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            options.note(format!("the task definition has members newer than this program, kept as they are: {names}"));
        }
    }

    /// Returns what the deployment of an image will do, or of one for each share.
    pub fn plan(&self, targets: &(impl AsRef<[TargetImage]> + ?Sized)) -> DeployPlan {
        let subjects: Vec<Subject<'_>> = self.services.iter().map(|state| state.subject(self.spec.order)).collect();
        let plan = DeployPlan::of(targets.as_ref(), &subjects);
        let mut plan = fleet::with_company(self, plan);
        plan.order_tags = order::tags(self, &plan);
        plan
    }

    /// Looks again, if that was a while ago, and waits until no deployment is active that is not the one wanted.
    ///
    /// Between preparing and deploying lies a build: what was proved then may be replaced by now.
    ///
    /// # Errors
    /// When one does not end within the time-out, or what is there can no longer be read. Nothing was changed.
    pub async fn settle(
        &mut self,
        ecs: &Ecs,
        targets: &(impl AsRef<[TargetImage]> + ?Sized),
        options: &DeployOptions,
    ) -> Result<(), DeployError> {
        let targets = targets.as_ref();
        if options.clock.now().since(self.read_at) > FRESH {
            let specs: Vec<ServiceSpec> = self.services.iter().map(|state| state.spec.clone()).collect();
            self.read(ecs, &specs, options).await?;
        }
        for index in 0..self.services.len() {
            if self.is_in_the_way(index, targets) {
                self.settle_one(index, ecs, options).await?;
            }
        }
        self.look_for_equal(ecs, targets, options).await;
        Ok(())
    }

    /// Looks whether what would be registered is there already, as the newest revision of its family: an earlier run
    /// may have come that far.
    pub async fn look_for_equal(
        &mut self,
        ecs: &Ecs,
        targets: &(impl AsRef<[TargetImage]> + ?Sized),
        options: &DeployOptions,
    ) {
        let plan = self.plan(targets);
        let families: BTreeSet<&str> = plan.registrations().map(TaskDefinition::family).collect();
        let reader = observation::Reader { ecs, place: &self.place, options, latest: self.latest };
        for family in families {
            let newest = reader.newest(family).await;
            for state in self.services.iter_mut().filter(|state| state.family() == family) {
                state.newest.clone_from(&newest);
            }
        }
    }

    /// Refuses what is most likely a mistake: an older deployment over a newer one, and an image of another account
    /// than any that the service runs.
    ///
    /// # Errors
    /// The mistake; with `force` it is a warning.
    pub async fn guard(&self, ecs: &Ecs, plan: &DeployPlan, options: &DeployOptions) -> Result<(), DeployError> {
        guards::check_order(self, plan, options)?;
        self.guard_account(ecs, options).await
    }

    /// Refuses an image of another account than any that the services run, before there is one.
    ///
    /// # Errors
    /// The mistake; with `force` it is a warning.
    pub async fn guard_account(&self, ecs: &Ecs, options: &DeployOptions) -> Result<(), DeployError> {
        guards::check_accounts(self, ecs, options).await
    }

    /// Returns whether a service has an active deployment that is not the one wanted.
    fn is_in_the_way(&self, index: usize, targets: &[TargetImage]) -> bool {
        let Some(active) = self.services.get(index).and_then(|state| state.standing.active.as_deref()) else {
            return false;
        };
        let joins = |action: &Action| matches!(action, Action::Join { deployment, .. } if deployment == active);
        !self.plan(targets).actions.iter().any(joins)
    }

    async fn settle_one(&mut self, index: usize, ecs: &Ecs, options: &DeployOptions) -> Result<(), DeployError> {
        let Some(state) = self.services.get(index) else { return Ok(()) };
        let reader = observation::Reader { ecs, place: &self.place, options, latest: self.latest };
        let limit = timeout(self.wait, &state.service.rollout);
        let policy = self.spec.on_active_deployment;
        reader.await_quiet(state, limit, Pauses::new(options.jitter_seed), policy).await?;
        if policy == ActiveDeployment::Supersede {
            return Ok(());
        }
        let spec = state.spec.clone();
        self.read(ecs, &[spec], options).await
    }

    /// Carries out a plan and awaits the verdict on each service, in the order that the build file says. It decides
    /// nothing; of services that go one by one, one that ends badly ends the run, and those after it stay as they are.
    ///
    /// # Errors
    /// When a step is refused; the class tells whether anything was changed.
    pub async fn apply(
        &self,
        ecs: &Ecs,
        plan: &DeployPlan,
        options: &DeployOptions,
    ) -> Result<DeployReport, DeployError> {
        Fleet::new(self, ecs, plan, options).carry_out().await
    }

    /// Settles, plans, looks for what would go wrong, and applies.
    ///
    /// # Errors
    /// As [`Deployment::settle`], [`Deployment::preflight`] and [`Deployment::apply`].
    pub async fn deploy(
        &mut self,
        ecs: &Ecs,
        targets: &(impl AsRef<[TargetImage]> + ?Sized),
        options: &DeployOptions,
    ) -> Result<DeployReport, DeployError> {
        let plan = self.decide(ecs, targets, options).await?;
        self.apply(ecs, &plan, options).await
    }

    /// Settles, plans, and looks for what would go wrong: the plan that is carried out then. Nothing is changed.
    ///
    /// # Errors
    /// As [`Deployment::settle`], [`Deployment::guard`] and [`Deployment::preflight`].
    pub async fn decide(
        &mut self,
        ecs: &Ecs,
        targets: &(impl AsRef<[TargetImage]> + ?Sized),
        options: &DeployOptions,
    ) -> Result<DeployPlan, DeployError> {
        self.settle(ecs, targets, options).await?;
        let plan = self.plan(targets);
        self.guard(ecs, &plan, options).await?;
        self.preflight(ecs, &plan, options).await?;
        Ok(plan)
    }
}
