//! What is refused before anything is changed: each with its exit code, its words and its remedy.

use std::time::Duration;

use aws_credential_types::credential_fn::provide_credentials_fn;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_credential_types::provider::error::CredentialsError;
use serde_json::json;

use super::world::{Trial, World};
use crate::deploy::{DeployError, ErrorClass};
use crate::ground::Hint;
use crate::spec::{ContainerChoice, TaskDefinitionSource, WaitTimeout};

#[track_caller]
fn check(trial: &Trial, error: &DeployError, words: &[&str], hint: &str) {
    assert_eq!(error.class(), ErrorClass::Refused, "{error}");
    let mut text = error.to_string();
    if let Some(source) = std::error::Error::source(error) {
        text = format!("{text}: {source}");
    }
    for word in words {
        assert!(text.contains(word), "`{word}` in {text}");
    }
    let found = error.hint().unwrap_or_default();
    assert!(found.contains(hint), "`{hint}` in {found}");
    let calls = trial.stand_in.calls();
    assert!(!calls.iter().any(|call| call.starts_with("Register") || call.starts_with("Update")), "{calls:?}");
}

#[tokio::test]
async fn a_missing_service_names_its_place_and_the_nearest() {
    let mut trial = Trial::of(World::new()).await;
    trial.spec.services[0].name = "shp".to_owned();
    let error = trial.run().await.expect_err("no service");
    check(&trial, &error, &["`shp`", "cluster `main`", "eu-west-1", "123456789012"], "did you mean `shop`?");
}

#[tokio::test]
async fn a_missing_cluster_names_region_and_nearest() {
    let world = World::new().refuse("DescribeServices", "ClusterNotFoundException", "Cluster not found.");
    let mut trial = Trial::of(world).await;
    trial.spec.cluster = "mian".to_owned();
    let error = trial.run().await.expect_err("no cluster");
    check(&trial, &error, &["cluster `mian` in eu-west-1"], "did you mean `main`?");
}

#[tokio::test]
async fn a_service_that_is_not_ours_to_deploy_is_refused() {
    let rows = [
        (json!({"status": "INACTIVE"}), "INACTIVE", "create it again"),
        (json!({"status": "DRAINING"}), "DRAINING", "create it again"),
        (json!({"deploymentController": {"type": "CODE_DEPLOY"}}), "CODE_DEPLOY", "controller ECS"),
        (json!({"deploymentController": {"type": "EXTERNAL"}}), "EXTERNAL", "controller ECS"),
    ];
    for (service, words, hint) in rows {
        let mut world = World::new();
        world.service = service;
        let trial = Trial::of(world).await;
        let error = trial.run().await.expect_err("a refusal");
        check(&trial, &error, &[words, "`shop`"], hint);
    }
}

#[tokio::test]
async fn a_missing_container_names_those_that_exist() {
    let mut trial = Trial::of(World::new()).await;
    trial.spec.services[0].containers = ContainerChoice::Named(vec![crate::spec::ContainerSpec::named("wbe")]);
    let error = trial.run().await.expect_err("no container");
    check(&trial, &error, &["`shop`", "no container `wbe`: it has `web`, `proxy`"], "did you mean `web`?");
}

#[tokio::test]
async fn a_missing_right_to_read_names_the_action() {
    let trial = Trial::of(World::new().deny(&["DescribeTaskDefinition"])).await;
    let error = trial.run().await.expect_err("a refusal");
    check(&trial, &error, &["task-definition/shop:1", "not authorized"], "`ecs:DescribeTaskDefinition`");
}

#[tokio::test]
async fn a_verdict_on_another_strategy_needs_its_three_rights() {
    for denied in ["ListServiceDeployments", "DescribeServiceDeployments", "DescribeServiceRevisions"] {
        let mut world = World::new().deny(&[denied]);
        world.service = json!({"deploymentConfiguration": {"strategy": "CANARY"}});
        let trial = Trial::of(world).await;
        let error = trial.run().await.expect_err("a refusal");
        check(
            &trial,
            &error,
            &["`shop`"],
            "ecs:ListServiceDeployments, ecs:DescribeServiceDeployments, ecs:DescribeServiceRevisions",
        );
    }
}

