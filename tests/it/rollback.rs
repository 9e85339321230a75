//! Back to the last revision that was deployed well, or to a stated one.

use dockless::deploy::{DeployError, RollbackReport};
use dockless::ground::Hint;
use dockless::sandbox::{Action, Fault, RolloutScript};
use serde_json::json;

use super::support::{Stage, chain};

const DEPLOY: &str = "  services: [web]\n";

fn roll_back(stage: &Stage, to: Option<&str>) -> Result<RollbackReport, DeployError> {
    let prepared = stage.prepare(DEPLOY)?;
    stage.run(async {
        let plan = prepared.plan_rollback(&stage.ecs, to).await?;
        prepared.roll_back(&stage.ecs, &plan, &stage.options()).await
    })
}

fn verdict(done: &RollbackReport) -> &str {
    done.report.services[0].verdict.as_str()
}

#[test]
fn what_failed_in_between_is_passed_over() {
    let stage = Stage::new(&["web"]);
    stage.deployed(DEPLOY, "two");
    stage.sandbox.script_rollout("web", RolloutScript::circuit_breaker_rollback());
    assert_eq!(stage.deploy(DEPLOY, "three").expect("a report").exit_code(), 6);
    stage.deployed(DEPLOY, "four");
    let before = stage.live("web");
    let done = roll_back(&stage, None).unwrap_or_else(|error| panic!("{}", chain(&error)));
    assert_eq!((verdict(&done), done.as_asked.len()), ("successful", 0));
    assert_eq!((before.as_str(), stage.live("web").as_str()), ("web:4", "web:2"));
    assert_eq!(stage.count("RegisterTaskDefinition"), 0, "nothing new is made to go back");
    assert!(done.report.services[0].digest.is_some(), "the digest of the old image is proved");
    // Once back, the way back is to what was left.
    let again = roll_back(&stage, None).unwrap_or_else(|error| panic!("{}", chain(&error)));
    assert_eq!((verdict(&again), stage.live("web").as_str()), ("successful", "web:4"));
}

#[test]
fn an_active_deployment_is_told_to_roll_back_and_awaited() {
    let stage = Stage::new(&["web"]);
    stage.sandbox.script_rollout("web", RolloutScript::never_ends());
    let short = "  services: [web]\n  wait: {timeout: 1m}\n";
    assert_eq!(stage.deploy(short, "two").expect("a report").exit_code(), 8);
    let done = roll_back(&stage, None).unwrap_or_else(|error| panic!("{}", chain(&error)));
    assert_eq!((verdict(&done), done.as_asked.as_slice()), ("rolled_back", &["web".to_owned()][..]));
    let stopped = &stage.sent("StopServiceDeployment")[0];
    assert_eq!(stopped["stopType"], "ROLLBACK");
    assert_eq!(stage.live("web"), "web:1");
}

#[test]
fn reads_that_lag_do_not_make_a_paused_deployment_of_one_that_goes_back() {
    let stage = Stage::new(&["web"]);
    stage.sandbox.script_rollout("web", RolloutScript::paused("approve"));
    assert_eq!(stage.deploy(DEPLOY, "two").expect("a report").exit_code(), 10);
    stage.clock.advance(std::time::Duration::from_secs(60));
    stage.sandbox.lag_reads(std::time::Duration::from_secs(7));
    let done = roll_back(&stage, None).unwrap_or_else(|error| panic!("{}", chain(&error)));
    assert_eq!(verdict(&done), "rolled_back");
}

#[test]
fn a_stated_revision_is_gone_to_by_number_name_or_arn() {
    for to in ["1", "web:1", "arn:aws:ecs:us-east-1:123456789012:task-definition/web:1"] {
        let stage = Stage::new(&["web"]);
        stage.deployed(DEPLOY, "two");
        stage.deployed(DEPLOY, "three");
        let done = roll_back(&stage, Some(to)).unwrap_or_else(|error| panic!("{}", chain(&error)));
        assert_eq!((verdict(&done), stage.live("web").as_str()), ("successful", "web:1"));
    }
    let stage = Stage::new(&["web"]);
    let done = roll_back(&stage, Some("1")).expect("a report");
    assert_eq!((verdict(&done), stage.count("UpdateService")), ("no_change", 0));
}

#[test]
fn a_way_that_there_is_not_is_refused_and_nothing_changes() {
    let rows = [
        (None, "has no successful deployment of another revision before", "--to REVISION"),
        (Some("other:3"), "runs the family `web`, and `other:3` is none", "--to web:NUMBER"),
        (Some("7"), "`web:7`, which service `web` would go back to, cannot be read", "name an ACTIVE one"),
    ];
    for (to, words, hint) in rows {
        let stage = Stage::new(&["web"]);
        let error = roll_back(&stage, to).expect_err("a refusal");
        assert!(chain(&error).contains(words), "{}", chain(&error));
        assert!(error.hint().is_some_and(|text| text.contains(hint)), "{:?}", error.hint());
        assert_eq!((error.class().exit_code(), stage.count("UpdateService")), (12, 0));
    }
}

#[test]
fn a_deregistered_revision_is_no_place_to_go_back_to() {
    let stage = Stage::new(&["web"]);
    stage.deployed(DEPLOY, "two");
    stage.aws("ecs.DeregisterTaskDefinition", &json!({"taskDefinition": "web:1"}));
    let error = roll_back(&stage, None).expect_err("a refusal");
    assert!(
        chain(&error).contains("`web:1`, which service `web` would go back to, is deregistered"),
        "{}",
        chain(&error)
    );
    assert_eq!((error.class().exit_code(), stage.live("web").as_str()), (12, "web:2"));
}

#[test]
fn a_way_back_that_fails_is_no_success() {
    let stage = Stage::new(&["web"]);
    stage.deployed(DEPLOY, "two");
    stage.sandbox.script_rollout("web", RolloutScript::circuit_breaker_rollback());
    let done = roll_back(&stage, None).expect("a report");
    assert_eq!((verdict(&done), done.as_asked.len(), done.report.exit_code()), ("rolled_back", 0, 6));
}

#[test]
fn without_the_right_to_the_history_the_three_actions_are_named() {
    let stage = Stage::new(&["web"]);
    stage.deployed(DEPLOY, "two");
    let denied = Action::AccessDenied { action: "ecs:ListServiceDeployments".to_owned() };
    stage.sandbox.script(Fault::on_operation("ListServiceDeployments", denied).always());
    let error = roll_back(&stage, None).expect_err("a refusal");
    assert_eq!(error.class().exit_code(), 12);
    let hint = error.hint().unwrap_or_default();
    assert!(hint.contains("ecs:DescribeServiceRevisions") && hint.contains("--to REVISION"), "{hint}");
    let done = roll_back(&stage, Some("1")).expect("a report");
    assert_eq!((verdict(&done), stage.live("web").as_str()), ("successful", "web:1"));
}
