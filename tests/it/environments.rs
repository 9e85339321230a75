//! `-e`: one digest, many places.

use super::support::{Project, StandIn, account_host};

fn build_file() -> String {
    format!(
        "base: scratch\nlayers:\n  - {{from: app, to: /app}}\ndeploy: {{cluster: main, services: [web]}}\n\
         environments:\n  staging: {{deploy: {{services: [staging]}}}}\n  \
         prod: {{name: {}/prod, tags: [live], deploy: {{services: [prod]}}}}\n",
        account_host()
    )
}

#[test]
fn each_environment_gets_the_same_digest_in_its_own_place() {
    let standin = StandIn::start(&["shop", "prod"], &["web", "staging", "prod"]);
    let (runner, project) = (standin.runner(), Project::with(&build_file()));
    let plain = runner.report(project.path(), &["ship", "--no-wait"]);
    let staging = runner.report(project.path(), &["-e", "staging", "ship", "--no-wait"]);
    let prod = runner.report(project.path(), &["ship", "--no-wait", "--environment", "prod"]);
    assert_eq!((&plain["digest"], &plain["digest"]), (&staging["digest"], &prod["digest"]));
    let names = [&plain, &staging, &prod].map(|report| report["services"][0]["name"].as_str().unwrap_or_default());
    assert_eq!(names, ["web", "staging", "prod"]);
    let image = prod["image"].as_str().unwrap_or_default();
    assert!(image.starts_with(&format!("{}/prod:live@sha256:", account_host())), "{image}");
}

#[test]
fn what_is_no_environment_or_overrides_the_image_is_an_error_of_the_build_file() {
    let standin = StandIn::start(&["shop"], &["web"]);
    let (runner, project) = (standin.runner(), Project::with(&build_file()));
    runner
        .run(project.path(), &["-e", "prd", "build"])
        .fails_with(3, &["no environment `prd`", "did you mean `prod`?"]);
    project.build_file("base: scratch\nenvironments: {prod: {config: {user: root}}}\n");
    let refused = runner.run(project.path(), &["build"]);
    refused.fails_with(3, &["an environment cannot override `config`", "build.yaml:5:"]);
    assert!(standin.sandbox().requests().is_empty());
}
