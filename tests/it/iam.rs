//! The list of rights, held against the calls that the code has and those that it makes.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use dockless::deploy::{Answer, FEATURES, policy_page};
use dockless::oci::Digest;
use dockless::sandbox::{Action, Balancer, Fault, LoggedRequest, ReportedDigest, Reset, RolloutScript, TaskScript};
use serde_json::json;

use super::support::row::{failing_task, tasks_fail, unguarded};
use super::support::{Project, Stage, StandIn, definition};

/// Rights that ECS checks within another call.
const WITHIN_OTHERS: [&str; 1] = ["iam:PassRole"];

fn listed(features: &[&str]) -> BTreeSet<String> {
    let chosen = FEATURES.iter().filter(|feature| features.is_empty() || features.contains(&feature.name));
    let actions = chosen.flat_map(|feature| feature.statements).flat_map(|statement| statement.actions);
    actions.filter(|action| !WITHIN_OTHERS.contains(action)).map(|action| (*action).to_owned()).collect()
}

/// Every action that a call in the sources names.
fn written() -> BTreeSet<String> {
    let ecs = regex::Regex::new(r#"(?:ApiError::of\(|const OPERATION: &str = )"([A-Za-z]+)""#).expect("an expression");
    let other =
        regex::Regex::new(r#"(?:of_action\(|const ACTION: &str = )"([a-z]+:[A-Za-z]+)""#).expect("an expression");
    let mut actions = BTreeSet::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/deploy")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder of sources") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(path).expect("a source");
            actions.extend(ecs.captures_iter(&text).map(|found| format!("ecs:{}", &found[1])));
            actions.extend(other.captures_iter(&text).map(|found| found[1].to_owned()));
        }
    }
    actions
}

#[test]
fn every_call_in_the_sources_is_in_a_policy_and_nothing_else_is() {
    assert_eq!(written(), listed(&[]));
}

#[test]
fn the_page_is_made_of_the_list() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/iam.md")).expect("docs/iam.md");
    assert_eq!(page, policy_page(), "write what `policy_page` returns into docs/iam.md");
}

/// Notes the calls of a run by what IAM calls them; those that make a stage or push an image are no part of a deployment.
fn made(requests: Vec<LoggedRequest>) -> BTreeSet<String> {
    let actions = listed(&[]);
    let known = |operation: &String| {
        actions.iter().find(|action| action.split_once(':').is_some_and(|(_, name)| name == operation)).cloned()
    };
    requests.into_iter().filter_map(|request| request.operation).filter_map(|operation| known(&operation)).collect()
}

fn of_features(names: &[&str], stages: &[&Stage]) {
    let all: BTreeSet<String> = stages.iter().flat_map(|stage| made(stage.sandbox.requests())).collect();
    assert_eq!(all, listed(names), "{names:?}");
}

fn denied(action: &str) -> Fault {
    let operation = action.rsplit(':').next().unwrap_or_default();
    Fault::on_operation(operation, Action::AccessDenied { action: action.to_owned() }).always()
}

const SHOP: &str = "  services: [shop]\n";

#[test]
fn a_deployment_and_its_failure_make_the_calls_of_their_policies() {
    // A failure with everything that a dossier looks at.
    let group = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/1";
    let failed = Stage::empty();
    let balancers = json!([{"targetGroupArn": group, "containerName": "shop", "containerPort": 80}]);
    failed.make_service("shop", &definition("shop", &json!({})), &json!({"loadBalancers": balancers}));
    failed.clock.advance(Duration::from_secs(60));
    failed.sandbox.forget_requests();
    failed.sandbox.script_rollout("shop", RolloutScript::circuit_breaker_rollback());
    assert_eq!(failed.deploy(SHOP, "new").expect("a report").exit_code(), 6);
    // A success that only tasks prove.
    let proved = Stage::new(&["shop"]);
    let script = RolloutScript::succeed().reporting(ReportedDigest::Absent, ReportedDigest::Resolved);
    proved.sandbox.script_rollout("shop", script);
    assert_eq!(proved.deploy(SHOP, "new").expect("a report").exit_code(), 0);
    of_features(&["Deploy", "Verdict", "Dossier"], &[&failed, &proved]);
    // What is taken back, and names that are not there.
    let refused = Stage::new(&["shop"]);
    refused.sandbox.script(denied("ecs:UpdateService"));
    refused.deploy(SHOP, "new").expect_err("a refusal");
    refused.deploy("  services: [shpo]\n", "new").expect_err("no service");
    let gone = Action::status(400, "ClusterNotFoundException", "Cluster not found.");
    refused.sandbox.script(Fault::on_operation("DescribeServices", gone).always());
    refused.deploy(SHOP, "new").expect_err("no cluster");
    let all = ["Deploy", "Verdict", "Dossier", "CleanUp", "Suggestions"];
    of_features(&all, &[&failed, &proved, &refused]);
}

