//! One-off tasks of the new revision that come before any service changes.

use std::time::Duration;

use serde::Serialize;

use super::api_error::ApiError;
use super::arn::last_part;
use super::aws::Ecs;
use super::before_error::BeforeError;
use super::diff::diff;
use super::error::Place;
use super::one_off::{OneOffTask, RunTask, Started};
use super::options::DeployOptions;
use super::plan::Revision;
use super::task_definition::TaskDefinition;
use super::task_log::TaskLog;
use super::timing::Pauses;
use crate::event::Event;
use crate::ground::{Hint, Timestamp};
use crate::spec::BeforeSpec;

/// The longest pause between two looks at a task: its log is read along.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// For this long ECS may not know a task that it started.
const UNKNOWN: Duration = Duration::from_secs(60);
/// After its end a log is looked at once more: the last lines come late.
const LOG_DELAY: Duration = Duration::from_secs(2);

/// A task of a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct BeforeRun {
    /// What the build file says of it.
    pub spec: BeforeSpec,
    /// The service whose revision it runs.
    pub service: String,
    /// The container whose exit code decides.
    pub container: String,
    /// The revision.
    pub revision: Revision,
    /// What the revision holds.
    pub definition: TaskDefinition,
    /// The revision that is run instead, where a second task of the service's own would find its host ports taken.
    pub own: Option<TaskDefinition>,
}

impl std::fmt::Display for BeforeRun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "run `{}` in container `{}`", self.spec.name, self.container)?;
        if let Some(command) = &self.spec.command {
            write!(f, ": {}", command.join(" "))?;
        }
        match &self.own {
            Some(own) => write!(f, " (as `{}`, without port mappings)", own.family()),
            None => Ok(()),
        }
    }
}

/// A task that ended well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BeforeReport {
    /// Its name in the build file.
    pub name: String,
    /// The task's ARN.
    pub task_arn: String,
    /// The exit code of its container.
    pub exit_code: i32,
    /// How long it took, in milliseconds.
    pub millis: u64,
}

/// Runs the tasks of a plan.
pub(super) struct Runner<'a> {
    pub(super) ecs: &'a Ecs,
    pub(super) place: &'a Place,
    pub(super) options: &'a DeployOptions,
}

/// A task that runs.
struct Watched<'a> {
    run: &'a BeforeRun,
    arn: String,
    started: Timestamp,
    log: Option<TaskLog>,
    pauses: Pauses,
}

