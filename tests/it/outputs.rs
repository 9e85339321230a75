//! What programs read: the report and its schema, events, files of results, GitHub's outputs, exit codes.

use std::path::Path;

use dockless::sandbox::{Action, Fault, RolloutScript};
use serde_json::Value;

use super::support::{Project, StandIn};

const DEPLOY: &str = "base: scratch\nlayers:\n  - {from: app, to: /app}\ndeploy: {cluster: main, services: [web]}\n";

fn document(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name)).expect("a document")
}

/// The schema in `docs/report.md`, under a heading.
fn schema(heading: &str) -> jsonschema::Validator {
    let text = document("report.md");
    let section = text.split(&format!("## {heading}\n")).nth(1).expect("the section");
    let json = section.split("```json\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a schema");
    jsonschema::validator_for(&serde_json::from_str(json).expect("JSON")).expect("a schema")
}

#[track_caller]
fn fits(schema: &jsonschema::Validator, value: &Value) {
    let wrong: Vec<String> =
        schema.iter_errors(value).map(|error| format!("{error} at {}", error.instance_path())).collect();
    assert!(wrong.is_empty(), "{}\n{value:#}", wrong.join("\n"));
}

#[test]
fn reports_are_as_documented_also_of_bad_ends_and_of_errors() {
    let schema = schema("The report's schema");
    let standin = StandIn::start(&["shop"], &["web"]);
    let (runner, project) = (standin.runner(), Project::with(DEPLOY));
    for command in ["build", "push", "deploy", "ship", "rollback"] {
        fits(&schema, &runner.report(project.path(), &[command]));
    }
    project.write("app/hello.txt", "changed\n");
    standin.sandbox().script_rollout("web", RolloutScript::circuit_breaker_rollback());
    let bad = runner.run(project.path(), &["ship", "--json"]);
    assert_eq!(bad.code, 6, "{}", bad.stderr);
    fits(&schema, &serde_json::from_str(&bad.stdout).expect("a report of a bad end"));
    project.build_file("base: scratch\nlayers: 3\n");
    let failed = runner.run(project.path(), &["build", "--json"]);
    let report: Value = serde_json::from_str(&failed.stdout).expect("a report of an error");
    fits(&schema, &report);
    assert_eq!((failed.code, &report["error"]["exit_code"]), (3, &3.into()));
}

#[test]
fn a_schema_that_is_not_met_is_noticed() {
    let schema = schema("The report's schema");
    assert!(!schema.is_valid(&serde_json::json!({"schema": 1})));
}

#[test]
fn an_error_half_way_leaves_a_report_of_what_was_done() {
    let standin = StandIn::start(&["shop"], &["web"]);
    let (runner, project) = (standin.runner(), Project::with(DEPLOY));
    let refused = Action::Status { status: 403, code: "DENIED".into(), message: "no".into(), headers: Vec::new() };
    standin.sandbox().script(Fault::on_request("PUT", "/v2/shop/manifests/latest", refused).always());
    let run = runner.run(project.path(), &["push", "--tag", "one", "--tag", "latest", "--json"]);
    assert_eq!(run.code, 5, "{}", run.stderr);
    let report: Value = serde_json::from_str(&run.stdout).expect("a report");
    assert!(report["image"].as_str().is_some_and(|image| image.contains("/shop:one@sha256:")), "{report}");
    assert_eq!((&report["uploaded_blobs"], &report["error"]["exit_code"]), (&2.into(), &5.into()));
    let words = (report["error"]["message"].as_str(), report["error"]["hint"].as_str());
    assert!(words.0.is_some_and(|message| run.stderr.contains(message)), "{report}");
    assert!(words.1.is_some_and(|hint| run.stderr.contains(hint)), "{report}");
}

