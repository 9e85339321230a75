//! Reading what is there: services, their task definitions, and how their last deployments ended.

use std::collections::BTreeSet;
use std::time::Duration;

use super::api_error::ApiError;
use super::aws::Ecs;
use super::error::{DeployError, Place};
use super::options::DeployOptions;
use super::plan::{Existing, Subject, TargetImage};
use super::service::{Controller, Service, Strategy};
use super::service_deployment::DeploymentBrief;
use super::share::{self, Edit, Share};
use super::standing::{Standing, Witness};
use super::task_definition::TaskDefinition;
use super::timing::Pauses;
use crate::ground::did_you_mean;
use crate::spec::{ActiveDeployment, ServiceSpec};

/// The newest deployments whose revisions are described: one call.
const REVISIONS_LOOKED_AT: usize = 20;

/// A service as it was when it was looked at.
#[derive(Clone, Debug)]
pub(super) struct ServiceState {
    pub(super) spec: ServiceSpec,
    pub(super) service: Service,
    pub(super) live_arn: String,
    live_is_active: bool,
    live: TaskDefinition,
    source: TaskDefinition,
    /// The containers that get an image, and what else of them changes.
    pub(super) edits: Vec<Edit>,
    /// The family's newest revision, once it was looked for.
    pub(super) newest: Option<Existing>,
    pub(super) standing: Standing,
}

impl ServiceState {
    /// Returns the family that the next revision joins.
    pub(super) fn family(&self) -> &str {
        self.source.family()
    }

    /// Returns what the next revision is made of.
    pub(super) fn source(&self) -> &TaskDefinition {
        &self.source
    }

    /// Returns what the service has.
    pub(super) fn live(&self) -> &TaskDefinition {
        &self.live
    }

    /// Returns a revision that is there, as far as it was read.
    pub(super) fn existing(&self, arn: &str) -> &TaskDefinition {
        self.newest.as_ref().filter(|newest| newest.arn == arn).map_or(&self.live, |newest| &newest.definition)
    }

    /// Returns a revision that was read of this service; `None` for any other.
    pub(super) fn known(&self, arn: &str) -> Option<&TaskDefinition> {
        let newest = self.newest.as_ref().filter(|newest| newest.arn == arn).map(|newest| &newest.definition);
        newest.or((self.live_arn == arn).then_some(&self.live))
    }

    /// Returns the containers that get an image, in the order of the task definition.
    pub(super) fn containers(&self) -> impl Iterator<Item = &str> {
        self.edits.iter().map(|edit| edit.spec.name.as_str())
    }

    /// Returns which container is to run which image.
    pub(super) fn wanted<'a>(&'a self, targets: &'a [TargetImage]) -> Vec<(&'a str, &'a TargetImage)> {
        self.edits.iter().map(|edit| (edit.spec.name.as_str(), edit.target(targets))).collect()
    }

    pub(super) fn subject(&self, order: Option<u64>) -> Subject<'_> {
        Subject {
            service: &self.spec.name,
            live_arn: &self.live_arn,
            live_is_active: self.live_is_active,
            live: &self.live,
            source: &self.source,
            edits: &self.edits,
            newest: self.newest.as_ref(),
            order,
            standing: &self.standing,
        }
    }
}

/// Describes the services in their order, and checks that each can be deployed. The account goes into `place`.
pub(super) async fn describe(ecs: &Ecs, place: &mut Place, specs: &[ServiceSpec]) -> Result<Vec<Service>, DeployError> {
    let names: Vec<String> = specs.iter().map(|spec| spec.name.clone()).collect();
    let described = match ecs.describe_services(&place.cluster, &names).await {
        Ok(described) => described,
        Err(error) if error.is("ClusterNotFoundException") => return Err(no_cluster(ecs, place).await),
        Err(source) => {
            return Err(DeployError::Read {
                what: "the services".to_owned(),
                place: place.clone(),
                source: source.into(),
            });
        }
    };
    let arns = described.services.iter().map(|service| &service.arn).chain(&described.missing);
    place.account = arns.filter_map(|arn| super::arn::account(arn)).next().map(str::to_owned);
    let mut services = Vec::new();
    for name in names {
        let Some(service) = described.services.iter().find(|service| service.is_called(&name)) else {
            return Err(no_service(ecs, place, name).await);
        };
        check(service, &name, place)?;
        services.push(service.clone());
    }
    Ok(services)
}

