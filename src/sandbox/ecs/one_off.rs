//! One-off tasks: run by RunTask, moved by the clock as their script says, stopped on request.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::arn::{self, short};
use super::operation::Call;
use super::{cluster, task_definition};
use crate::sandbox::aws_json::{AwsError, Input, time};

/// How long a stopped task can be described, in milliseconds.
const REMEMBERED: i64 = 60 * 60 * 1000;

/// What the next one-off task of a family goes through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskScript {
    /// The time from its request to its start.
    pub starts_after: Duration,
    /// The time that its container runs; `None` for ever.
    pub runs_for: Option<Duration>,
    /// The exit code of the container that RunTask overrides; `None` when it never starts.
    pub exit_code: Option<i32>,
    /// Why the task stopped.
    pub stopped_reason: String,
    /// The reason of the container, such as `OutOfMemoryError`.
    pub container_reason: Option<String>,
    /// The lines that the container writes while it runs.
    pub log: Vec<String>,
    /// Why there is no place for the task, such as `RESOURCE:MEMORY`.
    pub no_place: Option<String>,
}

impl Default for TaskScript {
    fn default() -> Self {
        Self {
            starts_after: Duration::from_millis(300),
            runs_for: Some(Duration::from_millis(600)),
            exit_code: Some(0),
            stopped_reason: "Essential container in task exited".to_owned(),
            container_reason: None,
            log: Vec::new(),
            no_place: None,
        }
    }
}

impl TaskScript {
    /// The task ends by itself with this exit code.
    pub fn exits(exit_code: i32) -> Self {
        Self { exit_code: Some(exit_code), ..Self::default() }
    }

    /// The task runs until it is stopped.
    pub fn never_ends() -> Self {
        Self { runs_for: None, ..Self::default() }
    }

    /// The task cannot start.
    pub fn cannot_start(reason: &str) -> Self {
        Self {
            exit_code: None,
            runs_for: Some(Duration::ZERO),
            stopped_reason: reason.to_owned(),
            container_reason: Some(reason.to_owned()),
            ..Self::default()
        }
    }

    /// There is no place for the task.
    pub fn no_place(reason: &str) -> Self {
        Self { no_place: Some(reason.to_owned()), ..Self::default() }
    }

    /// The container writes these lines.
    #[must_use]
    pub fn logging(self, lines: &[&str]) -> Self {
        Self { log: lines.iter().map(|line| (*line).to_owned()).collect(), ..self }
    }
}

/// A one-off task.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OneOff {
    /// The last part of its ARN.
    pub(super) id: String,
    /// The ARN of its task definition.
    task_definition: String,
    family: String,
    /// The containers, each with its image; the one that runs as the script says comes first.
    containers: Vec<(String, String)>,
    started_by: Option<String>,
    client_token: Option<String>,
    launch_type: Option<String>,
    overrides: Value,
    requested_at: i64,
    started_at: i64,
    ends_at: Option<i64>,
    exit_code: Option<i32>,
    stopped_reason: String,
    container_reason: Option<String>,
    pub(super) log: Vec<String>,
    /// Where its log stands: group and stream.
    pub(super) log_place: Option<(String, String)>,
}

impl OneOff {
    fn is_over(&self, now: i64) -> bool {
        self.ends_at.is_some_and(|at| at <= now)
    }

    /// Returns the lines that are written by a time: evenly from start to end.
    pub(super) fn written(&self, now: i64) -> &[String] {
        if now < self.started_at {
            return &[];
        }
        let (all, past) = (self.log.len() as i64, now - self.started_at);
        let count = match self.ends_at {
            Some(end) if now < end => (past * all) / (end - self.started_at).max(1),
            _ => all,
        };
        &self.log[..usize::try_from(count.clamp(0, all)).unwrap_or(0)]
    }
}

