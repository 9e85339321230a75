//! Every verdict and every strategy, from the calls to the exit code, on a clock that moves when somebody sleeps.

use std::time::Duration;

use dockless::deploy::Verdict;
use dockless::event::Event;
use dockless::ground::Hint;
use dockless::oci::Digest;
use dockless::sandbox::{
    Action, DeploymentStatus, Fault, LifecycleStage, ReportedDigest, RolloutScript, Supersession, TaskCounts,
    TrafficWeights,
};
use serde_json::json;

use super::support::row::{DEPLOY, Row, failing_task, row, step, strategy, tasks_fail, unguarded};
use super::support::{Stage, chain, definition, digest};

#[test]
fn rolling_deployments_end_in_every_verdict() {
    let superseded = |revision: Option<&str>| {
        RolloutScript::superseded(Supersession {
            after: Duration::from_secs(4),
            task_definition: revision.map(str::to_owned),
        })
    };
    let alarm = RolloutScript::of(vec![
        step(1, |state| state.target = TaskCounts::RUNNING),
        step(5, |state| {
            (state.status, state.alarms) = (DeploymentStatus::RollbackInProgress, vec!["high-5xx".to_owned()]);
        }),
        step(9, |state| {
            (state.status, state.alarms) = (DeploymentStatus::RollbackSuccessful, vec!["high-5xx".to_owned()]);
        }),
    ]);
    let alarms = json!({"deploymentConfiguration": {"strategy": "ROLLING",
        "alarms": {"alarmNames": ["high-5xx"], "enable": true, "rollback": true}}});
    let rows = [
        row("natural", None, 0, "successful").calls(&[("ListTasks", 0), ("DescribeTasks", 0)]),
        row("breaker", Some(RolloutScript::circuit_breaker_rollback()), 6, "rolled_back").says(&[
            "was rolled back",
            "Circuit breaker",
            "ended with 1",
        ]),
        row("rollback fails", Some(RolloutScript::rollback_failed()), 7, "rollback_failed")
            .says(&["so did going back"]),
        row("stopped", Some(RolloutScript::stopped("by hand")), 7, "stopped").says(&["by hand"]),
        row("superseded", Some(superseded(None)), 9, "superseded").says(&["replaced it", "dockless status"]),
        row("paused", Some(RolloutScript::paused("approve")), 10, "paused")
            .says(&["hook `approve` waits", "dockless continue"]),
        row("time-out", Some(RolloutScript::never_ends()), 8, "timeout")
            .says(&["it is IN_PROGRESS", "dockless status --wait"]),
        row("alarm", Some(alarm), 6, "rolled_back").of(alarms).says(&["alarm `high-5xx`"]),
        row("no task wanted", None, 0, "successful")
            .of(json!({"desiredCount": 0}))
            .says(&["digest not reported"])
            .calls(&[("ListTasks", 0)]),
    ];
    for row in rows {
        let row = if row.name == "no task wanted" {
            let absent = RolloutScript::succeed().reporting(ReportedDigest::Absent, ReportedDigest::Absent);
            Row { script: Some(absent), ..row }
        } else {
            row
        };
        row.play();
    }
}

#[test]
fn strategies_that_shift_traffic_end_in_their_verdicts_and_show_stage_and_share() {
    for name in ["BLUE_GREEN", "CANARY", "LINEAR"] {
        let stage = row(name, None, 0, "successful").of(strategy(name)).play();
        let shares: Vec<f64> = stage
            .events
            .events()
            .into_iter()
            .filter_map(|event| match event {
                Event::RolloutChanged { traffic, .. } => traffic,
                _ => None,
            })
            .collect();
        assert_eq!(shares.last(), Some(&100.0), "{name}");
        let hook = Some(RolloutScript::paused("approve"));
        row(name, hook, 10, "paused").of(strategy(name)).play();
        let back = Some(RolloutScript::circuit_breaker_rollback());
        row(name, back, 6, "rolled_back").of(strategy(name)).play();
        let weights = Some(TrafficWeights { production: 10, test: 100 });
        let stuck = RolloutScript::of(vec![step(1, |state| {
            (state.stage, state.weights) = (Some(LifecycleStage::ProductionTrafficShift), weights);
        })]);
        row(name, Some(stuck), 8, "timeout")
            .of(strategy(name))
            .says(&["(PRODUCTION_TRAFFIC_SHIFT)", "10 % of the traffic"])
            .play();
    }
}