fn check(service: &Service, name: &str, place: &Place) -> Result<(), DeployError> {
    if service.status != "ACTIVE" {
        let (service, status) = (name.to_owned(), service.status.clone());
        return Err(DeployError::ServiceNotActive { service, status, place: place.clone() });
    }
    match &service.controller {
        Controller::Ecs => Ok(()),
        Controller::Other(controller) => {
            Err(DeployError::Controller { service: name.to_owned(), controller: controller.clone() })
        }
    }
}

async fn no_cluster(ecs: &Ecs, place: &Place) -> DeployError {
    let account = super::identity::account(ecs.config()).await;
    let names = ecs.list_cluster_names().await.unwrap_or_default();
    let nearest = did_you_mean(&place.cluster, names.iter().map(String::as_str)).map(str::to_owned);
    DeployError::ClusterNotFound { place: Place { account, ..place.clone() }, nearest }
}

async fn no_service(ecs: &Ecs, place: &Place, service: String) -> DeployError {
    let names = ecs.list_service_names(&place.cluster).await.unwrap_or_default();
    let nearest = did_you_mean(&service, names.iter().map(String::as_str)).map(str::to_owned);
    DeployError::ServiceNotFound { service, place: place.clone(), nearest }
}

/// Reads what belongs to one service.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) ecs: &'a Ecs,
    pub(super) place: &'a Place,
    pub(super) options: &'a DeployOptions,
    /// Whether the next revision is copied from the family's newest one instead of what the service has.
    pub(super) latest: bool,
}

