//! Stopped tasks as ECS describes them, and grouping them by what they stopped of.

use aws_sdk_ecs::types as sdk;

use super::{FailedContainer, StoppedGroup, meaning, printable};
use crate::deploy::api_error::ApiError;
use crate::deploy::arn::last_part;
use crate::deploy::aws::Ecs;

/// ECS lists and describes at most this many tasks in one call; more of them tell nothing new.
const TASKS_A_CALL: i32 = 100;

/// Tasks that ECS stops because the deployment wants fewer of them say nothing about a failure.
const WANTED_STOP: &str = "Scaling activity initiated by";

/// A task, reduced to what is looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::deploy) struct SeenTask {
    pub(in crate::deploy) arn: String,
    pub(in crate::deploy) task_definition: String,
    /// Who started it: `ecs-svc/N` for a service's.
    pub(in crate::deploy) started_by: String,
    pub(in crate::deploy) code: Option<String>,
    pub(in crate::deploy) reason: String,
    pub(in crate::deploy) containers: Vec<SeenContainer>,
}

/// A container of a task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::deploy) struct SeenContainer {
    pub(in crate::deploy) name: String,
    pub(in crate::deploy) exit_code: Option<i32>,
    pub(in crate::deploy) reason: Option<String>,
    /// The container's id at its machine's Docker, which names its log stream where there is no prefix.
    pub(in crate::deploy) runtime_id: Option<String>,
    pub(in crate::deploy) digest: Option<String>,
}

impl Ecs {
    /// Lists the newest tasks of a service: those that run, or those that stopped.
    pub(in crate::deploy) async fn list_tasks(
        &self,
        cluster: &str,
        service: &str,
        stopped: bool,
    ) -> Result<Vec<String>, ApiError> {
        let status = if stopped { sdk::DesiredStatus::Stopped } else { sdk::DesiredStatus::Running };
        let call = self.client().list_tasks().cluster(cluster).service_name(last_part(service)).desired_status(status);
        let output = call.max_results(TASKS_A_CALL).send().await;
        Ok(output.map_err(|error| ApiError::of("ListTasks", error))?.task_arns().to_vec())
    }

    /// Describes tasks; those that ECS has forgotten are left out.
    pub(in crate::deploy) async fn describe_seen_tasks(
        &self,
        cluster: &str,
        arns: &[String],
    ) -> Result<Vec<SeenTask>, ApiError> {
        if arns.is_empty() {
            return Ok(Vec::new());
        }
        let call = self.client().describe_tasks().cluster(cluster).set_tasks(Some(arns.to_vec()));
        let output = call.send().await.map_err(|error| ApiError::of("DescribeTasks", error))?;
        Ok(output.tasks().iter().map(seen).collect())
    }
}

fn seen(task: &sdk::Task) -> SeenTask {
    let owned = |text: Option<&str>| text.unwrap_or_default().to_owned();
    SeenTask {
        arn: owned(task.task_arn()),
        task_definition: owned(task.task_definition_arn()),
        started_by: owned(task.started_by()),
        code: task.stop_code().map(|code| code.as_str().to_owned()),
        reason: printable(task.stopped_reason().unwrap_or_default()),
        containers: task.containers().iter().map(container).collect(),
    }
}

fn container(container: &sdk::Container) -> SeenContainer {
    SeenContainer {
        name: container.name().unwrap_or_default().to_owned(),
        exit_code: container.exit_code(),
        reason: container.reason().map(printable),
        runtime_id: container.runtime_id().map(str::to_owned),
        digest: container.image_digest().map(str::to_owned),
    }
}

impl SeenTask {
    /// Returns whether it stopped for a reason of its own, and not because ECS wanted fewer.
    pub(super) fn failed(&self) -> bool {
        !self.reason.starts_with(WANTED_STOP)
    }

    /// Returns the containers that failed: those with words of ECS or a bad exit code; else all that exited.
    pub(super) fn failed_containers(&self) -> Vec<&SeenContainer> {
        let bad = |one: &&SeenContainer| one.reason.is_some() || one.exit_code.is_some_and(|code| code != 0);
        let failed: Vec<_> = self.containers.iter().filter(bad).collect();
        match failed.is_empty() {
            true => self.containers.iter().filter(|one| one.exit_code.is_some()).collect(),
            false => failed,
        }
    }

    /// Returns what tells this task's end from another's: reasons without what differs from task to task.
    fn end(&self) -> impl PartialEq {
        let failed = self.failed_containers();
        let exits: Vec<_> = failed.iter().map(|one| (one.name.clone(), one.exit_code)).collect();
        (common_part(&self.reason), self.code.clone(), exits)
    }
}

/// Groups tasks by their ends, the largest group first; each with the task that shows it.
pub(super) fn grouped(tasks: &[SeenTask]) -> Vec<(StoppedGroup, &SeenTask)> {
    let mut groups: Vec<(StoppedGroup, &SeenTask)> = Vec::new();
    for task in tasks.iter().filter(|task| task.failed()) {
        match groups.iter_mut().find(|(_, shown)| shown.end() == task.end()) {
            Some((group, _)) => group.count += 1,
            None => groups.push((group_of(task), task)),
        }
    }
    groups.sort_by_key(|(group, _)| std::cmp::Reverse(group.count));
    groups
}

fn group_of(task: &SeenTask) -> StoppedGroup {
    let containers = task.failed_containers().into_iter().map(|one| FailedContainer {
        name: one.name.clone(),
        exit_code: one.exit_code,
        meaning: one.exit_code.and_then(meaning),
        reason: one.reason.clone(),
        log: Vec::new(),
    });
    StoppedGroup {
        reason: task.reason.clone(),
        code: task.code.clone(),
        count: 1,
        task: last_part(&task.arn).to_owned(),
        containers: containers.collect(),
    }
}

/// Returns a reason without its numbers: ids, addresses and request ids differ, what happened does not.
fn common_part(reason: &str) -> String {
    let has_digit = |word: &&str| word.bytes().any(|byte| byte.is_ascii_digit());
    reason.split_whitespace().filter(|word| !has_digit(word)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(id: &str, reason: &str, exit_code: Option<i32>) -> SeenTask {
        let container = SeenContainer { name: "web".to_owned(), exit_code, ..SeenContainer::default() };
        SeenTask {
            arn: format!("arn:x:task/main/{id}"),
            reason: reason.to_owned(),
            containers: vec![container],
            ..SeenTask::default()
        }
    }

    #[test]
    fn tasks_group_by_their_ends_and_wanted_stops_are_left_out() {
        let tasks = [
            task("a", "Task failed ELB health checks in (target-group arn:1/2)", Some(143)),
            task("b", "Essential container in task exited", Some(1)),
            task("c", "Essential container in task exited", Some(1)),
            task("d", "Essential container in task exited", Some(137)),
            task("e", "Scaling activity initiated by (deployment ecs-svc/1)", Some(0)),
        ];
        let groups: Vec<_> = grouped(&tasks).into_iter().map(|(group, _)| (group.count, group.task)).collect();
        assert_eq!(groups, [(2, "b".to_owned()), (1, "a".to_owned()), (1, "d".to_owned())]);
    }

    #[test]
    fn ids_in_a_reason_do_not_part_a_group() {
        let pull = |id: &str| task(id, &format!("CannotPullContainerError: ref pull, request id: {id}7f"), None);
        let tasks = [pull("a"), pull("b")];
        assert_eq!(grouped(&tasks).len(), 1);
    }
}