#[test]
fn tasks_that_fail_on_and_on_are_given_up_where_nothing_else_ends_it() {
    let exits = failing_task("Essential container in task exited", Some(3));
    const ROLLBACK: &str = "  services: [shop]\n  wait: {timeout: 5m}\n  give_up: {then: rollback}\n";
    const OFF: &str = "  services: [shop]\n  wait: {timeout: 30s}\n  give_up: {then: off}\n";
    row("report", Some(tasks_fail(&exits)), 7, "given_up")
        .of(unguarded())
        .says(&["3 tasks failed one after the other", "ended with 3"])
        .calls(&[("StopServiceDeployment", 0)])
        .play();
    row("rollback", Some(tasks_fail(&exits)), 6, "rolled_back")
        .of(unguarded())
        .with(ROLLBACK)
        .says(&["ECS is told to roll back"])
        .calls(&[("StopServiceDeployment", 1)])
        .play();
    row("rollback denied", Some(tasks_fail(&exits)), 7, "given_up")
        .of(unguarded())
        .with(ROLLBACK)
        .denied("StopServiceDeployment")
        .says(&["could not be told to roll back", "ecs:StopServiceDeployment"])
        .play();
    row("off", Some(tasks_fail(&exits)), 8, "timeout").of(unguarded()).with(OFF).play();
    // Where there is a breaker, it decides.
    row("breaker decides", Some(tasks_fail(&exits)), 8, "timeout").play();
}

#[test]
fn a_digest_is_proved_by_the_revision_else_by_the_tasks() {
    use ReportedDigest::{Absent, Is, Resolved};
    let other = Is(Digest::of(b"other"));
    let rows = [
        (Resolved, Resolved, 0, "successful", "", 0),
        (Absent, Resolved, 0, "successful", "", 1),
        (Absent, Absent, 0, "successful", "digest not reported", 3),
        (other, Resolved, 7, "wrong_digest", "was deployed", 0),
        (Absent, other, 7, "wrong_digest", "was deployed", 1),
    ];
    for (revision, tasks, code, verdict, text, lists) in rows {
        let script = RolloutScript::succeed().reporting(revision, tasks);
        row(verdict, Some(script), code, verdict).says(&[text]).calls(&[("ListTasks", lists)]).play();
    }
    let mut stage = Stage::new(&["shop"]);
    stage.strict = true;
    let absent = RolloutScript::succeed().reporting(Absent, Absent);
    row("strict", Some(absent), 7, "unproved").says(&["digest not reported"]).check(stage);
}

#[test]
fn nothing_to_do_is_proved_too() {
    let stage = Stage::new(&["shop"]);
    stage.deployed(DEPLOY, "new");
    let report = stage.deploy(DEPLOY, "new").expect("a report");
    assert_eq!((report.verdict, report.services[0].digest), (Verdict::NoChange, Some(digest("new"))));
    for operation in ["RegisterTaskDefinition", "UpdateService", "ListTasks"] {
        assert_eq!(stage.count(operation), 0, "{operation}");
    }
}

#[test]
fn without_the_right_to_list_deployments_a_rolling_update_is_judged_by_its_entry() {
    let rows = [
        (None, 0, "successful"),
        (Some(RolloutScript::circuit_breaker_rollback()), 6, "rolled_back"),
        (Some(RolloutScript::stopped("by hand")), 7, "stopped"),
        (Some(RolloutScript::never_ends()), 8, "timeout"),
    ];
    for (script, code, verdict) in rows {
        row("degraded", script, code, verdict).denied("ListServiceDeployments").says(&["rollout state alone"]).play();
    }
    let stage = Stage::empty();
    stage.make_service("shop", &definition("shop", &json!({})), &json!({}));
    stage.aws("ecs.RegisterTaskDefinition", &definition("third", &json!({})));
    stage.sandbox.forget_requests();
    let by = Supersession { after: Duration::from_secs(4), task_definition: Some("third:1".to_owned()) };
    row("degraded", Some(RolloutScript::superseded(by)), 9, "superseded").denied("ListServiceDeployments").check(stage);
}

