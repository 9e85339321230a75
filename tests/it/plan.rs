//! `plan` tells what `ship` then does, to the byte, and changes nothing but the cache.

use dockless::sandbox::Personality;
use serde_json::{Value, json};

use super::support::{Project, Run, StandIn, account_host};

const DEPLOY: &str = "base: scratch\nlayers:\n  - {from: app, to: /app}\n  - {from: lib, to: /lib}\ndeploy: {cluster: main, services: [web]}\n";

fn shop() -> Project {
    let project = Project::with(DEPLOY);
    project.write("lib/a", &"a line that compresses\n".repeat(1000));
    project
}

/// What is told of blobs, and what was done with them.
fn numbers(report: &Value) -> Value {
    let keys = ["uploaded_blobs", "uploaded_bytes", "mounted", "existing", "reused_layers"];
    keys.iter().map(|key| report[key].clone()).collect()
}

fn report(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("one JSON document: {}\n{}", run.stdout, run.stderr))
}

/// Fails unless all that was asked since the last call only reads.
fn assert_nothing_changed(standin: &StandIn) {
    for request in standin.sandbox().requests() {
        let reads = match &request.operation {
            Some(name) => ["Describe", "List", "Get", "Batch", "Filter"].iter().any(|verb| name.starts_with(verb)),
            None => matches!(request.method.as_str(), "GET" | "HEAD") || !request.target.starts_with("/v2/"),
        };
        assert!(reads, "{} {} {:?}", request.method, request.target, request.operation);
    }
    assert_eq!(standin.sandbox().open_uploads(), 0);
    standin.sandbox().forget_requests();
}

#[test]
fn a_plan_tells_what_ship_then_does() {
    let standin = StandIn::start(&["shop"], &["web"]);
    let (runner, project) = (standin.runner(), shop());
    let plan = runner.run(project.path(), &["plan", "--exit-code", "--json"]);
    assert_eq!(plan.code, 11, "{}", plan.stderr);
    let plan = report(&plan);
    assert_nothing_changed(&standin);
    let done = runner.report(project.path(), &["ship"]);
    assert_eq!((&plan["digest"], &plan["image"]), (&done["digest"], &done["image"]));
    for key in ["uploaded_blobs", "uploaded_bytes", "mounted", "existing"] {
        assert_eq!(plan[key], done[key], "{key}");
    }
    let steps = plan["steps"].as_array().expect("steps");
    let register = steps[0].as_str().expect("words");
    assert!(
        register.starts_with("register the next revision of `web`\n  containerDefinitions[web].image: "),
        "{register}"
    );
    assert_eq!(steps[1], "update service `web` to it");
    assert_eq!(plan["tags"][0]["current"], Value::Null);
}

#[test]
fn after_a_ship_nothing_would_change_also_on_a_machine_that_knows_nothing() {
    let standin = StandIn::start(&["shop"], &["web"]);
    let (runner, project) = (standin.runner(), shop());
    let done = runner.report(project.path(), &["ship"]);
    for runner in [runner, standin.runner()] {
        standin.sandbox().forget_requests();
        let run = runner.run(project.path(), &["plan", "--exit-code"]);
        assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
        assert_nothing_changed(&standin);
        assert!(run.stdout.contains("nothing would change\n"), "{}", run.stdout);
        assert_eq!(run.stdout.lines().last(), done["image"].as_str());
    }
}

#[test]
fn what_a_change_costs_is_told_on_a_machine_that_knows_nothing() {
    let standin = StandIn::start(&["shop"], &["web"]);
    let project = shop();
    standin.runner().report(project.path(), &["ship"]);
    project.write("app/hello.txt", "other\n");
    standin.sandbox().forget_requests();
    let plan = standin.runner().report(project.path(), &["plan"]);
    assert_nothing_changed(&standin);
    let done = standin.runner().report(project.path(), &["ship"]);
    assert_eq!((numbers(&plan), &plan["digest"]), (numbers(&done), &done["digest"]));
    assert_eq!((plan["uploaded_blobs"].as_u64(), plan["reused_layers"].as_u64()), (Some(2), Some(1)));
    assert_eq!(plan["changes"], true);
    assert!(plan["tags"][0]["current"].is_string() && plan["tags"][0]["changes"] == true);
}

