//! How deployments begin: on request, and when a script lets another client supersede one.

use std::time::Duration;

use serde_json::Value;

use super::document::{Deployment, Service, Step};
use super::operation::Call;
use super::rollout::{
    DeploymentStatus as Status, RolloutScript, RolloutState, RolloutStep, StoppedTask, breaker_trip, natural,
};
use super::standing::last_successful;
use super::{arn, images, task_definition};

/// Begins a deployment of a service at a time; one that is on its way is stopped by it.
pub(super) fn begin(call: &mut Call<'_>, service: &mut Service, task_definition: &str, at: i64) {
    let script = call.scripts.get_mut(&service.name).and_then(std::collections::VecDeque::pop_front);
    let source = last_successful(service, at);
    if let Some(running) = service.deployments.last_mut()
        && !running.state_at(at).status.is_terminal()
    {
        let state = RolloutState {
            status: Status::Stopped,
            reason: Some("Stopped by a newer service deployment.".to_owned()),
            events: Vec::new(),
            stopped: Vec::new(),
            ..running.state_at(at).clone()
        };
        running.redirect(at, vec![Step { at, state }]);
    }
    let deployment = plan(call, service, task_definition, at, source, script);
    service.deployments.push(deployment);
}

fn plan(
    call: &Call<'_>,
    service: &Service,
    task_definition: &str,
    at: i64,
    source: Option<u64>,
    script: Option<RolloutScript>,
) -> Deployment {
    let serial = service.deployments.len().to_string();
    let parts = [service.cluster.as_str(), &service.name, &serial, &service.created_at.to_string()];
    let (revision_digest, task_digest) =
        script.as_ref().map(|script| (script.revision_digest, script.task_digest)).unwrap_or_default();
    let (images, failure) = images::resolve(call, task_definition, revision_digest, task_digest);
    let superseded = script.as_ref().and_then(|script| script.superseded.clone());
    let steps = match (script, failure) {
        (Some(script), _) => script.steps,
        (None, Some(task)) => cannot_start(&task, &service.settings, source.is_some()),
        (None, None) => natural(&service.settings),
    };
    let mut id = arn::id(&parts);
    id.truncate(20);
    Deployment {
        id,
        number: arn::number(&parts),
        task_definition: task_definition.to_owned(),
        source,
        created_at: at,
        settings: service.settings.clone(),
        images,
        course: course(at, steps),
        superseded: superseded.map(|by| (later(at, by.after), by.task_definition)),
    }
}

fn cannot_start(task: &StoppedTask, settings: &Value, has_source: bool) -> Vec<RolloutStep> {
    let breaker = settings.pointer("/deploymentConfiguration/deploymentCircuitBreaker");
    let flag = |key: &str| breaker.and_then(|breaker| breaker.get(key)).and_then(Value::as_bool).unwrap_or(false);
    let event = "(service {service}) was unable to start a task. Reason: {reason}.";
    breaker_trip(task, event, flag("enable"), flag("rollback") && has_source)
}

/// Gives steps their times.
pub(super) fn timed(at: i64, steps: Vec<RolloutStep>) -> Vec<Step> {
    steps.into_iter().map(|step| Step { at: later(at, step.after), state: step.state }).collect()
}

/// Makes the course of a new deployment, which begins as pending, whatever its script says of later.
fn course(at: i64, steps: Vec<RolloutStep>) -> Vec<Step> {
    let mut course = timed(at, steps);
    if course.first().is_none_or(|step| step.at > at) {
        course.insert(0, Step { at, state: RolloutState::default() });
    }
    course
}

fn later(at: i64, after: Duration) -> i64 {
    at.saturating_add(i64::try_from(after.as_millis()).unwrap_or(i64::MAX))
}

/// Begins the deployments that scripts let other clients begin by now, and returns whether there was one.
pub(super) fn settle(call: &mut Call<'_>) -> bool {
    let mut due = Vec::new();
    for (cluster, services) in &call.document.clusters {
        for (name, service) in &services.services {
            if let Some((at, wanted)) = service.deployments.last().and_then(|newest| newest.superseded.clone())
                && at <= call.now
            {
                due.push((cluster.clone(), name.clone(), at, wanted));
            }
        }
    }
    let found = !due.is_empty();
    for (cluster, name, at, wanted) in due {
        let Some(mut service) = take(call, &cluster, &name) else { continue };
        let previous = last_successful(&service, at).and_then(|number| service.revision(number));
        let previous =
            previous.map_or_else(|| service.newest(at).task_definition.clone(), |d| d.task_definition.clone());
        let wanted = wanted.and_then(|wanted| task_definition::deployable(call, &wanted).ok()).unwrap_or(previous);
        begin(call, &mut service, &wanted, at);
        put(call, service);
    }
    found
}

/// Takes a service out of the document, so that it can be changed while the rest is read.
pub(super) fn take(call: &mut Call<'_>, cluster: &str, name: &str) -> Option<Service> {
    call.document.clusters.get_mut(cluster)?.services.remove(name)
}

/// Puts a service into the document.
pub(super) fn put(call: &mut Call<'_>, service: Service) {
    let cluster = call.document.clusters.entry(service.cluster.clone()).or_default();
    cluster.services.insert(service.name.clone(), service);
}