#[test]
fn other_strategies_without_that_right_are_refused_before_anything_changes() {
    for name in ["BLUE_GREEN", "CANARY", "LINEAR"] {
        let stage = Stage::empty();
        stage.make_service("shop", &definition("shop", &json!({})), &strategy(name));
        stage.sandbox.script(
            Fault::on_operation(
                "ListServiceDeployments",
                Action::AccessDenied { action: "ecs:ListServiceDeployments".to_owned() },
            )
            .always(),
        );
        stage.sandbox.forget_requests();
        let error = stage.deploy(DEPLOY, "new").expect_err("a refusal");
        assert_eq!(error.class().exit_code(), 12, "{}", chain(&error));
        let hint = error.hint().unwrap_or_default();
        for action in dockless::deploy::VERDICT_ACTIONS {
            assert!(hint.contains(action), "{hint}");
        }
        assert_eq!((stage.count("RegisterTaskDefinition"), stage.count("UpdateService")), (0, 0));
    }
}

#[test]
fn clocks_are_never_compared_and_reads_may_lag() {
    for ahead in [-3600, 3600] {
        let stage = Stage::with_aws_clock(ahead);
        stage.make_service("shop", &definition("shop", &json!({})), &json!({}));
        stage.clock.advance(Duration::from_secs(60));
        stage.sandbox.forget_requests();
        row("clocks", Some(RolloutScript::circuit_breaker_rollback()), 6, "rolled_back").check(stage);
    }
    for denied in [false, true] {
        for (script, code, verdict) in
            [(None, 0, "successful"), (Some(RolloutScript::circuit_breaker_rollback()), 6, "rolled_back")]
        {
            let stage = Stage::new(&["shop"]);
            stage.sandbox.lag_reads(Duration::from_secs(8));
            let row = row("lag", script, code, verdict);
            let row = if denied { row.denied("ListServiceDeployments") } else { row };
            row.check(stage);
        }
    }
}

#[test]
fn throttled_calls_are_made_again_and_a_quota_is_not() {
    let mut stage = Stage::new(&["shop"]);
    stage.retrying();
    for operation in [
        "DescribeServices",
        "DescribeTaskDefinition",
        "RegisterTaskDefinition",
        "UpdateService",
        "ListServiceDeployments",
        "DescribeServiceDeployments",
        "DescribeServiceRevisions",
    ] {
        stage.sandbox.script(Fault::on_operation(operation, Action::Throttle).times(2));
    }
    let report = stage.deploy(DEPLOY, "new").expect("a report");
    assert_eq!((report.exit_code(), stage.count("UpdateService")), (0, 3));

    let mut stage = Stage::new(&["shop"]);
    stage.retrying();
    let quota = Action::status(400, "LimitExceededException", "too many revisions");
    stage.sandbox.script(Fault::on_operation("RegisterTaskDefinition", quota).always());
    let error = stage.deploy(DEPLOY, "new").expect_err("a quota");
    assert_eq!((error.class().exit_code(), stage.count("RegisterTaskDefinition")), (12, 1), "{}", chain(&error));
    assert!(error.hint().is_some_and(|hint| hint.contains("quota")));

    let words = "Too many concurrent attempts to create a new revision of the specified family.";
    let busy = Fault::on_operation("RegisterTaskDefinition", Action::status(400, "ClientException", words)).times(2);
    row("busy family", None, 0, "successful").calls(&[]).with_faults(vec![busy]).play();
}

#[test]
fn a_verdict_takes_at_most_sixty_calls_in_twenty_five_seconds() {
    const SHORT: &str = "  services: [shop]\n  wait: {timeout: 25s}\n";
    let stage = row("polling", Some(RolloutScript::never_ends()), 8, "timeout").with(SHORT).play();
    let calls = stage.sandbox.requests().len();
    assert!(calls <= 60, "{calls} calls");
}

