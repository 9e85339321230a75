//! What is to be deployed, and how long to wait for it.

use std::path::PathBuf;
use std::time::Duration;

/// The `deploy` section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeploySpec {
    /// The region; `None` means the one in `name`, else the AWS configuration's.
    pub region: Option<String>,
    /// The cluster's name or ARN; `default` where the file is silent, as ECS has it.
    pub cluster: String,
    /// Where the next revision is copied from.
    pub task_definition: TaskDefinitionSource,
    /// Whose image is replaced, for services that do not say so themselves.
    pub containers: ContainerChoice,
    /// The services, in order. Never empty.
    pub services: Vec<ServiceSpec>,
    /// How long to wait for a verdict.
    pub wait: WaitTimeout,
}

/// Where the next revision is copied from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskDefinitionSource {
    /// What the service runs.
    Live,
    /// A JSON or YAML file, absolute.
    File(PathBuf),
}

/// Which containers of a task definition get the image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContainerChoice {
    /// Each whose image is of `name`'s repository, else the only essential one, else an error.
    Auto,
    /// These.
    Named(Vec<String>),
}

/// A service that gets the image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceSpec {
    /// Its name.
    pub name: String,
    /// Whose image is replaced in its task definition.
    pub containers: ContainerChoice,
}

/// How long a verdict is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitTimeout {
    /// From UpdateService's answer: 20 minutes, or the strategy's steps and bake times + 10 minutes where longer.
    Auto,
    /// This long.
    After(Duration),
}
