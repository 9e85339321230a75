//! Guards against what is most likely a mistake. `force` makes each of them a warning.

use super::arn;
use super::aws::Ecs;
use super::deployment::Deployment;
use super::ecr_repository::EcrRepository;
use super::error::DeployError;
use super::observation::ServiceState;
use super::options::DeployOptions;
use super::order::ORDER_TAG;
use super::plan::{Action, DeployPlan};
use super::repository_policy::Pull;
use crate::ground::Hint;
use crate::oci::{Reference, Repository};
use crate::spec::DeploySpec;

/// Refuses a deployment whose place among others is before that of what runs: pipelines overtake one another.
pub(super) fn check_order(
    deployment: &Deployment,
    plan: &DeployPlan,
    options: &DeployOptions,
) -> Result<(), DeployError> {
    let Some(ours) = deployment.spec.order else { return Ok(()) };
    for state in &deployment.services {
        let running = state.live().tag(ORDER_TAG).and_then(|order| order.parse::<u64>().ok());
        let Some(running) = running.filter(|running| *running > ours && is_updated(plan, state)) else { continue };
        give_way(options, DeployError::OutOfOrder { service: state.spec.name.clone(), ours, running })?;
    }
    Ok(())
}

/// Refuses ARNs of another region than the one that is asked: ECS would only say that it does not know them.
pub(super) fn check_region(spec: &DeploySpec, asked: &str) -> Result<(), DeployError> {
    let names = std::iter::once(&spec.cluster).chain(spec.services.iter().map(|service| &service.name));
    for arn in names {
        if let Some(named) = arn::region(arn).filter(|named| *named != asked) {
            let (arn, named, asked) = (arn.clone(), named.to_owned(), asked.to_owned());
            return Err(DeployError::OtherRegion { arn, named, asked });
        }
    }
    Ok(())
}

fn is_updated(plan: &DeployPlan, state: &ServiceState) -> bool {
    let name = &state.spec.name;
    plan.actions.iter().any(|action| matches!(action, Action::UpdateService { service, .. } if service == name))
}

/// Refuses an image in an account of ECR that is neither the service's own, nor one that it takes images from already,
/// nor one whose repository is known to admit it: its tasks could not pull it, and ECS would find out one failed task
/// after the other.
pub(super) async fn check_accounts(
    deployment: &Deployment,
    ecs: &Ecs,
    options: &DeployOptions,
) -> Result<(), DeployError> {
    for share in &deployment.shares {
        let services = deployment.services.iter().filter(|state| share.of(&state.spec.name).is_some());
        for state in services {
            check_account(state, ecs, &share.repository, options).await?;
        }
    }
    Ok(())
}

async fn check_account(
    state: &ServiceState,
    ecs: &Ecs,
    repository: &Repository,
    options: &DeployOptions,
) -> Result<(), DeployError> {
    let Some(image) = EcrRepository::of(repository).map(|ecr| ecr.account) else { return Ok(()) };
    let Some(own) = arn::account(&state.service.arn).filter(|own| *own != image) else { return Ok(()) };
    if takes_from(state, repository.host()) {
        return Ok(());
    }
    let (service, account) = (state.spec.name.clone(), image.to_owned());
    let (repository_name, own) = (repository.to_string(), own.to_owned());
    let error = match ecs.may_pull(repository, &own).await {
        Pull::Admitted => return Ok(()),
        Pull::Refused(why) => DeployError::ForeignImage { service, own, repository: repository_name, account, why },
        Pull::Unknown(source) => {
            DeployError::ForeignUnknown { service, own, repository: repository_name, account, source }
        }
    };
    give_way(options, error)
}

fn takes_from(state: &ServiceState, host: &str) -> bool {
    let containers = state.live().containers().into_iter().chain(state.source().containers());
    containers
        .map(|container| container.image.parse::<Reference>())
        .any(|image| image.is_ok_and(|image| image.repository.host() == host))
}

fn give_way(options: &DeployOptions, error: DeployError) -> Result<(), DeployError> {
    if !options.force {
        return Err(error);
    }
    options.warn(error.to_string(), error.hint());
    Ok(())
}