impl Runner<'_> {
    /// Runs a task to the end of its container.
    ///
    /// # Errors
    /// When it cannot be started, does not end in time, or ends with anything but 0.
    pub(super) async fn run(&self, run: &BeforeRun, task_definition: &str) -> Result<BeforeReport, BeforeError> {
        let name = &run.spec.name;
        let cluster = &self.place.cluster;
        let refused = |source: ApiError| BeforeError::Start { task: name.clone(), source: source.into() };
        let placement = self.ecs.placement(cluster, &run.service).await.map_err(refused)?;
        let started_by = format!("dockless-{:x}-{:x}", self.options.jitter_seed, self.options.clock.now().millis());
        let request = RunTask {
            cluster,
            task_definition,
            placement: placement.stated(run.spec.network.as_ref(), run.spec.capacity.as_ref()),
            container: &run.container,
            command: run.spec.command.as_deref(),
            env: &run.spec.env,
            started_by: &started_by,
        };
        self.options.running.begin(&started_by, self.ecs, cluster);
        let answer = self.ecs.run_task(&request).await;
        let ended = match answer {
            Ok(Started::Task(arn)) => {
                self.options.running.named(&started_by, &arn);
                self.watch(run, arn).await
            }
            Ok(Started::NoPlace(words)) => Err(BeforeError::NoPlace { task: name.clone(), words }),
            Err(error) => match self.lost(&error, &started_by).await {
                Some(arn) => self.watch(run, arn).await,
                None => Err(refused(error)),
            },
        };
        self.options.running.end(&started_by);
        ended
    }

    /// Returns the revision of its own that a task runs: the newest of that family if it is equal, else a new one.
    pub(super) async fn own_revision(&self, run: &BeforeRun, own: &TaskDefinition) -> Result<String, BeforeError> {
        let start = |source: ApiError| BeforeError::Start { task: run.spec.name.clone(), source: source.into() };
        if let Ok(newest) = self.ecs.describe_task_definition_raw(own.family()).await
            && let Some(arn) = newest.definition["taskDefinitionArn"].as_str()
            && TaskDefinition::from_described(&newest).is_ok_and(|newest| diff(&newest, own).is_empty())
        {
            return Ok(arn.to_owned());
        }
        let arn = self.ecs.register_raw(own.document()).await.map_err(start)?;
        self.options.observer.observe(Event::TaskDefinitionRegistered { arn: arn.clone() });
        Ok(arn)
    }

    /// Finds a task that may have started although its answer was lost.
    async fn lost(&self, error: &ApiError, started_by: &str) -> Option<String> {
        if error.is_refusal() {
            return None;
        }
        self.ecs.tasks_started_by(&self.place.cluster, started_by).await.ok()?.into_iter().next()
    }

    async fn watch(&self, run: &BeforeRun, arn: String) -> Result<BeforeReport, BeforeError> {
        let (name, revision) = (&run.spec.name, run.own.as_ref().unwrap_or(&run.definition));
        self.options.note(format!("task `{name}` started: `{}`", last_part(&arn)));
        let log = TaskLog::of(revision, &run.container, &arn);
        if log.is_none() {
            self.options.note(format!("the log of task `{name}` is not in CloudWatch Logs under a known name"));
        }
        let (started, pauses) = (self.options.clock.now(), Pauses::new(self.options.jitter_seed));
        let mut watched = Watched { run, arn, started, log, pauses };
        let ended = self.follow(&mut watched).await;
        self.options.clock.sleep(LOG_DELAY).await;
        self.tell_log(&mut watched).await;
        let exit_code = ended?;
        let millis = u64::try_from(self.options.clock.now().since(watched.started).as_millis()).unwrap_or(u64::MAX);
        Ok(BeforeReport { name: name.clone(), task_arn: watched.arn, exit_code, millis })
    }

    /// Looks at a task until its container ended, and returns the exit code, which is 0.
    async fn follow(&self, watched: &mut Watched<'_>) -> Result<i32, BeforeError> {
        let spec = &watched.run.spec;
        loop {
            let seen = self.ecs.task(&self.place.cluster, &watched.arn).await;
            self.tell_log(watched).await;
            let waited = self.options.clock.now().since(watched.started);
            match seen {
                Ok(Some(task)) => {
                    if let Some(end) = end_of(&task, &watched.run.container) {
                        self.stop_rest(&task).await;
                        return end.map_err(|why| watched.failed(why));
                    }
                }
                Ok(None) if waited > UNKNOWN => {
                    return Err(watched.failed("ECS does not know it any more".to_owned()));
                }
                Err(source) if source.is_denied() => {
                    let reason = "dockless: it cannot be watched";
                    let _ = self.ecs.stop_task(&self.place.cluster, &watched.arn, reason).await;
                    return Err(BeforeError::Unwatched { task: spec.name.clone(), source: source.into() });
                }
                // One look that fails says nothing about the task.
                Ok(None) | Err(_) => {}
            }
            if waited >= spec.timeout {
                return Err(self.give_up(watched, waited).await);
            }
            let pause = watched.pauses.next_pause().min(LONGEST_PAUSE).min(spec.timeout - waited);
            self.options.clock.sleep(pause).await;
        }
    }

    /// Ends what runs on beside a container that is done.
    async fn stop_rest(&self, task: &OneOffTask) {
        if task.status != "STOPPED" {
            // It is done for us: a refusal only leaves the rest running, and is told.
            let stopped = self.ecs.stop_task(&self.place.cluster, &task.arn, "its container is done").await;
            if let Err(error) = stopped {
                self.options.warn(format!("task `{}` may run on: {error}", last_part(&task.arn)), error.hint());
            }
        }
    }

    async fn give_up(&self, watched: &Watched<'_>, waited: Duration) -> BeforeError {
        let reason = format!("dockless: no end after {} s", waited.as_secs());
        let stopped = self.ecs.stop_task(&self.place.cluster, &watched.arn, &reason).await;
        let task = watched.run.spec.name.clone();
        BeforeError::Timeout {
            task,
            waited_s: waited.as_secs(),
            arn: watched.arn.clone(),
            still_runs: stopped.is_err(),
        }
    }

    async fn tell_log(&self, watched: &mut Watched<'_>) {
        let Some(log) = &mut watched.log else { return };
        let name = &watched.run.spec.name;
        match log.next_lines(self.ecs).await {
            Ok(lines) => {
                for line in lines {
                    self.options.observer.observe(Event::TaskLog { task: name.clone(), line });
                }
            }
            Err(error) => {
                self.options.warn(format!("the log of task `{name}` cannot be shown: {error}"), error.hint());
                watched.log = None;
            }
        }
    }
}

