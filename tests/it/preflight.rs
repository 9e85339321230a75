//! What would go wrong with an image in a task definition, told before it does.

use std::collections::BTreeSet;

use dockless::deploy::{DeployError, ImageFacts};
use dockless::ground::Hint;
use dockless::sandbox::{Action, Fault};
use serde_json::json;

use super::support::{Project, Stage, StandIn, definition, image, target};

const DEPLOY: &str = "  services: [web]\n";

fn facts(architecture: &str) -> ImageFacts {
    ImageFacts { architectures: BTreeSet::from([architecture.to_owned()]), ..ImageFacts::default() }
}

#[test]
fn a_finding_is_a_warning_with_a_remedy_and_with_strict_a_refusal() {
    for strict in [false, true] {
        let mut stage = Stage::new(&["web"]);
        stage.strict = strict;
        let mut prepared = stage.prepare(DEPLOY).expect("services");
        prepared.know_image(0, facts("arm64"));
        let done = stage.run(prepared.deploy(&stage.ecs, &target("new"), &stage.options()));
        assert!(stage.words().contains("would end with `exec format error`"), "{}", stage.words());
        match done {
            Ok(report) => assert!(!strict && report.exit_code() == 0),
            Err(error) => {
                assert!(strict && matches!(error, DeployError::Preflight { .. }), "{error}");
                assert_eq!((error.class().exit_code(), stage.count("RegisterTaskDefinition")), (12, 0));
                assert!(error.hint().is_some());
            }
        }
    }
}

#[test]
fn each_service_is_looked_at_with_the_definition_that_it_would_get() {
    let stage = Stage::empty();
    let small = json!({"cpu": "256", "memory": "4096"});
    stage.make_service("web", &definition("web", &small), &json!({}));
    let both = json!({"containerDefinitions": [{
        "name": "worker", "image": image("old"), "environment": [{"name": "A", "value": "1"}],
        "secrets": [{"name": "A", "valueFrom": "arn:aws:ssm:us-east-1:123456789012:parameter/a"}]
    }]});
    stage.make_service("worker", &definition("worker", &both), &json!({}));
    let mut prepared = stage.prepare("  services: [web, worker]\n").expect("services");
    prepared.know_image(0, facts("amd64"));
    let plan = prepared.plan(&target("new"));
    let findings = stage.run(prepared.preflight(&stage.ecs, &plan, &stage.options())).expect("findings");
    let words: Vec<&str> = findings.iter().map(|finding| finding.message.as_str()).collect();
    assert_eq!(words.len(), 2, "{words:?}");
    assert!(words[0].contains("no task of 256 CPU units with 4096 MiB"), "{words:?}");
    assert!(words[1].contains("`A` under both `environment` and `secrets`"), "{words:?}");
}

#[test]
fn what_changes_nothing_is_not_looked_at() {
    let stage = Stage::new(&["web"]);
    let mut prepared = stage.prepare(DEPLOY).expect("services");
    prepared.know_image(0, facts("arm64"));
    let plan = prepared.plan(&target("old"));
    let findings = stage.run(prepared.preflight(&stage.ecs, &plan, &stage.options())).expect("findings");
    assert!(findings.is_empty(), "{findings:?}");
}

#[test]
fn a_lifecycle_policy_that_cannot_be_read_changes_no_exit_code() {
    let standin = StandIn::start(&["shop"], &["web"]);
    let deploy = "base: scratch\nlayers:\n  - {from: app, to: /app}\ndeploy: {cluster: main, services: [web]}\n";
    let project = Project::with(deploy);
    let denied = Action::AccessDenied { action: "ecr:GetLifecyclePolicy".to_owned() };
    standin.sandbox().script(Fault::on_operation("GetLifecyclePolicy", denied).always());
    let run = standin.runner().run(project.path(), &["ship", "--no-wait"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains("allow `ecr:GetLifecyclePolicy`"), "{}", run.stderr);
}

#[test]
fn an_image_for_another_architecture_is_told_of_by_ship_and_by_deploy() {
    let standin = StandIn::start(&["shop"], &["web"]);
    let deploy = "base: scratch\nlayers:\n  - {from: app, to: /app}\ndeploy: {cluster: main, services: [web]}\n";
    let (runner, project) = (standin.runner(), Project::with(deploy));
    for command in [&["push", "--platform", "linux/arm64"][..], &["deploy", "--strict"]] {
        let run = runner.run(project.path(), command);
        if command[0] == "push" {
            assert_eq!(run.code, 0, "{}", run.stderr);
        } else {
            run.fails_with(12, &["the image is for `arm64`", "the preflight has"]);
        }
    }
    let shipped = runner.run(project.path(), &["ship", "--platform", "linux/arm64", "--strict", "--tag", "2"]);
    shipped.fails_with(12, &["the image is for `arm64`"]);
    assert_eq!(standin.count("RegisterTaskDefinition"), 0);
}
