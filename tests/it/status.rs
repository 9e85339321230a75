//! How services stand, and the answer to one that waits.

use dockless::deploy::{Answer, DeployError, RollbackReport, ServiceStatus};
use dockless::sandbox::{Action, Balancer, Fault, RolloutScript, Supersession};
use serde_json::json;

use super::support::{Project, Stage, StandIn, chain, digest};

const DEPLOY: &str = "  services: [web]\n";

fn status(stage: &Stage) -> ServiceStatus {
    let prepared = stage.prepare(DEPLOY).expect("services");
    let mut all = stage.run(prepared.status(&stage.ecs, &stage.options())).unwrap_or_else(|e| panic!("{}", chain(&e)));
    all.pop().expect("one service")
}

fn words(status: &ServiceStatus) -> Vec<&str> {
    let word = |one: &dockless::deploy::DeploymentStatus| one.verdict.map(|verdict| verdict.as_str());
    status.deployments.iter().map(|one| word(one).unwrap_or("running")).collect()
}

fn answer(stage: &Stage, answer: Answer) -> Result<RollbackReport, DeployError> {
    let prepared = stage.prepare(DEPLOY)?;
    stage.run(prepared.answer(&stage.ecs, answer, &stage.options()))
}

#[test]
fn a_status_tells_what_runs_since_when_and_how_the_last_deployments_ended() {
    let stage = Stage::new(&["web"]);
    stage.deployed(DEPLOY, "two");
    stage.sandbox.script_rollout("web", RolloutScript::circuit_breaker_rollback());
    stage.deploy(DEPLOY, "three").expect("a report");
    let status = status(&stage);
    assert_eq!((status.desired, status.running, status.pending), (1, 1, 0));
    assert!(status.task_definition_arn.ends_with("/web:2"), "{status:?}");
    assert_eq!(status.images[0].digest.as_deref(), Some(digest("two").to_string().as_str()));
    assert_eq!(words(&status), ["rolled_back", "successful", "successful"]);
    assert_eq!(status.since, status.deployments[1].finished_at, "a rollback is no new beginning");
    assert!(status.deployments[0].reason.is_some());
}

#[test]
fn where_a_service_answers_is_told_where_a_balancer_stands_before_it() {
    let group = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/1";
    let balancers = json!([{"targetGroupArn": group, "containerName": "web", "containerPort": 80}]);
    let stage = Stage::empty();
    stage.make_service("web", &super::support::definition("web", &json!({})), &json!({"loadBalancers": balancers}));
    stage.clock.advance(std::time::Duration::from_secs(3600));
    assert_eq!(status(&stage).url, None, "nothing sends to the group");
    let listeners = vec![("HTTP".to_owned(), 80), ("HTTPS".to_owned(), 8443), ("HTTPS".to_owned(), 443)];
    let balancer = Balancer { arn: "arn:lb".to_owned(), dns_name: "web.elb.example.com".to_owned(), listeners };
    stage.sandbox.script_balancer(group, balancer);
    assert_eq!(status(&stage).url.as_deref(), Some("https://web.elb.example.com/"));
    let report = stage.deploy(DEPLOY, "two").expect("a report");
    let url = Some("https://web.elb.example.com/");
    assert_eq!((report.url.as_deref(), report.services[0].url.as_deref()), (url, url));
    let denied = Action::AccessDenied { action: "elasticloadbalancing:DescribeListeners".to_owned() };
    stage.sandbox.script(Fault::on_operation("DescribeListeners", denied).always());
    assert_eq!(status(&stage).url, None);
    assert!(stage.words().contains("where service `web` answers is not known"), "{}", stage.words());
}

#[test]
fn a_superseded_deployment_is_told_from_a_stopped_one() {
    let stage = Stage::new(&["web"]);
    let by = Supersession { after: std::time::Duration::from_secs(3), task_definition: None };
    stage.sandbox.script_rollout("web", RolloutScript::superseded(by));
    assert_eq!(stage.deploy(DEPLOY, "two").expect("a report").exit_code(), 9);
    stage.clock.advance(std::time::Duration::from_secs(60));
    assert_eq!(words(&status(&stage))[1], "superseded");
}

