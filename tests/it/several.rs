//! `-f` several times: one plan, all pushes, all tasks before, then the services.

use serde_json::Value;

use super::support::{Project, Run, Runner, StandIn, account_host};

/// A project with two build files, each with an image of its own.
fn project(first: &str, second: &str) -> Project {
    let project = Project::scratch();
    for (name, deploy) in [("shop", first), ("proxy", second)] {
        project.write(
            &format!("{name}.yaml"),
            &format!(
                "version: 1\nname: {}/{name}\nplatforms: [linux/amd64]\nbase: scratch\n\
                 layers:\n  - {{from: app, to: /{name}}}\n{deploy}",
                account_host()
            ),
        );
    }
    project
}

const SHOP: &str = "deploy: {cluster: main, services: [web]}\n";
const PROXY: &str = "deploy: {cluster: main, services: [edge]}\n";

fn several(runner: &Runner, project: &Project, arguments: &[&str]) -> Run {
    let mut all = vec!["-f", "shop.yaml", "-f", "proxy.yaml"];
    all.extend(arguments);
    runner.run(project.path(), &all)
}

fn report(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("one JSON document: {}\n{}", run.stdout, run.stderr))
}

fn operations(standin: &StandIn) -> Vec<String> {
    let writes = ["RegisterTaskDefinition", "RunTask", "UpdateService"];
    let all = standin.sandbox().requests().into_iter();
    let names = all.filter_map(|request| match request.operation {
        Some(name) => writes.contains(&name.as_str()).then_some(name),
        None => (request.method == "PUT" && request.target.contains("/manifests/")).then(|| "manifest".to_owned()),
    });
    names.collect()
}