impl Watched<'_> {
    fn failed(&self, why: String) -> BeforeError {
        let task = self.run.spec.name.clone();
        BeforeError::Failed { task, why, arn: self.arn.clone(), shown: self.log.is_some() }
    }
}

/// Returns how a container ended: 0, or why it counts as failed; `None` while it has not.
fn end_of(task: &OneOffTask, container: &str) -> Option<Result<i32, String>> {
    let found = task.containers.iter().find(|one| one.name == container);
    let reason = || {
        let own = found.and_then(|one| one.reason.clone());
        let all: Vec<String> = own.into_iter().chain(task.stopped_reason.clone()).collect();
        all.join("; ")
    };
    match found.and_then(|one| one.exit_code) {
        Some(0) => Some(Ok(0)),
        Some(code) => {
            let meaning = meaning(code).map(|words| format!(" ({words})")).unwrap_or_default();
            let reason = Some(reason()).filter(|reason| !reason.is_empty());
            let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
            Some(Err(format!("container `{container}` ended with {code}{meaning}{reason}")))
        }
        None if task.status == "STOPPED" => {
            let others = task.containers.iter().filter(|one| one.name != container);
            let others = others.filter_map(|one| Some(format!("`{}`: {}", one.name, one.reason.as_ref()?)));
            let words: Vec<String> = Some(reason()).filter(|text| !text.is_empty()).into_iter().chain(others).collect();
            Some(Err(format!("container `{container}` never ended by itself: {}", words.join("; "))))
        }
        None => None,
    }
}

/// Says what an exit code stands for that is not the program's own.
fn meaning(code: i32) -> Option<&'static str> {
    match code {
        125 => Some("the runtime could not start it"),
        126 => Some("its command cannot be executed"),
        127 => Some("its command was not found"),
        134 => Some("aborted"),
        137 => Some("killed: out of memory, or it did not stop in time"),
        139 => Some("segmentation fault"),
        143 => Some("terminated"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::one_off::TaskContainer;
    use super::*;

    #[test]
    fn the_end_of_a_task_is_that_of_the_named_container() {
        let container = |name: &str, exit_code, reason: Option<&str>| TaskContainer {
            name: name.to_owned(),
            exit_code,
            reason: reason.map(str::to_owned),
        };
        let task = |status: &str, containers| OneOffTask {
            status: status.to_owned(),
            stopped_reason: Some("Essential container in task exited".to_owned()),
            containers,
            ..OneOffTask::default()
        };
        let rows = [
            (task("RUNNING", vec![container("web", None, None)]), "None"),
            (task("RUNNING", vec![container("web", Some(0), None), container("proxy", None, None)]), "Some(Ok(0))"),
            (
                task(
                    "STOPPED",
                    vec![container("proxy", Some(0), None), container("web", Some(137), Some("OutOfMemoryError"))],
                ),
                "Some(Err(\"container `web` ended with 137 (killed: out of memory, or it did not stop in time): \
                 OutOfMemoryError; Essential container in task exited\"))",
            ),
            (
                task("STOPPED", vec![container("proxy", Some(1), Some("crash")), container("web", None, None)]),
                "Some(Err(\"container `web` never ended by itself: Essential container in task exited; `proxy`: crash\"))",
            ),
        ];
        for (task, expect) in rows {
            assert_eq!(format!("{:?}", end_of(&task, "web")), expect);
        }
    }
}
