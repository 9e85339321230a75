//! The Scheduler's protocol: operations are told apart by method and path, and part of the input stands in the URL.

use http::Method;
use http::request::Parts;
use serde_json::Value;

/// Returns the operation of a request in the form of the JSON protocols' header, if it is one of the Scheduler.
pub(in crate::sandbox) fn target(parts: &Parts) -> Option<String> {
    name(parts)?;
    let operation = match parts.method {
        Method::GET => "GetSchedule",
        Method::PUT => "UpdateSchedule",
        Method::POST => "CreateSchedule",
        _ => return None,
    };
    Some(format!("AWSScheduler.{operation}"))
}

/// Adds to an input what stands in the URL.
pub(in crate::sandbox) fn complete(parts: &Parts, input: &mut Value) {
    let Some(name) = name(parts) else { return };
    input["Name"] = name.into();
    let query = parts.uri.query().unwrap_or_default();
    if let Some((_, group)) = url::form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == "groupName") {
        input["GroupName"] = group.into_owned().into();
    }
}

fn name(parts: &Parts) -> Option<&str> {
    parts.uri.path().strip_prefix("/schedules/").filter(|name| !name.is_empty() && !name.contains('/'))
}
