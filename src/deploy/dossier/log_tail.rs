//! The last lines of a container's log, found by the container's own options.

use serde_json::{Value, json};

use super::printable;
use super::stopped_task::{SeenContainer, SeenTask};
use crate::deploy::api_error::ApiError;
use crate::deploy::arn::last_part;
use crate::deploy::aws::Ecs;
use crate::deploy::task_definition::TaskDefinition;
use crate::net::{AwsCall, AwsService};

const LOGS: AwsService = AwsService { id: "CloudWatch Logs", host: "logs", signing_name: "logs", global_region: None };

/// A log stream of CloudWatch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LogStream {
    group: String,
    stream: String,
    region: Option<String>,
}

impl LogStream {
    /// Returns where a container's log goes; `None` where it does not go to CloudWatch, or to a stream whose name is not
    /// told.
    pub(super) fn of(definition: &TaskDefinition, task: &SeenTask, container: &SeenContainer) -> Option<Self> {
        let containers = definition.document()["containerDefinitions"].as_array()?;
        let log = &containers.iter().find(|one| one["name"] == *container.name)?["logConfiguration"];
        let option = |name: &str| log["options"][name].as_str().filter(|text| !text.is_empty());
        if log["logDriver"] != "awslogs" {
            return None;
        }
        // The awslogs driver: with a prefix, prefix, container and id of the task; without one, the id of the container
        // at Docker.
        let stream = match option("awslogs-stream-prefix") {
            Some(prefix) => format!("{prefix}/{}/{}", container.name, last_part(&task.arn)),
            None => container.runtime_id.clone()?,
        };
        let region = option("awslogs-region").map(str::to_owned);
        Some(Self { group: option("awslogs-group")?.to_owned(), stream, region })
    }
}

impl Ecs {
    /// Returns the last lines of a log, oldest first; none of a stream that does not exist.
    pub(super) async fn last_lines(&self, log: &LogStream, limit: u32) -> Result<Vec<String>, ApiError> {
        let input = json!({
            "logGroupName": log.group, "logStreamName": log.stream, "limit": limit, "startFromHead": false,
        });
        let call = AwsCall::json(LOGS, "Logs_20140328.GetLogEvents", &input).in_region(log.region.as_deref());
        let answer = self.calls().send_json(&call).await;
        let answer = answer.map_err(|failure| ApiError::of_action("logs:GetLogEvents", failure));
        match answer {
            Err(error) if error.is("ResourceNotFoundException") => Ok(Vec::new()),
            other => Ok(lines(&other?, limit)),
        }
    }
}

/// An event may hold several lines; the last ones of all count.
fn lines(answer: &Value, limit: u32) -> Vec<String> {
    let events = answer["events"].as_array().map(Vec::as_slice).unwrap_or_default();
    let messages = events.iter().map(|event| event["message"].as_str().unwrap_or_default());
    let mut lines: Vec<String> = messages.flat_map(str::lines).map(printable).collect();
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    lines.split_off(lines.len().saturating_sub(limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_named_by_prefix_container_and_task_or_by_the_container_at_docker() {
        let of = |driver: &str, options: Value| {
            let log = json!({"logDriver": driver, "options": options});
            let document = json!({"family": "f", "containerDefinitions": [{"name": "web", "logConfiguration": log}]});
            let definition = TaskDefinition::from_value(document).expect("a task definition");
            let task = SeenTask { arn: "arn:aws:ecs:r:1:task/main/abc".to_owned(), ..SeenTask::default() };
            let runtime_id = Some("d0ck3r".to_owned());
            let container = SeenContainer { name: "web".to_owned(), runtime_id, ..SeenContainer::default() };
            LogStream::of(&definition, &task, &container).map(|log| (log.group, log.stream, log.region))
        };
        let with = json!({"awslogs-group": "g", "awslogs-region": "eu-west-1", "awslogs-stream-prefix": "p"});
        let found = ("g".to_owned(), "p/web/abc".to_owned(), Some("eu-west-1".to_owned()));
        assert_eq!(of("awslogs", with.clone()), Some(found));
        assert_eq!(of("awslogs", json!({"awslogs-group": "g"})), Some(("g".to_owned(), "d0ck3r".to_owned(), None)));
        assert_eq!((of("awslogs", json!({})), of("fluentd", with)), (None, None));
    }

    #[test]
    fn the_last_lines_of_all_events_are_kept_and_cannot_steer_a_terminal() {
        let answer = json!({"events": [{"message": "a\nb\n"}, {"message": "\u{1b}[2Jc\td\r"}, {"message": ""}]});
        assert_eq!(lines(&answer, 2), ["b", "[2Jc\td"]);
        assert_eq!(lines(&json!({}), 2), [""; 0]);
    }
}
