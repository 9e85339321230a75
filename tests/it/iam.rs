//! The list of rights, held against the calls that the code has and those that it makes.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use dockless::deploy::{FEATURES, policy_page};
use dockless::sandbox::{Action, Fault, ReportedDigest, RolloutScript};
use serde_json::json;

use super::support::{Stage, definition};

/// Rights that ECS checks within another call.
const WITHIN_OTHERS: [&str; 2] = ["iam:PassRole", "ecs:TagResource"];

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

#[test]
fn the_calls_that_deployments_make_are_those_of_their_policies() {
    let mut made = BTreeSet::new();
    let mut note = |stage: &Stage| {
        let operations = stage.sandbox.requests().into_iter().filter_map(|request| request.operation);
        // Who they are may be asked by all.
        made.extend(operations.filter(|operation| operation != "GetCallerIdentity").map(|operation| {
            match operation.as_str() {
                "GetLogEvents" => format!("logs:{operation}"),
                "DescribeTargetHealth" => format!("elasticloadbalancing:{operation}"),
                "GetLifecyclePolicy" => format!("ecr:{operation}"),
                _ => format!("ecs:{operation}"),
            }
        }));
    };
    // A failure with everything that a dossier looks at.
    let group = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/1";
    let stage = Stage::empty();
    let balancers = json!([{"targetGroupArn": group, "containerName": "shop", "containerPort": 80}]);
    stage.make_service("shop", &definition("shop", &json!({})), &json!({"loadBalancers": balancers}));
    stage.clock.advance(Duration::from_secs(60));
    stage.sandbox.forget_requests();
    stage.sandbox.script_rollout("shop", RolloutScript::circuit_breaker_rollback());
    assert_eq!(stage.deploy("  services: [shop]\n", "new").expect("a report").exit_code(), 6);
    note(&stage);
    // A success that only tasks prove.
    let stage = Stage::new(&["shop"]);
    let script = RolloutScript::succeed().reporting(ReportedDigest::Absent, ReportedDigest::Resolved);
    stage.sandbox.script_rollout("shop", script);
    assert_eq!(stage.deploy("  services: [shop]\n", "new").expect("a report").exit_code(), 0);
    note(&stage);
    // What is taken back, and names that are not there.
    let stage = Stage::new(&["shop"]);
    let denied = Action::AccessDenied { action: "ecs:UpdateService".to_owned() };
    stage.sandbox.script(Fault::on_operation("UpdateService", denied).always());
    stage.deploy("  services: [shop]\n", "new").expect_err("a refusal");
    stage.deploy("  services: [shpo]\n", "new").expect_err("no service");
    stage.sandbox.script(
        Fault::on_operation("DescribeServices", Action::status(400, "ClusterNotFoundException", "Cluster not found."))
            .always(),
    );
    stage.deploy("  services: [shop]\n", "new").expect_err("no cluster");
    note(&stage);
    assert_eq!(made, listed(&["Deploy", "Verdict", "Dossier", "CleanUp", "Suggestions"]));
}