/// `RunTask`, of one task.
pub(super) fn run(call: &mut Call<'_>, input: Input<'_>) -> Result<Value, AwsError> {
    let cluster = cluster::name(input).to_owned();
    cluster::find(call, input)?;
    let definition = task_definition::deployable(call, input.required("taskDefinition")?)?;
    let token = input.text("clientToken").map(str::to_owned);
    let known =
        call.document.clusters[&cluster].tasks.iter().find(|task| token.is_some() && task.client_token == token);
    if let Some(known) = known {
        return Ok(json!({ "tasks": [view(call, &cluster, known)], "failures": [] }));
    }
    check(call, input, &definition)?;
    let (family, _) = task_definition::find(call, &definition).unwrap_or_default();
    let script = call.tasks.get_mut(&family).and_then(std::collections::VecDeque::pop_front).unwrap_or_default();
    let taken = holds_ports_of_a_service(call, &cluster, &definition).then(|| "RESOURCE:PORTS".to_owned());
    if let Some(reason) = script.no_place.clone().or(taken) {
        return Ok(json!({ "tasks": [], "failures": [{ "arn": call.arns.cluster(&cluster), "reason": reason }] }));
    }
    let task = make(call, input, &cluster, (definition, family), script);
    let output = view(call, &cluster, &task);
    if let Some(cluster) = call.document.clusters.get_mut(&cluster) {
        cluster.tasks.push(task);
    }
    Ok(json!({ "tasks": [output], "failures": [] }))
}

