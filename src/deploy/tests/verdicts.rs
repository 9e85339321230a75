//! Every verdict, from the calls to the report.

use serde_json::json;

use super::world::{SERVICE_ARN, Trial, World, new_digest, old_digest, target};
use crate::deploy::Verdict;
use crate::event::Event;
use crate::oci::Digest;

#[tokio::test]
async fn a_deployment_that_ends_well_is_proved_by_its_digest() {
    let trial = Trial::of(World::new()).await;
    let report = trial.run().await.expect("a report");
    assert_eq!((report.verdict, report.exit_code(), report.registered), (Verdict::Successful, 0, true));
    let service = &report.services[0];
    assert_eq!(service.digest, Some(new_digest()));
    assert!(service.task_definition_arn.ends_with("shop:2"), "{service:?}");
    assert!(service.deployment_arn.as_deref().is_some_and(|arn| arn.ends_with("/d102")), "{service:?}");
    assert_eq!(
        trial.stand_in.sent("UpdateService"),
        [json!({"cluster": "main", "service": "shop", "taskDefinition": service.task_definition_arn})],
        "nothing else is sent"
    );
}

#[tokio::test]
async fn a_revision_keeps_fields_newer_than_the_sdk_and_drops_what_ecs_only_describes() {
    let trial = Trial::of(World::new()).await;
    trial.run().await.expect("a report");
    let image = trial.target.reference.clone();
    assert_eq!(
        trial.stand_in.sent("RegisterTaskDefinition"),
        [json!({
            "family": "shop", "networkMode": "awsvpc", "newerThanTheSdk": {"kept": [""]}, "volumes": [],
            "tags": [{"key": "team", "value": "a"}],
            "containerDefinitions": [
                {"name": "web", "image": image, "essential": true, "cpu": 0, "command": [], "environment": [{"name": "A", "value": ""}]},
                {"name": "proxy", "image": "nginx:1", "essential": true, "cpu": 0, "alsoNew": 1}
            ]
        })]
    );
}

