//! ECS: deployments by the clock, and what each course looks like from outside.

use super::*;
use crate::sandbox::{DeploymentStatus, ReportedDigest, RolloutScript, RolloutState, RolloutStep, Supersession};

/// A seeded stand-in with a pushed image, and the ARN of a revision that pins it.
async fn prepared(state: &Path) -> (Lab, String, Digest) {
    let lab = Lab::start(state).await;
    lab.seed();
    let digest = lab.push_image("shop", "1.0", "layer").await;
    let definition = lab.register(&format!("{HOST}/shop:1.0@{digest}")).await;
    (lab, definition, digest)
}

fn number(id: &Value) -> &str {
    id.as_str().and_then(|id| id.strip_prefix("ecs-svc/")).expect("ecs-svc/N")
}

#[tokio::test]
async fn a_deployment_succeeds_by_the_clock_and_proves_its_digest() {
    let state = folder();
    let (lab, definition, digest) = prepared(state.path()).await;
    let answer = lab.update(&definition).await;
    let primary = &answer["service"]["deployments"][0];
    assert_eq!((&primary["status"], &primary["taskDefinition"]), (&json!("PRIMARY"), &json!(definition)));
    assert_eq!(answer["service"].get("currentServiceDeployment"), None, "the answer does not name it");
    let mut seen = Vec::new();
    for _ in 0..4 {
        let newest = lab.newest().await;
        let target = newest["targetServiceRevision"]["arn"].as_str().expect("an ARN").to_owned();
        assert!(target.ends_with(&format!("/{}", number(&primary["id"]))), "the revision shares its number");
        seen.push(newest["status"].as_str().expect("a status").to_owned());
        lab.advance(500);
    }
    assert_eq!(seen, ["PENDING", "IN_PROGRESS", "IN_PROGRESS", "SUCCESSFUL"]);
    let service = lab.service().await;
    assert_eq!(service["deployments"].as_array().map(Vec::len), Some(1));
    assert_eq!(service["deployments"][0]["rolloutState"], "COMPLETED");
    assert_eq!(service["events"][0]["message"], "(service web) has reached a steady state.");
    let arn = lab.newest().await["targetServiceRevision"]["arn"].clone();
    let answer = lab.ecs("DescribeServiceRevisions", json!({ "serviceRevisionArns": [arn] })).await;
    assert_eq!(answer["serviceRevisions"][0]["containerImages"][0]["imageDigest"], digest.to_string());
}

#[tokio::test]
async fn nothing_changed_means_no_deployment_unless_forced() {
    let state = folder();
    let (lab, definition, _) = prepared(state.path()).await;
    lab.update(&definition).await;
    lab.advance(5_000);
    let before = lab.newest().await["serviceDeploymentArn"].clone();
    lab.update(&definition).await;
    assert_eq!(lab.newest().await["serviceDeploymentArn"], before);
    let input = json!({ "cluster": "main", "service": "web", "forceNewDeployment": true });
    lab.ecs("UpdateService", input).await;
    assert_ne!(lab.newest().await["serviceDeploymentArn"], before);
}

#[tokio::test]
async fn an_image_that_is_not_there_trips_the_breaker_and_rolls_back() {
    let state = folder();
    let (lab, _, _) = prepared(state.path()).await;
    let old = lab.service().await["deployments"][0].clone();
    let missing = lab.register(&format!("{HOST}/shop:1.0@{}", Digest::of(b"missing"))).await;
    lab.update(&missing).await;
    lab.advance(1_200);
    let service = lab.service().await;
    assert_eq!(service["deployments"][0]["id"], old["id"], "PRIMARY is the old one again");
    assert_eq!(service["deployments"][0]["rolloutState"], "IN_PROGRESS");
    assert_eq!(service["deployments"][1]["rolloutState"], "FAILED");
    assert_eq!(lab.newest().await["status"], "ROLLBACK_IN_PROGRESS");
    lab.advance(1_000);
    let newest = lab.newest().await;
    assert_eq!(newest["status"], "ROLLBACK_SUCCESSFUL");
    assert_eq!(newest["deploymentCircuitBreaker"], json!({ "status": "TRIGGERED", "failureCount": 3, "threshold": 3 }));
    let arn = newest["rollback"]["serviceRevisionArn"].as_str().expect("an ARN");
    assert!(arn.ends_with(number(&old["id"])));
    assert_eq!(lab.service().await["taskDefinition"], old["taskDefinition"]);
    let input = json!({ "cluster": "main", "serviceName": "web", "desiredStatus": "STOPPED" });
    let tasks = lab.ecs("ListTasks", input).await["taskArns"].clone();
    let tasks = lab.ecs("DescribeTasks", json!({ "cluster": "main", "tasks": tasks })).await;
    assert_eq!(tasks["tasks"].as_array().map(Vec::len), Some(3));
    let reason = tasks["tasks"][0]["stoppedReason"].as_str().expect("a reason");
    assert!(reason.starts_with("CannotPullContainerError"), "{reason}");
}

