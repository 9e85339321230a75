//! The main job against the stand-in: build, push, deploy, verdict, and nothing on the second run.

use super::support::{Project, Runner, StandIn};

const DEPLOY: &str = "base: scratch\nlayers:\n  - {from: app, to: /app}\ndeploy: {cluster: main, services: [web]}\n";

fn text<'a>(report: &'a serde_json::Value, key: &str) -> &'a str {
    report[key].as_str().unwrap_or_else(|| panic!("`{key}` is a text in {report}"))
}

#[test]
fn ship_builds_pushes_deploys_and_the_second_run_changes_nothing() {
    let standin = StandIn::start(&["shop"], &["web"]);
    let (runner, project) = (standin.runner(), Project::with(DEPLOY));
    let first = runner.report(project.path(), &["ship"]);
    assert_eq!(first["schema"], 1);
    assert!(first["uploaded_bytes"].as_u64() > Some(0));
    assert_eq!((&first["registered"], text(&first, "verdict")), (&true.into(), "successful"));
    assert!(text(&first, "image").ends_with(&format!(":latest@{}", text(&first, "digest"))));
    assert_eq!(first["services"][0]["digest"], first["digest"], "ECS reports the digest that was built");

    standin.sandbox().forget_requests();
    let second = runner.report(project.path(), &["ship"]);
    assert_eq!((&second["uploaded_bytes"], &second["uploaded_blobs"]), (&0.into(), &0.into()));
    assert_eq!((&second["registered"], text(&second, "verdict")), (&false.into(), "no_change"));
    assert_eq!(second["digest"], first["digest"]);
    assert_eq!(second["task_definition_arn"], first["task_definition_arn"]);
    for operation in ["RegisterTaskDefinition", "UpdateService"] {
        assert_eq!(standin.count(operation), 0, "{operation}");
    }
    assert_eq!(standin.uploads(), 0);
}

#[test]
fn a_changed_file_registers_one_revision_that_differs_in_the_image_alone() {
    let standin = StandIn::start(&["shop"], &["web"]);
    let (runner, project) = (standin.runner(), Project::with(DEPLOY));
    let first = runner.report(project.path(), &["ship"]);
    project.write("app/hello.txt", "changed\n");
    standin.sandbox().forget_requests();
    let second = runner.report(project.path(), &["ship"]);
    assert_ne!(second["digest"], first["digest"]);
    assert_eq!(standin.count("RegisterTaskDefinition"), 1);
    let update = standin.input("UpdateService");
    let mut keys: Vec<&String> = update.as_object().expect("an object").keys().collect();
    keys.sort();
    assert_eq!(keys, ["cluster", "service", "taskDefinition"], "nothing but the task definition is sent");
    let registered = standin.input("RegisterTaskDefinition");
    assert_eq!(registered["containerDefinitions"][0]["image"], second["image"]);
}

