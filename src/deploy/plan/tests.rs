//! The plan for every state that a service can be in.

use serde_json::json;

use super::*;
use crate::deploy::Witness;
use crate::spec::ContainerSpec;

const LIVE: &str = "arn:aws:ecs:eu-west-1:1:task-definition/f:1";

fn target() -> TargetImage {
    let digest = Digest::of(b"new");
    let repository: Repository = "e.com/shop".parse().expect("a repository");
    TargetImage { reference: format!("e.com/shop:2@{digest}"), repository, digest, manifests: Vec::new() }
}

fn definition(image: &str) -> TaskDefinition {
    let document = json!({"family": "f", "containerDefinitions": [{"name": "web", "image": image}]});
    TaskDefinition::from_value(document).expect("a task definition")
}

fn standing(last: Last) -> Standing {
    Standing { witness: Witness::ServiceDeployments, active: None, last }
}

fn good() -> Last {
    Last::Successful { deployment: None, images: Vec::new() }
}

/// One service, in words.
#[track_caller]
fn check(image: &str, live_is_active: bool, last: Last, expect: &[&str]) {
    let (live, edits) = (definition(image), [Edit { spec: ContainerSpec::named("web"), share: 0 }]);
    let standing = standing(last);
    let subject = Subject {
        service: "shop",
        live_arn: LIVE,
        live_is_active,
        live: &live,
        source: &live,
        edits: &edits,
        standing: &standing,
        newest: None,
        order: None,
    };
    let plan = DeployPlan::of(target().as_ref(), &[subject]);
    let lines: Vec<String> = plan.to_string().lines().map(str::to_owned).collect();
    assert_eq!(lines, expect);
    assert_eq!(plan.changes_anything(), !expect[0].starts_with("service"));
}

#[test]
fn another_image_is_registered_whatever_came_before() {
    let digest = Digest::of(b"new");
    let change = format!("  containerDefinitions[web].image: e.com/shop:1 -> e.com/shop@{digest}");
    let expect = ["register the next revision of `f`", &change, "update service `shop` to it"];
    for last in [good(), Last::Failed, Last::Unknown, Last::Running("d".to_owned())] {
        check("e.com/shop:1", true, last, &expect);
    }
}

#[test]
fn the_same_image_is_left_joined_or_deployed_anew() {
    let digest = Digest::of(b"new");
    let image = format!("e.com/shop:other@{digest}");
    check(&image, true, good(), &["service `shop`: nothing to do, `f:1` has the image"]);
    let running = Last::Running("arn:x/d1".to_owned());
    check(&image, true, running, &["service `shop`: await the deployment `d1`, which brings it already"]);
    for last in [Last::Failed, Last::Unknown] {
        check(&image, true, last.clone(), &["update service `shop`: a new deployment of `f:1`"]);
        // A deregistered revision runs on, and cannot be deployed again.
        check(&image, false, last, &["register the next revision of `f`", "update service `shop` to it"]);
    }
    check(&image, false, good(), &["service `shop`: nothing to do, `f:1` has the image"]);
}

#[test]
fn services_that_want_the_same_definition_share_one_revision() {
    let (live, other) = (definition("e.com/shop:1"), definition("e.com/shop:1"));
    let edits = [Edit { spec: ContainerSpec::named("web"), share: 0 }];
    let standing = standing(good());
    let subject = |service, live| Subject {
        service,
        live_arn: LIVE,
        live_is_active: true,
        live,
        source: live,
        edits: &edits,
        standing: &standing,
        newest: None,
        order: None,
    };
    let plan = DeployPlan::of(target().as_ref(), &[subject("a", &live), subject("b", &other)]);
    let revisions: Vec<&Revision> = plan
        .actions
        .iter()
        .filter_map(|action| match action {
            Action::UpdateService { revision, .. } => Some(revision),
            _ => None,
        })
        .collect();
    assert_eq!((plan.actions.len(), revisions), (3, vec![&Revision::Registered(0), &Revision::Registered(0)]));
}
