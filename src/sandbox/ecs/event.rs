//! The events of a service, made of the steps that are past.

use serde_json::{Value, json};

use super::arn;
use super::document::{Deployment, Service};
use crate::sandbox::aws_json::time;

/// As many events as ECS shows.
const SHOWN: usize = 100;

/// Returns a service's events, newest first. An event keeps its id for ever.
pub(super) fn events(service: &Service, now: i64) -> Vec<Value> {
    let mut events = Vec::new();
    for deployment in service.visible(now) {
        for (index, step) in deployment.past(now).enumerate() {
            for (place, text) in step.state.events.iter().enumerate() {
                let id = id(service, deployment, index, place);
                events.push((
                    step.at,
                    json!({
                        "id": id, "createdAt": time(step.at), "message": fill(text, service, deployment),
                    }),
                ));
            }
        }
    }
    // Stable: events of one moment keep their order.
    events.sort_by_key(|(at, _)| *at);
    events.into_iter().rev().take(SHOWN).map(|(_, event)| event).collect()
}

fn id(service: &Service, deployment: &Deployment, index: usize, place: usize) -> String {
    let parts = [&service.cluster, &service.name, &deployment.id, &index.to_string(), &place.to_string()];
    let id = arn::id(&parts.map(String::as_str));
    format!("{}-{}-{}-{}-{}", &id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..])
}

fn fill(text: &str, service: &Service, deployment: &Deployment) -> String {
    let source = deployment.source.map_or_else(|| deployment.shown_id(), |number| format!("ecs-svc/{number}"));
    text.replace("{service}", &service.name)
        .replace("{deployment}", &deployment.shown_id())
        .replace("{source}", &source)
}
