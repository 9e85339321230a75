//! `ship --no-wait` over the wire formats of two independent AWS stand-ins, read back by the AWS CLI. Neither has
//! service deployments, so verdicts are proved elsewhere.

use serde_json::{Value, json};

use crate::support::aws::Aws;
use crate::support::process::run;
use crate::support::servers::{ECR_HOST, ministack, moto, registry};
use crate::support::skopeo::{inspect, pushed};
use crate::support::workbench::{Project, Workbench};

/// The shop with repository, cluster, service and container all called `name`.
fn shop(bench: &Workbench, name: &str) -> Project {
    bench
        .myshop()
        .with("appkr/myshop", &format!("ship/{name}"))
        .with("cluster: myshop", &format!("cluster: {name}"))
        .with("services: [myshop]", &format!("services: [{name}]"))
        .with("containers: [myshop]", &format!("containers: [{name}]"))
}

#[track_caller]
fn ship(bench: &Workbench, shop: &Project) -> Value {
    run(bench.dockless().arg("-C").arg(&shop.dir).args(["ship", "--no-wait", "--json"])).ok().json()
}

/// A definition without what differs between revisions by their nature.
fn lasting(mut definition: Value) -> Value {
    for key in ["taskDefinitionArn", "revision", "registeredAt", "registeredBy", "status"] {
        definition.as_object_mut().expect("a definition is an object").remove(key);
    }
    definition
}

/// Ships twice and checks what stands at the stand-in after each.
#[track_caller]
fn check(aws: &Aws, bench: &Workbench, name: &str) -> Value {
    aws.make_service(name);
    let mut expected = lasting(aws.task_definition(name));
    let shop = shop(bench, name);
    let report = ship(bench, &shop);
    let digest = report["digest"].as_str().expect("a digest");
    let image = format!("{ECR_HOST}/ship/{name}:1.4@{digest}");
    assert_eq!(report["image"], *image);
    assert_eq!(report["registered"], true);
    assert_eq!(report["verdict"], "not_awaited");

    let services = aws.cli(&["ecs", "describe-services", "--cluster", name, "--services", name]);
    let arn = services["services"][0]["taskDefinition"].as_str().expect("a service names its definition");
    assert_eq!(report["task_definition_arn"], *arn);
    assert!(arn.ends_with(&format!(":task-definition/{name}:2")), "{arn}");
    let seen = aws.cli(&["ecs", "describe-task-definition", "--task-definition", arn]);
    assert_eq!(seen["taskDefinition"]["containerDefinitions"][0]["image"], *image);

    // Raw, for the CLI drops what it does not know: nothing but the image differs from the first revision.
    expected["containerDefinitions"][0]["image"] = json!(image);
    assert_eq!(lasting(aws.task_definition(arn)), expected);

    let again = ship(bench, &shop);
    assert_eq!(again["digest"], *digest);
    assert_eq!(again["uploaded_bytes"], 0);
    assert_eq!(again["registered"], false);
    assert_eq!(aws.revisions(name), 2);
    report
}

#[test]
fn ministack_runs_the_digest_that_was_pushed() {
    let aws = Aws::at(&ministack());
    let bench = Workbench::new().ecr_at(&ministack());
    aws.cli(&["ecr", "create-repository", "--repository-name", "ship/onministack"]);
    let report = check(&aws, &bench, "onministack");

    let images = aws.cli(&["ecr", "describe-images", "--repository-name", "ship/onministack"]);
    let details = images["imageDetails"].as_array().expect("a list");
    assert!(details.iter().any(|image| image["imageDigest"] == report["digest"]), "{images:#}");
    let kept = aws.task_definition("onministack");
    assert_eq!(kept["containerDefinitions"][0]["newerThanAnySdk"], json!({"kept": true}));
}

#[test]
fn moto_runs_the_digest_that_the_registry_holds() {
    let aws = Aws::at(&moto());
    let bench = Workbench::new().ecr(&registry(), &moto());
    aws.cli(&["ecr", "create-repository", "--repository-name", "ship/onmoto"]);
    let report = check(&aws, &bench, "onmoto");
    assert_eq!(inspect(&pushed("ship/onmoto", "1.4"))["Digest"], report["digest"]);
}