fn check(call: &Call<'_>, input: Input<'_>, definition: &str) -> Result<(), AwsError> {
    let invalid = |message: &str| Err(AwsError::new("InvalidParameterException", message));
    let registered = task_definition::registered(call, definition);
    let member = |name: &str| registered.as_ref().and_then(|all| all.get(name));
    let is_vpc = member("networkMode").and_then(Value::as_str) == Some("awsvpc");
    if is_vpc && input.0.pointer("/networkConfiguration/awsvpcConfiguration/subnets/0").is_none() {
        return invalid("Network Configuration must be provided when networkMode 'awsvpc' is specified.");
    }
    if !is_vpc && input.0.get("networkConfiguration").is_some_and(|value| !value.is_null()) {
        return invalid("Network Configuration is not valid for the given networkMode of this task definition.");
    }
    if input.text("launchType").is_some() && !input.list("capacityProviderStrategy").is_empty() {
        return invalid("Specifying both a launch type and capacity provider strategy is not supported.");
    }
    if input
        .text("startedBy")
        .is_some_and(|id| id.len() > 128 || !id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_/".contains(&b)))
    {
        return invalid("Invalid startedBy.");
    }
    let containers = task_definition::containers(call, definition);
    let overrides = input.0.pointer("/overrides/containerOverrides").and_then(Value::as_array).into_iter().flatten();
    for name in overrides.filter_map(|one| one["name"].as_str()) {
        if !containers.iter().any(|(known, _)| known == name) {
            return invalid(&format!("Override for container named {name} is not a container in the TaskDefinition."));
        }
    }
    Ok(())
}

/// Returns whether a task would need a host port that a service's tasks hold on the only instance.
fn holds_ports_of_a_service(call: &Call<'_>, cluster: &str, definition: &str) -> bool {
    let wanted = task_definition::host_ports(call, definition);
    let services = call.document.clusters[cluster].services.values().filter(|service| service.desired > 0);
    let mut held =
        services.flat_map(|service| task_definition::host_ports(call, &service.newest(call.now).task_definition));
    held.any(|port| wanted.contains(&port))
}

fn make(
    call: &Call<'_>,
    input: Input<'_>,
    cluster: &str,
    (definition, family): (String, String),
    script: TaskScript,
) -> OneOff {
    let serial = call.document.clusters[cluster].tasks.len().to_string();
    let id = arn::id(&[cluster, "one-off", &serial, &call.now.to_string()]);
    let overridden = input.0.pointer("/overrides/containerOverrides/0/name").and_then(Value::as_str);
    let mut containers = task_definition::containers(call, &definition);
    containers.sort_by_key(|(name, _)| Some(name.as_str()) != overridden);
    let log_place = containers.first().and_then(|(name, _)| task_definition::log_place(call, &definition, name, &id));
    let after = |at: i64, time: Duration| at.saturating_add(i64::try_from(time.as_millis()).unwrap_or(i64::MAX));
    let started_at = after(call.now, script.starts_after);
    OneOff {
        id,
        task_definition: definition,
        family,
        containers,
        started_by: input.text("startedBy").map(str::to_owned),
        client_token: input.text("clientToken").map(str::to_owned),
        launch_type: input.text("launchType").map(str::to_owned),
        overrides: input.0.get("overrides").cloned().unwrap_or_default(),
        requested_at: call.now,
        started_at,
        ends_at: script.runs_for.map(|time| after(started_at, time)),
        exit_code: script.exit_code,
        stopped_reason: script.stopped_reason,
        container_reason: script.container_reason,
        log: script.log,
        log_place,
    }
}

/// `StopTask` of a one-off task; tasks of services are not stopped here.
pub(super) fn stop(call: &mut Call<'_>, input: Input<'_>) -> Result<Value, AwsError> {
    let cluster = cluster::name(input).to_owned();
    cluster::find(call, input)?;
    let (wanted, now) = (short(input.required("task")?), call.now);
    let reason = input.text("reason").unwrap_or("Task stopped by user").to_owned();
    let tasks = call.document.clusters.get_mut(&cluster).map(|cluster| &mut cluster.tasks);
    let found = tasks.and_then(|tasks| tasks.iter_mut().find(|task| task.id == wanted));
    let missing = || AwsError::new("InvalidParameterException", "The referenced task was not found.");
    let task = found.ok_or_else(missing)?;
    if !task.is_over(now) {
        // What is told to stop and does not ends by SIGKILL.
        (task.ends_at, task.exit_code) = (Some(now), task.exit_code.map(|_| 137));
        (task.stopped_reason, task.container_reason) = (reason, None);
    }
    let task = task.clone();
    Ok(json!({ "task": view(call, &cluster, &task) }))
}

/// Returns the one-off tasks that ListTasks lists.
pub(super) fn listed(call: &Call<'_>, input: Input<'_>) -> Vec<String> {
    let cluster = cluster::name(input);
    let Some(found) = call.document.clusters.get(cluster) else { return Vec::new() };
    if input.text("serviceName").is_some() {
        return Vec::new();
    }
    let wants_stopped = input.text("desiredStatus") == Some("STOPPED");
    let is_listed = |task: &&OneOff| {
        task.requested_at <= call.as_of
            && task.is_over(call.as_of) == wants_stopped
            && is_remembered(task, call.as_of)
            && input.text("family").is_none_or(|family| task.family == family)
            && input.text("startedBy").is_none_or(|id| task.started_by.as_deref() == Some(id))
    };
    found.tasks.iter().filter(is_listed).map(|task| call.arns.task(cluster, &task.id)).collect()
}

fn is_remembered(task: &OneOff, now: i64) -> bool {
    task.ends_at.is_none_or(|at| now - at < REMEMBERED)
}

/// Describes a one-off task that ECS knows of at the time that reads show.
pub(super) fn described(call: &Call<'_>, cluster: &str, name: &str) -> Option<Value> {
    let tasks = &call.document.clusters.get(cluster)?.tasks;
    let task = tasks.iter().find(|task| task.id == short(name))?;
    (task.requested_at <= call.as_of && is_remembered(task, call.as_of)).then(|| view(call, cluster, task))
}

fn view(call: &Call<'_>, cluster: &str, task: &OneOff) -> Value {
    let (now, task_arn) = (call.as_of.max(task.requested_at), call.arns.task(cluster, &task.id));
    let status = if task.is_over(now) {
        "STOPPED"
    } else if task.started_at <= now {
        "RUNNING"
    } else {
        "PROVISIONING"
    };
    let containers = task.containers.iter().enumerate().map(|(index, (name, image))| {
        let mut container = json!({ "taskArn": task_arn, "name": name, "image": image, "lastStatus": status });
        if status == "STOPPED" {
            // What runs beside it is ended with it.
            let code = if index == 0 { task.exit_code } else { task.exit_code.map(|_| 0) };
            container["exitCode"] = json!(code);
            if index == 0 {
                container["reason"] = json!(task.container_reason);
            }
        }
        container.as_object_mut().into_iter().for_each(|members| members.retain(|_, value| !value.is_null()));
        container
    });
    let mut view = json!({
        "taskArn": task_arn,
        "clusterArn": call.arns.cluster(cluster),
        "taskDefinitionArn": task.task_definition,
        "group": format!("family:{}", task.family),
        "startedBy": task.started_by,
        "launchType": task.launch_type,
        "lastStatus": status,
        "desiredStatus": if status == "STOPPED" { "STOPPED" } else { "RUNNING" },
        "containers": containers.collect::<Vec<_>>(),
        "overrides": task.overrides,
        "createdAt": time(task.requested_at),
        "tags": [], "attachments": [],
    });
    if status == "STOPPED" {
        view["stoppedReason"] = json!(task.stopped_reason);
        view["stopCode"] =
            json!(if task.exit_code.is_some() { "EssentialContainerExited" } else { "TaskFailedToStart" });
        view["stoppedAt"] = task.ends_at.map_or(Value::Null, time);
    }
    view.as_object_mut().into_iter().for_each(|members| members.retain(|_, value| !value.is_null()));
    view
}
