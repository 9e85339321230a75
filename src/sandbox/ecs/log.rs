//! The logs of containers, as CloudWatch Logs tells them: those that tests write, and those of one-off tasks.

use serde_json::{Value, json};

use super::operation::Call;
use crate::sandbox::aws_json::{AwsError, Input};

/// `GetLogEvents` of one stream; tokens count lines.
pub(super) fn read(call: &mut Call<'_>, input: Input<'_>) -> Result<Value, AwsError> {
    let (group, stream) = (input.required("logGroupName")?, input.required("logStreamName")?);
    let missing = || AwsError::new("ResourceNotFoundException", "The specified log stream does not exist.");
    let lines = lines(call, group, stream).ok_or_else(missing)?;
    let limit = input.count("limit").and_then(|limit| usize::try_from(limit).ok()).unwrap_or(10_000);
    let token = input.text("nextToken").and_then(|token| token.strip_prefix("f/")?.parse::<usize>().ok());
    let start = match token {
        Some(at) => at,
        None if input.flag("startFromHead") => 0,
        None => lines.len().saturating_sub(limit),
    };
    let start = start.min(lines.len());
    let end = start.saturating_add(limit).min(lines.len());
    let event = |line: &String| json!({ "timestamp": call.now, "ingestionTime": call.now, "message": line });
    let events: Vec<Value> = lines[start..end].iter().map(event).collect();
    Ok(json!({
        "events": events, "nextForwardToken": format!("f/{end}"), "nextBackwardToken": format!("b/{start}"),
    }))
}

fn lines(call: &Call<'_>, group: &str, stream: &str) -> Option<Vec<String>> {
    if let Some(lines) = call.logs.get(&(group.to_owned(), stream.to_owned())) {
        return Some(lines.clone());
    }
    // A test that does not know the id of a task yet writes for all tasks of a container: `prefix/container/*`.
    let any = stream.rsplit_once('/').map(|(container, _)| format!("{container}/*"));
    if let Some(lines) = any.and_then(|any| call.logs.get(&(group.to_owned(), any))) {
        return Some(lines.clone());
    }
    let tasks = call.document.clusters.values().flat_map(|cluster| &cluster.tasks);
    let is_it = |place: &(String, String)| (place.0.as_str(), place.1.as_str()) == (group, stream);
    let mut tasks = tasks.filter(|task| task.log_place.as_ref().is_some_and(is_it));
    // A stream exists from its first line on.
    tasks.next().map(|task| task.written(call.as_of).to_vec()).filter(|lines| !lines.is_empty())
}