#[test]
fn tasks_before_schedules_order_and_answers_make_the_calls_of_their_policies() {
    let before = Stage::new(&["shop"]);
    before.sandbox.script_task("shop", TaskScript::never_ends().logging(&["a"]));
    let deploy = "  services: [shop]\n  before: [{name: migrate, timeout: 30s}]\n";
    before.deploy(deploy, "new").expect_err("it never ends");
    // After an answer that was lost, the task is looked for.
    before.sandbox.script(Fault::on_operation("RunTask", Action::Reset(Reset::AfterBody)));
    assert_eq!(before.deploy(deploy, "new").expect("a report").exit_code(), 0);
    of_features(&["Deploy", "Verdict", "CleanUp", "Before"], &[&before]);

    let moved = Stage::new(&["shop"]);
    let arn = "arn:aws:ecs:us-east-1:123456789012:task-definition/shop:1";
    let target = json!({"Id": "a", "Arn": "x", "RoleArn": "r", "EcsParameters": {"TaskDefinitionArn": arn}});
    moved.aws("events.PutRule", &json!({"Name": "nightly", "ScheduleExpression": "rate(1 day)"}));
    moved.aws("events.PutTargets", &json!({"Rule": "nightly", "Targets": [target]}));
    let target = json!({"Arn": "x", "RoleArn": "r", "EcsParameters": {"TaskDefinitionArn": arn}});
    let schedule = json!({"Name": "report", "GroupName": "shop", "ScheduleExpression": "rate(1 day)",
        "FlexibleTimeWindow": {"Mode": "OFF"}, "Target": target});
    moved.aws("scheduler.CreateSchedule", &schedule);
    moved.sandbox.forget_requests();
    let deploy = "  services: [shop]\n  schedules: [{rule: nightly}, {scheduler: shop/report}]\n";
    assert_eq!(moved.deploy(deploy, "new").expect("a report").schedules.len(), 2);
    of_features(&["Deploy", "Verdict", "Rules", "Scheduler"], &[&moved]);

    let ordered = Stage::new(&["shop"]);
    ordered.deployed("  services: [shop]\n  order: 1\n", "new");
    ordered.deploy("  services: [shop]\n  order: 2\n", "new").expect("a report");
    assert_eq!(ordered.deploy(SHOP, "newer").expect("a report").exit_code(), 0);
    of_features(&["Deploy", "Verdict", "Order"], &[&ordered]);

    let given_up = Stage::empty();
    given_up.make_service("shop", &definition("shop", &json!({})), &unguarded());
    given_up.clock.advance(Duration::from_secs(3600));
    given_up.sandbox.forget_requests();
    given_up.sandbox.script_rollout("shop", tasks_fail(&failing_task("Essential container in task exited", Some(3))));
    let deploy = "  services: [shop]\n  dossier: {logs: 0}\n  give_up: {then: rollback}\n";
    assert_eq!(given_up.deploy(deploy, "new").expect("a report").exit_code(), 6);
    assert!(made(given_up.sandbox.requests()).contains("ecs:StopServiceDeployment"));

    let paused = Stage::new(&["shop"]);
    paused.sandbox.script_rollout("shop", RolloutScript::paused("approve"));
    assert_eq!(paused.deploy(SHOP, "new").expect("a report").exit_code(), 10);
    let prepared = paused.prepare(SHOP).expect("services");
    paused.run(prepared.answer(&paused.ecs, Answer::Continue, &paused.options())).expect("an answer");
    of_features(&["Deploy", "Verdict", "Continue"], &[&paused]);
}

#[test]
fn a_url_and_a_strict_preflight_make_the_calls_of_their_policies() {
    let standin = StandIn::start(&["shop"], &["web"]);
    let deploy = "base: scratch\nlayers:\n  - {from: app, to: /app}\ndeploy: {cluster: main, services: [web]}\n";
    let (runner, project) = (standin.runner(), Project::with(deploy));
    let foreign = format!("{}@{}", project.name().replace("123456789012", "999999999999"), Digest::of(b"x"));
    runner.run(project.path(), &["deploy", "--image", &foreign]).fails_with(12, &["may not pull"]);
    let run = runner.run(project.path(), &["ship", "--strict"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(made(standin.sandbox().requests()), listed(&["Deploy", "Verdict", "Preflight"]));

    let stage = Stage::empty();
    let group = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/1";
    let balancers = json!([{"targetGroupArn": group, "containerName": "shop", "containerPort": 80}]);
    stage.make_service("shop", &definition("shop", &json!({})), &json!({"loadBalancers": balancers}));
    let listeners = vec![("HTTP".to_owned(), 80)];
    let balancer = Balancer { arn: "arn:lb".to_owned(), dns_name: "web.elb.example.com".to_owned(), listeners };
    stage.sandbox.script_balancer(group, balancer);
    stage.clock.advance(Duration::from_secs(3600));
    stage.sandbox.forget_requests();
    let report = stage.deploy(SHOP, "new").expect("a report");
    assert_eq!(report.url.as_deref(), Some("http://web.elb.example.com/"));
    of_features(&["Deploy", "Verdict", "Url"], &[&stage]);
}