#[tokio::test]
async fn a_register_that_is_denied_prints_the_statement_to_add() {
    let role = "arn:aws:iam::123456789012:role/exec";
    let message = format!("User: x is not authorized to perform: iam:PassRole on resource: {role} because no policy");
    let trial = Trial::of(World::new().refuse("RegisterTaskDefinition", "AccessDeniedException", &message)).await;
    let error = trial.run().await.expect_err("a refusal");
    assert_eq!(error.class(), ErrorClass::Refused);
    let hint = error.hint().unwrap_or_default();
    assert!(hint.contains("iam:PassRole") && hint.contains(&format!("\"{role}\"")), "{hint}");
    assert!(trial.stand_in.sent("UpdateService").is_empty());
}

#[tokio::test]
async fn an_active_deployment_that_does_not_end_is_refused() {
    let mut world = World::new();
    let live = world.task_definition.clone();
    world.begin(&live, "IN_PROGRESS", None);
    let mut trial = Trial::of(world).await;
    trial.spec.wait = WaitTimeout::After(Duration::from_secs(30));
    let error = trial.run().await.expect_err("a refusal");
    check(&trial, &error, &["active deployment", "/d102", "30 s"], "run this again");
}

#[tokio::test]
async fn a_service_that_changed_since_the_plan_is_refused() {
    let trial = Trial::of(World::new()).await;
    let deployment = trial.prepare().await.expect("a deployment");
    let plan = deployment.plan(&trial.target);
    trial
        .stand_in
        .world(|world| world.begin("arn:aws:ecs:eu-west-1:123456789012:task-definition/shop:9", "SUCCESSFUL", None));
    let error = deployment.apply(&trial.stand_in.ecs, &plan, &trial.options()).await.expect_err("a refusal");
    check(&trial, &error, &["shop:9", "shop:1"], "run this again");
}

#[tokio::test]
async fn a_task_definition_file_that_is_none_is_refused_by_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let rows = [("a.json", "{\"family\": ", "a.json"), ("b.yaml", "family: x\n", "no `containerDefinitions`")];
    for (name, text, words) in rows {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        let mut trial = Trial::of(World::new()).await;
        trial.spec.task_definition = TaskDefinitionSource::File(path);
        let error = trial.run().await.expect_err("a refusal");
        check_file(&error, words);
    }
    let mut trial = Trial::of(World::new()).await;
    trial.spec.task_definition = TaskDefinitionSource::File(folder.path().join("missing.json"));
    check_file(&trial.run().await.expect_err("a refusal"), "missing.json");
}

#[track_caller]
fn check_file(error: &DeployError, words: &str) {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    assert!(text.contains(words), "{text}");
    assert!(error.hint().is_some(), "{text}");
}

#[tokio::test]
async fn an_expired_session_is_named_as_such() {
    let trial =
        Trial::of(World::new().refuse("DescribeServices", "ExpiredTokenException", "The security token expired")).await;
    let error = trial.run().await.expect_err("a refusal");
    check(&trial, &error, &["the services", "ExpiredTokenException"], "log in to AWS again");
}

#[tokio::test]
async fn missing_credentials_are_named_as_such() {
    let provider = provide_credentials_fn(|| async { Err(CredentialsError::not_loaded("nothing in the chain")) });
    let mut trial = Trial::of(World::new()).await;
    trial.stand_in.reconfigure(|config| config.credentials_provider(SharedCredentialsProvider::new(provider)));
    let error = trial.run().await.expect_err("a refusal");
    check(&trial, &error, &["no AWS credentials"], "AWS_PROFILE");
}

#[tokio::test]
async fn a_missing_region_is_named_as_such() {
    let mut trial = Trial::of(World::new()).await;
    trial.stand_in.reconfigure(|config| config.region(None));
    let error = trial.run().await.expect_err("a refusal");
    check(&trial, &error, &["no AWS region"], "AWS_REGION");
}

#[tokio::test]
async fn an_endpoint_that_nobody_serves_is_named_as_such() {
    let closed = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let url = format!("http://{}", closed.local_addr().expect("an address"));
    drop(closed);
    let mut trial = Trial::of(World::new()).await;
    trial.stand_in.reconfigure(|config| config.endpoint_url(url));
    let error = trial.run().await.expect_err("a refusal");
    check(&trial, &error, &["the services", "DescribeServices: connection refused"], "AWS_ENDPOINT_URL");
}
