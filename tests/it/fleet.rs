//! Several services as one deployment.

use dockless::ground::Hint;
use dockless::sandbox::{Action, Fault, RolloutScript};

use super::support::{Stage, chain};

fn verdicts(report: &dockless::deploy::DeployReport) -> Vec<(&str, &str)> {
    report.services.iter().map(|service| (service.name.as_str(), service.verdict.as_str())).collect()
}

fn refused() -> Action {
    let (code, message) = ("InvalidParameterException".to_owned(), "no".to_owned());
    Action::Status { status: 400, code, message, headers: Vec::new() }
}

#[test]
fn one_by_one_a_bad_end_leaves_the_services_after_it_as_they_are() {
    let stage = Stage::new(&["web", "worker", "cron"]);
    stage.sandbox.script_rollout("worker", RolloutScript::circuit_breaker_rollback());
    let report = stage.deploy("  services: [web, worker, cron]\n", "new").expect("a report");
    assert_eq!(verdicts(&report), [("web", "successful"), ("worker", "rolled_back")]);
    assert_eq!((report.exit_code(), report.not_started.as_slice()), (6, &["cron".to_owned()][..]));
    assert_eq!(["web", "worker", "cron"].map(|name| stage.live(name)), ["web:2", "worker:1", "cron:1"]);
    assert_eq!(stage.count("RegisterTaskDefinition"), 2, "nothing is registered for what is not started");
}

#[test]
fn at_once_all_are_updated_before_any_is_awaited_and_each_has_its_own_verdict() {
    let stage = Stage::new(&["web", "worker", "cron"]);
    stage.sandbox.script_rollout("web", RolloutScript::circuit_breaker_rollback());
    let deploy = "  services: [web, worker, cron]\n  order_of_services: at_once\n";
    let report = stage.deploy(deploy, "new").expect("a report");
    assert_eq!(verdicts(&report), [("web", "rolled_back"), ("worker", "successful"), ("cron", "successful")]);
    assert_eq!(report.exit_code(), 6);
    let operations: Vec<String> =
        stage.sandbox.requests().into_iter().filter_map(|request| request.operation).collect();
    let last_update = operations.iter().rposition(|name| name == "UpdateService");
    let first_end = operations.iter().rposition(|name| name == "DescribeServiceDeployments");
    assert!(last_update < first_end, "{operations:?}");
    assert_eq!(stage.count("UpdateService"), 3);
}

#[test]
fn the_exit_code_is_the_first_present_of_seven_six_nine_ten_eight() {
    let rows = [
        (RolloutScript::circuit_breaker_rollback(), RolloutScript::rollback_failed(), 7, "rollback_failed"),
        (RolloutScript::paused("approve"), RolloutScript::circuit_breaker_rollback(), 6, "rolled_back"),
        (RolloutScript::never_ends(), RolloutScript::paused("approve"), 10, "paused"),
        (RolloutScript::succeed(), RolloutScript::never_ends(), 8, "timeout"),
    ];
    for (first, second, code, verdict) in rows {
        let stage = Stage::new(&["web", "worker"]);
        stage.sandbox.script_rollout("web", first);
        stage.sandbox.script_rollout("worker", second);
        let deploy = "  services: [web, worker]\n  order_of_services: at_once\n  wait: {timeout: 5m}\n";
        let report = stage.deploy(deploy, "new").expect("a report");
        assert_eq!((report.exit_code(), report.verdict.as_str()), (code, verdict), "{report:?}");
    }
}

#[test]
fn all_or_nothing_takes_back_what_succeeded() {
    for (order, count) in [("one_by_one", 2), ("at_once", 3)] {
        let stage = Stage::new(&["web", "worker", "cron"]);
        stage.sandbox.script_rollout("worker", RolloutScript::circuit_breaker_rollback());
        let deploy = format!("  services: [web, worker, cron]\n  order_of_services: {order}\n  all_or_nothing: true\n");
        let report = stage.deploy(&deploy, "new").expect("a report");
        assert_eq!((report.exit_code(), report.services.len()), (6, count));
        assert!(report.services.iter().all(|service| service.verdict.as_str() == "rolled_back"), "{report:?}");
        let web = report.services.iter().find(|service| service.name == "web").expect("web");
        assert_eq!(web.reason.as_deref(), Some("it went back to `web:1`: all or nothing"));
        assert_eq!(["web", "worker", "cron"].map(|name| stage.live(name)), ["web:1", "worker:1", "cron:1"]);
    }
}

#[test]
fn a_service_that_cannot_be_taken_back_is_told_as_half_way() {
    let stage = Stage::new(&["web", "worker"]);
    stage.sandbox.script_rollout("worker", RolloutScript::circuit_breaker_rollback());
    stage.sandbox.script(Fault::on_operation("UpdateService", refused()).nth(3));
    let report = stage.deploy("  services: [web, worker]\n  all_or_nothing: true\n", "new").expect("a report");
    assert_eq!(verdicts(&report), [("web", "rollback_failed"), ("worker", "rolled_back")]);
    assert_eq!(report.exit_code(), 7);
    let reason = report.services[0].reason.clone().unwrap_or_default();
    assert!(reason.starts_with("it did not go back to `web:1`: cannot update service `web`"), "{reason}");
}

#[test]
fn an_update_that_is_refused_takes_the_others_back_and_leaves_no_revision() {
    for (order, calls) in [("one_by_one", 2), ("at_once", 2)] {
        let stage = Stage::new(&["web", "worker"]);
        stage.sandbox.script(Fault::on_operation("UpdateService", refused()).nth(2));
        let deploy = format!("  services: [web, worker]\n  order_of_services: {order}\n  all_or_nothing: true\n");
        let error = stage.deploy(&deploy, "new").expect_err("a refusal");
        assert_eq!(error.class().exit_code(), 7, "{order}: {}", chain(&error));
        assert!(chain(&error).contains("was deregistered again"), "{order}: {}", chain(&error));
        assert_eq!(["web", "worker"].map(|name| stage.live(name)), ["web:1", "worker:1"], "{order}");
        assert_eq!((stage.count("RegisterTaskDefinition"), stage.count("DeregisterTaskDefinition")), (calls, 1));
    }
}

#[test]
fn a_time_out_takes_nothing_back() {
    let stage = Stage::new(&["web", "worker"]);
    stage.sandbox.script_rollout("worker", RolloutScript::never_ends());
    let deploy = "  services: [web, worker]\n  all_or_nothing: true\n  wait: {timeout: 5m}\n";
    let report = stage.deploy(deploy, "new").expect("a report");
    assert_eq!(verdicts(&report), [("web", "successful"), ("worker", "timeout")]);
    assert_eq!((report.exit_code(), stage.live("web").as_str()), (8, "web:2"));
    let words = stage.words();
    assert!(words.contains("service `web` keeps the new revision: how `worker` ends is not known yet"), "{words}");
}

#[test]
fn a_refusal_after_a_change_names_what_changed() {
    let stage = Stage::new(&["web", "worker"]);
    let denied = Action::AccessDenied { action: "ecs:RegisterTaskDefinition".to_owned() };
    stage.sandbox.script(Fault::on_operation("RegisterTaskDefinition", denied).nth(2));
    let error = stage.deploy("  services: [web, worker]\n", "new").expect_err("a refusal");
    assert_eq!(error.class().exit_code(), 7);
    assert!(error.to_string().starts_with("service `web` changed already"), "{error}");
    assert!(error.hint().is_some_and(|hint| hint.contains("allow `ecs:RegisterTaskDefinition`")));
}