#[test]
fn what_would_be_mounted_is_told_with_its_repository() {
    let standin = StandIn::start(&["base", "shop"], &[]);
    let base = Project::with("base: scratch\nlayers:\n  - {from: app, to: /app}\n");
    standin.runner().report(base.path(), &["push", "--name", &format!("{}/base", account_host())]);
    let project =
        Project::with(&format!("base: {}/base:latest\nlayers:\n  - {{from: app, to: /own}}\n", account_host()));
    let runner = standin.runner();
    standin.sandbox().forget_requests();
    let plan = runner.report(project.path(), &["plan"]);
    assert_nothing_changed(&standin);
    let layer = &plan["layers"][0];
    assert_eq!(
        (&layer["origin"], &layer["way"], &layer["mounted_from"]),
        (&json!("base"), &json!("mounted"), &json!("base"))
    );
    let done = runner.report(project.path(), &["push"]);
    assert_eq!((&plan["mounted"], &plan["uploaded_bytes"]), (&done["mounted"], &done["uploaded_bytes"]));
}

#[test]
fn a_repository_that_would_be_made_is_not_made() {
    let standin = StandIn::with(&[], &[], |options| options.personality = Personality::ecr());
    let project = Project::with("base: scratch\nlayers:\n  - {from: app, to: /app}\nrepository: {create: true}\n");
    let runner = standin.runner();
    let plan = runner.report(project.path(), &["plan"]);
    assert_nothing_changed(&standin);
    assert_eq!((&plan["repository"], &plan["changes"]), (&json!("made"), &json!(true)));
    project.build_file("base: scratch\nlayers:\n  - {from: app, to: /app}\n");
    let run = runner.run(project.path(), &["plan"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains("missing   the repository does not exist"), "{}", run.stdout);
    assert_nothing_changed(&standin);
}

#[test]
fn a_tag_that_cannot_move_ends_a_plan_as_it_ends_the_push() {
    let standin = StandIn::with(&[], &[], |options| options.personality = Personality::ecr());
    let own = "base: scratch\nlayers:\n  - {from: app, to: /app}\nrepository: {create: true, immutable_tags: true}\n";
    let (runner, project) = (standin.runner(), Project::with(own));
    runner.report(project.path(), &["push", "--tag", "1.0"]);
    project.write("app/hello.txt", "other\n");
    let plan = runner.run(project.path(), &["plan", "--tag", "1.0"]);
    let push = runner.run(project.path(), &["push", "--tag", "1.0"]);
    let error = |run: &Run| run.stderr[run.stderr.find("error:").expect("an error")..].to_owned();
    assert_eq!((plan.code, error(&plan)), (push.code, error(&push)));
    assert_ne!(plan.code, 0);
}

#[test]
fn an_estimate_packs_nothing_and_says_what_it_does_not_know() {
    let standin = StandIn::start(&["shop"], &["web"]);
    let (runner, project) = (standin.runner(), shop());
    let plan = runner.report(project.path(), &["plan", "--estimate"]);
    assert_nothing_changed(&standin);
    assert_eq!((&plan["estimated"], &plan["digest"], &plan["image"]), (&json!(true), &Value::Null, &Value::Null));
    // Two folders and a file; the tag is new, so that much is certain.
    assert_eq!((&plan["layers"][0]["entries"], &plan["layers"][0]["file_bytes"]), (&json!(2), &json!(6)));
    assert_eq!(plan["changes"], true);
    let blobs = runner.cache().join("blobs/sha256");
    let packed = std::fs::read_dir(&blobs).map_or(0, Iterator::count);
    assert_eq!(packed, 0, "nothing is packed");
    // What is known needs no packing: then an estimate is exact.
    let done = runner.report(project.path(), &["ship"]);
    let plan = runner.report(project.path(), &["plan", "--estimate"]);
    assert_eq!(
        (&plan["estimated"], &plan["changes"], &plan["digest"]),
        (&json!(false), &json!(false), &done["digest"])
    );
    // A changed layer may be as one that was pushed: nobody knows before it is packed.
    project.write("app/hello.txt", "other\n");
    let plan = runner.report(project.path(), &["plan", "--estimate"]);
    assert_eq!((&plan["estimated"], &plan["changes"]), (&json!(true), &Value::Null));
    assert_eq!(runner.run(project.path(), &["plan", "--estimate", "--exit-code"]).code, 2, "it could not tell");
}

#[test]
fn without_a_name_the_layers_alone_are_told() {
    let project = Project::scratch();
    project.write(
        "build.yaml",
        "version: 1\nplatforms: [linux/amd64, linux/arm64]\nbase: scratch\nlayers:\n  - {from: app, to: /app}\n",
    );
    let runner = super::support::Runner::new();
    let plan = runner.report(project.path(), &["plan"]);
    let built = runner.report(project.path(), &["build"]);
    assert_eq!((&plan["digest"], &plan["changes"]), (&built["digest"], &json!(false)));
    assert_eq!(plan["layers"].as_array().map(Vec::len), Some(2));
    assert_eq!((&plan["layers"][1]["platform"], &plan["layers"][1]["way"]), (&json!("linux/arm64"), &Value::Null));
}

#[test]
fn what_would_be_refused_is_refused() {
    let standin = StandIn::start(&["shop"], &["web"]);
    let (runner, project) = (standin.runner(), shop());
    project.build_file(&DEPLOY.replace("[web]", "[wbe]"));
    runner.run(project.path(), &["plan"]).fails_with(12, &["`wbe`", "did you mean `web`?"]);
    project.build_file(DEPLOY);
    project.write("app/.env", "PASSWORD=x\n");
    runner.run(project.path(), &["plan"]).fails_with(4, &[".env"]);
    assert_nothing_changed(&standin);
}

#[test]
fn several_builds_have_one_plan() {
    let standin = StandIn::start(&["shop", "proxy"], &["web", "edge"]);
    let project = Project::scratch();
    for (name, service) in [("shop", "web"), ("proxy", "edge")] {
        let text = format!(
            "version: 1\nname: {}/{name}\nplatforms: [linux/amd64]\nbase: scratch\nlayers:\n  - {{from: app, to: /{name}}}\n\
             deploy: {{cluster: main, services: [{service}]}}\n",
            account_host()
        );
        project.write(&format!("{name}.yaml"), &text);
    }
    let (runner, files) = (standin.runner(), ["-f", "shop.yaml", "-f", "proxy.yaml"]);
    let plan = runner.run(project.path(), &[&files[..], &["plan", "--exit-code", "--json"]].concat());
    assert_eq!(plan.code, 11, "{}", plan.stderr);
    assert_nothing_changed(&standin);
    let plan = report(&plan);
    let done = runner.report(project.path(), &[&files[..], &["ship"]].concat());
    for build in [0, 1] {
        assert_eq!(plan["builds"][build]["digest"], done["builds"][build]["digest"]);
        assert_eq!(plan["builds"][build]["uploaded_bytes"], done["builds"][build]["uploaded_bytes"]);
    }
    assert_eq!(plan["steps"].as_array().map(Vec::len), Some(4), "{plan}");
    let again = runner.run(project.path(), &[&files[..], &["plan", "--exit-code"]].concat());
    assert_eq!(again.code, 0, "{}", again.stdout);
    assert!(again.stdout.starts_with("shop.yaml:\nlayer     app: "), "{}", again.stdout);
}
