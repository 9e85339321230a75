//! One-off tasks before any service changes.

use std::time::Duration;

use dockless::deploy::DeployError;
use dockless::ground::Hint;
use dockless::sandbox::{Action, Fault, Reset, TaskScript};
use serde_json::json;

use super::support::{Stage, chain, definition, target};

const MIGRATE: &str = "  services: [web]\n  before:\n    - {name: migrate, command: [php, artisan, migrate, --force], \
                       env: {STEP: 1}, timeout: 10m}\n";

#[test]
fn a_task_runs_the_new_revision_where_the_service_runs_and_its_log_is_told() {
    let stage = Stage::new(&["web"]);
    stage.sandbox.script_task("web", TaskScript::exits(0).logging(&["migrating", "done"]));
    let report = stage.deploy(MIGRATE, "new").expect("a report");
    assert_eq!((report.exit_code(), report.before[0].exit_code, report.before[0].name.as_str()), (0, 0, "migrate"));
    let sent = &stage.sent("RunTask")[0];
    assert!(sent["taskDefinition"].as_str().is_some_and(|arn| arn.ends_with("/web:2")), "{sent}");
    assert_eq!((&sent["launchType"], &sent["count"]), (&json!("FARGATE"), &json!(1)));
    let vpc = &sent["networkConfiguration"]["awsvpcConfiguration"];
    assert_eq!((&vpc["subnets"], &vpc["securityGroups"]), (&json!(["subnet-1"]), &json!(["sg-1"])));
    assert_eq!(
        sent["overrides"]["containerOverrides"],
        json!([{
            "name": "web", "command": ["php", "artisan", "migrate", "--force"],
            "environment": [{"name": "STEP", "value": "1"}]
        }])
    );
    let operations: Vec<String> =
        stage.sandbox.requests().into_iter().filter_map(|request| request.operation).collect();
    let at = |name: &str| operations.iter().position(|operation| operation == name);
    assert!(at("RegisterTaskDefinition") < at("RunTask") && at("RunTask") < at("UpdateService"), "{operations:?}");
    let words = stage.words();
    assert!(words.contains("migrate: migrating\nmigrate: done"), "{words}");
    assert!(stage.running.is_empty());
}

#[test]
fn a_task_that_fails_changes_no_service_and_its_revision_is_taken_back() {
    let rows = [
        (TaskScript::exits(3).logging(&["no such table"]), "container `web` ended with 3", "its log stands above"),
        (TaskScript::exits(137), "ended with 137 (killed", "its log stands above"),
        (
            TaskScript::cannot_start("CannotPullContainerError: x"),
            "never ended by itself: CannotPullContainerError",
            "log",
        ),
        (TaskScript::no_place("RESOURCE:MEMORY"), "no place for task `migrate`: RESOURCE:MEMORY", "instances are full"),
        (TaskScript::never_ends(), "did not end in 600 s", "give it more time"),
    ];
    for (script, words, hint) in rows {
        let stage = Stage::new(&["web"]);
        stage.sandbox.script_task("web", script);
        let error = stage.deploy(MIGRATE, "new").expect_err("a failure");
        let shown = chain(&error);
        assert!(shown.contains(words) && shown.starts_with("no service was changed"), "{shown}");
        assert_eq!(error.class().exit_code(), 13, "{shown}");
        assert!(error.hint().is_some_and(|text| text.contains(hint)), "{shown}: {:?}", error.hint());
        assert_eq!(stage.count("UpdateService"), 0, "{shown}");
        assert_eq!(stage.count("DeregisterTaskDefinition"), 1, "{shown}");
        assert!(shown.contains("/web:2`, registered for it, was deregistered again"), "{shown}");
        assert_eq!(stage.live("web"), "web:1");
    }
}

#[test]
fn a_task_that_does_not_end_in_time_is_stopped() {
    let stage = Stage::new(&["web"]);
    stage.sandbox.script_task("web", TaskScript::never_ends());
    stage.deploy(MIGRATE, "new").expect_err("a failure");
    let tasks = stage.aws("ecs.ListTasks", &json!({"cluster": "main", "desiredStatus": "STOPPED"}));
    let task = stage.aws("ecs.DescribeTasks", &json!({"cluster": "main", "tasks": tasks["taskArns"]}));
    assert_eq!(task["tasks"][0]["stoppedReason"], "dockless: no end after 600 s");
}

#[test]
fn a_task_that_may_not_be_started_is_refused() {
    let stage = Stage::new(&["web"]);
    let denied = Action::AccessDenied { action: "ecs:RunTask".to_owned() };
    stage.sandbox.script(Fault::on_operation("RunTask", denied));
    let error = stage.deploy(MIGRATE, "new").expect_err("a refusal");
    assert_eq!(error.class().exit_code(), 12);
    assert!(error.hint().is_some_and(|hint| hint.contains("allow `ecs:RunTask`")), "{:?}", error.hint());
    assert_eq!((stage.count("UpdateService"), stage.count("DeregisterTaskDefinition")), (0, 1));
}

#[test]
fn a_task_that_may_not_be_watched_is_stopped() {
    let stage = Stage::new(&["web"]);
    let denied = Action::AccessDenied { action: "ecs:DescribeTasks".to_owned() };
    stage.sandbox.script(Fault::on_operation("DescribeTasks", denied).always());
    let error = stage.deploy(MIGRATE, "new").expect_err("a refusal");
    assert_eq!((error.class().exit_code(), stage.count("StopTask"), stage.count("UpdateService")), (13, 1, 0));
    assert!(error.hint().is_some_and(|hint| hint.contains("allow `ecs:DescribeTasks`")), "{:?}", error.hint());
}