#[test]
fn events_are_lines_of_json_as_documented() {
    let schema = schema("A line's schema");
    let standin = StandIn::start(&["shop"], &["web"]);
    let project = Project::with(DEPLOY);
    let file = project.join("../events.ndjson");
    let folder = tempfile::tempdir().expect("a folder");
    let file = if file.exists() { file } else { folder.path().join("events.ndjson") };
    let path = file.display().to_string();
    let run = standin.runner().run(project.path(), &["ship", "--events", &path]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let text = std::fs::read_to_string(&file).expect("events");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    lines.iter().for_each(|line| fits(&schema, line));
    let names: Vec<&str> = lines.iter().filter_map(|line| line["event"].as_str()).collect();
    assert_eq!((names.first(), names.last()), (Some(&"started"), Some(&"ended")));
    let documented = document("report.md");
    for name in &names {
        assert!(documented.contains(&format!("`{name}`")), "{name} is not documented");
    }
    for name in ["layer_packed", "blob_uploaded", "manifest_pushed", "task_definition_registered", "rollout_changed"] {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
    assert_eq!(lines.last().map(|line| &line["exit_code"]), Some(&0.into()));
}

#[test]
fn every_event_is_documented() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/event.rs")).expect("the events");
    let body = text.split("pub enum Event {").nth(1).and_then(|rest| rest.split("\n}").next()).expect("the enum");
    let variants = body.lines().filter_map(|line| line.strip_prefix("    ")?.strip_suffix(" {"));
    let documented = document("report.md");
    let mut count = 0;
    for variant in variants.filter(|name| name.chars().all(char::is_alphanumeric)) {
        let mut name = String::new();
        for character in variant.chars() {
            if character.is_uppercase() && !name.is_empty() {
                name.push('_');
            }
            name.extend(character.to_lowercase());
        }
        assert!(documented.contains(&format!("| `{name}` |")), "docs/report.md does not name `{name}`");
        count += 1;
    }
    assert!(count > 15);
}

#[test]
fn the_next_step_of_a_job_is_told_image_digest_arns_and_verdict() {
    let standin = StandIn::start(&["shop"], &["web"]);
    let (project, results) = (Project::with(DEPLOY), tempfile::tempdir().expect("a folder"));
    let file = |name: &str| results.path().join(name).display().to_string();
    let read = |name: &str| std::fs::read_to_string(results.path().join(name)).expect(name);
    let runner = standin.runner().env("GITHUB_OUTPUT", &file("out")).env("GITHUB_STEP_SUMMARY", &file("page"));
    let flags = ["ship", "--dotenv", &file("env"), "--digest-file", &file("digest"), "--summary", &file("summary")];
    let report = runner.report(project.path(), &flags);
    let text = |key: &str| report[key].as_str().unwrap_or_else(|| panic!("`{key}` in {report}")).to_owned();
    let (image, digest, verdict) = (text("image"), text("digest"), text("verdict"));
    let (definition, deployment) = (text("task_definition_arn"), text("deployment_arn"));
    let expect = format!(
        "image={image}\ndigest={digest}\ntask_definition_arn={definition}\ndeployment_arn={deployment}\nverdict={verdict}\n"
    );
    assert!(read("out").starts_with(&expect), "{}", read("out"));
    assert_eq!(read("digest"), format!("{digest}\n"));
    assert!(read("env").starts_with(&format!("DOCKLESS_IMAGE={image}\nDOCKLESS_DIGEST={digest}\n")), "{}", read("env"));
    assert!(read("summary").contains("| web | successful | 0 |") && read("page") == read("summary"));
}

#[test]
fn a_failure_is_annotated_on_github_alone() {
    let standin = StandIn::start(&["shop"], &["web"]);
    let project = Project::with("base: scratch\nlayers: 3\n");
    let plain = standin.runner().run(project.path(), &["build"]);
    assert!(!plain.stderr.contains("::error"), "{}", plain.stderr);
    let run = standin.runner().env("GITHUB_ACTIONS", "true").run(project.path(), &["build"]);
    let line = run.stderr.lines().find(|line| line.starts_with("::error title=dockless::"));
    assert!(line.is_some_and(|line| line.contains("build.yaml")), "{}", run.stderr);
    run.fails_with(3, &[]);
}

#[test]
fn exit_codes_are_documented_one_by_one() {
    let code =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli/exit.rs")).expect("the codes");
    let own = code.lines().filter_map(|line| line.split(": u8 = ").nth(1)?.strip_suffix(';')?.parse::<u8>().ok());
    let mut codes: Vec<u8> = own.chain([6, 8, 9, 10]).collect();
    codes.sort_unstable();
    codes.dedup();
    let table = document("reference/exit-codes.md");
    let documented: Vec<u8> =
        table.lines().filter_map(|line| line.strip_prefix("| ")?.split(' ').next()?.parse().ok()).collect();
    assert_eq!(documented, codes);
}
