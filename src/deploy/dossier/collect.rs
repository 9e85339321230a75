//! Collecting a dossier: few calls while the deployment runs, the rest when it has failed.

use std::collections::{BTreeMap, BTreeSet};

use super::log_tail::LogStream;
use super::stopped_task::{SeenTask, grouped};
use super::{Dossier, EventLine, StoppedGroup, UnhealthyTarget, cause};
use crate::deploy::api_error::ApiError;
use crate::deploy::aws::Ecs;
use crate::deploy::options::DeployOptions;
use crate::deploy::service::ServiceEvent;
use crate::deploy::task_definition::TaskDefinition;
use crate::ground::Hint;

/// Groups whose logs are read: the largest; the others mostly say the same.
const GROUPS_WITH_LOGS: usize = 3;
/// Looks for stopped tasks while the deployment runs; what a later one would show, the last one shows too.
const LOOKS: u32 = 5;

/// What is learned of a deployment's failures on the way.
pub(in crate::deploy) struct Collector<'a> {
    pub(in crate::deploy) ecs: &'a Ecs,
    pub(in crate::deploy) options: &'a DeployOptions,
    pub(in crate::deploy) cluster: &'a str,
    pub(in crate::deploy) service: &'a str,
    /// The ARN of our revision.
    pub(in crate::deploy) task_definition: &'a str,
    /// The service's target groups.
    pub(in crate::deploy) target_groups: &'a [String],
    /// How many lines of log are shown of each failed container.
    pub(in crate::deploy) logs: u32,
    pub(in crate::deploy) found: Findings,
}

/// What was found so far.
#[derive(Default)]
pub(in crate::deploy) struct Findings {
    /// Tasks of ours that stopped, by their ARNs.
    tasks: BTreeMap<String, SeenTask>,
    /// Tasks that are not ours.
    others: BTreeSet<String>,
    /// `ecs-svc/N` of ours.
    started_by: Option<String>,
    told: BTreeSet<&'static str>,
    looks: u32,
}

impl Collector<'_> {
    /// Notes which deployment starts our tasks.
    pub(in crate::deploy) fn is_of(&mut self, id: &str) {
        if self.found.started_by.is_none() {
            self.found.started_by = Some(id.to_owned());
        }
    }

    /// Looks for tasks that stopped since the last look.
    pub(in crate::deploy) async fn look(&mut self) {
        if self.found.looks < LOOKS {
            self.found.looks += 1;
            self.collect_tasks().await;
        }
    }

    async fn collect_tasks(&mut self) {
        match self.stopped_tasks().await {
            Ok(tasks) => {
                for task in tasks {
                    let by = self.found.started_by.as_deref();
                    // Where it is known which deployment is ours, an older one of the same revision is not.
                    let ours =
                        task.task_definition == self.task_definition && by.is_none_or(|id| task.started_by == id);
                    if ours {
                        self.found.tasks.insert(task.arn.clone(), task);
                    } else {
                        self.found.others.insert(task.arn);
                    }
                }
            }
            Err(error) => self.tell(&error, "the stopped tasks"),
        }
    }

    async fn stopped_tasks(&self) -> Result<Vec<SeenTask>, ApiError> {
        let arns = self.ecs.list_tasks(self.cluster, self.service, true).await?;
        let known = |arn: &String| self.found.tasks.contains_key(arn) || self.found.others.contains(arn);
        let new: Vec<String> = arns.into_iter().filter(|arn| !known(arn)).collect();
        self.ecs.describe_seen_tasks(self.cluster, &new).await
    }

    /// Says once of each right that is missing, or call that fails, what the dossier lacks for it.
    fn tell(&mut self, error: &ApiError, what: &str) {
        if self.found.told.insert(error.operation) {
            self.options.warn(format!("the dossier lacks {what}: {error}"), error.hint());
        }
    }

    /// Reads the rest and says what the likely cause is.
    pub(in crate::deploy) async fn finish(mut self, events: Vec<ServiceEvent>) -> Dossier {
        self.collect_tasks().await;
        let tasks: Vec<SeenTask> = std::mem::take(&mut self.found.tasks).into_values().collect();
        let mut groups = grouped(&tasks);
        self.read_logs(&mut groups).await;
        let stopped: Vec<StoppedGroup> = groups.into_iter().map(|(group, _)| group).collect();
        let targets = self.targets().await;
        let line =
            |event: ServiceEvent| EventLine { at: event.at.rfc3339(), message: super::printable(&event.message) };
        let events: Vec<EventLine> = events.into_iter().map(line).collect();
        let cause = cause::likely(&stopped, &targets, &events);
        Dossier { cause, stopped, targets, events }
    }

    async fn targets(&mut self) -> Vec<UnhealthyTarget> {
        let mut targets = Vec::new();
        for group in self.target_groups {
            match self.ecs.unhealthy_targets(group).await {
                Ok(found) => targets.extend(found),
                Err(error) => self.tell(&error, "the health of targets"),
            }
        }
        targets
    }

    async fn read_logs(&mut self, groups: &mut [(StoppedGroup, &SeenTask)]) {
        let has_exited = |(group, _): &(StoppedGroup, &SeenTask)| {
            group.containers.iter().any(|container| container.exit_code.is_some())
        };
        if self.logs == 0 || !groups.iter().any(has_exited) {
            return;
        }
        let definition = match self.ecs.describe_task_definition_raw(self.task_definition).await {
            Ok(described) => TaskDefinition::from_described(&described).ok(),
            Err(error) => {
                self.tell(&error, "the logs");
                None
            }
        };
        let Some(definition) = definition else { return };
        for (group, task) in groups.iter_mut().take(GROUPS_WITH_LOGS) {
            for shown in &mut group.containers {
                let container = task.containers.iter().find(|one| one.name == shown.name);
                let Some(log) = container.and_then(|one| LogStream::of(&definition, task, one)) else { continue };
                match self.ecs.last_lines(&log, self.logs).await {
                    Ok(lines) => shown.log = lines,
                    Err(error) => self.tell(&error, "the logs"),
                }
            }
        }
    }
}
