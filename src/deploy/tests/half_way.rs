//! What stops between the first change and the verdict.

use super::world::{SERVICE_ARN, Trial, World};
use crate::deploy::{DeployError, ErrorClass, Leftover, Verdict};
use crate::event::Event;
use crate::ground::Hint;

#[tokio::test]
async fn a_revision_whose_update_is_refused_is_deregistered() {
    let world = World::new().refuse("UpdateService", "AccessDeniedException", "not authorized");
    let trial = Trial::of(world).await;
    let error = trial.run().await.expect_err("an error");
    assert_eq!((error.class(), error.class().exit_code()), (ErrorClass::HalfWay, 7));
    let DeployError::Update { leftover: Leftover::Deregistered(arn), .. } = &error else { panic!("{error:?}") };
    assert_eq!(trial.stand_in.sent("DeregisterTaskDefinition")[0]["taskDefinition"], arn.as_str());
}

#[tokio::test]
async fn a_revision_that_cannot_be_deregistered_is_named() {
    let world = World::new().refuse("UpdateService", "ClientException", "no").deny(&["DeregisterTaskDefinition"]);
    let trial = Trial::of(world).await;
    let error = trial.run().await.expect_err("an error");
    assert!(error.to_string().contains("shop:2`, registered for it, is left behind"), "{error}");
    assert!(error.hint().is_some_and(|hint| hint.contains("deregister-task-definition")), "{error}");
}

#[tokio::test]
async fn an_update_whose_answer_is_lost_leaves_the_revision_in_place() {
    let mut world = World::new();
    let refusal = super::stand_in::Refusal { status: 500, code: "ServerException", message: "lost".to_owned() };
    world.refusals.insert("UpdateService", [refusal].into());
    let trial = Trial::of(world).await;
    let error = trial.run().await.expect_err("an error");
    assert!(matches!(error, DeployError::Update { leftover: Leftover::Left(_), .. }), "{error:?}");
    assert!(trial.stand_in.sent("DeregisterTaskDefinition").is_empty());
}

#[tokio::test]
async fn a_register_that_meets_another_one_is_tried_again() {
    let message = "Too many concurrent attempts to create a new revision of the specified family.";
    let world = World::new().refuse("RegisterTaskDefinition", "ClientException", message);
    let trial = Trial::of(world).await;
    assert_eq!(trial.run().await.expect("a report").verdict, Verdict::Successful);
    assert_eq!(trial.stand_in.sent("RegisterTaskDefinition").len(), 2);
    assert!(trial.events.events().iter().any(|event| matches!(event, Event::Retrying { .. })));
}

#[tokio::test]
async fn a_refusal_after_another_service_was_updated_is_half_way() {
    let mut trial = Trial::of(World::new()).await;
    let second = crate::spec::ServiceSpec { name: SERVICE_ARN.to_owned(), ..trial.spec.services[0].clone() };
    trial.spec.services.push(second);
    // Both names are one service, so the second finds that it changed.
    let error = trial.run().await.expect_err("an error");
    assert_eq!(error.class(), ErrorClass::HalfWay);
    let DeployError::AfterChanges { updated, source } = error else { panic!("{error:?}") };
    assert_eq!(updated, ["shop"]);
    assert!(matches!(*source, DeployError::Moved { .. }), "{source:?}");
}
