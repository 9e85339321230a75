//! One service as it stands, for whoever has no build file yet.

use super::aws::Ecs;
use super::error::{DeployError, Place};
use super::observation;
use super::service::Service;
use super::task_definition::TaskDefinition;
use crate::spec::{ContainerChoice, ServiceSpec};

/// Reads a service that can be deployed, and the task definition that it has.
///
/// # Errors
/// When the cluster or the service is missing, the service is not ECS's own to deploy, or ECS cannot be reached.
pub async fn look_at(ecs: &Ecs, cluster: &str, service: &str) -> Result<(Service, TaskDefinition), DeployError> {
    let region = ecs.region().ok_or_else(|| DeployError::NoRegion(cluster.to_owned()))?;
    let mut place = Place { cluster: cluster.to_owned(), region: Some(region.to_owned()), account: None };
    let spec = ServiceSpec { name: service.to_owned(), containers: ContainerChoice::Auto };
    let mut described = observation::describe(ecs, &mut place, std::slice::from_ref(&spec)).await?;
    // One was asked for, and it is an error that there is none.
    let service = described.swap_remove(0);
    let name = &service.task_definition;
    let raw = ecs.describe_task_definition_raw(name).await.map_err(|source| DeployError::Read {
        what: format!("task definition `{name}`"),
        place: place.clone(),
        source: source.into(),
    })?;
    let definition =
        TaskDefinition::from_described(&raw).map_err(|source| DeployError::Described { arn: name.clone(), source })?;
    Ok((service, definition))
}
