//! Tasks: those that run by the counts of the time, and those that stopped in the last hour.

use serde_json::{Value, json};

use super::arn::{self, short};
use super::document::{Deployment, Service};
use super::operation::Call;
use super::rollout::StoppedTask;
use super::standing::standing;
use super::{cluster, one_off, task_definition};
use crate::sandbox::aws_json::{AwsError, Input, time, with_next_token};

/// How long a stopped task can be described, in milliseconds.
const REMEMBERED: i64 = 60 * 60 * 1000;

/// A task, before it is filtered and shown.
struct Task<'a> {
    id: String,
    service: &'a Service,
    deployment: &'a Deployment,
    status: &'static str,
    /// When it reached its status, in milliseconds.
    at: i64,
    stopped: Option<&'a StoppedTask>,
}

/// `ListTasks`.
pub(super) fn list(call: &mut Call<'_>, input: Input<'_>) -> Result<Value, AwsError> {
    let cluster = cluster::find(call, input)?;
    let wants_stopped = input.text("desiredStatus") == Some("STOPPED");
    let family = input.text("family");
    let started_by = input.text("startedBy");
    let wanted_service = input.text("serviceName").map(short);
    if wanted_service.is_some_and(|name| !cluster.services.contains_key(name)) {
        return Err(AwsError::new("ServiceNotFoundException", "Service not found."));
    }
    let services = cluster.services.values().filter(|s| wanted_service.is_none_or(|name| s.name == name));
    let arns: Vec<String> = services
        .flat_map(|service| tasks(service, call.as_of))
        .filter(|task| task.stopped.is_some() == wants_stopped)
        .filter(|task| started_by.is_none_or(|id| task.deployment.shown_id() == id))
        .filter(|task| family.is_none_or(|family| is_of_family(call, task, family)))
        .map(|task| call.arns.task(&task.service.cluster, &task.id))
        .collect();
    let arns = arns.into_iter().chain(one_off::listed(call, input)).collect();
    let (page, next) = input.page(arns, 100);
    Ok(with_next_token(json!({ "taskArns": page }), next))
}

fn is_of_family(call: &Call<'_>, task: &Task<'_>, family: &str) -> bool {
    task_definition::find(call, &task.deployment.task_definition).is_some_and(|(name, _)| name == family)
}

/// `DescribeTasks`, of at most 100.
pub(super) fn describe(call: &mut Call<'_>, input: Input<'_>) -> Result<Value, AwsError> {
    let cluster = cluster::find(call, input)?;
    let wanted = input.texts("tasks");
    if wanted.is_empty() || wanted.len() > 100 {
        return Err(AwsError::new("InvalidParameterException", "Tasks cannot be empty, and at most 100."));
    }
    let all: Vec<Task<'_>> = cluster.services.values().flat_map(|service| tasks(service, call.as_of)).collect();
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for name in wanted {
        match all.iter().find(|task| task.id == short(name)) {
            Some(task) => found.push(view(call, task)),
            None => match one_off::described(call, cluster::name(input), name) {
                Some(task) => found.push(task),
                None => {
                    let arn = call.arns.task(cluster::name(input), short(name));
                    failures.push(json!({ "arn": arn, "reason": "MISSING" }));
                }
            },
        }
    }
    Ok(json!({ "tasks": found, "failures": failures }))
}

/// Returns all tasks of a service that ECS would know of at a time.
fn tasks(service: &Service, now: i64) -> Vec<Task<'_>> {
    let mut tasks = Vec::new();
    for one in standing(service, now) {
        let Some(deployment) = service.revision(one.number) else { continue };
        for index in 0..one.running + one.pending {
            let status = if index < one.running { "RUNNING" } else { "PENDING" };
            let id = id(service, deployment, &index.to_string());
            tasks.push(Task { id, service, deployment, status, at: deployment.created_at, stopped: None });
        }
    }
    for deployment in service.visible(now) {
        for (index, step) in deployment.past(now).enumerate().filter(|(_, step)| now - step.at < REMEMBERED) {
            for (place, stopped) in step.state.stopped.iter().enumerate() {
                let id = id(service, deployment, &format!("stopped {index} {place}"));
                tasks.push(Task { id, service, deployment, status: "STOPPED", at: step.at, stopped: Some(stopped) });
            }
        }
    }
    tasks
}

fn id(service: &Service, deployment: &Deployment, place: &str) -> String {
    arn::id(&[&service.cluster, &service.name, &deployment.id, place])
}

fn view(call: &Call<'_>, task: &Task<'_>) -> Value {
    let task_arn = call.arns.task(&task.service.cluster, &task.id);
    let images = task.deployment.images.iter().enumerate();
    let containers: Vec<Value> = images.map(|(index, _)| container(task, &task_arn, index)).collect();
    let desired = if task.stopped.is_some() { "STOPPED" } else { "RUNNING" };
    let mut view = json!({
        "taskArn": task_arn,
        "clusterArn": call.arns.cluster(&task.service.cluster),
        "taskDefinitionArn": task.deployment.task_definition,
        "group": format!("service:{}", task.service.name),
        "startedBy": task.deployment.shown_id(),
        "lastStatus": task.status,
        "desiredStatus": desired,
        "launchType": "FARGATE",
        "containers": containers,
        "createdAt": time(task.deployment.created_at),
        "tags": [], "attachments": [],
    });
    if task.status == "RUNNING" {
        view["startedAt"] = time(task.at);
    }
    if let Some(stopped) = task.stopped {
        view["stoppedReason"] = json!(stopped.reason);
        view["stopCode"] = json!(stopped.stop_code);
        view["stoppedAt"] = time(task.at);
    }
    view
}

fn container(task: &Task<'_>, task_arn: &str, index: usize) -> Value {
    let image = &task.deployment.images[index];
    let mut view = json!({
        "taskArn": task_arn, "name": image.container, "image": image.image, "lastStatus": task.status,
    });
    if let Some(digest) = &image.task_digest {
        view["imageDigest"] = json!(digest);
    }
    if let (Some(stopped), 0) = (task.stopped, index) {
        if let Some(code) = stopped.exit_code {
            view["exitCode"] = json!(code);
        }
        if let Some(reason) = &stopped.container_reason {
            view["reason"] = json!(reason);
        }
    }
    view
}