#[test]
fn waiting_gives_the_same_verdict_as_the_run_that_timed_out_would_have() {
    let rows = [
        (RolloutScript::circuit_breaker_rollback(), 6),
        (RolloutScript::rollback_failed(), 7),
        (RolloutScript::succeed(), 0),
        (RolloutScript::paused("approve"), 10),
    ];
    for (script, code) in rows {
        let stage = Stage::new(&["web"]);
        stage.sandbox.script_rollout("web", script);
        let arn = stage.aws(
            "ecs.RegisterTaskDefinition",
            &super::support::definition("web", &json!({"cpu": "512", "memory": "1024"})),
        );
        let arn = arn["taskDefinition"]["taskDefinitionArn"].clone();
        stage.aws("ecs.UpdateService", &json!({"cluster": "main", "service": "web", "taskDefinition": arn}));
        let prepared = stage.prepare(DEPLOY).expect("services");
        let report = stage.run(prepared.await_verdicts(&stage.ecs, &stage.options())).expect("a report");
        assert_eq!(report.exit_code(), code, "{report:?}");
        if code == 10 {
            assert_eq!(status(&stage).deployments[0].hooks, ["approve"]);
            continue;
        }
        // It has ended by now: the verdict is still known.
        let prepared = stage.prepare(DEPLOY).expect("services");
        let report = stage.run(prepared.await_verdicts(&stage.ecs, &stage.options())).expect("a report");
        assert_eq!(report.exit_code(), code, "{report:?}");
    }
}

#[test]
fn a_paused_deployment_goes_on_or_back_as_it_is_answered() {
    for (reply, verdict, asked) in [(Answer::Continue, "successful", 0), (Answer::Rollback, "rolled_back", 1)] {
        let stage = Stage::new(&["web"]);
        stage.sandbox.script_rollout("web", RolloutScript::paused("approve"));
        assert_eq!(stage.deploy(DEPLOY, "two").expect("a report").exit_code(), 10);
        stage.clock.advance(std::time::Duration::from_secs(60));
        stage.sandbox.lag_reads(std::time::Duration::from_secs(5));
        let done = answer(&stage, reply).unwrap_or_else(|error| panic!("{}", chain(&error)));
        assert_eq!((done.report.verdict.as_str(), done.as_asked.len()), (verdict, asked));
        let sent = &stage.sent("ContinueServiceDeployment")[0];
        assert_eq!(sent["hookId"], "approve");
    }
}

#[test]
fn an_answer_that_nobody_waits_for_is_refused() {
    let stage = Stage::new(&["web"]);
    let error = answer(&stage, Answer::Continue).expect_err("nobody waits");
    assert_eq!((error.class().exit_code(), stage.count("ContinueServiceDeployment")), (12, 0));
    assert_eq!(error.to_string(), "no deployment of `web` waits for an answer");
}

#[test]
fn the_commands_speak_the_same_in_lines_and_in_json() {
    let standin = StandIn::start(&["shop"], &["web"]);
    let deploy = "base: scratch\nlayers:\n  - {from: app, to: /app}\ndeploy: {cluster: main, services: [web]}\n";
    let (runner, project) = (standin.runner(), Project::with(deploy));
    runner.report(project.path(), &["ship"]);
    let shown = runner.report(project.path(), &["status"]);
    assert_eq!(shown["services"][0]["deployments"][0]["verdict"], "successful");
    let lines = runner.run(project.path(), &["status"]);
    assert!(
        lines.stdout.starts_with("web: web:2 since ") && lines.stdout.contains("1 of 1 tasks run"),
        "{}",
        lines.stdout
    );
    let back = runner.run(project.path(), &["rollback", "--dry-run"]);
    assert_eq!(back.stdout, "service `web`: from `web:2` back to `web:1`\n", "{}", back.stderr);
    let done = runner.run(project.path(), &["rollback", "--no-wait", "--json"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    runner.run(project.path(), &["continue"]).fails_with(12, &["waits for an answer"]);
    runner.run(project.path(), &["status", "--service", "wbe"]).fails_with(3, &["did you mean `web`?"]);
}

#[test]
fn an_image_that_is_gone_from_its_registry_is_no_place_to_go_back_to() {
    let standin = StandIn::start(&["shop"], &["web"]);
    let deploy = "base: scratch\nlayers:\n  - {from: app, to: /app}\ndeploy: {cluster: main, services: [web]}\n";
    let (runner, project) = (standin.runner(), Project::with(deploy));
    runner.report(project.path(), &["ship", "--no-wait"]);
    let gone = dockless::sandbox::Action::Status {
        status: 404,
        code: "MANIFEST_UNKNOWN".to_owned(),
        message: "gone".to_owned(),
        headers: Vec::new(),
    };
    standin.sandbox().script(dockless::sandbox::Fault::on_request("HEAD", "/v2/shop/manifests/*", gone).always());
    let refused = runner.run(project.path(), &["rollback", "--to", "1"]);
    refused.fails_with(12, &["of the revision to go back to does not exist any more"]);
}
