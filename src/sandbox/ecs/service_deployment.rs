//! Service deployments: listed, described, stopped and continued.

use serde_json::{Value, json};

use super::document::{Deployment, Service};
use super::operation::Call;
use super::rollout::{DeploymentStatus as Status, RolloutState, TrafficWeights, natural, requested_rollback};
use super::view::is_rolling;
use super::{cluster, start};
use crate::sandbox::aws_json::{AwsError, Input, time, with_next_token};

/// `ListServiceDeployments`: newest first.
pub(super) fn list(call: &mut Call<'_>, input: Input<'_>) -> Result<Value, AwsError> {
    let service = cluster::find_service(call, input)?;
    let statuses: Vec<Value> = input.list("status").to_vec();
    let bound = |key: &str| input.0.pointer(&format!("/createdAt/{key}")).and_then(Value::as_f64);
    let (after, before) = (bound("after"), bound("before"));
    let listed = service.visible(call.as_of).iter().rev().filter(|deployment| {
        let created = time(deployment.created_at).as_f64().unwrap_or_default();
        let status = json!(deployment.state_at(call.as_of).status);
        (statuses.is_empty() || statuses.contains(&status))
            && after.is_none_or(|after| created > after)
            && before.is_none_or(|before| created < before)
    });
    let briefs: Vec<Value> = listed.map(|deployment| brief(call, service, deployment)).collect();
    let (page, next) = input.page(briefs, 20);
    Ok(with_next_token(json!({ "serviceDeployments": page }), next))
}

fn brief(call: &Call<'_>, service: &Service, deployment: &Deployment) -> Value {
    let mut view = common(call, service, deployment);
    view["targetServiceRevisionArn"] = json!(call.arns.revision(&service.cluster, &service.name, deployment.number));
    view
}

fn common(call: &Call<'_>, service: &Service, deployment: &Deployment) -> Value {
    let now = call.as_of;
    let state = deployment.state_at(now);
    let mut view = json!({
        "serviceDeploymentArn": call.arns.deployment(&service.cluster, &service.name, &deployment.id),
        "serviceArn": call.arns.service(&service.cluster, &service.name),
        "clusterArn": call.arns.cluster(&service.cluster),
        "createdAt": time(deployment.created_at),
        "status": state.status,
    });
    let mut add = |key: &str, at: Option<i64>| {
        if let Some(at) = at {
            view[key] = time(at);
        }
    };
    add("startedAt", deployment.first(now, |state| state.status != Status::Pending));
    add("finishedAt", deployment.first(now, |state| state.status.is_terminal()));
    if let Some(reason) = &state.reason {
        view["statusReason"] = json!(reason);
    }
    view
}

/// `DescribeServiceDeployments`, of at most 20.
pub(super) fn describe(call: &mut Call<'_>, input: Input<'_>) -> Result<Value, AwsError> {
    let arns = input.texts("serviceDeploymentArns");
    if arns.is_empty() || arns.len() > 20 {
        return Err(AwsError::new("InvalidParameterException", "serviceDeploymentArns must have 1 to 20 members"));
    }
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for arn in arns {
        match find(call, arn, call.as_of) {
            Some((service, deployment)) => found.push(view(call, service, deployment)),
            None => failures.push(json!({ "arn": arn, "reason": "MISSING" })),
        }
    }
    Ok(json!({ "serviceDeployments": found, "failures": failures }))
}

/// Finds a deployment by its ARN.
fn find<'c>(call: &'c Call<'_>, arn: &str, now: i64) -> Option<(&'c Service, &'c Deployment)> {
    let mut parts = arn.strip_prefix("arn:")?.rsplit('/');
    let (id, name, cluster) = (parts.next()?, parts.next()?, parts.next()?);
    let service = call.document.clusters.get(cluster)?.services.get(name)?;
    let deployment = service.visible(now).iter().find(|deployment| deployment.id == id)?;
    (call.arns.deployment(cluster, name, id) == arn).then_some((service, deployment))
}

fn view(call: &Call<'_>, service: &Service, deployment: &Deployment) -> Value {
    let now = call.as_of;
    let state = deployment.state_at(now);
    let mut view = common(call, service, deployment);
    let touched = deployment.past(now).next_back().map_or(deployment.created_at, |step| step.at);
    view["updatedAt"] = time(touched);
    if let Some(at) = deployment.first(now, |state| state.status == Status::Stopped) {
        view["stoppedAt"] = time(at);
    }
    view["targetServiceRevision"] = summary(call, service, deployment.number, state, true);
    let source = deployment.source.map(|number| summary(call, service, number, state, false));
    view["sourceServiceRevisions"] = json!(source.into_iter().collect::<Vec<_>>());
    if let Some(stage) = state.stage {
        view["lifecycleStage"] = json!(stage);
    }
    if let Some(configuration) = deployment.settings.get("deploymentConfiguration") {
        view["deploymentConfiguration"] = configuration.clone();
    }
    if let Some(hook) = &state.hook {
        let (status, action) = ("AWAITING_ACTION", "ROLLBACK");
        view["lifecycleHookDetails"] =
            json!([{ "hookId": hook, "targetType": "PAUSE", "status": status, "timeoutAction": action }]);
    }
    monitors(&mut view, deployment, state);
    let rollback = deployment.first(now, |state| state.status.is_rollback());
    if let (Some(at), Some(source)) = (rollback, deployment.source) {
        let arn = call.arns.revision(&service.cluster, &service.name, source);
        view["rollback"] = json!({ "reason": state.reason, "startedAt": time(at), "serviceRevisionArn": arn });
    }
    view
}

