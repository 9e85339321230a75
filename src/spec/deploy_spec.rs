//! What is to be deployed, in which order, and how long to wait for it.

use std::path::PathBuf;
use std::time::Duration;

use super::before_spec::BeforeSpec;

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
    /// Whether a service waits for the verdict on the one before it.
    pub order_of_services: ServiceOrder,
    /// Whether services that succeeded go back when another one fails.
    pub all_or_nothing: bool,
    /// What starts tasks by the clock and is moved to the new revision.
    pub schedules: Vec<ScheduleSpec>,
    /// One-off tasks of the new revision that come before any service changes.
    pub before: Vec<BeforeSpec>,
    /// What becomes of a deployment that somebody else started and that has not ended.
    pub on_active_deployment: ActiveDeployment,
    /// How long to wait for a verdict.
    pub wait: WaitTimeout,
    /// When a deployment is given up that ECS itself would go on with.
    pub give_up: GiveUpSpec,
    /// What is told of a failure.
    pub dossier: DossierSpec,
    /// The place of this deployment among others: a lower one than that of what runs is refused. By default the time
    /// of the commit, in seconds since 1970; `None` where there is none.
    pub order: Option<u64>,
}

impl DeploySpec {
    /// Returns what concerns running services alone: nothing that belongs to a new revision, and only the named
    /// services where there are names.
    ///
    /// # Errors
    /// The first name that is none of `services`.
    pub fn of_services(&self, names: &[String]) -> Result<Self, String> {
        if let Some(unknown) = names.iter().find(|name| !self.services.iter().any(|service| service.name == **name)) {
            return Err(unknown.clone());
        }
        let mut spec = Self { task_definition: TaskDefinitionSource::Live, order: None, ..self.clone() };
        spec.before.clear();
        spec.schedules.clear();
        spec.services.retain(|service| names.is_empty() || names.contains(&service.name));
        Ok(spec)
    }
}

/// Where the next revision is copied from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskDefinitionSource {
    /// What the service runs.
    Live,
    /// The newest ACTIVE revision of the family that the service runs.
    Latest,
    /// A JSON or YAML file, absolute.
    File(PathBuf),
}

/// Which containers of a task definition get the image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContainerChoice {
    /// Each whose image is of `name`'s repository, else the only essential one, else an error.
    Auto,
    /// These. Never empty; each name once.
    Named(Vec<ContainerSpec>),
}

/// A container that gets the image, and what else of it is changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainerSpec {
    /// Its name.
    pub name: String,
    /// Environment variables by name: set, or taken away where `None`. The others stay.
    pub env: Vec<(String, Option<String>)>,
    /// Secrets by the name of their variable, each the ARN or name that ECS reads it from; taken away where `None`.
    pub secrets: Vec<(String, Option<String>)>,
    /// The command, if it is replaced.
    pub command: Option<Vec<String>>,
    /// CPU units, of which a core has 1024, if they are replaced.
    pub cpu: Option<u64>,
    /// The hard limit of memory in MiB, if it is replaced.
    pub memory: Option<u64>,
}

impl ContainerSpec {
    /// Makes the choice of a container of which nothing but the image changes.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }
}

/// A service that gets the image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceSpec {
    /// Its name.
    pub name: String,
    /// Whose image is replaced in its task definition.
    pub containers: ContainerChoice,
}

/// How several services follow one another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ServiceOrder {
    /// Each waits for the verdict on the one before it.
    #[default]
    OneByOne,
    /// All are updated, then all are watched.
    AtOnce,
}

/// What starts tasks by the clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScheduleSpec {
    /// A rule of EventBridge.
    Rule {
        /// The name or ARN of its event bus.
        bus: String,
        /// Its name.
        name: String,
    },
    /// A schedule of EventBridge Scheduler.
    Scheduler {
        /// Its group.
        group: String,
        /// Its name.
        name: String,
    },
}

/// What becomes of an active deployment that is not ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ActiveDeployment {
    /// It is waited for.
    #[default]
    Wait,
    /// Ours is refused.
    Fail,
    /// Ours takes its place.
    Supersede,
}

/// How long a verdict is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitTimeout {
    /// From UpdateService's answer: 20 minutes, or the strategy's steps and bake times + 10 minutes where longer.
    Auto,
    /// This long.
    After(Duration),
}

/// When a deployment is given up that ECS itself would go on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GiveUpSpec {
    /// The failed tasks that it takes, at least 1.
    pub failed_tasks: u32,
    /// What is done then; `None`: [`GiveUp::Report`] where the service has no circuit breaker, else [`GiveUp::Off`].
    pub then: Option<GiveUp>,
}

impl Default for GiveUpSpec {
    fn default() -> Self {
        Self { failed_tasks: 3, then: None }
    }
}

/// What is done with a deployment whose tasks fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GiveUp {
    /// ECS is told to roll back.
    Rollback,
    /// The verdict is given, and the deployment goes on.
    Report,
    /// Nothing: the deployment is watched to its end.
    Off,
}

/// What is told of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DossierSpec {
    /// The last lines of log that are shown of each failed container; 0 for none.
    pub logs: u32,
}

impl Default for DossierSpec {
    fn default() -> Self {
        Self { logs: 20 }
    }
}
