//! The documents of rules and schedules, edited as they are. Pure.

use serde_json::{Value, json};

use super::arn::{family, is_pinned};
use crate::spec::ScheduleSpec;

/// Members of GetSchedule's answer that UpdateSchedule does not take back; the name stands in its path.
const DESCRIBE_ONLY: [&str; 4] = ["Arn", "CreationDate", "LastModificationDate", "Name"];

/// What a schedule starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// The task definition's ARN; without a revision it is the family's newest at each start.
    pub(super) task_definition: String,
}

/// Returns the tasks that a schedule starts: of a rule its targets' own, of a schedule its only one.
pub(super) fn targets(schedule: &ScheduleSpec, document: &Value) -> Vec<Target> {
    let started = |parameters: &Value| {
        parameters["TaskDefinitionArn"].as_str().map(|arn| Target { task_definition: arn.to_owned() })
    };
    match schedule {
        ScheduleSpec::Rule { .. } => {
            let all = document["Targets"].as_array().into_iter().flatten();
            all.filter_map(|target| started(&target["EcsParameters"])).collect()
        }
        ScheduleSpec::Scheduler { .. } => started(&document["Target"]["EcsParameters"]).into_iter().collect(),
    }
}

/// Returns what is written so that a schedule starts a revision instead of another one of its family, and that other
/// one; `None` where nothing is to be moved.
pub(super) fn moved(schedule: &ScheduleSpec, document: &Value, to: &str) -> Option<(Value, String)> {
    match schedule {
        ScheduleSpec::Rule { bus, name } => {
            let mut changed = document["Targets"].as_array()?.clone();
            let mut from = None;
            changed.retain_mut(|target| {
                let before = set(&mut target["EcsParameters"], to);
                let is_moved = before.is_some();
                from = from.take().or(before);
                is_moved
            });
            // PutTargets changes those that it is sent and leaves the others.
            Some((json!({ "Rule": name, "EventBusName": bus, "Targets": changed }), from?))
        }
        ScheduleSpec::Scheduler { group, .. } => {
            let mut changed = document.as_object()?.clone();
            changed.retain(|name, value| !DESCRIBE_ONLY.contains(&name.as_str()) && !value.is_null());
            let from = set(changed.get_mut("Target")?.get_mut("EcsParameters")?, to)?;
            changed.insert("GroupName".to_owned(), json!(group));
            Some((Value::Object(changed), from))
        }
    }
}

fn set(parameters: &mut Value, to: &str) -> Option<String> {
    let before = parameters.get("TaskDefinitionArn")?.as_str()?.to_owned();
    if family(&before) != family(to) || !is_pinned(&before) || before == to {
        return None;
    }
    parameters["TaskDefinitionArn"] = json!(to);
    Some(before)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PREFIX: &str = "arn:aws:ecs:eu-west-1:123456789012:task-definition";

    fn arn(name: &str) -> String {
        format!("{PREFIX}/{name}")
    }

    #[test]
    fn a_rule_is_sent_only_the_targets_that_move_each_with_all_that_it_has() {
        let rule = ScheduleSpec::Rule { bus: "default".to_owned(), name: "nightly".to_owned() };
        let target = |id: &str, definition: &str| {
            json!({"Id": id, "Arn": "cluster", "Input": "{}", "newer": {"kept": [null]},
                "EcsParameters": {"TaskDefinitionArn": arn(definition), "TaskCount": 1, "Tags": []}})
        };
        let document = json!({"Targets": [
            target("ours", "shop:1"), target("theirs", "other:1"), target("open", "shop"), {"Id": "queue", "Arn": "sqs"}
        ]});
        let (sent, from) = moved(&rule, &document, &arn("shop:2")).expect("a move");
        assert_eq!(from, arn("shop:1"));
        let expect = json!({"Rule": "nightly", "EventBusName": "default", "Targets": [target("ours", "shop:2")]});
        assert_eq!(sent, expect);
        assert_eq!(targets(&rule, &document).len(), 3);
        assert_eq!(moved(&rule, &json!({"Targets": [target("ours", "shop:2")]}), &arn("shop:2")), None);
    }

    #[test]
    fn a_schedule_is_written_with_every_member_that_was_read() {
        let schedule = ScheduleSpec::Scheduler { group: "g".to_owned(), name: "report".to_owned() };
        let document = json!({
            "Name": "report", "Arn": "x", "CreationDate": 1.5, "LastModificationDate": 2.5, "GroupName": "g",
            "ScheduleExpression": "rate(1 day)", "StartDate": 1_700_000_000.5, "KmsKeyArn": null, "newer": {"kept": ""},
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": {"Arn": "cluster", "RoleArn": "r", "RetryPolicy": {"MaximumRetryAttempts": 0},
                "EcsParameters": {"TaskDefinitionArn": arn("shop:1"), "LaunchType": "FARGATE"}}
        });
        let (sent, _) = moved(&schedule, &document, &arn("shop:2")).expect("a move");
        assert_eq!(
            sent,
            json!({
                "GroupName": "g", "ScheduleExpression": "rate(1 day)", "StartDate": 1_700_000_000.5,
                "newer": {"kept": ""}, "FlexibleTimeWindow": {"Mode": "OFF"},
                "Target": {"Arn": "cluster", "RoleArn": "r", "RetryPolicy": {"MaximumRetryAttempts": 0},
                    "EcsParameters": {"TaskDefinitionArn": arn("shop:2"), "LaunchType": "FARGATE"}}
            })
        );
    }

    #[test]
    fn a_schedule_without_a_revision_always_starts_the_newest_and_stays() {
        let schedule = ScheduleSpec::Scheduler { group: "g".to_owned(), name: "report".to_owned() };
        let document = json!({"Target": {"EcsParameters": {"TaskDefinitionArn": arn("shop")}}});
        assert_eq!(moved(&schedule, &document, &arn("shop:2")), None);
    }
}
