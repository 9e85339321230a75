//! Services: made, described, updated and deleted.

use serde_json::{Value, json};

use super::arn::short;
use super::document::Service;
use super::operation::Call;
use super::standing::standing;
use super::view::{self, Shown};
use super::{cluster, start, task_definition};
use crate::sandbox::aws_json::{AwsError, Input};

/// Members of an input that have a place of their own in [`Service`], or none.
const NOT_SETTINGS: [&str; 9] = [
    "cluster",
    "service",
    "serviceName",
    "taskDefinition",
    "desiredCount",
    "clientToken",
    "forceNewDeployment",
    "tags",
    "enableExpressMode",
];

/// Settings that change without a deployment.
const AT_ONCE: [&str; 5] = [
    "deploymentConfiguration",
    "healthCheckGracePeriodSeconds",
    "enableECSManagedTags",
    "propagateTags",
    "availabilityZoneRebalancing",
];

/// `CreateService`: the service begins with a deployment of its own.
pub(super) fn create(call: &mut Call<'_>, input: Input<'_>) -> Result<Value, AwsError> {
    let name = input.required("serviceName")?.to_owned();
    let cluster = cluster::name(input).to_owned();
    let existing = cluster::find(call, input)?.services.get(&name);
    if existing.is_some_and(|service| !service.is_inactive) {
        return Err(invalid("Creation of service was not idempotent."));
    }
    let definition = task_definition::deployable(call, input.required("taskDefinition")?)?;
    let mut service = Service {
        cluster,
        name,
        is_inactive: false,
        desired: desired(input).unwrap_or(1),
        settings: settings(input),
        tags: input.list("tags").to_vec(),
        created_at: call.now,
        deployments: Vec::new(),
    };
    start::begin(call, &mut service, &definition, call.now);
    let output = view::service(&service, call.arns, call.now, Shown { tags: true, current: false });
    start::put(call, service);
    Ok(json!({ "service": output }))
}

fn desired(input: Input<'_>) -> Option<u32> {
    input.count("desiredCount").and_then(|count| u32::try_from(count).ok())
}

fn settings(input: Input<'_>) -> Value {
    let mut settings = input.0.as_object().cloned().unwrap_or_default();
    settings.retain(|key, value| !NOT_SETTINGS.contains(&key.as_str()) && !value.is_null());
    Value::Object(settings)
}

/// `DescribeServices`, of at most ten; one that is missing is a failure within the answer.
pub(super) fn describe(call: &mut Call<'_>, input: Input<'_>) -> Result<Value, AwsError> {
    let names = input.texts("services");
    if names.is_empty() || names.len() > 10 {
        return Err(invalid("Services cannot be empty, and at most 10 can be described."));
    }
    let cluster = cluster::find(call, input)?;
    let shown = Shown { tags: input.texts("include").contains(&"TAGS"), current: true };
    let (mut services, mut failures) = (Vec::new(), Vec::new());
    for name in names.into_iter().map(short) {
        match cluster.services.get(name) {
            Some(service) => services.push(view::service(service, call.arns, call.as_of, shown)),
            None => {
                let arn = call.arns.service(cluster::name(input), name);
                failures.push(json!({ "arn": arn, "reason": "MISSING" }));
            }
        }
    }
    Ok(json!({ "services": services, "failures": failures }))
}

/// `UpdateService`: members that are absent stay as they are. A deployment begins only if something changes that
/// tasks are made of, or if one is forced.
pub(super) fn update(call: &mut Call<'_>, input: Input<'_>) -> Result<Value, AwsError> {
    let found = cluster::find_service(call, input)?;
    if found.is_inactive {
        return Err(AwsError::new("ServiceNotActiveException", "Service was not ACTIVE."));
    }
    let wanted = input.text("taskDefinition").map(|name| task_definition::deployable(call, name)).transpose()?;
    let (cluster, name) = (found.cluster.clone(), found.name.clone());
    let Some(mut service) = start::take(call, &cluster, &name) else { return Err(cluster::not_found()) };
    let current = standing(&service, call.now)
        .first()
        .and_then(|primary| service.revision(primary.number))
        .map_or_else(String::new, |deployment| deployment.task_definition.clone());
    let definition = wanted.unwrap_or_else(|| current.clone());
    let is_changed = apply(&mut service, input);
    if definition != current || is_changed || input.flag("forceNewDeployment") {
        start::begin(call, &mut service, &definition, call.now);
    }
    let output = view::service(&service, call.arns, call.now, Shown::default());
    start::put(call, service);
    Ok(json!({ "service": output }))
}

/// Takes over settings, and returns whether one of them changed that needs a deployment.
fn apply(service: &mut Service, input: Input<'_>) -> bool {
    service.desired = desired(input).unwrap_or(service.desired);
    let mut is_changed = false;
    let Value::Object(changes) = settings(input) else { return false };
    for (key, value) in changes {
        if service.settings.get(&key) != Some(&value) {
            is_changed |= !AT_ONCE.contains(&key.as_str());
            service.settings[&key] = value;
        }
    }
    is_changed
}

/// `DeleteService`: the service stays as `INACTIVE`, and its name can be used again.
pub(super) fn delete(call: &mut Call<'_>, input: Input<'_>) -> Result<Value, AwsError> {
    let found = cluster::find_service(call, input)?;
    if found.desired > 0 && !input.flag("force") {
        return Err(invalid("The service cannot be stopped while it is scaled above 0."));
    }
    let (cluster, name) = (found.cluster.clone(), found.name.clone());
    let Some(mut service) = start::take(call, &cluster, &name) else { return Err(cluster::not_found()) };
    (service.is_inactive, service.desired) = (true, 0);
    let output = view::service(&service, call.arns, call.now, Shown::default());
    start::put(call, service);
    Ok(json!({ "service": output }))
}

fn invalid(message: &str) -> AwsError {
    AwsError::new("InvalidParameterException", message)
}