#[tokio::test]
async fn each_script_ends_as_it_says() {
    let stop = "Deployment stopped.";
    let other = Supersession { after: Duration::from_secs(1), task_definition: Some("shop:1".to_owned()) };
    for (script, expect) in [
        (RolloutScript::succeed(), "SUCCESSFUL"),
        (RolloutScript::circuit_breaker_rollback(), "ROLLBACK_SUCCESSFUL"),
        (RolloutScript::rollback_failed(), "ROLLBACK_FAILED"),
        (RolloutScript::stopped(stop), "STOPPED"),
        (RolloutScript::never_ends(), "IN_PROGRESS"),
        (RolloutScript::paused("hook-1"), "IN_PROGRESS"),
        (RolloutScript::superseded(other), "STOPPED"),
    ] {
        let state = folder();
        let (lab, definition, _) = prepared(state.path()).await;
        lab.sandbox.script_rollout("web", script.clone());
        lab.update(&definition).await;
        let ours = lab.newest().await["serviceDeploymentArn"].clone();
        lab.advance(60_000);
        let newest = lab.newest().await;
        let answer = lab.ecs("DescribeServiceDeployments", json!({ "serviceDeploymentArns": [ours] })).await;
        assert_eq!(answer["serviceDeployments"][0]["status"], expect, "{script:?}");
        assert_eq!(newest["serviceDeploymentArn"] != ours, script.superseded.is_some(), "{script:?}");
    }
}

#[tokio::test]
async fn a_paused_deployment_goes_on_or_back_when_told() {
    for (action, expect) in [("CONTINUE", "SUCCESSFUL"), ("ROLLBACK", "ROLLBACK_SUCCESSFUL")] {
        let state = folder();
        let (lab, definition, _) = prepared(state.path()).await;
        lab.sandbox.script_rollout("web", RolloutScript::paused("hook-1"));
        lab.update(&definition).await;
        lab.advance(60_000);
        let paused = lab.newest().await;
        assert_eq!(paused["lifecycleHookDetails"][0]["status"], "AWAITING_ACTION");
        let arn = &paused["serviceDeploymentArn"];
        let input = json!({ "serviceDeploymentArn": arn, "hookId": "hook-1", "action": action });
        lab.ecs("ContinueServiceDeployment", input).await;
        lab.advance(5_000);
        let newest = lab.newest().await;
        assert_eq!(newest["status"], expect);
        assert_eq!(newest.get("lifecycleHookDetails"), None, "{action}");
    }
}

#[tokio::test]
async fn a_running_deployment_can_be_rolled_back_and_a_finished_one_cannot() {
    let state = folder();
    let (lab, definition, _) = prepared(state.path()).await;
    lab.update(&definition).await;
    lab.advance(800);
    let arn = lab.newest().await["serviceDeploymentArn"].clone();
    let input = json!({ "serviceDeploymentArn": arn, "stopType": "ROLLBACK" });
    lab.ecs("StopServiceDeployment", input.clone()).await;
    assert_eq!(lab.newest().await["status"], "ROLLBACK_REQUESTED");
    lab.advance(5_000);
    assert_eq!(lab.newest().await["status"], "ROLLBACK_SUCCESSFUL");
    assert_eq!(lab.ecs("StopServiceDeployment", input).await["__type"], "ConflictException");
}

