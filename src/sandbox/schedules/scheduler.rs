//! Schedules of EventBridge Scheduler.

use serde_json::{Value, json};

use super::Document;
use crate::sandbox::aws_json::{AwsError, Input, time};

/// Members that UpdateSchedule and CreateSchedule take (EventBridge Scheduler API reference); anything else is refused
/// here, so that what is only described never comes back.
const TAKEN: [&str; 13] = [
    "ActionAfterCompletion",
    "ClientToken",
    "Description",
    "EndDate",
    "FlexibleTimeWindow",
    "GroupName",
    "KmsKeyArn",
    "Name",
    "ScheduleExpression",
    "ScheduleExpressionTimezone",
    "StartDate",
    "State",
    "Target",
];

fn key(input: Input<'_>) -> String {
    format!("{}/{}", input.text("GroupName").unwrap_or("default"), input.text("Name").unwrap_or_default())
}

fn missing(input: Input<'_>) -> AwsError {
    let name = input.text("Name").unwrap_or_default();
    AwsError::new("ResourceNotFoundException", format!("Schedule {name} does not exist."))
        .with_status(http::StatusCode::NOT_FOUND)
}

fn check(input: Input<'_>) -> Result<(), AwsError> {
    let members = input.0.as_object().into_iter().flatten();
    let unknown = members.map(|(name, _)| name).find(|name| !TAKEN.contains(&name.as_str()) && !name.starts_with("X-"));
    let absent =
        ["ScheduleExpression", "FlexibleTimeWindow", "Target"].into_iter().find(|name| input.0[*name].is_null());
    match (unknown, absent) {
        (Some(name), _) => Err(AwsError::new("ValidationException", format!("unexpected member {name}"))),
        (_, Some(name)) => Err(AwsError::new("ValidationException", format!("member {name} is missing"))),
        _ => Ok(()),
    }
}

/// `CreateSchedule`.
pub(super) fn create(document: &mut Document, input: Input<'_>, place: &str, now: i64) -> Result<Value, AwsError> {
    check(input)?;
    let mut schedule = input.0.clone();
    schedule["CreationDate"] = time(now);
    keep(document, input, place, schedule, now)
}

/// `UpdateSchedule`: all that is not repeated is gone.
pub(super) fn update(document: &mut Document, input: Input<'_>, place: &str, now: i64) -> Result<Value, AwsError> {
    check(input)?;
    let known = document.schedules.get(&key(input)).ok_or_else(|| missing(input))?;
    let mut schedule = input.0.clone();
    schedule["CreationDate"] = known["CreationDate"].clone();
    keep(document, input, place, schedule, now)
}

fn keep(
    document: &mut Document,
    input: Input<'_>,
    place: &str,
    mut schedule: Value,
    now: i64,
) -> Result<Value, AwsError> {
    let arn = format!("arn:aws:scheduler:{place}:schedule/{}", key(input));
    schedule["GroupName"] = input.text("GroupName").unwrap_or("default").into();
    schedule["Arn"] = arn.clone().into();
    schedule["LastModificationDate"] = time(now);
    document.schedules.insert(key(input), schedule);
    Ok(json!({ "ScheduleArn": arn }))
}

/// `GetSchedule`.
pub(super) fn find(document: &Document, input: Input<'_>) -> Result<Value, AwsError> {
    document.schedules.get(&key(input)).cloned().ok_or_else(|| missing(input))
}
