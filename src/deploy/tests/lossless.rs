//! A task definition with every member of the SDK's model, through ECS and back.

use serde_json::{Value, json};

use super::world::{REPOSITORY, Trial, World};
use crate::deploy::{Verdict, model};

#[tokio::test]
async fn every_member_of_the_model_survives_a_deployment_but_the_image() {
    let mut whole = model::tests::filled(model::task_definition(), "td");
    whole["status"] = json!("ACTIVE");
    whole["taskDefinitionArn"] = json!("arn:aws:ecs:eu-west-1:123456789012:task-definition/shop:1");
    whole["containerDefinitions"][0]["image"] = json!(format!("{REPOSITORY}:1"));
    let mut world = World::new();
    let live = world.task_definition.clone();
    world.definitions.insert(live, whole.clone());
    let trial = Trial::of(world).await;
    // What ECS reports is of a container by another name, so that nothing proves the digest.
    assert_eq!(trial.run().await.expect("a report").verdict, Verdict::Successful);
    let mut expect = whole;
    for name in model::describe_only() {
        expect.as_object_mut().and_then(|members| members.remove(name)).expect("the model has it");
    }
    expect["containerDefinitions"][0]["image"] = json!(trial.target.reference);
    expect["tags"] = json!([{"key": "team", "value": "a"}]);
    let sent: Vec<Value> = trial.stand_in.sent("RegisterTaskDefinition");
    assert_eq!(sent, [expect]);
}