#[tokio::test]
async fn each_course_of_a_deployment_has_its_verdict() {
    let hook = json!({"lifecycleHookDetails": [{"hookId": "h1", "status": "AWAITING_ACTION"}]});
    let rows = [
        ("ROLLBACK_SUCCESSFUL", json!({"rollback": {"reason": "tasks failed"}}), Verdict::RolledBack, "tasks failed"),
        ("ROLLBACK_FAILED", json!({}), Verdict::RollbackFailed, "because"),
        ("STOPPED", json!({}), Verdict::Stopped, "because"),
        ("IN_PROGRESS", hook, Verdict::Paused, "hook `h1` waits for an answer"),
        ("IN_PROGRESS", json!({}), Verdict::Timeout, "it is IN_PROGRESS: 0 of 1 tasks run, 1 start"),
        ("ROLLBACK_IN_PROGRESS", json!({}), Verdict::Timeout, "it is ROLLBACK_IN_PROGRESS: 0 of 1 tasks run, 1 start"),
        ("SOMETHING_NEW", json!({}), Verdict::Timeout, "it is SOMETHING_NEW: 0 of 1 tasks run, 1 start"),
    ];
    for (status, extra, verdict, reason) in rows {
        let trial = Trial::of(World::new().course(&[("IN_PROGRESS", json!({})), (status, extra)])).await;
        let report = trial.run().await.expect("a report");
        assert_eq!((report.verdict, report.services[0].reason.as_deref()), (verdict, Some(reason)), "{status}");
        assert_eq!(report.failures().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn a_deployment_that_another_one_replaces_is_superseded() {
    let mut world = World::new().course(&[("IN_PROGRESS", json!({})), ("STOPPED", json!({}))]);
    world.intruder_at = Some(1);
    let report = Trial::of(world).await.run().await.expect("a report");
    assert_eq!(report.verdict, Verdict::Superseded);
    assert!(report.services[0].reason.as_deref().is_some_and(|reason| reason.contains("/d103")), "{report:?}");
}

#[tokio::test]
async fn a_digest_that_is_not_ours_is_a_failure_and_both_are_shown() {
    let mut world = World::new();
    world.reported = Some(Some(old_digest().to_string()));
    let report = Trial::of(world).await.run().await.expect("a report");
    assert_eq!((report.verdict, report.exit_code()), (Verdict::WrongDigest, 7));
    let reason = report.services[0].reason.clone().unwrap_or_default();
    assert!(reason.contains(&old_digest().to_string()) && reason.contains(&new_digest().to_string()), "{reason}");
}

#[tokio::test]
async fn a_manifest_of_our_index_is_ours() {
    let mut world = World::new();
    world.reported = Some(Some(Digest::of(b"platform").to_string()));
    let report = Trial::of(world).await.run().await.expect("a report");
    assert_eq!((report.verdict, report.services[0].digest), (Verdict::Successful, Some(Digest::of(b"platform"))));
}

#[tokio::test]
async fn a_digest_that_is_not_reported_is_said() {
    let mut world = World::new();
    world.reported = Some(None);
    let trial = Trial::of(world).await;
    let report = trial.run().await.expect("a report");
    assert_eq!((report.verdict, report.services[0].digest), (Verdict::Successful, None));
    assert!(trial.words().iter().any(|word| word.contains("digest not reported")), "{:?}", trial.words());
}

#[tokio::test]
async fn the_image_that_runs_already_is_no_change_and_no_call_changes_anything() {
    let mut trial = Trial::of(World::new()).await;
    trial.target = target(old_digest());
    let report = trial.run().await.expect("a report");
    assert_eq!((report.verdict, report.registered), (Verdict::NoChange, false));
    assert_eq!(report.services[0].digest, Some(old_digest()));
    assert!(report.deployment_arn.is_some_and(|arn| arn.ends_with("/d101")));
    let calls = trial.stand_in.calls();
    assert!(calls.iter().all(|call| call.starts_with("Describe") || call.starts_with("List")), "{calls:?}");
}

#[tokio::test]
async fn the_wanted_revision_under_way_is_joined() {
    let mut world = World::new();
    world.rollouts[0].status = "IN_PROGRESS".to_owned();
    let mut trial = Trial::of(world).await;
    trial.target = target(old_digest());
    let report = trial.run().await.expect("a report");
    assert_eq!((report.verdict, report.registered), (Verdict::Successful, false));
    assert!(trial.stand_in.sent("UpdateService").is_empty());
}

#[tokio::test]
async fn the_wanted_revision_that_failed_last_is_deployed_anew() {
    for status in ["STOPPED", "ROLLBACK_FAILED", "ROLLBACK_SUCCESSFUL"] {
        let mut world = World::new();
        world.rollouts[0].status = status.to_owned();
        world.reported = Some(Some(old_digest().to_string()));
        let mut trial = Trial::of(world).await;
        trial.target = target(old_digest());
        let report = trial.run().await.expect("a report");
        assert_eq!((report.verdict, report.registered), (Verdict::Successful, false), "{status}");
        assert_eq!(trial.stand_in.sent("UpdateService")[0]["forceNewDeployment"], true, "{status}");
    }
}

#[tokio::test]
async fn an_older_good_deployment_of_the_same_revision_is_not_taken_for_ours() {
    // The list has a SUCCESSFUL deployment of what we deploy; ours is rolled back.
    let mut world = World::new().course(&[("ROLLBACK_SUCCESSFUL", json!({}))]);
    let live = world.task_definition.clone();
    world.begin(&live, "STOPPED", None);
    world.reported = Some(Some(old_digest().to_string()));
    let mut trial = Trial::of(world).await;
    trial.target = target(old_digest());
    assert_eq!(trial.run().await.expect("a report").verdict, Verdict::RolledBack);
}

#[tokio::test]
async fn each_event_of_the_service_is_told_once_and_old_ones_never() {
    let course = [("PENDING", json!({})), ("IN_PROGRESS", json!({})), ("SUCCESSFUL", json!({}))];
    let trial = Trial::of(World::new().course(&course)).await;
    trial.run().await.expect("a report");
    let told = trial.events.events().into_iter().filter(|event| matches!(event, Event::ServiceEvent { .. })).count();
    assert_eq!(told, 3);
}

#[tokio::test]
async fn an_active_deployment_is_waited_for_and_then_looked_at_again() {
    // It ends by going back: what is deployed then starts from what the service went back to.
    let mut world = World::new();
    let live = world.task_definition.clone();
    world.begin("arn:aws:ecs:eu-west-1:123456789012:task-definition/shop:9", "IN_PROGRESS", None);
    let mut failing = super::world::definition(9, "example.com/other:1");
    failing["containerDefinitions"][0]["environment"] = json!([{"name": "B", "value": "bad"}]);
    world.definitions.insert(world.task_definition.clone(), failing);
    let mut trial = Trial::of(world).await;
    trial.spec.services[0].containers =
        crate::spec::ContainerChoice::Named(vec![crate::spec::ContainerSpec::named("web")]);
    let mut deployment = trial.prepare().await.expect("a deployment");
    trial.stand_in.world(|world| {
        world.rollouts[0].status = "ROLLBACK_SUCCESSFUL".to_owned();
        world.task_definition = live;
    });
    let report = deployment.deploy(&trial.stand_in.ecs, &trial.target, &trial.options()).await.expect("a report");
    assert_eq!(report.verdict, Verdict::Successful);
    let sent = trial.stand_in.sent("RegisterTaskDefinition");
    assert_eq!(sent[0]["containerDefinitions"][0]["environment"], json!([{"name": "A", "value": ""}]));
}

#[tokio::test]
async fn a_caller_who_may_not_list_deployments_gets_the_verdict_of_a_rolling_update() {
    let mut world = World::new().deny(&["ListServiceDeployments"]);
    world.rollout_course = ["IN_PROGRESS", "IN_PROGRESS", "COMPLETED"].into();
    let trial = Trial::of(world).await;
    let report = trial.run().await.expect("a report");
    assert_eq!((report.verdict, report.deployment_arn), (Verdict::Successful, None));
    assert_eq!(report.services[0].digest, Some(new_digest()));
    assert!(trial.words()[0].contains("rollout state alone"), "{:?}", trial.words());
}

#[tokio::test]
async fn a_look_that_fails_does_not_end_the_watch() {
    let trial = Trial::of(World::new()).await;
    let deployment = trial.prepare().await.expect("a deployment");
    let refusal = super::stand_in::Refusal { status: 500, code: "ServerException", message: "busy".to_owned() };
    trial.stand_in.world(|world| {
        world.refusals.insert("DescribeServiceDeployments", [refusal.clone(), refusal].into());
    });
    let plan = deployment.plan(&trial.target);
    let report = deployment.apply(&trial.stand_in.ecs, &plan, &trial.options()).await.expect("a report");
    assert_eq!(report.verdict, Verdict::Successful);
    assert_eq!(trial.words().iter().filter(|word| word.contains("busy")).count(), 1, "{:?}", trial.words());
}

#[tokio::test]
async fn ours_is_found_by_its_task_definition_where_numbers_lead_nowhere() {
    let mut world = World::new();
    world.numbers_differ = true;
    let report = Trial::of(world).await.run().await.expect("a report");
    assert_eq!((report.verdict, report.services[0].digest), (Verdict::Successful, Some(new_digest())));
}

#[tokio::test]
async fn what_was_proved_before_a_long_build_is_proved_again() {
    let mut trial = Trial::of(World::new()).await;
    trial.target = target(old_digest());
    let mut deployment = trial.prepare().await.expect("a deployment");
    trial.clock.advance(std::time::Duration::from_secs(300));
    let other = "arn:aws:ecs:eu-west-1:123456789012:task-definition/shop:9";
    trial.stand_in.world(|world| {
        world.definitions.insert(other.to_owned(), super::world::definition(9, "example.com/other:1"));
        world.begin(other, "SUCCESSFUL", None);
    });
    let error = deployment.deploy(&trial.stand_in.ecs, &trial.target, &trial.options()).await;
    assert!(error.is_err_and(|error| error.to_string().contains("which container")), "the new image is not ours");
}

#[tokio::test]
async fn a_service_after_one_that_ended_badly_is_left_as_it_is() {
    let mut trial = Trial::of(World::new().course(&[("ROLLBACK_SUCCESSFUL", json!({}))])).await;
    let second = crate::spec::ServiceSpec { name: SERVICE_ARN.to_owned(), ..trial.spec.services[0].clone() };
    trial.spec.services.push(second);
    let report = trial.run().await.expect("a report");
    assert_eq!((report.verdict, report.services.len()), (Verdict::RolledBack, 1));
    assert_eq!(report.not_started, [SERVICE_ARN]);
}

#[tokio::test]
async fn a_rollout_that_failed_and_does_not_go_back_is_stopped() {
    let mut world = World::new().deny(&["DescribeServiceRevisions"]);
    world.rollout_course = ["IN_PROGRESS", "FAILED"].into();
    let trial = Trial::of(world).await;
    let report = trial.run().await.expect("a report");
    assert_eq!((report.verdict, report.exit_code()), (Verdict::Stopped, 7));
    // To prepare, to see that nothing is active, to see that nothing changed; then under way, failed, and still failed.
    assert_eq!(trial.stand_in.sent("DescribeServices").len(), 6);
}
