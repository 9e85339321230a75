//! Rules of EventBridge and their targets.

use serde_json::{Value, json};

use super::Document;
use crate::sandbox::aws_json::{AwsError, Input, with_next_token};

fn key(input: Input<'_>, name: &str) -> Result<String, AwsError> {
    let bus = input.text("EventBusName").unwrap_or("default");
    let bus = bus.rsplit_once("event-bus/").map_or(bus, |(_, bus)| bus);
    let rule = input.text(name).ok_or_else(|| AwsError::new("ValidationException", format!("{name} is missing")))?;
    Ok(format!("{bus}/{rule}"))
}

fn missing(key: &str) -> AwsError {
    let (bus, rule) = key.rsplit_once('/').unwrap_or_default();
    AwsError::new("ResourceNotFoundException", format!("Rule {rule} does not exist on EventBus {bus}."))
}

/// `PutRule`: what a rule waits for is not kept.
pub(super) fn put(document: &mut Document, input: Input<'_>, place: &str) -> Result<Value, AwsError> {
    let key = key(input, "Name")?;
    document.rules.entry(key.clone()).or_default();
    Ok(json!({ "RuleArn": format!("arn:aws:events:{place}:rule/{key}") }))
}

/// `PutTargets`: those with a known id are replaced whole, the others added.
pub(super) fn put_targets(document: &mut Document, input: Input<'_>) -> Result<Value, AwsError> {
    let key = key(input, "Rule")?;
    let targets = document.rules.get_mut(&key).ok_or_else(|| missing(&key))?;
    for target in input.list("Targets") {
        match targets.iter_mut().find(|known| known["Id"] == target["Id"]) {
            Some(known) => known.clone_from(target),
            None => targets.push(target.clone()),
        }
    }
    Ok(json!({ "FailedEntryCount": 0, "FailedEntries": [] }))
}

/// `ListTargetsByRule`.
pub(super) fn list_targets(document: &Document, input: Input<'_>) -> Result<Value, AwsError> {
    let key = key(input, "Rule")?;
    let targets = document.rules.get(&key).ok_or_else(|| missing(&key))?;
    let limit = input.count("Limit").and_then(|limit| usize::try_from(limit).ok()).unwrap_or(100);
    let start = input.text("NextToken").and_then(|token| token.parse::<usize>().ok()).unwrap_or(0);
    let page: Vec<&Value> = targets.iter().skip(start).take(limit).collect();
    let end = start + page.len();
    let next = (end < targets.len()).then(|| end.to_string());
    let mut output = with_next_token(json!({ "Targets": page }), None);
    if let Some(next) = next {
        output["NextToken"] = next.into();
    }
    Ok(output)
}
