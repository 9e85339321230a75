//! A service as `DescribeServices` shows it.

use serde_json::{Map, Value, json};

use super::arn::Arns;
use super::document::Service;
use super::event::events;
use super::standing::{Standing, standing};
use crate::sandbox::aws_json::time;

/// Settings that stand in `deployments[]` and not in the service itself (deploy-side fact of the API's model).
const OF_DEPLOYMENTS: [&str; 4] =
    ["serviceConnectConfiguration", "volumeConfigurations", "vpcLatticeConfigurations", "monitoring"];

/// What of a service is shown.
#[derive(Clone, Copy, Default)]
pub(super) struct Shown {
    /// The tags.
    pub(super) tags: bool,
    /// The current service deployment and its revisions, which answers to changes leave out.
    pub(super) current: bool,
}

/// Returns the description of a service at a time.
pub(super) fn service(service: &Service, arns: &Arns, now: i64, shown: Shown) -> Value {
    let standing = standing(service, now);
    let mut view = service.settings.clone();
    let Some(members) = view.as_object_mut() else { return view };
    members.retain(|key, _| !OF_DEPLOYMENTS.contains(&key.as_str()));
    let primary = standing.first().and_then(|one| service.revision(one.number));
    let mut add = |key: &str, value: Value| members.insert(key.to_owned(), value);
    add("serviceArn", json!(arns.service(&service.cluster, &service.name)));
    add("serviceName", json!(service.name));
    add("clusterArn", json!(arns.cluster(&service.cluster)));
    add("status", json!(if service.is_inactive { "INACTIVE" } else { "ACTIVE" }));
    add("desiredCount", json!(service.desired));
    add("runningCount", json!(standing.iter().map(|one| one.running).sum::<u32>()));
    add("pendingCount", json!(standing.iter().map(|one| one.pending).sum::<u32>()));
    add("taskDefinition", json!(primary.map(|deployment| &deployment.task_definition)));
    add("createdAt", time(service.created_at));
    add("deployments", standing.iter().map(|one| deployment(service, one, now)).collect());
    add("events", json!(events(service, now)));
    if shown.tags {
        add("tags", json!(service.tags));
    }
    if shown.current {
        let newest = service.newest(now);
        add("currentServiceDeployment", json!(arns.deployment(&service.cluster, &service.name, &newest.id)));
        add("currentServiceRevisions", standing.iter().map(|one| revision(service, arns, one)).collect());
    }
    defaults(members);
    view
}

fn defaults(members: &mut Map<String, Value>) {
    for (key, value) in [
        ("loadBalancers", json!([])),
        ("serviceRegistries", json!([])),
        ("launchType", json!("FARGATE")),
        ("schedulingStrategy", json!("REPLICA")),
        ("deploymentController", json!({ "type": "ECS" })),
        ("enableECSManagedTags", json!(false)),
        ("enableExecuteCommand", json!(false)),
        ("propagateTags", json!("NONE")),
        ("placementConstraints", json!([])),
        ("placementStrategy", json!([])),
    ] {
        members.entry(key).or_insert(value);
    }
}

fn deployment(service: &Service, one: &Standing, now: i64) -> Value {
    let Some(made) = service.revision(one.number) else { return Value::Null };
    let newest = service.newest(now);
    let touched = newest.past(now).next_back().map_or(newest.created_at, |step| step.at);
    let mut view = json!({
        "id": made.shown_id(),
        "status": if one.is_primary { "PRIMARY" } else { "ACTIVE" },
        "taskDefinition": made.task_definition,
        "desiredCount": service.desired,
        "runningCount": one.running,
        "pendingCount": one.pending,
        "failedTasks": one.failures,
        "createdAt": time(made.created_at),
        "updatedAt": time(touched),
        "launchType": "FARGATE",
    });
    for key in OF_DEPLOYMENTS.iter().chain(&["networkConfiguration", "platformVersion", "launchType"]) {
        if let Some(value) = made.settings.get(*key) {
            view[*key] = value.clone();
        }
    }
    // Only rolling deployments have a rollout state.
    if is_rolling(&made.settings) {
        view["rolloutState"] = json!(one.rollout);
        view["rolloutStateReason"] = json!(reason(&made.shown_id(), one.rollout));
    }
    view
}

fn reason(id: &str, rollout: &str) -> String {
    match rollout {
        "COMPLETED" => format!("ECS deployment {id} completed."),
        "FAILED" => "ECS deployment circuit breaker: tasks failed to start.".to_owned(),
        _ => format!("ECS deployment {id} in progress."),
    }
}

/// Returns whether a service's deployments are rolling, which is what they are when nothing is said.
pub(super) fn is_rolling(settings: &Value) -> bool {
    let strategy = settings.pointer("/deploymentConfiguration/strategy").and_then(Value::as_str);
    strategy.is_none_or(|strategy| strategy == "ROLLING")
}

fn revision(service: &Service, arns: &Arns, one: &Standing) -> Value {
    json!({
        "arn": arns.revision(&service.cluster, &service.name, one.number),
        "requestedTaskCount": if one.is_primary { service.desired } else { 0 },
        "runningTaskCount": one.running,
        "pendingTaskCount": one.pending,
    })
}