impl Reader<'_> {
    /// Reads task definition and recent past; what `known` services share is not asked again.
    pub(super) async fn read(
        &self,
        spec: &ServiceSpec,
        service: Service,
        file: Option<&TaskDefinition>,
        shares: &[Share],
        known: &[ServiceState],
    ) -> Result<ServiceState, DeployError> {
        let same = known.iter().find(|state| state.service.task_definition == service.task_definition);
        let (live_arn, live_is_active, live) = match same {
            Some(state) => (state.live_arn.clone(), state.live_is_active, state.live.clone()),
            None => self.live(&service.task_definition).await?,
        };
        let source = match file {
            Some(file) => file.clone(),
            None if self.latest => self.live(live.family()).await?.2,
            None => live.clone(),
        };
        let edits = share::edits(&source, shares, &spec.name)?;
        let standing = self.standing(&service, &live_arn).await?;
        let (spec, newest) = (spec.clone(), None);
        Ok(ServiceState { spec, service, live_arn, live_is_active, live, source, edits, newest, standing })
    }

    /// Returns the family's newest revision that can be deployed; `None` where there is none that can be read: it then
    /// is not reused.
    pub(super) async fn newest(&self, family: &str) -> Option<Existing> {
        let (arn, active, definition) = self.live(family).await.ok()?;
        active.then_some(Existing { arn, definition })
    }

    async fn live(&self, name: &str) -> Result<(String, bool, TaskDefinition), DeployError> {
        let described = self.ecs.describe_task_definition_raw(name).await;
        let described = described.map_err(|source| self.read_error(format!("task definition `{name}`"), source))?;
        let arn = described.definition["taskDefinitionArn"].as_str().unwrap_or(name).to_owned();
        // Stand-ins leave the status out; an ACTIVE one is what a service normally has.
        let active = described.definition["status"].as_str().is_none_or(|status| status == "ACTIVE");
        let live = TaskDefinition::from_described(&described)
            .map_err(|source| DeployError::Described { arn: arn.clone(), source })?;
        Ok((arn, active, live))
    }

    fn read_error(&self, what: String, source: ApiError) -> DeployError {
        DeployError::Read { what, place: self.place.clone(), source: source.into() }
    }

    async fn standing(&self, service: &Service, live_arn: &str) -> Result<Standing, DeployError> {
        if !self.options.wait {
            return Ok(Standing::not_asked(service, live_arn));
        }
        match self.of_deployments(service, live_arn).await {
            Ok(standing) => Ok(standing),
            Err(error) if error.is_denied() => self.without_rights(service, live_arn, error),
            Err(source) => Err(self.read_error(format!("the deployments of service `{}`", service.name), source)),
        }
    }

    /// Reads through all three calls that a verdict needs, so that a missing right shows before anything is changed.
    async fn of_deployments(&self, service: &Service, live_arn: &str) -> Result<Standing, ApiError> {
        let briefs = self.ecs.list_service_deployments(&self.place.cluster, &service.name).await?;
        if let Some(newest) = briefs.first() {
            self.ecs.describe_service_deployment(&newest.arn).await?;
        }
        let targets = briefs.iter().map(|brief| &brief.target_revision);
        let mut seen = BTreeSet::new();
        let arns: Vec<String> = service
            .current_revisions
            .iter()
            .chain(targets)
            .filter(|arn| !arn.is_empty() && seen.insert(arn.as_str()))
            .take(REVISIONS_LOOKED_AT)
            .cloned()
            .collect();
        let revisions = self.ecs.describe_service_revisions(&arns).await?;
        Ok(Standing::of_deployments(service, live_arn, &briefs, &revisions))
    }

    fn without_rights(&self, service: &Service, live_arn: &str, source: ApiError) -> Result<Standing, DeployError> {
        if service.rollout.strategy != Strategy::Rolling {
            return Err(DeployError::VerdictRights { service: service.name.clone(), source: source.into() });
        }
        self.options.warn(
            format!("service `{}` is watched by its rollout state alone: {source}", service.name),
            Some(format!("allow {} for a verdict with proof", super::error::VERDICT_ACTIONS.join(", "))),
        );
        Ok(Standing::of_rollouts(service, live_arn))
    }

    /// Waits until a service has no active deployment, and returns those that are known by then.
    pub(super) async fn await_quiet(
        &self,
        state: &ServiceState,
        limit: Duration,
        mut pauses: Pauses,
        policy: ActiveDeployment,
    ) -> Result<Vec<DeploymentBrief>, DeployError> {
        let limit = if policy == ActiveDeployment::Fail { Duration::ZERO } else { limit };
        let clock = &self.options.clock;
        let start = clock.now();
        let mut said = false;
        loop {
            let (briefs, active) = self.active(state).await?;
            let Some(deployment) = active.filter(|_| policy != ActiveDeployment::Supersede) else { return Ok(briefs) };
            let waited = clock.now().since(start);
            if waited >= limit {
                let (service, waited_s) = (state.spec.name.clone(), waited.as_secs());
                return Err(DeployError::ActiveDeployment { service, deployment, waited_s });
            }
            if !said {
                said = true;
                let name = &state.spec.name;
                self.options.note(format!("service `{name}`: waiting for the active deployment `{deployment}` to end"));
            }
            clock.sleep(pauses.next_pause().min(limit - waited)).await;
        }
    }

    async fn active(&self, state: &ServiceState) -> Result<(Vec<DeploymentBrief>, Option<String>), DeployError> {
        let (cluster, name) = (&self.place.cluster, &state.service.name);
        let error = |source| self.read_error(format!("the deployments of service `{name}`"), source);
        match state.standing.witness {
            Witness::None => Ok((Vec::new(), None)),
            Witness::ServiceDeployments => {
                let briefs = self.ecs.list_service_deployments(cluster, name).await.map_err(error)?;
                let active = briefs.iter().find(|brief| !brief.status.is_final()).map(|brief| brief.arn.clone());
                Ok((briefs, active))
            }
            Witness::Rollouts => {
                let service = self.ecs.describe_service(cluster, name).await.map_err(error)?;
                Ok((Vec::new(), Standing::of_rollouts(&service, &state.live_arn).active))
            }
        }
    }
}
