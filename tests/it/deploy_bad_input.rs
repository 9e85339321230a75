//! What is refused before anything changes: one clear sentence, a remedy, exit code 12.

use std::time::Duration;

use dockless::ground::Hint;
use dockless::sandbox::{Action, Fault, RolloutScript};
use serde_json::json;

use super::support::{Project, Stage, StandIn, chain, target};

const DEPLOY: &str = "base: scratch\nlayers:\n  - {from: app, to: /app}\ndeploy: {cluster: main, services: [web]}\n";
const IMAGE: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop:1@sha256:\
                     0000000000000000000000000000000000000000000000000000000000000000";

/// Deploys by a build file, and expects a refusal with these words.
fn refused(standin: &StandIn, deploy: &str, image: &str, texts: &[&str]) {
    let project = Project::with(&format!("base: scratch\nlayers:\n  - {{from: app, to: /app}}\ndeploy: {deploy}\n"));
    let run = standin.runner().run(project.path(), &["deploy", "--image", image]);
    run.fails_with(12, texts);
    assert_eq!(standin.count("UpdateService"), 0, "nothing changed");
}

#[test]
fn each_thing_that_is_not_there_is_named_with_its_remedy() {
    let standin = StandIn::start(&["shop"], &["web"]);
    let rows: [(&str, &[&str]); 6] = [
        ("{cluster: main, services: [wbe]}", &["`wbe`", "cluster `main`", "did you mean `web`?"]),
        ("{cluster: mian, services: [web]}", &["`mian`", "eu-west-1", "did you mean `main`?"]),
        (
            "{cluster: \"arn:aws:ecs:us-west-2:123456789012:cluster/main\", services: [web]}",
            &["us-west-2", "eu-west-1", "deploy.region: us-west-2"],
        ),
        ("{cluster: main, services: [web], containers: [wob]}", &["no container `wob`", "did you mean `web`?"]),
        ("{cluster: main, services: [web], task_definition: none.json}", &["none.json", "`live`"]),
        (
            "{cluster: main, services: [web], region: eu-west-1, containers: [a, b]}",
            &["no container `a`: it has `web`"],
        ),
    ];
    for (deploy, texts) in rows {
        refused(&standin, deploy, IMAGE, texts);
    }
}

#[test]
fn an_image_of_an_account_that_the_service_never_used_is_refused_unless_forced_or_admitted() {
    let standin = StandIn::start(&["shop"], &["web"]);
    let image = IMAGE.replace("123456789012", "999999999999");
    let deploy = "{cluster: main, services: [web], containers: [web]}";
    refused(&standin, deploy, &image, &["account 999999999999", "account 123456789012", "--force"]);
    let project = Project::with(DEPLOY);
    let run = standin.runner().run(project.path(), &["deploy", "--image", &image, "--force", "--no-wait"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains("warning: service `web`"), "{}", run.stderr);
}

#[test]
fn what_the_policy_of_a_foreign_repository_says_decides_where_it_may_be_read() {
    use dockless::sandbox::Action::Raw;
    let image = IMAGE.replace("123456789012", "999999999999");
    let policy = |account: &str| {
        let statement = serde_json::json!({"Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{account}:root")},
            "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]});
        let text = serde_json::json!({"Statement": [statement]}).to_string();
        let body = serde_json::json!({"policyText": text}).to_string().into_bytes();
        Fault::on_operation("GetRepositoryPolicy", Raw { status: 200, headers: Vec::new(), body }).always()
    };
    let deploy = "{cluster: main, services: [web], containers: [web]}";
    let standin = StandIn::start(&["shop"], &["web"]);
    standin.sandbox().script(policy("111111111111"));
    let texts =
        ["service `web` of account 123456789012 may not pull", "does not admit it", "arn:aws:iam::123456789012:root"];
    refused(&standin, deploy, &image, &texts);
    let standin = StandIn::start(&["shop"], &["web"]);
    let denied = Action::AccessDenied { action: "ecr:GetRepositoryPolicy".to_owned() };
    standin.sandbox().script(Fault::on_operation("GetRepositoryPolicy", denied).always());
    refused(&standin, deploy, &image, &["whether it may pull", "is not known", "use --force if"]);
    let standin = StandIn::start(&["shop"], &["web"]);
    standin.sandbox().script(policy("123456789012"));
    let project = Project::with(&format!("base: scratch\nlayers:\n  - {{from: app, to: /app}}\ndeploy: {deploy}\n"));
    let run = standin.runner().run(project.path(), &["deploy", "--image", &image, "--no-wait"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(!run.stderr.contains("warning: service"), "{}", run.stderr);
}

#[test]
fn a_revision_that_is_taken_away_meanwhile_is_registered_anew_or_refused() {
    const DEPLOY: &str = "  services: [shop]\n";
    let stage = Stage::new(&["shop"]);
    stage.sandbox.script_rollout("shop", RolloutScript::circuit_breaker_rollback());
    assert_eq!(stage.deploy(DEPLOY, "new").expect("a report").exit_code(), 6);
    stage.clock.advance(Duration::from_secs(3600));
    stage.sandbox.forget_requests();
    let mut prepared = stage.prepare(DEPLOY).expect("services");
    let plan = stage.run(prepared.decide(&stage.ecs, &target("new"), &stage.options())).expect("a plan");
    assert!(plan.to_string().contains("a new deployment of `shop:2`"), "{plan}");
    stage.aws("ecs.DeregisterTaskDefinition", &json!({"taskDefinition": "shop:2"}));
    let error = stage.run(prepared.apply(&stage.ecs, &plan, &stage.options())).expect_err("it is gone");
    assert_eq!((error.class().exit_code(), stage.live("shop").as_str()), (12, "shop:1"), "{}", chain(&error));
    assert!(chain(&error).contains("TaskDefinition is inactive"), "{}", chain(&error));
    assert!(error.hint().is_some_and(|hint| hint.starts_with("run this again")), "{:?}", error.hint());
    let report = stage.deploy(DEPLOY, "new").expect("a report");
    assert_eq!((report.exit_code(), stage.live("shop").as_str()), (0, "shop:3"));
}

#[test]
fn what_ecs_refuses_is_told_in_its_words_with_a_remedy() {
    let refusal = |operation: &str, words: &str| {
        Fault::on_operation(operation, Action::status(400, "ClientException", words)).always()
    };
    let rows = [
        ("RegisterTaskDefinition", "Role is not valid", "executionRoleArn"),
        ("DescribeTaskDefinition", "Unable to describe task definition.", "ACTIVE"),
    ];
    for (operation, words, hint) in rows {
        let standin = StandIn::start(&["shop"], &["web"]);
        standin.sandbox().script(refusal(operation, words));
        refused(&standin, "{cluster: main, services: [web]}", IMAGE, &[words, hint]);
    }
}

#[test]
fn a_deleted_service_is_refused() {
    use dockless::sandbox::Action::Raw;
    let standin = StandIn::start(&["shop"], &["web"]);
    let body = br#"{"services": [{"serviceName": "web", "status": "INACTIVE",
        "serviceArn": "arn:aws:ecs:eu-west-1:123456789012:service/main/web"}], "failures": []}"#;
    let gone = Raw { status: 200, headers: Vec::new(), body: body.to_vec() };
    standin.sandbox().script(Fault::on_operation("DescribeServices", gone).always());
    refused(&standin, "{cluster: main, services: [web]}", IMAGE, &["`web`", "INACTIVE", "create it again"]);
}
