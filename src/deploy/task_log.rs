//! The log of a container, followed while its task runs.

use serde_json::{Value, json};

use super::api_error::ApiError;
use super::arn::last_part;
use super::aws::Ecs;
use super::task_definition::TaskDefinition;
use crate::net::{AwsCall, AwsService};

const LOGS: AwsService = AwsService { id: "CloudWatch Logs", host: "logs", signing_name: "logs", global_region: None };
/// Pages that one look reads; a container that writes faster is read on at the next one.
const PAGES_A_LOOK: usize = 10;

/// A log stream of CloudWatch, and how far it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TaskLog {
    group: String,
    stream: String,
    region: Option<String>,
    token: Option<String>,
}

impl TaskLog {
    /// Returns the log of a container by its own options; `None` where it goes elsewhere, or to a stream whose name
    /// only the machine knows.
    pub(super) fn of(definition: &TaskDefinition, container: &str, task: &str) -> Option<Self> {
        let containers = definition.document()["containerDefinitions"].as_array()?;
        let log = &containers.iter().find(|one| one["name"] == *container)?["logConfiguration"];
        let option = |name: &str| log["options"][name].as_str().filter(|text| !text.is_empty());
        if log["logDriver"] != "awslogs" {
            return None;
        }
        Some(Self {
            group: option("awslogs-group")?.to_owned(),
            // The awslogs driver under ECS: prefix, container, id of the task.
            stream: format!("{}/{container}/{}", option("awslogs-stream-prefix")?, last_part(task)),
            region: option("awslogs-region").map(str::to_owned),
            token: None,
        })
    }

    /// Returns the lines that came since the last look. A stream that does not exist yet has none.
    ///
    /// # Errors
    /// When CloudWatch refuses or cannot be reached.
    pub(super) async fn next_lines(&mut self, ecs: &Ecs) -> Result<Vec<String>, ApiError> {
        let mut lines = Vec::new();
        for _ in 0..PAGES_A_LOOK {
            let mut input = json!({ "logGroupName": self.group, "logStreamName": self.stream, "startFromHead": true });
            if let Some(token) = &self.token {
                input["nextToken"] = json!(token);
            }
            let call = AwsCall::json(LOGS, "Logs_20140328.GetLogEvents", &input).in_region(self.region.as_deref());
            let call = call.casually();
            let answer = ecs.calls().send_json(&call).await;
            let answer = answer.map_err(|failure| ApiError::of_action("logs:GetLogEvents", failure));
            let answer = match answer {
                Err(error) if error.is("ResourceNotFoundException") => return Ok(lines),
                other => other?,
            };
            let events = answer["events"].as_array().map(Vec::as_slice).unwrap_or_default();
            lines.extend(events.iter().flat_map(lines_of));
            let next = answer["nextForwardToken"].as_str().map(str::to_owned);
            let ends = next.is_none() || next == self.token || events.is_empty();
            self.token = next.or_else(|| self.token.take());
            if ends {
                break;
            }
        }
        Ok(lines)
    }
}

/// Splits a message into lines that a terminal can be given: a log may hold anything.
fn lines_of(event: &Value) -> Vec<String> {
    let message = event["message"].as_str().unwrap_or_default();
    let printable = |line: &str| line.chars().filter(|c| !c.is_control() || *c == '\t').collect();
    message.lines().map(printable).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(configuration: &Value) -> Option<TaskLog> {
        let document =
            json!({"family": "f", "containerDefinitions": [{"name": "web", "logConfiguration": configuration}]});
        let definition = TaskDefinition::from_value(document).expect("a task definition");
        TaskLog::of(&definition, "web", "arn:aws:ecs:r:1:task/main/abc")
    }

    #[test]
    fn a_stream_is_named_by_prefix_container_and_task() {
        let options = json!({"awslogs-group": "g", "awslogs-region": "eu-west-1", "awslogs-stream-prefix": "p"});
        let found = log(&json!({"logDriver": "awslogs", "options": options})).expect("a log");
        assert_eq!((found.stream.as_str(), found.region.as_deref()), ("p/web/abc", Some("eu-west-1")));
        assert_eq!(log(&json!({"logDriver": "awslogs", "options": {"awslogs-group": "g"}})), None);
        assert_eq!(log(&json!({"logDriver": "fluentd", "options": options})), None);
    }

    #[test]
    fn a_message_cannot_steer_the_terminal() {
        assert_eq!(lines_of(&json!({"message": "a\u{1b}[2J\tb\n::set-output\r\n"})), ["a[2J\tb", "::set-output"]);
    }
}
