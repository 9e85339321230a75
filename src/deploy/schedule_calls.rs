//! The calls to EventBridge and its Scheduler, with documents as they are.

use http::Method;
use serde_json::{Value, json};

use super::api_error::ApiError;
use super::aws::Ecs;
use crate::net::{AwsCall, AwsService};
use crate::spec::ScheduleSpec;

const EVENTS: AwsService =
    AwsService { id: "EventBridge", host: "events", signing_name: "events", global_region: None };
const SCHEDULER: AwsService =
    AwsService { id: "Scheduler", host: "scheduler", signing_name: "scheduler", global_region: None };

impl Ecs {
    /// Reads a schedule: of a rule `{"Targets": [...]}`, of the Scheduler the whole schedule.
    pub(super) async fn schedule(&self, schedule: &ScheduleSpec) -> Result<Value, ApiError> {
        match schedule {
            ScheduleSpec::Rule { bus, name } => self.targets_of_rule(bus, name).await,
            ScheduleSpec::Scheduler { group, name } => {
                let path = format!("/schedules/{name}?groupName={group}");
                let call = AwsCall::rest(SCHEDULER, Method::GET, path, None);
                let answer = self.calls().send_json(&call).await;
                answer.map_err(|failure| ApiError::of_action("scheduler:GetSchedule", failure))
            }
        }
    }

    async fn targets_of_rule(&self, bus: &str, rule: &str) -> Result<Value, ApiError> {
        const ACTION: &str = "events:ListTargetsByRule";
        let (mut targets, mut token) = (Vec::new(), Value::Null);
        loop {
            let mut input = json!({ "Rule": rule, "EventBusName": bus });
            if !token.is_null() {
                input["NextToken"] = token;
            }
            let call = AwsCall::json(EVENTS, "AWSEvents.ListTargetsByRule", &input);
            let mut answer =
                self.calls().send_json(&call).await.map_err(|failure| ApiError::of_action(ACTION, failure))?;
            match answer["Targets"].take() {
                Value::Array(page) => targets.extend(page),
                _ => return Err(ApiError::malformed(ACTION, "`Targets`")),
            }
            token = answer["NextToken"].take();
            if token.is_null() {
                return Ok(json!({ "Targets": targets }));
            }
        }
    }

    /// Writes what [`super::schedule_document::moved`] made.
    pub(super) async fn put_schedule(&self, schedule: &ScheduleSpec, document: &Value) -> Result<(), ApiError> {
        match schedule {
            ScheduleSpec::Rule { .. } => {
                const ACTION: &str = "events:PutTargets";
                let call = AwsCall::json(EVENTS, "AWSEvents.PutTargets", document);
                let answer = self.calls().send_json(&call).await;
                let answer = answer.map_err(|failure| ApiError::of_action(ACTION, failure))?;
                // A target that is refused is no error of the call.
                let Some(failed) = answer["FailedEntries"].get(0) else { return Ok(()) };
                let text = |member: &str| failed[member].as_str().map(str::to_owned);
                Err(ApiError {
                    operation: ACTION,
                    code: text("ErrorCode"),
                    message: text("ErrorMessage").unwrap_or_default(),
                    http_status: Some(200),
                })
            }
            ScheduleSpec::Scheduler { name, .. } => {
                let path = format!("/schedules/{name}");
                let call = AwsCall::rest(SCHEDULER, Method::PUT, path, Some(document));
                let answer = self.calls().send(&call).await;
                answer.map(drop).map_err(|failure| ApiError::of_action("scheduler:UpdateSchedule", failure))
            }
        }
    }
}