#[test]
fn all_are_pushed_then_the_tasks_before_run_then_the_services_follow() {
    let standin = StandIn::start(&["shop", "proxy"], &["web", "edge"]);
    let shop = "deploy: {cluster: main, services: [web], before: [{name: migrate, command: [m]}]}\n";
    let project = project(shop, PROXY);
    let run = several(&standin.runner(), &project, &["ship", "--json"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let expect = [
        "manifest",
        "manifest",
        "RegisterTaskDefinition",
        "RegisterTaskDefinition",
        "RunTask",
        "UpdateService",
        "UpdateService",
    ];
    assert_eq!(operations(&standin), expect);
    let report = report(&run);
    let services: Vec<&str> =
        report["services"].as_array().into_iter().flatten().filter_map(|one| one["name"].as_str()).collect();
    assert_eq!(services, ["web", "edge"]);
    assert_eq!((&report["schema"], &report["verdict"]), (&1.into(), &"successful".into()));
    for (build, name, service) in [(0, "shop", "web"), (1, "proxy", "edge")] {
        let one = &report["builds"][build];
        assert!(one["image"].as_str().is_some_and(|image| image.contains(&format!("/{name}:"))), "{one}");
        assert_eq!((&one["services"][0]["name"], &one["services"][0]["digest"]), (&service.into(), &one["digest"]));
        assert_eq!(one["services"].as_array().map(Vec::len), Some(1));
    }
    assert_eq!(report["before"][0]["name"], "migrate");
}

#[test]
fn without_json_each_reference_has_a_line_in_the_order_of_the_files() {
    let standin = StandIn::start(&["shop", "proxy"], &["web", "edge"]);
    let project = project(SHOP, PROXY);
    let run = several(&standin.runner(), &project, &["push"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{}", run.stdout);
    assert!(lines[0].contains("/shop:") && lines[1].contains("/proxy:"), "{}", run.stdout);
    assert_eq!(standin.count("DescribeServices"), 0, "a push deploys nothing");
}

#[test]
fn two_images_of_one_task_definition_share_one_revision() {
    let project = project(
        "deploy: {cluster: main, services: [web], containers: [app]}\n",
        "deploy: {cluster: main, services: [web], containers: [nginx]}\n",
    );
    let runner = Runner::new();
    let run = several(&runner, &project, &["ship", "--sandbox", "--json"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let report = report(&run);
    let services = report["services"].as_array().expect("services");
    assert_eq!((services.len(), &services[0]["verdict"]), (1, &"successful".into()));
    assert!(services[0]["task_definition_arn"].as_str().is_some_and(|arn| arn.ends_with("/web:2")), "{report}");
    for build in [0, 1] {
        let one = &report["builds"][build];
        assert_eq!(one["services"][0]["digest"], one["digest"], "each image is proved");
    }
    assert_ne!(report["builds"][0]["digest"], report["builds"][1]["digest"]);
    // Once more, there is nothing to do; one image changed is one more revision.
    let again = several(&runner, &project, &["ship", "--sandbox", "--json"]);
    assert_eq!(self::report(&again)["verdict"], "no_change", "{}", again.stderr);
    let plan = several(&runner, &project, &["deploy", "--sandbox", "--dry-run"]);
    assert_eq!(
        plan.stdout.lines().next(),
        Some("service `web`: nothing to do, `web:2` has the image"),
        "{}",
        plan.stderr
    );
}

#[test]
fn a_refusal_of_one_ends_all_before_anything_is_sent() {
    let standin = StandIn::start(&["shop", "proxy"], &["web", "edge"]);
    let (runner, gone) = (standin.runner(), "deploy: {cluster: main, services: [egde]}\n");
    several(&runner, &project(SHOP, gone), &["ship"]).fails_with(12, &["`egde`", "did you mean `edge`?"]);
    assert_eq!((standin.uploads(), operations(&standin)), (0, Vec::new()));
}

#[test]
fn a_task_before_that_fails_leaves_all_services_as_they_are() {
    let standin = StandIn::start(&["shop", "proxy"], &["web", "edge"]);
    let before = "deploy: {cluster: main, services: [edge], before: [{name: migrate, command: [m]}], order: 7}\n";
    standin.sandbox().script_task("edge", dockless::sandbox::TaskScript::exits(3));
    // They differ in `order`, so that each is a deployment of its own.
    let run = several(&standin.runner(), &project(SHOP, before), &["ship"]);
    run.fails_with(13, &["task `migrate` failed", "ended with 3"]);
    assert_eq!(standin.count("UpdateService"), 0);
    assert_eq!(standin.count("DeregisterTaskDefinition"), 2, "what was registered is taken back");
}

#[test]
fn the_exit_code_is_the_worst_and_the_services_after_a_bad_end_stay() {
    let standin = StandIn::start(&["shop", "proxy"], &["web", "edge"]);
    standin.sandbox().script_rollout("web", dockless::sandbox::RolloutScript::stopped("by hand"));
    for other in [PROXY, "deploy: {cluster: main, services: [edge], order: 7}\n"] {
        let run = several(&standin.runner(), &project(SHOP, other), &["ship", "--json"]);
        assert_eq!(run.code, 7, "{}", run.stderr);
        let report = report(&run);
        assert_eq!((&report["verdict"], &report["not_started"][0]), (&"stopped".into(), &"edge".into()), "{report}");
        assert_eq!(
            (&report["builds"][0]["verdict"], &report["builds"][1]["verdict"]),
            (&"stopped".into(), &Value::Null)
        );
        standin.sandbox().script_rollout("web", dockless::sandbox::RolloutScript::stopped("by hand"));
    }
}

#[test]
fn build_files_that_do_not_go_together_are_refused() {
    let standin = StandIn::start(&["shop", "proxy"], &["web", "edge"]);
    let runner = standin.runner();
    let differs = "deploy: {cluster: main, services: [web], wait: {timeout: 5m}, containers: [web]}\n";
    several(&runner, &project(SHOP, differs), &["ship"])
        .fails_with(3, &["`shop.yaml` and `proxy.yaml` deploy the service `web`", "say the same"]);
    several(&runner, &project(SHOP, "deploy: {cluster: main, services: [web], containers: [web]}\n"), &["ship"])
        .fails_with(12, &["two images are to run in container `web`", "name in each build file"]);
    let project = project(SHOP, PROXY);
    runner
        .run(project.path(), &["-f", "shop.yaml", "-f", "./shop.yaml", "push"])
        .fails_with(3, &["push to the same tag", "a `name` or `tags` of its own"]);
    several(&runner, &project, &["lock"]).fails_with(2, &["only plan, push, deploy and ship take several build files"]);
    several(&runner, &project, &["push", "--name", "a/b"]).fails_with(2, &["of one build file"]);
    assert_eq!((standin.uploads(), operations(&standin)), (0, Vec::new()));
}

#[test]
fn images_given_by_name_go_to_their_containers_in_one_revision() {
    let project = Project::scratch();
    let both = "deploy: {cluster: main, services: [{name: web, containers: [app, nginx]}, {name: worker, containers: [app]}]}\n";
    project.build_file(&format!("base: scratch\nlayers:\n  - {{from: app, to: /app}}\n{both}"));
    let runner = Runner::new();
    let image = |name: &str| format!("{}/{name}@{}", account_host(), dockless::oci::Digest::of(name.as_bytes()));
    let (app, nginx) = (format!("app={}", image("shop")), format!("nginx={}", image("proxy")));
    let arguments = ["deploy", "--sandbox", "--no-wait", "--image", app.as_str(), "--image", nginx.as_str()];
    let plan = runner.run(project.path(), &[&arguments[..], &["--dry-run"]].concat());
    let lines: Vec<&str> = plan.stdout.lines().map(str::trim).collect();
    for line in [
        format!("containerDefinitions[app].image: {}/shop:placeholder -> {}", account_host(), image("shop")),
        format!("containerDefinitions[nginx].image: {}/shop:placeholder -> {}", account_host(), image("proxy")),
    ] {
        assert!(lines.contains(&line.as_str()), "`{line}` in {}\n{}", plan.stdout, plan.stderr);
    }
    let done = runner.run(project.path(), &[&arguments[..], &["--json"]].concat());
    assert_eq!(report(&done)["services"].as_array().map(Vec::len), Some(2), "{}", done.stderr);
    let twice = ["deploy", "--sandbox", "--image", app.as_str(), "--image", app.as_str()];
    runner.run(project.path(), &twice).fails_with(2, &["two images are given for container `app`"]);
    let unknown = format!("ngnix={}", image("proxy"));
    runner
        .run(project.path(), &["deploy", "--sandbox", "--image", &unknown])
        .fails_with(12, &["no container `ngnix`", "did you mean `nginx`?"]);
}