#[tokio::test]
async fn a_newer_update_stops_the_one_on_its_way() {
    let state = folder();
    let (lab, definition, _) = prepared(state.path()).await;
    lab.update(&definition).await;
    lab.advance(300);
    lab.update("shop:1").await;
    lab.advance(5_000);
    let list = lab.ecs("ListServiceDeployments", json!({ "cluster": "main", "service": "web" })).await;
    let list = list["serviceDeployments"].as_array().expect("a list").clone();
    let statuses: Vec<&Value> = list.iter().map(|deployment| &deployment["status"]).collect();
    assert_eq!(statuses, ["SUCCESSFUL", "STOPPED", "SUCCESSFUL"], "newest first");
    let input = json!({ "cluster": "main", "service": "web", "status": ["STOPPED"] });
    let stopped = lab.ecs("ListServiceDeployments", input).await;
    assert_eq!(stopped["serviceDeployments"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn reads_can_lag_behind_writes() {
    let state = folder();
    let (lab, definition, _) = prepared(state.path()).await;
    lab.advance(10_000);
    let before = lab.newest().await["serviceDeploymentArn"].clone();
    lab.sandbox.lag_reads(Duration::from_secs(2));
    let answer = lab.update(&definition).await;
    assert_eq!(answer["service"]["taskDefinition"], json!(definition), "the answer itself does not lag");
    lab.advance(1_000);
    assert_eq!(lab.newest().await["serviceDeploymentArn"], before);
    lab.advance(1_000);
    assert_ne!(lab.newest().await["serviceDeploymentArn"], before);
    assert_eq!(lab.newest().await["status"], "PENDING");
}

#[tokio::test]
async fn a_script_decides_what_digest_is_reported() {
    let other = Digest::of(b"other");
    for (revision, task) in
        [(ReportedDigest::Absent, ReportedDigest::Resolved), (ReportedDigest::Is(other), ReportedDigest::Absent)]
    {
        let state = folder();
        let (lab, definition, digest) = prepared(state.path()).await;
        lab.sandbox.script_rollout("web", RolloutScript::succeed().reporting(revision, task));
        lab.update(&definition).await;
        lab.advance(5_000);
        let arn = lab.newest().await["targetServiceRevision"]["arn"].clone();
        let answer = lab.ecs("DescribeServiceRevisions", json!({ "serviceRevisionArns": [arn] })).await;
        let tasks = lab.ecs("ListTasks", json!({ "cluster": "main", "serviceName": "web" })).await["taskArns"].clone();
        let tasks = lab.ecs("DescribeTasks", json!({ "cluster": "main", "tasks": tasks })).await;
        let expect = |reported| match reported {
            ReportedDigest::Resolved => json!(digest.to_string()),
            ReportedDigest::Absent => Value::Null,
            ReportedDigest::Is(digest) => json!(digest.to_string()),
        };
        assert_eq!(answer["serviceRevisions"][0]["containerImages"][0]["imageDigest"], expect(revision));
        assert_eq!(tasks["tasks"][0]["containers"][0]["imageDigest"], expect(task));
    }
}

#[tokio::test]
async fn traffic_shifts_through_the_stages_of_a_strategy() {
    let state = folder();
    let (lab, definition, _) = prepared(state.path()).await;
    let strategy = json!({ "strategy": "CANARY" });
    let input = json!({
        "cluster": "main", "service": "web", "taskDefinition": definition, "deploymentConfiguration": strategy,
    });
    lab.ecs("UpdateService", input).await;
    let mut stages = Vec::new();
    let mut weights = Vec::new();
    while lab.newest().await["status"] != "SUCCESSFUL" {
        let newest = lab.newest().await;
        stages.extend(newest.get("lifecycleStage").cloned());
        weights.extend(newest["targetServiceRevision"].get("requestedProductionTrafficWeight").cloned());
        assert_eq!(lab.service().await["deployments"][0].get("rolloutState"), None, "only rolling has one");
        lab.advance(100);
    }
    stages.dedup();
    weights.dedup();
    assert_eq!((stages.first(), stages.last()), (Some(&json!("RECONCILE_SERVICE")), Some(&json!("CLEAN_UP"))));
    assert_eq!(weights, [json!(0.0), json!(5.0), json!(100.0)]);
}

#[tokio::test]
async fn a_task_definition_keeps_what_nobody_knows() {
    let state = folder();
    let lab = Lab::start(state.path()).await;
    let input = json!({
        "family": "shop", "memory": "512", "newerThanUs": { "deep": [1] }, "cpu": null, "status": "ACTIVE",
        "containerDefinitions": [{ "name": "app", "image": "a:1", "alsoNew": "", "user": null }],
        "tags": [{ "key": "k", "value": "v" }],
    });
    lab.ecs("RegisterTaskDefinition", input).await;
    let answer = lab.ecs("DescribeTaskDefinition", json!({ "taskDefinition": "shop", "include": ["TAGS"] })).await;
    let definition = &answer["taskDefinition"];
    assert_eq!(definition["newerThanUs"], json!({ "deep": [1] }));
    assert_eq!(definition["containerDefinitions"][0]["alsoNew"], "");
    assert_eq!((definition.get("cpu"), definition["containerDefinitions"][0].get("user")), (None, None));
    assert_eq!((&definition["revision"], &answer["tags"][0]["value"]), (&json!(1), &json!("v")));
    assert_eq!(definition.get("tags"), None, "tags stand beside it");
    let bare = lab.ecs("RegisterTaskDefinition", json!({ "family": "shop", "containerDefinitions": [] })).await;
    assert_eq!(bare["__type"], "ClientException");
    let arn = &definition["taskDefinitionArn"];
    lab.ecs("DeregisterTaskDefinition", json!({ "taskDefinition": arn })).await;
    let answer = lab.ecs("DescribeTaskDefinition", json!({ "taskDefinition": arn })).await;
    assert_eq!(answer["taskDefinition"]["status"], "INACTIVE");
    let gone = lab.ecs("DescribeTaskDefinition", json!({ "taskDefinition": "shop" })).await;
    assert_eq!(gone["message"], "Unable to describe task definition.");
}

#[tokio::test]
async fn the_typed_client_reads_what_is_said() {
    let state = folder();
    let (lab, definition, _) = prepared(state.path()).await;
    let ecs = lab.ecs_client().await;
    let update = ecs.update_service().cluster("main").service("web").task_definition(&definition);
    update.send().await.expect("an update");
    lab.advance(2_000);
    let list = ecs.list_service_deployments().cluster("main").service("web").send().await.expect("deployments");
    let newest = &list.service_deployments()[0];
    assert_eq!(newest.status().map(aws_sdk_ecs::types::ServiceDeploymentStatus::as_str), Some("SUCCESSFUL"));
    let arn = newest.service_deployment_arn().expect("an ARN");
    let answer = ecs.describe_service_deployments().service_deployment_arns(arn).send().await.expect("one");
    let deployment = &answer.service_deployments()[0];
    assert!(deployment.finished_at() > deployment.created_at());
    let missing = ecs.update_service().cluster("main").service("none").send().await.expect_err("no service");
    assert!(missing.into_service_error().is_service_not_found_exception());
    let missing = ecs.describe_services().cluster("none").services("web").send().await.expect_err("no cluster");
    assert!(missing.into_service_error().is_cluster_not_found_exception());
    let answer = ecs.describe_services().cluster("main").services("none").send().await.expect("an answer");
    assert_eq!(answer.failures()[0].reason(), Some("MISSING"));
}

#[tokio::test]
async fn a_deleted_service_cannot_be_updated() {
    let state = folder();
    let (lab, definition, _) = prepared(state.path()).await;
    lab.ecs("DeleteService", json!({ "cluster": "main", "service": "web", "force": true })).await;
    assert_eq!(lab.update(&definition).await["__type"], "ServiceNotActiveException");
    assert_eq!(lab.service().await["status"], "INACTIVE");
}

#[tokio::test]
async fn a_script_of_ones_own_is_followed_step_by_step() {
    let state = folder();
    let (lab, definition, _) = prepared(state.path()).await;
    let step = |seconds, status, events: &[&str]| RolloutStep {
        after: Duration::from_secs(seconds),
        state: RolloutState { status, events: events.iter().map(ToString::to_string).collect(), ..Default::default() },
    };
    let steps = vec![
        step(10, DeploymentStatus::InProgress, &["(service {service}) is on its way."]),
        step(20, DeploymentStatus::Successful, &[]),
    ];
    lab.sandbox.script_rollout("web", RolloutScript::of(steps));
    lab.update(&definition).await;
    for (expect, message) in [("PENDING", false), ("IN_PROGRESS", true), ("SUCCESSFUL", true)] {
        assert_eq!(lab.newest().await["status"], expect);
        let newest = &lab.service().await["events"][0]["message"];
        assert_eq!(*newest == "(service web) is on its way.", message, "{expect}: {newest}");
        lab.advance(10_000);
    }
}
