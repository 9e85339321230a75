//! Rules of EventBridge and schedules of its Scheduler, moved to the new revision.

use dockless::ground::Hint;
use dockless::sandbox::{Action, Fault, RolloutScript};
use serde_json::{Value, json};

use super::support::{Stage, chain};

const DEPLOY: &str = "  services: [web]\n  schedules: [{rule: nightly}, {scheduler: shop/report}]\n";
const PREFIX: &str = "arn:aws:ecs:us-east-1:123456789012:task-definition";

fn target(id: &str, definition: &str) -> Value {
    json!({
        "Id": id, "Arn": "arn:aws:ecs:us-east-1:123456789012:cluster/main", "RoleArn": "r", "newer": {"kept": ["", 1]},
        "EcsParameters": {"TaskDefinitionArn": format!("{PREFIX}/{definition}"), "TaskCount": 2, "LaunchType": "FARGATE"}
    })
}

fn report(definition: &str) -> Value {
    json!({
        "Name": "report", "GroupName": "shop", "ScheduleExpression": "cron(0 6 * * ? *)", "State": "DISABLED",
        "ScheduleExpressionTimezone": "Asia/Seoul", "StartDate": 1_700_000_000.5, "Description": "",
        "FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 5},
        "Target": {"Arn": "arn:aws:ecs:us-east-1:123456789012:cluster/main", "RoleArn": "r", "Input": "{}",
            "RetryPolicy": {"MaximumRetryAttempts": 0}, "newer": {"kept": ""},
            "EcsParameters": {"TaskDefinitionArn": format!("{PREFIX}/{definition}"), "LaunchType": "FARGATE"}}
    })
}

/// A service with a rule and a schedule that start its revision, and a second target of the rule that is not ours.
fn stage() -> Stage {
    let stage = Stage::new(&["web"]);
    stage.aws("events.PutRule", &json!({"Name": "nightly", "ScheduleExpression": "rate(1 day)"}));
    let targets = [target("ours", "web:1"), target("theirs", "other:7"), json!({"Id": "q", "Arn": "arn:aws:sqs:x"})];
    stage.aws("events.PutTargets", &json!({"Rule": "nightly", "Targets": targets}));
    stage.aws("scheduler.CreateSchedule", &report("web:1"));
    stage.sandbox.forget_requests();
    stage
}

fn rule_of(stage: &Stage) -> Value {
    stage.aws("events.ListTargetsByRule", &json!({"Rule": "nightly"}))["Targets"].clone()
}

fn schedule_of(stage: &Stage) -> Value {
    let mut schedule = stage.aws("scheduler.GetSchedule", &json!({"Name": "report", "GroupName": "shop"}));
    for described in ["Arn", "CreationDate", "LastModificationDate"] {
        schedule.as_object_mut().expect("an object").remove(described);
    }
    schedule
}

#[test]
fn both_are_moved_after_the_services_and_keep_every_other_member() {
    let stage = stage();
    let done = stage.deploy(DEPLOY, "new").unwrap_or_else(|error| panic!("{}", chain(&error)));
    assert_eq!(done.exit_code(), 0);
    let moved: Vec<_> = done.schedules.iter().map(|one| (one.schedule.as_str(), one.to.as_str())).collect();
    let to = format!("{PREFIX}/web:2");
    assert_eq!(moved, [("rule default/nightly", to.as_str()), ("scheduler shop/report", to.as_str())]);
    let expect = json!([target("ours", "web:2"), target("theirs", "other:7"), {"Id": "q", "Arn": "arn:aws:sqs:x"}]);
    assert_eq!(rule_of(&stage), expect);
    assert_eq!(schedule_of(&stage), report("web:2"));
    let again = stage.deploy(DEPLOY, "new").expect("a report");
    assert_eq!((again.schedules.len(), stage.count("PutTargets"), stage.count("UpdateSchedule")), (0, 1, 1));
}

#[test]
fn a_service_that_ends_badly_moves_no_schedule() {
    let stage = stage();
    stage.sandbox.script_rollout("web", RolloutScript::circuit_breaker_rollback());
    assert_eq!(stage.deploy(DEPLOY, "new").expect("a report").exit_code(), 6);
    assert_eq!((stage.count("PutTargets"), stage.count("UpdateSchedule")), (0, 0));
    assert_eq!(schedule_of(&stage), report("web:1"));
}

#[test]
fn what_cannot_be_moved_is_known_before_anything_changes() {
    let rows = [
        ("{rule: nightli}", "there is no rule `nightli`", "{rule: [BUS/]NAME}"),
        ("{scheduler: report}", "there is no schedule `default/report`", "{scheduler: [GROUP/]NAME}"),
        ("{rule: foreign}", "rule `foreign` starts no task of `web`: it starts `other:1`", "take it out"),
    ];
    for (schedule, words, hint) in rows {
        let stage = stage();
        stage.aws("events.PutRule", &json!({"Name": "foreign"}));
        stage.aws("events.PutTargets", &json!({"Rule": "foreign", "Targets": [target("a", "other:1")]}));
        let error = stage.deploy(&format!("  services: [web]\n  schedules: [{schedule}]\n"), "new").expect_err("none");
        assert!(chain(&error).contains(words), "{}", chain(&error));
        assert!(error.hint().is_some_and(|text| text.contains(hint)), "{:?}", error.hint());
        assert_eq!((error.class().exit_code(), stage.count("RegisterTaskDefinition")), (12, 0));
    }
}

#[test]
fn a_schedule_that_cannot_be_written_is_half_way() {
    for (operation, action) in [("PutTargets", "events:PutTargets"), ("UpdateSchedule", "scheduler:UpdateSchedule")] {
        let stage = stage();
        let denied = Action::AccessDenied { action: action.to_owned() };
        stage.sandbox.script(Fault::on_operation(operation, denied));
        let error = stage.deploy(DEPLOY, "new").expect_err("a refusal");
        assert_eq!(error.class().exit_code(), 7, "{}", chain(&error));
        assert!(error.to_string().contains("the services run the image"), "{error}");
        assert!(error.hint().is_some_and(|hint| hint.contains(&format!("allow `{action}`"))), "{:?}", error.hint());
        assert_eq!(stage.live("web"), "web:2");
    }
}

#[test]
fn one_that_starts_the_newest_revision_by_itself_is_left_alone() {
    let stage = Stage::new(&["web"]);
    stage.aws("scheduler.CreateSchedule", &report("web"));
    let done = stage.deploy("  services: [web]\n  schedules: [{scheduler: shop/report}]\n", "new").expect("a report");
    assert_eq!((done.exit_code(), done.schedules.len(), stage.count("UpdateSchedule")), (0, 0, 0));
}
