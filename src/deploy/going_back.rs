//! A service given a revision that it had before, and watched like any other deployment.

use std::time::Duration;

use super::apply::Run;
use super::aws::Ecs;
use super::deployment::Deployment;
use super::error::DeployError;
use super::observation::ServiceState;
use super::options::DeployOptions;
use super::plan::{Action, DeployPlan, Revision, TargetImage};
use super::report::ServiceReport;
use super::service_deployment::{ContainerImage, ServiceDeployment};
use super::standing::Last;
use super::timing::Pauses;
use crate::oci::{Digest, Reference, Repository};

/// For this long reads may show what was before.
const LAG: Duration = Duration::from_secs(60);

/// Gives services what they had.
pub(super) struct GoingBack<'a> {
    pub(super) deployment: &'a Deployment,
    pub(super) ecs: &'a Ecs,
    pub(super) options: &'a DeployOptions,
}

impl GoingBack<'_> {
    /// Gives a service a revision and awaits the verdict. `images` are those that ECS reported for that revision; without
    /// them those of the last good deployment count.
    pub(super) async fn to(
        &self,
        state: &ServiceState,
        task_definition: &str,
        images: Option<&[ContainerImage]>,
    ) -> Result<ServiceReport, DeployError> {
        let revision = Revision::Live(task_definition.to_owned());
        let action = Action::UpdateService { service: state.spec.name.clone(), revision, force_new_deployment: false };
        let known = match &state.standing.last {
            Last::Successful { images, .. } => images.as_slice(),
            _ => &[],
        };
        self.carry_out(state, action, images.unwrap_or(known)).await
    }

    /// Awaits a deployment that runs.
    pub(super) async fn join(
        &self,
        state: &ServiceState,
        task_definition: &str,
        deployment: &str,
        images: &[ContainerImage],
    ) -> Result<ServiceReport, DeployError> {
        let (service, task_definition) = (state.spec.name.clone(), task_definition.to_owned());
        let action = Action::Join { service, task_definition, deployment: deployment.to_owned() };
        self.carry_out(state, action, images).await
    }

    /// Waits until reads show what was asked of a deployment, for a minute at most: they lag behind, and what they
    /// still show would be taken for its end.
    pub(super) async fn until(&self, deployment: &str, shows: impl Fn(&ServiceDeployment) -> bool) {
        let clock = &self.options.clock;
        let start = clock.now();
        let mut pauses = Pauses::new(self.options.jitter_seed);
        while clock.now().since(start) < LAG {
            let seen = self.ecs.describe_service_deployment(deployment).await;
            if matches!(seen, Ok(Some(seen)) if shows(&seen)) {
                return;
            }
            clock.sleep(pauses.next_pause()).await;
        }
    }

    async fn carry_out(
        &self,
        state: &ServiceState,
        action: Action,
        images: &[ContainerImage],
    ) -> Result<ServiceReport, DeployError> {
        let fresh = self.deployment.afresh(self.ecs, &state.spec, self.options).await?;
        let repository = self.deployment.repository_of(state);
        let (fresh, target) = match expected(images, state.containers(), repository) {
            Some(target) => (fresh, target),
            None => (fresh.without_proof(), unknown(repository)),
        };
        let plan = DeployPlan::of_actions(target.as_ref(), vec![action]);
        let report = Run::new(&fresh, self.ecs, &plan, self.options).carry_out().await?;
        let mut services = report.services;
        // A plan of one service reports one service.
        services.pop().ok_or_else(|| DeployError::NoRegion(self.deployment.place.cluster.clone()))
    }
}

/// Returns what the chosen containers are to report: what ECS reported for the same revision before, and what the
/// revision itself is pinned to. `None` where that is not known of all of them.
pub(super) fn expected<'a>(
    images: &[ContainerImage],
    containers: impl Iterator<Item = &'a str>,
    repository: &Repository,
) -> Option<TargetImage> {
    let mut digests: Vec<Digest> = Vec::new();
    let mut reference = String::new();
    for name in containers {
        let image = images.iter().find(|image| image.container == name)?;
        let text = image.image.clone().unwrap_or_default();
        let pinned = text.parse::<Reference>().ok().and_then(|reference| reference.digest);
        let reported = image.digest.as_deref().and_then(|digest| digest.parse().ok());
        if pinned.is_none() && reported.is_none() {
            return None;
        }
        digests.extend(reported.into_iter().chain(pinned));
        reference = text;
    }
    let (digest, manifests) = digests.split_first()?;
    Some(TargetImage { reference, repository: repository.clone(), digest: *digest, manifests: manifests.to_vec() })
}

/// The image of a plan that proves nothing: it is never compared.
fn unknown(repository: &Repository) -> TargetImage {
    let (reference, digest) = (repository.to_string(), Digest::of(b""));
    TargetImage { reference, repository: repository.clone(), digest, manifests: Vec::new() }
}
