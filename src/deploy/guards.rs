//! Guards against what is most likely a mistake. `force` makes each of them a warning.

use super::arn;
use super::deployment::Deployment;
use super::error::DeployError;
use super::observation::ServiceState;
use super::options::DeployOptions;
use super::plan::{Action, DeployPlan, ORDER_TAG};
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

/// Refuses an image in an account of ECR that is neither the service's own nor one that it takes images from already:
/// its tasks could not pull it, and ECS would find out one failed task after the other.
pub(super) fn check_account(
    deployment: &Deployment,
    repository: &Repository,
    options: &DeployOptions,
) -> Result<(), DeployError> {
    let Some(image) = ecr_account(repository.host()) else { return Ok(()) };
    for state in &deployment.services {
        let Some(own) = arn::account(&state.service.arn).filter(|own| *own != image) else { continue };
        if !takes_from(state, repository.host()) {
            let (service, own) = (state.spec.name.clone(), own.to_owned());
            let repository = repository.to_string();
            give_way(options, DeployError::ForeignImage { service, own, repository, account: image.to_owned() })?;
        }
    }
    Ok(())
}

fn takes_from(state: &ServiceState, host: &str) -> bool {
    let containers = state.live().containers().into_iter().chain(state.source().containers());
    containers
        .map(|container| container.image.parse::<Reference>())
        .any(|image| image.is_ok_and(|image| image.repository.host() == host))
}

/// `ACCOUNT.dkr.ecr.REGION.DOMAIN`.
fn ecr_account(host: &str) -> Option<&str> {
    let (account, _) = host.split_once(".dkr.ecr.")?;
    (account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit())).then_some(account)
}

fn give_way(options: &DeployOptions, error: DeployError) -> Result<(), DeployError> {
    if !options.force {
        return Err(error);
    }
    options.warn(error.to_string(), error.hint());
    Ok(())
}
