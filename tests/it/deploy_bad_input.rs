//! What is refused before anything changes: one clear sentence, a remedy, exit code 12.

use dockless::sandbox::{Action, Fault};

use super::support::{Project, StandIn};

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
fn an_image_of_an_account_that_the_service_never_used_is_refused_unless_forced() {
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
