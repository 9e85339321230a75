//! A service of Amazon ECS as the first build file needs it.

use crate::deploy::{DeployError, Ecs, look_at};
use crate::init::{LiveContainer, LiveService};

/// Reads what a service runs.
///
/// # Errors
/// When there is no such cluster or service, or ECS cannot be reached.
pub async fn live_service(ecs: &Ecs, cluster: &str, service: &str) -> Result<LiveService, DeployError> {
    let (found, definition) = look_at(ecs, cluster, service).await?;
    let container = |container: &crate::deploy::Container<'_>| LiveContainer {
        name: container.name.to_owned(),
        image: container.image.to_owned(),
        essential: container.essential,
    };
    let platform = &definition.document()["runtimePlatform"];
    Ok(LiveService {
        region: ecs.region().map(str::to_owned),
        cluster: cluster.to_owned(),
        service: found.name,
        task_definition: found.task_definition.rsplit('/').next().unwrap_or_default().to_owned(),
        containers: definition.containers().iter().map(container).collect(),
        architecture: platform["cpuArchitecture"].as_str().map(str::to_owned),
    })
}