#[test]
fn logs_that_may_not_be_read_are_told_once_and_stop_nothing() {
    let stage = Stage::new(&["web"]);
    let denied = Action::AccessDenied { action: "logs:GetLogEvents".to_owned() };
    stage.sandbox.script(Fault::on_operation("GetLogEvents", denied).always());
    let report = stage.deploy(MIGRATE, "new").expect("a report");
    assert_eq!((report.exit_code(), stage.count("GetLogEvents")), (0, 1));
    assert!(
        stage.words().contains("the log of task `migrate` cannot be shown: logs:GetLogEvents"),
        "{}",
        stage.words()
    );
}

#[test]
fn a_lost_answer_starts_no_second_task() {
    let stage = Stage::new(&["web"]);
    stage.sandbox.script(Fault::on_operation("RunTask", Action::Reset(Reset::AfterBody)));
    let report = stage.deploy(MIGRATE, "new").expect("a report");
    assert_eq!((report.exit_code(), stage.count("RunTask"), report.before.len()), (0, 1, 1));
}

#[test]
fn no_task_runs_where_no_service_is_updated() {
    let stage = Stage::new(&["web"]);
    stage.deployed(MIGRATE, "new");
    let report = stage.deploy(MIGRATE, "new").expect("a report");
    assert_eq!((report.verdict.as_str(), stage.count("RunTask")), ("no_change", 0));
}

#[test]
fn network_and_capacity_are_those_that_are_stated() {
    let stage = Stage::new(&["web"]);
    let deploy = "  services: [web]\n  before:\n    - {name: a, network: {subnets: [subnet-9], public_ip: true}}\n    \
                  - {name: b, capacity_providers: [FARGATE_SPOT]}\n";
    assert_eq!(stage.deploy(deploy, "new").expect("a report").exit_code(), 0);
    let sent = stage.sent("RunTask");
    let vpc = &sent[0]["networkConfiguration"]["awsvpcConfiguration"];
    assert_eq!((&vpc["subnets"], &vpc["assignPublicIp"]), (&json!(["subnet-9"]), &json!("ENABLED")));
    assert_eq!(vpc.get("securityGroups"), None);
    assert_eq!(sent[1]["capacityProviderStrategy"][0]["capacityProvider"], "FARGATE_SPOT");
    assert_eq!(sent[1].get("launchType"), None);
}

#[test]
fn beside_fixed_host_ports_a_task_runs_as_a_family_of_its_own_that_is_reused() {
    let stage = Stage::empty();
    let ports = json!([{
        "name": "web", "image": super::support::image("old"), "memory": 256, "portMappings": [{"containerPort": 80, "hostPort": 80}]
    }]);
    let bridge = json!({"networkMode": "bridge", "requiresCompatibilities": ["EC2"], "containerDefinitions": ports});
    let on_instances = json!({"launchType": "EC2", "networkConfiguration": null});
    stage.make_service("web", &definition("web", &bridge), &on_instances);
    stage.clock.advance(Duration::from_secs(3600));
    let twice = format!("{MIGRATE}    - {{name: seed}}\n");
    let report = stage.deploy(&twice, "new").unwrap_or_else(|error| panic!("{}", chain(&error)));
    assert_eq!(report.exit_code(), 0);
    let sent = stage.sent("RunTask");
    assert!(sent.iter().all(|run| run["taskDefinition"].as_str().is_some_and(|arn| arn.ends_with("/web-run:1"))));
    assert_eq!(sent[0]["launchType"], "EC2");
    let run = stage.aws("ecs.DescribeTaskDefinition", &json!({"taskDefinition": "web-run"}));
    let container = &run["taskDefinition"]["containerDefinitions"][0];
    assert_eq!((&container["portMappings"], &container["image"]), (&json!([]), &json!(super::support::image("new"))));
    assert_eq!(stage.live("web"), "web:2");
}

#[test]
fn an_unknown_container_is_refused_before_anything_is_done() {
    let stage = Stage::new(&["web"]);
    let deploy = "  services: [web]\n  before: [{name: migrate, container: wbe}]\n";
    let error = stage.deploy(deploy, "new").expect_err("a refusal");
    assert!(matches!(error, DeployError::BeforeContainer { .. }), "{error}");
    assert_eq!((error.class().exit_code(), stage.count("RegisterTaskDefinition")), (12, 0));
    assert!(error.hint().is_some_and(|hint| hint.starts_with("did you mean `web`?")));
}

#[test]
fn an_interrupted_process_stops_the_task_that_it_started() {
    let stage = Stage::new(&["web"]);
    stage.sandbox.script_task("web", TaskScript::never_ends());
    let forever = MIGRATE.replace("10m", "999999h");
    let mut prepared = stage.prepare(&forever).expect("services");
    let (target, options) = (target("new"), stage.options());
    stage.run(async {
        tokio::select! {
            _ = prepared.deploy(&stage.ecs, &target, &options) => panic!("the task never ends"),
            () = async {
                while stage.count("DescribeTasks") < 2 {
                    tokio::task::yield_now().await;
                }
            } => {}
        }
        assert!(!stage.running.is_empty());
        assert_eq!(stage.running.stop_all("interrupted").await.len(), 1);
        assert!(stage.running.is_empty());
    });
    let tasks = stage.aws("ecs.ListTasks", &json!({"cluster": "main", "desiredStatus": "STOPPED"}));
    assert_eq!(tasks["taskArns"].as_array().map(Vec::len), Some(1));
}