#[test]
fn rights_that_only_serve_tags_or_the_dossier_change_no_verdict() {
    let tags = Action::AccessDenied { action: "ecs:TagResource".to_owned() };
    let fault = Fault::on_operation("RegisterTaskDefinition", tags);
    const ORDERED: &str = "  services: [shop]\n  order: 7\n";
    let stage = row("tags", None, 0, "successful")
        .with(ORDERED)
        .with_faults(vec![fault])
        .says(&["without tags", "ecs:TagResource"])
        .play();
    let sent = stage.sent("RegisterTaskDefinition");
    assert_eq!((sent[0]["tags"][0]["key"].as_str(), sent[1].get("tags")), (Some("dockless:order"), None));

    let failing = || Some(RolloutScript::circuit_breaker_rollback());
    let logs = Action::AccessDenied { action: "logs:GetLogEvents".to_owned() };
    let fault = Fault::on_operation("GetLogEvents", logs).always();
    row("logs", failing(), 6, "rolled_back")
        .with_faults(vec![fault])
        .says(&["lacks the logs", "logs:GetLogEvents"])
        .play();
    row("tasks", failing(), 6, "rolled_back").denied("ListTasks").says(&["lacks the stopped tasks"]).play();
}

#[test]
fn a_refused_update_takes_back_what_was_registered() {
    for (deregister, text) in [(true, "was deregistered again"), (false, "is left behind")] {
        let stage = Stage::new(&["shop"]);
        let denied = |operation: &str| {
            let action = Action::AccessDenied { action: format!("ecs:{operation}") };
            Fault::on_operation(operation, action).always()
        };
        stage.sandbox.script(denied("UpdateService"));
        if !deregister {
            stage.sandbox.script(denied("DeregisterTaskDefinition"));
        }
        let error = stage.deploy(DEPLOY, "new").expect_err("a refusal");
        assert_eq!(error.class().exit_code(), 7);
        assert!(chain(&error).contains(text), "{}", chain(&error));
        assert_eq!(stage.live("shop"), "shop:1");
    }
}

#[test]
fn a_second_try_takes_the_revision_that_is_there() {
    let stage = Stage::new(&["shop"]);
    let stage = row("first", Some(RolloutScript::circuit_breaker_rollback()), 6, "rolled_back").check(stage);
    stage.clock.advance(Duration::from_secs(3600));
    stage.sandbox.forget_requests();
    let report = stage.deploy(DEPLOY, "new").expect("a report");
    assert_eq!((report.exit_code(), report.registered, stage.live("shop").as_str()), (0, false, "shop:2"));
    assert_eq!(stage.count("RegisterTaskDefinition"), 0);
}

#[test]
fn an_active_deployment_is_waited_for_refused_or_superseded() {
    const FAIL: &str = "  services: [shop]\n  on_active_deployment: fail\n";
    const SUPERSEDE: &str = "  services: [shop]\n  on_active_deployment: supersede\n";
    let busy = || {
        let stage = Stage::new(&["shop"]);
        let ends = RolloutScript::of(vec![
            step(1, |_| {}),
            step(40, |state| {
                (state.status, state.target) = (DeploymentStatus::Successful, TaskCounts::RUNNING);
            }),
        ]);
        stage.sandbox.script_rollout("shop", ends);
        stage.aws("ecs.UpdateService", &json!({"cluster": "main", "service": "shop", "forceNewDeployment": true}));
        stage.clock.advance(Duration::from_secs(2));
        stage.sandbox.forget_requests();
        stage
    };
    row("wait", None, 0, "successful").says(&["waiting for the active deployment"]).check(busy());
    row("supersede", None, 0, "successful").with(SUPERSEDE).check(busy());
    let stage = busy();
    let error = stage.deploy(FAIL, "new").expect_err("a refusal");
    assert_eq!((error.class().exit_code(), stage.count("UpdateService")), (12, 0), "{}", chain(&error));
}