/// Adds the circuit breaker and the alarms.
fn monitors(view: &mut Value, deployment: &Deployment, state: &RolloutState) {
    let configuration = deployment.settings.get("deploymentConfiguration");
    let is_enabled = |path: &str| configuration.and_then(|c| c.pointer(path)).and_then(Value::as_bool) == Some(true);
    let tripped = state.status.is_rollback() || state.status == Status::Stopped;
    let monitor = |is_enabled: bool, triggered: bool| match (is_enabled, triggered) {
        (false, _) => "DISABLED",
        (true, true) => "TRIGGERED",
        (true, false) if state.status.is_terminal() => "MONITORING_COMPLETE",
        (true, false) => "MONITORING",
    };
    if is_rolling(&deployment.settings) {
        let status = monitor(is_enabled("/deploymentCircuitBreaker/enable"), tripped && state.failures > 0);
        view["deploymentCircuitBreaker"] = json!({ "status": status, "failureCount": state.failures, "threshold": 3 });
    }
    if let Some(names) = configuration.and_then(|c| c.pointer("/alarms/alarmNames")) {
        let status = monitor(is_enabled("/alarms/enable"), !state.alarms.is_empty());
        view["alarms"] = json!({ "status": status, "alarmNames": names, "triggeredAlarmNames": state.alarms });
    }
}

fn summary(call: &Call<'_>, service: &Service, number: u64, state: &RolloutState, is_target: bool) -> Value {
    let counts = if is_target { state.target } else { state.source };
    let is_wanted = is_target != state.status.is_rollback();
    let mut view = json!({
        "arn": call.arns.revision(&service.cluster, &service.name, number),
        "requestedTaskCount": if is_wanted { service.desired } else { 0 },
        "runningTaskCount": counts.running.of(service.desired),
        "pendingTaskCount": counts.pending.of(service.desired),
    });
    if let Some(TrafficWeights { production, test }) = state.weights {
        let share = |percent: u32| f64::from(if is_target { percent } else { 100_u32.saturating_sub(percent) });
        view["requestedProductionTrafficWeight"] = json!(share(production));
        view["requestedTestTrafficWeight"] = json!(share(test));
    }
    view
}

/// `StopServiceDeployment`: the only type that works is the rollback.
pub(super) fn stop(call: &mut Call<'_>, input: Input<'_>) -> Result<Value, AwsError> {
    if input.text("stopType").is_some_and(|kind| kind != "ROLLBACK") {
        return Err(AwsError::new("InvalidParameterException", "Only the stop type ROLLBACK is supported."));
    }
    redirect(call, input, |state, _| match state.status {
        status if status.is_terminal() => {
            Err(AwsError::new("ConflictException", "The service deployment is in a terminal state."))
        }
        // A rollback that is on its way stays on its way.
        Status::RollbackRequested | Status::RollbackInProgress => Ok(None),
        _ => Ok(Some(requested_rollback(state))),
    })
}

/// `ContinueServiceDeployment`: answers a pause hook.
pub(super) fn go_on(call: &mut Call<'_>, input: Input<'_>) -> Result<Value, AwsError> {
    let hook = input.required("hookId")?;
    redirect(call, input, |state, settings| {
        if state.hook.as_deref() != Some(hook) {
            return Err(AwsError::new("InvalidParameterException", "The hook does not wait for an action."));
        }
        match input.text("action") {
            Some("ROLLBACK") => Ok(Some(requested_rollback(state))),
            _ => Ok(Some(natural(settings).into_iter().skip(2).collect())),
        }
    })
}

/// Gives a deployment another course from now on.
fn redirect(
    call: &mut Call<'_>,
    input: Input<'_>,
    course: impl FnOnce(&RolloutState, &Value) -> Result<Option<Vec<super::rollout::RolloutStep>>, AwsError>,
) -> Result<Value, AwsError> {
    let arn = input.required("serviceDeploymentArn")?;
    let missing = || AwsError::new("ServiceDeploymentNotFoundException", "The service deployment was not found.");
    let (service, deployment) = find(call, arn, call.now).ok_or_else(missing)?;
    let steps = course(deployment.state_at(call.now), &deployment.settings)?;
    let (cluster, name, id) = (service.cluster.clone(), service.name.clone(), deployment.id.clone());
    if let Some(steps) = steps
        && let Some(mut service) = start::take(call, &cluster, &name)
    {
        let now = call.now;
        if let Some(deployment) = service.deployments.iter_mut().find(|deployment| deployment.id == id) {
            let steps = start::timed(now, steps);
            deployment.redirect(now, steps);
        }
        start::put(call, service);
    }
    Ok(json!({ "serviceDeploymentArn": arn }))
}
