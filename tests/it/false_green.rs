//! Ways on which other tools call a deployment good that is not, one by one, and what is said here instead.
//!
//! Each row names the tool and what its source does, plays the course that misleads it, and holds our exit code and
//! verdict. None of them may take a revision away that something runs.

use std::time::Duration;

use dockless::deploy::DeployReport;
use dockless::oci::Digest;
use dockless::sandbox::{
    Action, DeploymentStatus, Fault, ReportedDigest, RolloutScript, Supersession, TaskCounts, TaskScript,
};
use serde_json::json;

use super::support::row::{DEPLOY, step, unguarded};
use super::support::{Stage, chain, definition};

/// What a run ends with: the exit code, and the verdict where there is one.
type End = (u8, String);

/// A tool, what it does, how it is played, and how it must end.
type FalseGreen = (&'static str, &'static str, fn() -> (Stage, End), u8, &'static str);

const ROWS: [FalseGreen; 20] = [
    (
        "express action",
        "polls for `FAILED`, which is no status, and never sees an automatic rollback",
        rolled_back,
        6,
        "rolled_back",
    ),
    ("express action", "does not know `ROLLBACK_FAILED`", rollback_failed, 7, "rollback_failed"),
    ("deploy action", "passes while the rollout is still IN_PROGRESS", all_run_and_it_goes_on, 8, "timeout"),
    (
        "deploy action",
        "takes a deployment that is not found for one that was likely rolled back",
        replaced,
        9,
        "superseded",
    ),
    ("deploy action", "is green although the circuit breaker rolled back", breaker_seen_by_rollouts, 6, "rolled_back"),
    (
        "ecspresso",
        "looks for deployments created after the runner's clock, which is ahead",
        clock_ahead,
        6,
        "rolled_back",
    ),
    ("ecspresso", "looks for IN_PROGRESS alone, and a slow PENDING reads as none", slow_pending, 6, "rolled_back"),
    ("ecspresso", "finds no active deployment for ten seconds, and believes PRIMARY", late_reads, 6, "rolled_back"),
    ("ecspresso", "`wait` ends with 0 on ROLLBACK_SUCCESSFUL", waited_for, 6, "rolled_back"),
    (
        "ecs-deploy of fabfuel",
        "counts one deployment with all tasks running as success: a rollback's end too",
        rolled_back,
        6,
        "rolled_back",
    ),
    ("ecs-deploy of fabfuel", "starts a one-off task and never asks for its exit code", task_fails, 13, ""),
    (
        "ecs-deploy of silinternational",
        "is content with the first task that runs",
        runs_and_then_fails,
        6,
        "rolled_back",
    ),
    ("ecs-deploy of silinternational", "looks at the first container of a task alone", second_container_fails, 13, ""),
    (
        "describe and register of three tools",
        "carry `deleteRequestedAt` along, which is refused",
        being_deleted,
        0,
        "successful",
    ),
    (
        "hako",
        "deregisters the bad revision before the old one is healthy, and ignores how the wait ends",
        rollback_fails,
        6,
        "rolled_back",
    ),
    ("services-stable", "holds right after the update, before reads have caught up", stale_reads, 6, "rolled_back"),
    (
        "services-stable",
        "holds after a deployment that was forced and then failed",
        forced_and_failed,
        6,
        "rolled_back",
    ),
    ("services-stable", "gives up after ten minutes on what ends well later", late_success, 0, "successful"),
    ("cdk hotswap", "calls success what nobody waited for", not_awaited, 0, "not_awaited"),
    ("all of them", "never compare the digest that runs with the one that was built", other_digest, 7, "wrong_digest"),
];

#[test]
fn what_misleads_other_tools_has_its_true_verdict_here() {
    for (tool, defect, play, code, verdict) in ROWS {
        let (stage, end) = play();
        assert_eq!(end, (code, verdict.to_owned()), "{tool} {defect}: {}", stage.words());
        // A one-off task that failed takes back its own revision, which nothing runs.
        let taken_back = usize::from(code == 13);
        assert_eq!(stage.count("DeregisterTaskDefinition"), taken_back, "{tool} {defect}");
    }
}

fn end(report: &DeployReport) -> End {
    (report.exit_code(), report.verdict.as_str().to_owned())
}

/// Deploys with a script for the rollout.
fn played(stage: Stage, script: RolloutScript) -> (Stage, End) {
    stage.sandbox.script_rollout("shop", script);
    deployed(stage, DEPLOY)
}

fn deployed(stage: Stage, deploy: &str) -> (Stage, End) {
    let end = match stage.deploy(deploy, "new") {
        Ok(report) => end(&report),
        Err(error) => (error.class().exit_code(), String::new()),
    };
    (stage, end)
}

fn shop() -> Stage {
    Stage::new(&["shop"])
}

fn rolled_back() -> (Stage, End) {
    let (stage, end) = played(shop(), RolloutScript::circuit_breaker_rollback());
    // What it went back to is what runs, and is still there to run.
    let live = stage.aws("ecs.DescribeTaskDefinition", &json!({"taskDefinition": "shop:1"}));
    assert_eq!((stage.live("shop").as_str(), &live["taskDefinition"]["status"]), ("shop:1", &json!("ACTIVE")));
    (stage, end)
}

fn rollback_failed() -> (Stage, End) {
    played(shop(), RolloutScript::rollback_failed())
}

fn all_run_and_it_goes_on() -> (Stage, End) {
    played(shop(), RolloutScript::of(vec![step(1, |state| state.target = TaskCounts::RUNNING)]))
}

fn replaced() -> (Stage, End) {
    let by = Supersession { after: Duration::from_secs(4), task_definition: None };
    played(shop(), RolloutScript::superseded(by))
}

fn breaker_seen_by_rollouts() -> (Stage, End) {
    let stage = shop();
    let denied = Action::AccessDenied { action: "ecs:ListServiceDeployments".to_owned() };
    stage.sandbox.script(Fault::on_operation("ListServiceDeployments", denied).always());
    played(stage, RolloutScript::circuit_breaker_rollback())
}

fn clock_ahead() -> (Stage, End) {
    let stage = Stage::with_aws_clock(-3600);
    stage.make_service("shop", &definition("shop", &json!({})), &json!({}));
    stage.clock.advance(Duration::from_secs(60));
    played(stage, RolloutScript::circuit_breaker_rollback())
}

fn slow_pending() -> (Stage, End) {
    let script = RolloutScript::of(vec![
        step(1, |state| state.status = DeploymentStatus::Pending),
        step(45, |state| state.status = DeploymentStatus::RollbackInProgress),
        step(60, |state| state.status = DeploymentStatus::RollbackSuccessful),
    ]);
    played(shop(), script)
}

fn late_reads() -> (Stage, End) {
    let stage = shop();
    stage.sandbox.lag_reads(Duration::from_secs(15));
    played(stage, RolloutScript::circuit_breaker_rollback())
}

fn waited_for() -> (Stage, End) {
    let stage = shop();
    stage.sandbox.script_rollout("shop", RolloutScript::circuit_breaker_rollback());
    stage.aws("ecs.RegisterTaskDefinition", &definition("shop", &json!({"cpu": "512", "memory": "1024"})));
    stage.aws("ecs.UpdateService", &json!({"cluster": "main", "service": "shop", "taskDefinition": "shop"}));
    let prepared = stage.prepare(DEPLOY).expect("services");
    let report = stage.run(prepared.await_verdicts(&stage.ecs, &stage.options())).expect("a report");
    (stage, end(&report))
}

const MIGRATE: &str = "  services: [shop]\n  before: [{name: migrate, container: shop, command: [migrate]}]\n";

fn task_fails() -> (Stage, End) {
    let stage = shop();
    stage.sandbox.script_task("shop", TaskScript::exits(1));
    let (stage, end) = deployed(stage, MIGRATE);
    assert_eq!(stage.live("shop"), "shop:1");
    (stage, end)
}

fn second_container_fails() -> (Stage, End) {
    let stage = Stage::empty();
    let two = json!({"containerDefinitions": [
        {"name": "proxy", "image": "nginx:1", "essential": false}, {"name": "shop", "image": super::support::image("old")}
    ]});
    stage.make_service("shop", &definition("shop", &two), &json!({}));
    stage.clock.advance(Duration::from_secs(3600));
    stage.sandbox.forget_requests();
    stage.sandbox.script_task("shop", TaskScript::exits(3));
    let error = stage.deploy(MIGRATE, "new").expect_err("the named container failed");
    assert!(chain(&error).contains("container `shop` ended with 3"), "{}", chain(&error));
    let end = (error.class().exit_code(), String::new());
    (stage, end)
}

fn runs_and_then_fails() -> (Stage, End) {
    let script = RolloutScript::of(vec![
        step(1, |state| state.target = TaskCounts::RUNNING),
        step(20, |state| state.status = DeploymentStatus::RollbackInProgress),
        step(30, |state| state.status = DeploymentStatus::RollbackSuccessful),
    ]);
    played(shop(), script)
}

fn being_deleted() -> (Stage, End) {
    let stage = shop();
    let mut described = stage.aws("ecs.DescribeTaskDefinition", &json!({"taskDefinition": "shop:1"}));
    described["taskDefinition"]["status"] = json!("DELETE_IN_PROGRESS");
    described["taskDefinition"]["deleteRequestedAt"] = json!(1_700_000_000);
    let raw = Action::Raw { status: 200, headers: Vec::new(), body: described.to_string().into_bytes() };
    stage.sandbox.script(Fault::on_operation("DescribeTaskDefinition", raw).always());
    stage.sandbox.forget_requests();
    let (stage, end) = deployed(stage, DEPLOY);
    let sent = &stage.sent("RegisterTaskDefinition")[0];
    for described in ["deleteRequestedAt", "status", "revision", "registeredAt", "taskDefinitionArn"] {
        assert_eq!(sent.get(described), None, "{sent}");
    }
    (stage, end)
}

fn rollback_fails() -> (Stage, End) {
    let stage = shop();
    stage.deployed(DEPLOY, "new");
    stage.sandbox.script_rollout("shop", RolloutScript::circuit_breaker_rollback());
    let prepared = stage.prepare(DEPLOY).expect("services");
    let done = stage.run(async {
        let plan = prepared.plan_rollback(&stage.ecs, None).await?;
        prepared.roll_back(&stage.ecs, &plan, &stage.options()).await
    });
    let done = done.unwrap_or_else(|error| panic!("{}", chain(&error)));
    assert!(done.as_asked.is_empty(), "that is not what was asked for");
    assert_eq!(stage.live("shop"), "shop:2");
    (stage, end(&done.report))
}

fn stale_reads() -> (Stage, End) {
    let stage = shop();
    let denied = Action::AccessDenied { action: "ecs:ListServiceDeployments".to_owned() };
    stage.sandbox.script(Fault::on_operation("ListServiceDeployments", denied).always());
    stage.sandbox.lag_reads(Duration::from_secs(12));
    played(stage, RolloutScript::circuit_breaker_rollback())
}

fn forced_and_failed() -> (Stage, End) {
    let stage = Stage::empty();
    stage.make_service("shop", &definition("shop", &json!({})), &unguarded());
    stage.clock.advance(Duration::from_secs(3600));
    let (stage, first) = played(stage, RolloutScript::stopped("by hand"));
    assert_eq!(first, (7, "stopped".to_owned()));
    stage.clock.advance(Duration::from_secs(3600));
    stage.sandbox.forget_requests();
    let (stage, end) = played(stage, RolloutScript::circuit_breaker_rollback());
    let sent = stage.sent("UpdateService");
    assert_eq!((sent.len(), &sent[0]["forceNewDeployment"]), (1, &json!(true)));
    (stage, end)
}

fn late_success() -> (Stage, End) {
    let stage = shop();
    stage.sandbox.script_rollout(
        "shop",
        RolloutScript::of(vec![
            step(1, |_| {}),
            step(900, |state| (state.status, state.target) = (DeploymentStatus::Successful, TaskCounts::RUNNING)),
        ]),
    );
    deployed(stage, "  services: [shop]\n")
}

fn not_awaited() -> (Stage, End) {
    let mut stage = shop();
    stage.wait = false;
    played(stage, RolloutScript::circuit_breaker_rollback())
}

fn other_digest() -> (Stage, End) {
    let other = ReportedDigest::Is(Digest::of(b"what somebody pushed under our tag"));
    played(shop(), RolloutScript::succeed().reporting(other, other))
}
