//! What real servers refuse: each refusal is one clear error with its remedy and the right exit code, and nothing was
//! changed on the other side.

use serde_json::json;

use crate::support::aws::Aws;
use crate::support::process::{Finished, run};
use crate::support::servers::{ECR_HOST, free_port, ministack, moto, registry};
use crate::support::workbench::{Project, Workbench};

/// Exit code of a registry's refusal.
const REGISTRY: i32 = 5;
/// Exit code of a deployment that was refused before anything changed.
const REFUSED: i32 = 12;

#[track_caller]
fn dockless(bench: &Workbench, project: &Project, arguments: &[&str]) -> Finished {
    run(bench.dockless().arg("-C").arg(&project.dir).args(arguments))
}

#[test]
fn wrong_password_is_named_and_not_printed() {
    let bench = Workbench::new();
    bench.docker_login(&registry(), "AWS:canary-of-a-wrong-password");
    let name = format!("{}/faults/password", registry());
    let shop = bench.myshop().with(&format!("{ECR_HOST}/appkr/myshop"), &name);
    let finished = dockless(&bench, &shop, &["push"]);
    assert!(!finished.stderr.contains("canary"), "{finished}");
    finished.fails(REGISTRY, &["cannot push", &name, "401"]);
}

#[test]
fn missing_login_is_an_error_of_the_registry() {
    let bench = Workbench::new();
    let name = format!("{}/faults/anonymous", registry());
    let shop = bench.myshop().with(&format!("{ECR_HOST}/appkr/myshop"), &name);
    dockless(&bench, &shop, &["push"]).fails(REGISTRY, &["cannot push", &name]);
}

#[test]
fn missing_repository_comes_with_the_command_that_makes_it() {
    let bench = Workbench::new().ecr_at(&ministack());
    let shop = bench.myshop().with("appkr/myshop", "faults/nowhere");
    let words = ["cannot push", "NAME_UNKNOWN", "aws ecr create-repository --repository-name faults/nowhere"];
    dockless(&bench, &shop, &["push"]).fails(REGISTRY, &words);
}

#[test]
fn unreachable_registry_is_named() {
    let nobody = format!("127.0.0.1:{}", free_port());
    let bench = Workbench::new();
    let name = format!("{nobody}/faults/unreachable");
    let shop = bench.myshop().with(&format!("{ECR_HOST}/appkr/myshop"), &name);
    dockless(&bench, &shop, &["push"]).fails(REGISTRY, &["cannot push", &nobody]);
}

#[test]
fn unreachable_token_service_is_an_error_of_the_registry() {
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let bench = Workbench::new().ecr(&registry(), &nobody);
    let shop = bench.myshop();
    dockless(&bench, &shop, &["push"]).fails(REGISTRY, &[ECR_HOST]);
}

#[test]
fn failed_push_leaves_no_tag() {
    let bench = Workbench::new();
    bench.docker_login(&registry(), "AWS:wrong");
    let name = format!("{}/faults/tagless", registry());
    let shop = bench.myshop().with(&format!("{ECR_HOST}/appkr/myshop"), &name);
    dockless(&bench, &shop, &["push"]).fails(REGISTRY, &["cannot push"]);
    let mut inspect = std::process::Command::new("skopeo");
    inspect.args(["list-tags", "--tls-verify=false", "--creds", &crate::support::servers::registry_login()]);
    let listed = run(inspect.arg(format!("docker://{name}")));
    assert!(!listed.status.success(), "the repository came to be: {listed}");
}

/// Deploys to a place that lacks something, and sees that no revision was registered.
#[track_caller]
fn refused(family: &str, cluster: &str, service: &str, container: &str, missing: &str) {
    let aws = Aws::at(&moto());
    aws.make_service(family);
    let bench = Workbench::new().ecr(&registry(), &moto());
    let shop = bench
        .myshop()
        .with("appkr/myshop", &format!("faults/{family}"))
        .with("cluster: myshop", &format!("cluster: {cluster}"))
        .with("services: [myshop]", &format!("services: [{service}]"))
        .with("containers: [myshop]", &format!("containers: [{container}]"));
    dockless(&bench, &shop, &["ship", "--no-wait"]).fails(REFUSED, &[missing]);
    assert_eq!(aws.revisions(family), 1);
    let described = aws.ecs("DescribeServices", &json!({"cluster": family, "services": [family]}));
    let definition = described["services"][0]["taskDefinition"].as_str().expect("a service has a definition");
    assert!(definition.ends_with(":1"), "{definition}");
}

#[test]
fn missing_cluster_is_refused() {
    refused("nocluster", "elsewhere", "nocluster", "nocluster", "elsewhere");
}

#[test]
fn missing_service_is_refused() {
    refused("noservice", "noservice", "elsewhere", "noservice", "elsewhere");
}

#[test]
fn missing_container_is_refused() {
    refused("nocontainer", "nocontainer", "nocontainer", "elsewhere", "elsewhere");
}