#[test]
fn stdout_ends_with_the_reference_and_the_rest_goes_to_stderr() {
    let standin = StandIn::start(&["shop"], &["web"]);
    let project = Project::with(DEPLOY);
    let run = standin.runner().run(project.path(), &["ship", "--tag", "1.4", "--tag", "latest"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let line = run.stdout.strip_suffix('\n').expect("a line");
    assert!(line.contains("/shop:1.4@sha256:") && !line.contains('\n'), "{line}");
    assert!(run.stderr.contains("/shop:latest"), "{}", run.stderr);
}

#[test]
fn push_then_deploy_is_ship_in_two_steps() {
    let standin = StandIn::start(&["shop"], &["web"]);
    let (runner, project) = (standin.runner(), Project::with(DEPLOY));
    let pushed = runner.report(project.path(), &["push"]);
    assert_eq!(standin.count("UpdateService"), 0);
    let plan = runner.run(project.path(), &["deploy", "--dry-run"]);
    assert_eq!(plan.code, 0, "{}", plan.stderr);
    assert!(plan.stdout.contains(text(&pushed, "digest")), "{}", plan.stdout);
    assert_eq!(standin.count("RegisterTaskDefinition"), 0, "a dry run changes nothing");
    let deployed = runner.report(project.path(), &["deploy"]);
    assert_eq!((&deployed["digest"], text(&deployed, "verdict")), (&pushed["digest"], "successful"));
}

#[test]
fn an_image_given_by_digest_is_deployed_without_a_build_or_a_registry() {
    let standin = StandIn::start(&["shop"], &["web"]);
    let (runner, project) = (standin.runner(), Project::with(DEPLOY));
    let pushed = runner.report(project.path(), &["push"]);
    std::fs::remove_dir_all(project.join("app")).expect("no sources are needed");
    standin.sandbox().forget_requests();
    let deployed = runner.report(project.path(), &["deploy", "--image", text(&pushed, "image")]);
    assert_eq!(text(&deployed, "verdict"), "successful");
    assert!(standin.sandbox().requests().iter().all(|request| !request.target.starts_with("/v2/")), "no registry");
}

#[test]
fn no_wait_is_told_as_not_awaited() {
    let standin = StandIn::start(&["shop"], &["web"]);
    let project = Project::with(DEPLOY);
    let report = standin.runner().report(project.path(), &["ship", "--no-wait"]);
    assert_eq!(text(&report, "verdict"), "not_awaited");
    assert_eq!(standin.count("UpdateService"), 1);
}

#[test]
fn a_deployment_that_is_rolled_back_is_no_success() {
    use dockless::sandbox::RolloutScript;
    let standin = StandIn::start(&["shop"], &["web"]);
    let project = Project::with(DEPLOY);
    for (script, code, verdict) in [
        (RolloutScript::circuit_breaker_rollback(), 6, "rolled_back"),
        (RolloutScript::rollback_failed(), 7, "rollback_failed"),
        (RolloutScript::stopped("by hand"), 7, "stopped"),
        (RolloutScript::paused("approve"), 10, "paused"),
    ] {
        project.write("app/hello.txt", verdict);
        standin.sandbox().script_rollout("web", script);
        let run = standin.runner().run(project.path(), &["ship", "--json"]);
        assert_eq!(run.code, code, "{verdict}: {}", run.stderr);
        let report: serde_json::Value = serde_json::from_str(&run.stdout).expect("a report, also of a bad end");
        assert_eq!(text(&report, "verdict"), verdict);
        assert!(run.stderr.contains("error: service `web`"), "{}", run.stderr);
    }
}

#[test]
fn the_sandbox_flag_needs_no_account_and_remembers() {
    let (runner, project) = (Runner::new(), Project::with(DEPLOY));
    let first = runner.report(project.path(), &["--sandbox", "ship"]);
    assert_eq!((&first["registered"], text(&first, "verdict")), (&true.into(), "successful"));
    let second = runner.report(project.path(), &["ship", "--sandbox"]);
    assert_eq!((&second["uploaded_bytes"], &second["registered"]), (&0.into(), &false.into()));
}

#[test]
fn the_sandbox_plays_any_registry_and_several_services_share_one_revision_each() {
    let (runner, project) = (Runner::new(), Project::with(""));
    project.write(
        "build.yaml",
        "version: 1\nname: ghcr.io/acme/shop\nbase: scratch\nplatforms: [linux/amd64]\nlayers: [{from: app, to: /app}]\n\
         deploy: {cluster: c, services: [web, {name: worker, containers: [queue]}]}\n",
    );
    let first = runner.report(project.path(), &["ship", "--sandbox"]);
    let verdicts = |report: &serde_json::Value| [0, 1].map(|n| text(&report["services"][n], "verdict").to_owned());
    assert_eq!(verdicts(&first), ["successful", "successful"]);
    assert_eq!(verdicts(&runner.report(project.path(), &["ship", "--sandbox"])), ["no_change", "no_change"]);
}

#[test]
fn the_sandbox_has_all_that_a_deployment_names() {
    let (runner, project) = (Runner::new(), Project::with(""));
    project.write(
        "build.yaml",
        "version: 1\nname: ghcr.io/acme/shop\nbase: scratch\nplatforms: [linux/amd64]\nlayers: [{from: app, to: /app}]\n\
         deploy:\n  services: [web]\n  schedules: [{rule: nightly}, {scheduler: shop/report}]\n  \
         before: [{name: migrate, command: [/app/migrate]}]\n",
    );
    let report = runner.report(project.path(), &["ship", "--sandbox", "--no-wait"]);
    assert_eq!((&report["before"][0]["exit_code"], report["schedules"].as_array().map(Vec::len)), (&0.into(), Some(2)));
}

#[test]
fn equal_layers_are_uploaded_once_and_stand_twice() {
    let standin = StandIn::start(&["shop"], &[]);
    let twice = "base: scratch\nlayers:\n  - {name: a, from: app, to: /app, include: [\"*\"]}\n  - {name: b, from: app, to: /app}\n";
    let report = standin.runner().report(Project::with(twice).path(), &["push"]);
    assert_eq!(report["layers"].as_array().map(Vec::len), Some(2));
    assert_eq!(report["layers"][0]["digest"], report["layers"][1]["digest"]);
    assert_eq!(report["uploaded_blobs"], 2, "the layer and the config");
}

#[test]
fn base_layers_that_the_target_has_are_referenced_and_not_downloaded() {
    let standin = StandIn::start(&["shop", "base"], &["web"]);
    let runner = standin.runner();
    let base = Project::scratch();
    let name = base.name().replace("/shop", "/base");
    let pushed = runner.report(base.path(), &["push", "--name", &name]);
    let project =
        Project::with(&format!("base: \"{}\"\nlayers:\n  - {{from: app, to: /srv}}\n", text(&pushed, "image")));
    let first = runner.report(project.path(), &["push"]);
    assert_eq!(first["mounted"], 1, "the base's layer comes from its own repository");
    standin.sandbox().forget_requests();
    runner.report(project.path(), &["push"]);
    let reads = standin.sandbox().requests();
    let layer = text(&pushed["layers"][0], "digest");
    assert!(
        !reads.iter().any(|r| r.method == "GET" && r.target.contains(layer)),
        "the facts are kept, nothing is read"
    );
}
