//! What is kept of ECS between requests and between runs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::one_off::OneOff;
use super::rollout::RolloutState;

/// All of ECS's state.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Document {
    /// The clusters by name.
    pub(super) clusters: BTreeMap<String, Cluster>,
    /// The task definitions: revision 1 of a family comes first.
    pub(super) families: BTreeMap<String, Vec<TaskDefinition>>,
}

/// A cluster.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Cluster {
    /// The services by name.
    pub(super) services: BTreeMap<String, Service>,
    /// The one-off tasks, oldest first.
    pub(super) tasks: Vec<OneOff>,
}

/// One revision of a task definition.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TaskDefinition {
    /// What was registered, member by member, also those that nobody here knows.
    pub(super) registered: Map<String, Value>,
    /// The tags, which stand beside the task definition.
    pub(super) tags: Vec<Value>,
    /// When it was registered, in milliseconds.
    pub(super) registered_at: i64,
    /// When it was deregistered, in milliseconds.
    pub(super) deregistered_at: Option<i64>,
}

/// A service.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Service {
    /// The cluster's name.
    pub(super) cluster: String,
    /// The name.
    pub(super) name: String,
    /// Whether it is deleted.
    pub(super) is_inactive: bool,
    /// How many tasks it wants.
    pub(super) desired: u32,
    /// What it was made and updated with, but for what has a place of its own here.
    pub(super) settings: Value,
    /// The tags.
    pub(super) tags: Vec<Value>,
    /// When it was made, in milliseconds.
    pub(super) created_at: i64,
    /// The deployments, oldest first. A service always has one.
    pub(super) deployments: Vec<Deployment>,
}

/// A service deployment, with the service revision that it deploys.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Deployment {
    /// The last part of its ARN.
    pub(super) id: String,
    /// The number of the service revision.
    pub(super) number: u64,
    /// The ARN of the task definition.
    pub(super) task_definition: String,
    /// The number of the service revision that it replaces.
    pub(super) source: Option<u64>,
    /// When it was asked for, in milliseconds.
    pub(super) created_at: i64,
    /// The service's settings at that time.
    pub(super) settings: Value,
    /// The containers' images.
    pub(super) images: Vec<Image>,
    /// Its course, also the part that is still to come.
    pub(super) course: Vec<Step>,
    /// When another client's deployment takes its place, and with which task definition.
    pub(super) superseded: Option<(i64, Option<String>)>,
}

/// A container's image, resolved once for the whole deployment.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Image {
    /// The container's name.
    pub(super) container: String,
    /// The image as the task definition has it.
    pub(super) image: String,
    /// The digest that the service revision reports.
    pub(super) revision_digest: Option<String>,
    /// The digest that tasks report.
    pub(super) task_digest: Option<String>,
}

/// A state of a deployment, and when it begins.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Step {
    /// In milliseconds since the epoch.
    pub(super) at: i64,
    /// The state.
    pub(super) state: RolloutState,
}

impl Deployment {
    /// Returns the state at a time; before the first step it is that of the first.
    pub(super) fn state_at(&self, now: i64) -> &RolloutState {
        let past = self.past(now).last().unwrap_or(&self.course[0]);
        &past.state
    }

    /// Returns the steps that are past.
    pub(super) fn past(&self, now: i64) -> impl DoubleEndedIterator<Item = &Step> {
        self.course.iter().filter(move |step| step.at <= now)
    }

    /// Returns when a state that fulfils a condition first began.
    pub(super) fn first(&self, now: i64, is_it: impl Fn(&RolloutState) -> bool) -> Option<i64> {
        self.past(now).find(|step| is_it(&step.state)).map(|step| step.at)
    }

    /// Replaces what is still to come.
    pub(super) fn redirect(&mut self, now: i64, course: Vec<Step>) {
        self.course.retain(|step| step.at <= now);
        self.course.extend(course);
        self.superseded = None;
    }

    /// Returns the id that `deployments[]` of a service shows.
    pub(super) fn shown_id(&self) -> String {
        format!("ecs-svc/{}", self.number)
    }
}

impl Service {
    /// Returns the deployments that are visible at a time, oldest first. The first one always is, once there is one.
    pub(super) fn visible(&self, now: i64) -> &[Deployment] {
        let count = self.deployments.iter().take_while(|deployment| deployment.created_at <= now).count();
        &self.deployments[..count.max(1).min(self.deployments.len())]
    }

    /// Returns the newest deployment that is visible at a time.
    pub(super) fn newest(&self, now: i64) -> &Deployment {
        let visible = self.visible(now);
        &visible[visible.len() - 1]
    }

    /// Returns the deployment that made a service revision.
    pub(super) fn revision(&self, number: u64) -> Option<&Deployment> {
        self.deployments.iter().find(|deployment| deployment.number == number)
    }
}