#[test]
fn an_older_deployment_does_not_go_over_a_newer_one() {
    let mut stage = Stage::new(&["shop"]);
    stage.deployed("  services: [shop]\n  order: 7\n", "new");
    const OLDER: &str = "  services: [shop]\n  order: 6\n";
    let error = stage.deploy(OLDER, "late").expect_err("a refusal");
    assert_eq!((error.class().exit_code(), stage.count("RegisterTaskDefinition")), (12, 0));
    assert!(chain(&error).contains("its order is 7, and ours is 6"), "{}", chain(&error));
    stage.force = true;
    assert_eq!(stage.deploy(OLDER, "late").expect("a report").exit_code(), 0);
    assert!(stage.words().contains("its order is 7"), "{}", stage.words());
}

#[test]
fn a_revision_that_is_taken_again_gets_the_order_of_the_run_that_takes_it() {
    let ordered = |order: u64| format!("  services: [shop]\n  order: {order}\n");
    let order = |stage: &Stage| {
        let live = stage.live("shop");
        let answer = stage.aws("ecs.DescribeTaskDefinition", &json!({"taskDefinition": live, "include": ["TAGS"]}));
        answer["tags"][0]["value"].as_str().unwrap_or_default().to_owned()
    };
    // Run 5 registers a revision that fails; run 8 wants the same and takes it; run 6 comes late.
    let stage = Stage::new(&["shop"]);
    stage.sandbox.script_rollout("shop", RolloutScript::circuit_breaker_rollback());
    assert_eq!(stage.deploy(&ordered(5), "new").expect("a report").exit_code(), 6);
    stage.clock.advance(Duration::from_secs(3600));
    let report = stage.deploy(&ordered(8), "new").expect("a report");
    assert_eq!((report.exit_code(), report.registered, order(&stage).as_str()), (0, false, "8"));
    stage.clock.advance(Duration::from_secs(3600));
    let error = stage.deploy(&ordered(6), "late").expect_err("a refusal");
    assert!(chain(&error).contains("its order is 8, and ours is 6"), "{}", chain(&error));
    // A run that finds all as it should be raises the order too, and never lowers it.
    assert_eq!(stage.deploy(&ordered(9), "new").expect("a report").verdict, Verdict::NoChange);
    assert_eq!(stage.deploy(&ordered(7), "new").expect("a report").verdict, Verdict::NoChange);
    assert_eq!((order(&stage).as_str(), stage.count("TagResource")), ("9", 2));
    let error = stage.deploy(&ordered(8), "late").expect_err("a refusal");
    assert_eq!((error.class().exit_code(), stage.live("shop").as_str()), (12, "shop:2"));
    // Without the right one warning says so, and the verdict is what it is.
    let tags = Action::AccessDenied { action: "ecs:TagResource".to_owned() };
    stage.sandbox.script(Fault::on_operation("TagResource", tags).always());
    assert_eq!(stage.deploy(&ordered(10), "new").expect("a report").exit_code(), 0);
    assert!(stage.words().contains("the order of this deployment is not kept at `shop:2`"), "{}", stage.words());
}

#[test]
fn a_newer_run_that_changed_nothing_while_an_older_one_was_built_is_seen() {
    let stage = Stage::new(&["shop"]);
    stage.deployed("  services: [shop]\n  order: 5\n", "new");
    let mut late = stage.prepare("  services: [shop]\n  order: 6\n").expect("services");
    stage.clock.advance(Duration::from_secs(300));
    stage.deployed("  services: [shop]\n  order: 7\n", "new");
    let done = stage.run(late.deploy(&stage.ecs, &super::support::target("late"), &stage.options()));
    assert!(chain(&done.expect_err("a refusal")).contains("its order is 7, and ours is 6"));
}

#[test]
fn a_refused_signature_asks_for_the_clock() {
    let stage = Stage::new(&["shop"]);
    let skewed = Action::status(400, "InvalidSignatureException", "Signature expired");
    stage.sandbox.script(Fault::on_operation("DescribeServices", skewed).always());
    let error = stage.deploy(DEPLOY, "new").expect_err("a refusal");
    assert_eq!(error.class().exit_code(), 12);
    assert!(error.hint().is_some_and(|hint| hint.contains("clock")), "{:?}", error.hint());
}
