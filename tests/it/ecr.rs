//! Pushes to ECR: what is asked before anything is sent, and what refusals mean.

use dockless::sandbox::{Action, Fault};
use serde_json::{Value, json};

use super::support::{Project, Runner, StandIn};

const BASE: &str = "base: scratch\nlayers:\n  - {from: app, to: /app}\n";
const CREATE: &str = "repository:\n  create: true\n  scan_on_push: true\n  immutable_tags: {except: [latest]}\n  \
                      expire_untagged: 14d\n";

/// Calls an operation of ECR as another program would, and returns its answer.
fn ecr(standin: &StandIn, operation: &str, input: &Value) -> Value {
    use std::io::{Read, Write};
    let body = input.to_string();
    let mut stream = std::net::TcpStream::connect(standin.address()).expect("the stand-in listens");
    let target = format!("AmazonEC2ContainerRegistry_V20150921.{operation}");
    write!(
        stream,
        "POST / HTTP/1.0\r\nHost: x\r\nAuthorization: x\r\nContent-Type: application/x-amz-json-1.1\r\n\
         X-Amz-Target: {target}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (_, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    serde_json::from_str(body).expect("JSON")
}

fn immutable(standin: &StandIn, name: &str) {
    ecr(standin, "PutImageTagMutability", &json!({"repositoryName": name, "imageTagMutability": "IMMUTABLE"}));
}

fn push(runner: &Runner, project: &Project) -> super::support::Run {
    runner.run(project.path(), &["push"])
}

fn requests(standin: &StandIn, method: &str, part: &str) -> usize {
    let requests = standin.sandbox().requests();
    requests.iter().filter(|request| request.method == method && request.target.contains(part)).count()
}

#[test]
fn a_missing_repository_is_made_as_the_build_file_says() {
    let standin = StandIn::start(&[], &[]);
    let project = Project::with(&format!("{BASE}{CREATE}"));
    let report = standin.runner().report(project.path(), &["push"]);
    assert!(report["uploaded_blobs"].as_u64() > Some(0));
    let made = &ecr(&standin, "DescribeRepositories", &json!({"repositoryNames": ["shop"]}))["repositories"][0];
    assert_eq!(made["imageScanningConfiguration"]["scanOnPush"], true);
    assert_eq!(made["imageTagMutability"], "IMMUTABLE_WITH_EXCLUSION");
    let filters = json!([{"filterType": "WILDCARD", "filter": "latest"}]);
    assert_eq!(made["imageTagMutabilityExclusionFilters"], filters);
    let policy = ecr(&standin, "GetLifecyclePolicy", &json!({"repositoryName": "shop"}));
    let policy: Value = serde_json::from_str(policy["lifecyclePolicyText"].as_str().expect("a text")).expect("JSON");
    assert_eq!(policy["rules"][0]["selection"]["countNumber"], 14);

    standin.sandbox().forget_requests();
    push(&standin.runner(), &project);
    assert_eq!(standin.count("CreateRepository"), 0, "one that is there is left as it is");
    assert_eq!(standin.count("PutLifecyclePolicy"), 0);
}

#[test]
fn a_missing_repository_ends_a_push_before_anything_is_packed() {
    let standin = StandIn::start(&[], &[]);
    let (runner, project) = (standin.runner(), Project::with(BASE));
    let run = push(&runner, &project);
    let words = ["404 NAME_UNKNOWN: repository `shop` does not exist", "add `repository: {create: true}`"];
    run.fails_with(5, &words);
    assert!(!run.stderr.contains("layer "), "{}", run.stderr);
    assert_eq!(requests(&standin, "PUT", "/v2/"), 0);
}

#[test]
fn a_repository_that_somebody_else_makes_at_the_same_time_is_as_good() {
    let standin = StandIn::start(&["shop"], &[]);
    let gone = Action::status(400, "RepositoryNotFoundException", "The repository does not exist");
    standin.sandbox().script(Fault::on_operation("DescribeRepositories", gone));
    let project = Project::with(&format!("{BASE}{CREATE}"));
    let run = push(&standin.runner(), &project);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(standin.count("CreateRepository"), 1);
    assert!(!run.stderr.contains("made the repository"), "{}", run.stderr);
}

#[test]
fn who_may_only_push_can_push_and_a_missing_right_comes_as_a_statement_to_paste() {
    let denied = |action: &str| Action::AccessDenied { action: format!("ecr:{action}") };
    let standin = StandIn::start(&["shop"], &[]);
    for operation in ["DescribeRepositories", "BatchCheckLayerAvailability", "GetAccountSetting"] {
        standin.sandbox().script(Fault::on_operation(operation, denied(operation)).always());
    }
    let project = Project::with(BASE);
    let run = push(&standin.runner(), &project);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(!run.stderr.contains("not authorized"), "{}", run.stderr);

    project.write("app/hello.txt", "changed\n");
    standin.sandbox().script(Fault::on_request("POST", "/v2/*", denied("InitiateLayerUpload")).always());
    let statement = r#"{"Effect":"Allow","Action":"ecr:InitiateLayerUpload","Resource":"*"}"#;
    push(&standin.runner(), &project)
        .fails_with(5, &["403 DENIED", "hint: add this statement", statement, "AWS (an ECR token)"]);
}

#[test]
fn a_repository_that_may_not_be_made_names_the_right() {
    let standin = StandIn::start(&[], &[]);
    let action = Action::AccessDenied { action: "ecr:CreateRepository".to_owned() };
    standin.sandbox().script(Fault::on_operation("CreateRepository", action).always());
    let project = Project::with(&format!("{BASE}{CREATE}"));
    let statement = r#"{"Effect":"Allow","Action":"ecr:CreateRepository","Resource":"*"}"#;
    push(&standin.runner(), &project).fails_with(5, &["ECR refuses `CreateRepository`", statement]);
}

#[test]
fn an_immutable_tag_with_our_digest_is_done_without_a_byte() {
    let standin = StandIn::start(&["shop"], &[]);
    let (runner, project) = (standin.runner(), Project::with(BASE));
    let first = runner.report(project.path(), &["push"]);
    immutable(&standin, "shop");
    standin.sandbox().forget_requests();
    let second = runner.report(project.path(), &["push"]);
    assert_eq!(second["digest"], first["digest"]);
    assert_eq!((&second["uploaded_bytes"], &second["uploaded_blobs"]), (&0.into(), &0.into()));
    assert_eq!(second["existing"], 2, "a layer and the config");
    assert_eq!(requests(&standin, "PUT", "/v2/") + standin.uploads(), 0);
    // A fresh machine finds it too.
    let fresh = standin.runner().report(project.path(), &["push", "--no-cache"]);
    assert_eq!((&fresh["digest"], &fresh["uploaded_blobs"]), (&first["digest"], &0.into()));
}

#[test]
fn an_immutable_tag_with_another_digest_is_an_error_and_nothing_was_sent() {
    let standin = StandIn::start(&["shop"], &[]);
    let (runner, project) = (standin.runner(), Project::with(BASE));
    let first = runner.report(project.path(), &["push"]);
    immutable(&standin, "shop");
    project.write("app/hello.txt", "changed\n");
    standin.sandbox().forget_requests();
    let run = push(&runner, &project);
    let digest = first["digest"].as_str().expect("a text");
    run.fails_with(5, &["tag `latest` of `shop` is immutable and stands for", digest, "push another tag"]);
    assert_eq!(standin.uploads() + requests(&standin, "PUT", "/v2/"), 0, "nothing was sent");
}

#[test]
fn a_tag_that_the_exclusions_let_move_moves() {
    let standin = StandIn::start(&[], &[]);
    let (runner, project) = (standin.runner(), Project::with(&format!("{BASE}{CREATE}")));
    push(&runner, &project);
    project.write("app/hello.txt", "changed\n");
    let run = push(&runner, &project);
    assert_eq!(run.code, 0, "`latest` may move: {}", run.stderr);
    let run = runner.run(project.path(), &["push", "--tag", "1.0"]);
    assert_eq!(run.code, 0, "`1.0` is new: {}", run.stderr);
    project.write("app/hello.txt", "changed again\n");
    let run = runner.run(project.path(), &["push", "--tag", "1.1", "--tag", "1.0"]);
    run.fails_with(5, &["tag `1.0` of `shop` is immutable"]);
}

#[test]
fn whoever_does_not_know_the_rule_waits_and_then_lets_the_registry_decide() {
    let standin = StandIn::start(&["shop"], &[]);
    let (runner, project) = (standin.runner(), Project::with(BASE));
    let first = runner.report(project.path(), &["push"]);
    let action = Action::AccessDenied { action: "ecr:DescribeRepositories".to_owned() };
    standin.sandbox().script(Fault::on_operation("DescribeRepositories", action).always());
    standin.sandbox().forget_requests();
    let same = runner.report(project.path(), &["push"]);
    assert_eq!((&same["digest"], standin.uploads()), (&first["digest"], 0));
    project.write("app/hello.txt", "changed\n");
    let other = runner.report(project.path(), &["push"]);
    assert_ne!(other["digest"], first["digest"]);
}

#[test]
fn many_layers_are_looked_for_in_one_call() {
    let standin = StandIn::start(&["shop"], &[]);
    let mut build = String::from("base: scratch\nlayers:\n");
    let project = Project::with(BASE);
    for number in 0..30 {
        project.write(&format!("l{number}/file"), &format!("{number}\n"));
        build.push_str(&format!("  - {{from: l{number}, to: /l{number}}}\n"));
    }
    project.build_file(&build);
    let report = standin.runner().report(project.path(), &["push"]);
    assert_eq!(report["uploaded_blobs"], 31);
    assert_eq!(standin.count("BatchCheckLayerAvailability"), 1);
    assert!(requests(&standin, "HEAD", "/blobs/") <= 1, "of the config at most");
}

/// Copies an image within the registry, and returns what is said of mounts.
fn copied(standin: &StandIn) -> String {
    let (runner, project) = (standin.runner(), Project::with(BASE));
    runner.report(project.path(), &["push"]);
    let (from, to) = (format!("{}:latest", project.name()), project.name().replace("/shop", "/prod"));
    let run = runner.run(project.path(), &["copy", &from, &to]);
    assert_eq!(run.code, 0, "a refused mount is no failure: {}", run.stderr);
    run.stderr
}

#[test]
fn a_refused_mount_is_told_once_with_its_reason() {
    let never = |options: &mut dockless::sandbox::SandboxOptions| {
        options.personality.mount = dockless::sandbox::MountRule::Never;
    };
    let off = copied(&StandIn::with(&["shop", "prod"], &[], never));
    let reason = "ECR mounted no layer from `shop`: blob mounting is off in this account and region; run `aws ecr \
                  put-account-setting --name BLOB_MOUNTING --value ENABLED --region eu-west-1`";
    assert_eq!(off.matches(reason).count(), 1, "{off}");

    let standin = StandIn::start(&["shop"], &[]);
    let encryption = json!({"encryptionType": "KMS", "kmsKey": "arn:aws:kms:eu-west-1:123456789012:key/1"});
    ecr(&standin, "CreateRepository", &json!({"repositoryName": "prod", "encryptionConfiguration": encryption}));
    let other = copied(&standin);
    let reason = "its encryption is AES256, and that of the target KMS with `arn:aws:kms:eu-west-1:123456789012:key/1`";
    assert!(other.contains(reason), "{other}");

    let standin = StandIn::start(&["shop", "prod"], &[]);
    let action = Action::AccessDenied { action: "ecr:GetDownloadUrlForLayer".to_owned() };
    standin
        .sandbox()
        .script(Fault::on_request("POST", "/v2/prod/blobs/uploads/", action).with_query("mount=*").times(2));
    let denied = copied(&standin);
    let statement = r#"{"Effect":"Allow","Action":"ecr:GetDownloadUrlForLayer","Resource":"*"}"#;
    assert!(
        denied.contains("the right `ecr:GetDownloadUrlForLayer` on it is missing") && denied.contains(statement),
        "{denied}"
    );
}

#[test]
fn the_source_of_the_credentials_is_told_when_asked_for() {
    let standin = StandIn::start(&["shop"], &[]);
    let project = Project::with(BASE);
    let run = standin.runner().run(project.path(), &["push", "-v"]);
    assert!(run.stderr.contains("credentials from AWS (an ECR token)"), "{}", run.stderr);
    let run = push(&standin.runner(), &project);
    assert!(!run.stderr.contains("credentials from"), "{}", run.stderr);
}
