//! The share that an image has in a deployment: several builds may bring images for one service, even for one task.

use super::containers::{self, ContainerError};
use super::error::DeployError;
use super::plan::TargetImage;
use super::task_definition::TaskDefinition;
use crate::oci::Repository;
use crate::spec::{BeforeSpec, ContainerChoice, ContainerSpec, ServiceSpec};

/// What one image is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// Where the image stands.
    pub repository: Repository,
    /// The services that get it, each with its containers.
    pub services: Vec<ServiceSpec>,
    /// The one-off tasks that run it.
    pub before: Vec<BeforeSpec>,
}

impl Share {
    pub(super) fn of(&self, service: &str) -> Option<&ServiceSpec> {
        self.services.iter().find(|spec| spec.name == service)
    }
}

/// A container that gets an image, and what else of it changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Edit {
    pub(super) spec: ContainerSpec,
    /// The position of its share, which is that of its image among the plan's.
    pub(super) share: usize,
}

impl Edit {
    /// Returns the image; of a plan that has one image for all, that one.
    pub(super) fn target<'a>(&self, targets: &'a [TargetImage]) -> &'a TargetImage {
        targets.get(self.share).or(targets.first()).expect("a plan has an image")
    }
}

/// Chooses the containers of a service for each share, in the order of the task definition.
///
/// # Errors
/// When a share has no container there, or two have the same.
pub(super) fn edits(definition: &TaskDefinition, shares: &[Share], service: &str) -> Result<Vec<Edit>, DeployError> {
    let mut edits: Vec<Edit> = Vec::new();
    let failed = |source: ContainerError| DeployError::Container { service: service.to_owned(), source };
    for (index, share) in shares.iter().enumerate() {
        let Some(spec) = share.of(service) else { continue };
        let chosen = containers::choose(definition, &spec.containers, &share.repository).map_err(failed)?;
        for name in chosen {
            if edits.iter().any(|edit| edit.spec.name == name) {
                return Err(failed(ContainerError::TwoImages {
                    container: name,
                    family: definition.family().to_owned(),
                }));
            }
            let spec = match &spec.containers {
                ContainerChoice::Named(specs) => specs.iter().find(|spec| spec.name == name).cloned(),
                ContainerChoice::Auto => None,
            };
            edits.push(Edit { spec: spec.unwrap_or_else(|| ContainerSpec::named(name)), share: index });
        }
    }
    let order = definition.containers();
    edits.sort_by_key(|edit| order.iter().position(|container| container.name == edit.spec.name));
    Ok(edits)
}
