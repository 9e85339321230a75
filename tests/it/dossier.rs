//! What is told of a failure: stopped tasks, exit codes, logs, targets, events and the likely cause.

use std::time::Duration;

use dockless::deploy::{Dossier, summary};
use dockless::sandbox::{DeploymentStatus, RolloutScript, RolloutState, RolloutStep, StoppedTask, Target, TaskCounts};
use serde_json::{Value, json};

use super::support::{Stage, chain, definition};

const DEPLOY: &str = "  services: [shop]\n  wait: {timeout: 5m}\n";
const GROUP: &str = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/0123456789abcdef";

fn step(seconds: u64, status: DeploymentStatus, change: impl FnOnce(&mut RolloutState)) -> RolloutStep {
    let mut state = RolloutState { status, source: TaskCounts::RUNNING, ..RolloutState::default() };
    change(&mut state);
    RolloutStep { after: Duration::from_secs(seconds), state }
}

/// Two tasks stop, then ECS goes back.
fn fails(task: &StoppedTask, event: &str) -> RolloutScript {
    let stopped = |count: u32| {
        let (task, event) = (task.clone(), event.to_owned());
        step(u64::from(count) * 3, DeploymentStatus::InProgress, move |state| {
            (state.failures, state.stopped, state.events) = (count, vec![task], vec![event]);
        })
    };
    RolloutScript::of(vec![
        stopped(1),
        stopped(2),
        step(9, DeploymentStatus::RollbackInProgress, |state| state.failures = 2),
        step(12, DeploymentStatus::RollbackSuccessful, |state| state.failures = 2),
    ])
}

fn task(reason: &str, exit_code: Option<i32>, container_reason: Option<&str>) -> StoppedTask {
    StoppedTask {
        reason: reason.to_owned(),
        stop_code: "EssentialContainerExited".to_owned(),
        exit_code,
        container_reason: container_reason.map(str::to_owned),
    }
}

fn stage(service: &Value) -> Stage {
    let stage = Stage::empty();
    stage.make_service("shop", &definition("shop", &json!({})), service);
    stage.clock.advance(Duration::from_secs(3600));
    stage
}

fn dossier(stage: &Stage, deploy: &str, script: RolloutScript) -> Dossier {
    stage.sandbox.script_rollout("shop", script);
    let report = stage.deploy(deploy, "new").unwrap_or_else(|error| panic!("{}", chain(&error)));
    assert_eq!(report.exit_code(), 6);
    let page = summary(None, &report.services);
    assert!(page.contains("rolled_back"), "{page}");
    report.services[0].dossier.clone().expect("a dossier")
}

#[test]
fn tasks_are_grouped_with_exit_codes_and_their_last_lines() {
    let stage = stage(&json!({}));
    let lines: Vec<String> = (1..=30).map(|line| format!("line {line}")).collect();
    stage.sandbox.write_log("/shop", "p/shop/*", &lines);
    let exits = task("Essential container in task exited", Some(3), None);
    let found = dossier(&stage, DEPLOY, fails(&exits, "(service {service}) has a task that failed"));
    assert_eq!(found.stopped.len(), 1, "{found:?}");
    let group = &found.stopped[0];
    assert_eq!((group.count, group.containers[0].exit_code), (2, Some(3)));
    assert_eq!(group.containers[0].log.len(), 20);
    assert_eq!(group.containers[0].log.last().map(String::as_str), Some("line 30"));
    assert_eq!(found.cause.as_deref(), Some("the program in container `shop` ended with 3: its log says why"));
    let mut events: Vec<_> = found.events.iter().map(|event| (&event.at, &event.message)).collect();
    let all = events.len();
    events.dedup();
    assert_eq!((events.len(), all), (2, 2), "each event once: {:?}", found.events);
}

#[test]
fn logs_can_be_turned_off() {
    let stage = stage(&json!({}));
    stage.sandbox.forget_requests();
    const SILENT: &str = "  services: [shop]\n  dossier: {logs: 0}\n";
    let exits = task("Essential container in task exited", Some(1), None);
    let found = dossier(&stage, SILENT, fails(&exits, "x"));
    assert!(found.stopped[0].containers[0].log.is_empty());
    assert_eq!(stage.count("GetLogEvents"), 0);
}

#[test]
fn a_failing_health_check_shows_the_target_and_its_reason() {
    let balancers = json!([{"targetGroupArn": GROUP, "containerName": "shop", "containerPort": 80}]);
    let stage = stage(&json!({"loadBalancers": balancers}));
    let target = Target {
        id: "10.0.0.7".to_owned(),
        port: 80,
        state: "unhealthy".to_owned(),
        reason: "Target.ResponseCodeMismatch".to_owned(),
        description: "Health checks failed with these codes: [404]".to_owned(),
    };
    stage.sandbox.script_targets(GROUP, vec![target]);
    let unhealthy = task(&format!("Task failed ELB health checks in (target-group {GROUP})"), Some(143), None);
    let event = "(service {service}) (port 80) is unhealthy in (target-group x) due to (reason codes: [404])";
    let found = dossier(&stage, DEPLOY, fails(&unhealthy, event));
    let target = &found.targets[0];
    assert_eq!(
        (target.group.as_str(), target.target.as_str(), target.state.as_str()),
        ("web", "10.0.0.7:80", "unhealthy")
    );
    let cause = found.cause.unwrap_or_default();
    assert!(cause.contains("health check fails (Health checks failed with these codes: [404]"), "{cause}");
}

#[test]
fn each_kind_of_end_has_its_likely_cause() {
    const EXITED: &str = "Essential container in task exited";
    let rows = [
        (task("CannotPullContainerError: pull image manifest: x: not found", None, None), "not in the registry"),
        (
            task(
                "ResourceInitializationError: unable to pull secrets: arn:aws:ssm:us-east-1:1:parameter/db",
                None,
                None,
            ),
            "parameter/db",
        ),
        (task(EXITED, Some(137), Some("OutOfMemoryError: Container killed due to memory usage")), "more memory"),
        (task(EXITED, Some(255), Some("exec /app: exec format error")), "another processor"),
    ];
    for (stopped, words) in rows {
        let cause = dossier(&stage(&json!({})), DEPLOY, fails(&stopped, "x")).cause.unwrap_or_default();
        assert!(cause.contains(words), "`{words}` in `{cause}`");
    }
    let exits = task(EXITED, Some(0), None);
    let event = "(service {service}) was unable to place a task because no container instance met all of its \
                 requirements. The closest matching (container-instance x) is already using a port required by your task.";
    let cause = dossier(&stage(&json!({})), DEPLOY, fails(&exits, event)).cause.unwrap_or_default();
    assert!(cause.contains("fixed host port"), "{cause}");
}
