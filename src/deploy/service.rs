//! A service as ECS describes it, reduced to what a deployment looks at.

use crate::ground::Timestamp;

/// One service of a cluster.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// Its ARN; it names the region and the account.
    pub arn: String,
    /// `ACTIVE`, `DRAINING` or `INACTIVE`.
    pub status: String,
    /// Who carries out its deployments.
    pub controller: Controller,
    /// The task definition it runs or goes to, as ECS names it.
    pub task_definition: String,
    /// How many tasks are wanted.
    pub desired: i32,
    /// How a deployment proceeds.
    pub rollout: RolloutConfig,
    /// Its deployments in the older sense: `PRIMARY` and those that it replaces.
    pub deployments: Vec<ServiceRollout>,
    /// The service revisions that have tasks now.
    pub current_revisions: Vec<String>,
    /// The newest events, newest first, as ECS lists them.
    pub events: Vec<ServiceEvent>,
    /// The target groups that its tasks are registered with, each once, those of blue/green's other side too.
    pub target_groups: Vec<String>,
}

impl Service {
    /// Returns the deployment that the service goes to.
    pub fn primary(&self) -> Option<&ServiceRollout> {
        self.deployments.iter().find(|deployment| deployment.status == "PRIMARY")
    }

    /// Returns whether this is the service that a user calls `name`, by its name or its ARN.
    pub fn is_called(&self, name: &str) -> bool {
        self.name == name || self.arn == name
    }
}

/// Who carries out a service's deployments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Controller {
    /// ECS itself: the only one that this program can tell a verdict of.
    #[default]
    Ecs,
    /// Another one, in ECS's words: `CODE_DEPLOY` or `EXTERNAL`.
    Other(String),
}

/// An entry of `deployments` of a service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceRollout {
    /// Its id, `ecs-svc/N`; N also ends the ARN of the service revision.
    pub id: String,
    /// `PRIMARY`, `ACTIVE` or `INACTIVE`.
    pub status: String,
    /// Its task definition.
    pub task_definition: String,
    /// `IN_PROGRESS`, `COMPLETED` or `FAILED`; ECS gives it for rolling updates only.
    pub rollout_state: Option<String>,
    /// Tasks that are wanted.
    pub desired: i32,
    /// Tasks that run.
    pub running: i32,
    /// Tasks that are about to.
    pub pending: i32,
    /// Tasks that failed to start one after the other; the first that runs sets it back.
    pub failed_tasks: i32,
}

impl ServiceRollout {
    /// Returns the N of `ecs-svc/N`.
    pub fn number(&self) -> Option<&str> {
        self.id.rsplit_once('/').map(|(_, number)| number).filter(|number| !number.is_empty())
    }
}

/// What a service says in words about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceEvent {
    /// Its id.
    pub id: String,
    /// When, by ECS's clock.
    pub at: Timestamp,
    /// The words.
    pub message: String,
}

/// How a deployment proceeds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RolloutConfig {
    /// The strategy; ECS's default is rolling.
    pub strategy: Strategy,
    /// Minutes that a finished shift is watched, of any strategy that has it.
    pub bake_minutes: Option<i32>,
    /// Whether a circuit breaker ends a deployment whose tasks fail.
    pub circuit_breaker: bool,
}

/// The strategy of a deployment.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Strategy {
    /// Tasks are replaced batch by batch.
    #[default]
    Rolling,
    /// A second set of tasks takes all traffic at once.
    BlueGreen,
    /// Traffic moves in equal steps.
    Linear {
        /// Percent of traffic in each step.
        step_percent: f64,
        /// Minutes after each step.
        step_bake_minutes: i32,
    },
    /// A small part of the traffic moves first.
    Canary {
        /// Minutes with the small part.
        canary_bake_minutes: i32,
    },
}
