//! Claims about `environments`.

use super::*;
use crate::spec::TaskDefinitionSource;

const FILE: &str = "\
version: 1
base: scratch
name: example.com/shop
tags: [edge]
config: {user: \"33\"}
deploy: {region: eu-west-1, cluster: dev, services: [web], before: [{name: migrate}]}
environments:
  staging: {deploy: {cluster: staging}}
  prod:
    name: \"${PRODUCTION}/shop\"
    tags: [\"${VERSION}\"]
    deploy: {cluster: prod, services: [web, worker], before: [], task_definition: latest}
";

fn load_for(environment: Option<&str>, variables: &dyn Fn(&str) -> Option<String>) -> Result<BuildSpec, SpecError> {
    let overrides = Overrides { environment: environment.map(str::to_owned), ..Overrides::default() };
    load_with(FILE, variables, &overrides)
}

fn production(name: &str) -> Option<String> {
    if name == "PRODUCTION" { Some("prod.example.com".to_owned()) } else { environment(name) }
}

#[test]
fn an_environment_is_laid_over_key_by_key_and_what_it_does_not_say_stays() {
    let spec = load_for(Some("prod"), &production).expect("a build file");
    let deploy = spec.deploy.expect("a deploy section");
    assert_eq!(spec.name.map(|name| name.to_string()).as_deref(), Some("prod.example.com/shop"));
    assert_eq!(spec.tags.iter().map(ToString::to_string).collect::<Vec<_>>(), ["1.4"]);
    assert_eq!((deploy.region.as_deref(), deploy.cluster.as_str()), (Some("eu-west-1"), "prod"));
    assert_eq!(deploy.services.iter().map(|service| service.name.as_str()).collect::<Vec<_>>(), ["web", "worker"]);
    assert_eq!((deploy.before.len(), deploy.task_definition), (0, TaskDefinitionSource::Latest));
    assert_eq!(spec.images[0].config.user.as_deref(), Some("33"));
}

#[test]
fn what_is_built_is_the_same_in_every_environment() {
    let images = [None, Some("staging"), Some("prod")].map(|name| load_for(name, &production).expect("a file").images);
    assert_eq!(images[0], images[1]);
    assert_eq!(images[0], images[2]);
}

#[test]
fn the_variables_of_another_environment_need_not_be_set() {
    let spec = load_for(Some("staging"), &environment).expect("a build file");
    assert_eq!(spec.deploy.expect("a deploy section").cluster, "staging");
    let error = load_for(Some("prod"), &environment).expect_err("no PRODUCTION");
    assert!(shown(&error).starts_with("error: build.yaml:10:12: `PRODUCTION` is not set"), "{}", shown(&error));
}

#[test]
fn an_unknown_environment_names_those_that_there_are() {
    let words = |name| shown(&load_for(Some(name), &production).expect_err("no such environment"));
    assert_eq!(
        words("prd"),
        "error: `--environment`: the build file has no environment `prd`\nhint: did you mean `prod`?\n"
    );
    assert!(words("qa").ends_with("hint: the build file has `staging`, `prod`\n"), "{}", words("qa"));
    let overrides = Overrides { environment: Some("qa".to_owned()), ..Overrides::default() };
    let error = load_with("version: 1\nbase: scratch\n", &environment, &overrides).expect_err("no environments");
    assert!(shown(&error).contains("add `environments: {qa:"), "{}", shown(&error));
}

#[test]
fn flags_count_more_than_an_environment() {
    let overrides = Overrides {
        environment: Some("prod".to_owned()),
        name: Some("example.org/other".to_owned()),
        tags: vec!["t".to_owned()],
        ..Overrides::default()
    };
    let spec = load_with(FILE, &environment, &overrides).expect("a build file");
    assert_eq!(spec.name.map(|name| name.to_string()).as_deref(), Some("example.org/other"));
    assert_eq!(spec.tags.len(), 1);
}

#[test]
fn the_order_of_a_deployment_is_the_time_of_the_commit_unless_the_file_says_it() {
    let order = |text: &str| load_text(text).expect("a build file").deploy.expect("a deploy section").order;
    let file = |deploy: &str| format!("version: 1\nbase: scratch\ndeploy: {{services: [web]{deploy}}}\n");
    assert_eq!(order(&file("")), None, "no git repository");
    assert_eq!(order(&file(", order: 7")), Some(7));
    assert_eq!(order(&file(", order: \"${CI_PIPELINE_IID:-0}\"")), Some(0));
}
