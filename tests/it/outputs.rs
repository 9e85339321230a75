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
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("events.ndjson");
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
    // The lines of an earlier run are not taken for those of one that fails at once.
    let failed = standin.runner().run(project.path(), &["ship", "-f", "nowhere.yaml", "--events", &path]);
    assert_eq!(failed.code, 3, "{}", failed.stderr);
    let text = std::fs::read_to_string(&file).expect("events");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!((lines.len(), &lines[1]["exit_code"]), (2, &3.into()), "{text}");
    assert!(lines[1]["error"]["message"].as_str().is_some_and(|words| words.contains("nowhere.yaml")), "{text}");
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
    // In the checkout it stands beside the line.
    let checkout = project.path().parent().expect("a folder").display().to_string();
    let runner = standin.runner().env("GITHUB_ACTIONS", "true").env("GITHUB_WORKSPACE", &checkout);
    let name = project.path().file_name().expect("a name").display();
    let run = runner.run(project.path(), &["build"]);
    assert!(run.stderr.contains(&format!("\n::error file={name}/build.yaml,line=5,col=9,title=")), "{}", run.stderr);
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

/// All of stdout, which must be one document of a known schema.
#[track_caller]
fn one_document(run: &super::support::Run) -> Value {
    let value: Value = serde_json::from_str(&run.stdout)
        .unwrap_or_else(|error| panic!("{error} in stdout:\n{}\nstderr:\n{}", run.stdout, run.stderr));
    assert_eq!(value["schema"], 1, "{value:#}");
    value
}

#[test]
fn every_command_prints_one_document_also_where_it_fails() {
    let standin = StandIn::start(&["shop", "third"], &["web", "edge"]);
    let (runner, project, folder) = (standin.runner(), Project::with(DEPLOY), tempfile::tempdir().expect("a folder"));
    project.write("other.yaml", &format!("version: 1\nname: {}/other\nlayers: 3\n", super::support::account_host()));
    let third = format!("version: 1\nname: {}/third\n{DEPLOY}", super::support::account_host());
    project.write("third.yaml", &(third.replace("[web]", "[edge]") + "platforms: [linux/amd64]\n"));
    let layout = format!("oci:{}", folder.path().join("layout").display());
    let image = project.name() + ":latest";
    let rows: [(&[&str], i32); 34] = [
        (&["plan"], 0),
        (&["plan", "--exit-code"], 11),
        (&["build"], 0),
        (&["build", "--output", &layout], 0),
        (&["push"], 0),
        (&["deploy", "--dry-run"], 0),
        (&["deploy"], 0),
        (&["ship"], 0),
        (&["status"], 0),
        (&["status", "--wait"], 0),
        (&["rollback", "--dry-run"], 0),
        (&["rollback"], 0),
        (&["copy", &image, &layout], 0),
        (&["inspect", &image], 0),
        (&["lock"], 0),
        (&["lock", "--check"], 0),
        (&["cache"], 0),
        (&["cache", "prune", "--dry-run"], 0),
        (&["cache", "prune", "--all"], 0),
        (&["sandbox", "--reset"], 0),
        (&["init", "--dry-run"], 0),
        (&["continue"], 12),
        (&["init"], 12),
        (&["inspect", "oci:nowhere"], 4),
        (&["copy", "oci:nowhere", "oci:elsewhere"], 4),
        (&["push", "-f", "nowhere.yaml"], 3),
        (&["ship", "-f", "build.yaml", "-f", "other.yaml"], 3),
        (&["push", "-f", "build.yaml", "-f", "third.yaml"], 0),
        (&["plan", "-f", "build.yaml", "-f", "third.yaml"], 0),
        (&["deploy", "-f", "build.yaml", "-f", "third.yaml", "--dry-run"], 0),
        (&["ship", "-f", "build.yaml", "-f", "third.yaml"], 0),
        (&["ship", "--no-wiat"], 2),
        (&["shpi"], 2),
        (&["status", "--service", "wbe"], 3),
    ];
    for (arguments, code) in rows {
        let run = runner.run(project.path(), &[arguments, &["--json"]].concat());
        assert_eq!(run.code, code, "{arguments:?}: {}", run.stderr);
        let document = one_document(&run);
        let members = documented(arguments);
        if code != 0 && code != 11 {
            assert_eq!(document["error"]["exit_code"], code, "{arguments:?}");
        }
        if code != 0 && code != 11 || members.is_empty() {
            fits(&schema("The report's schema"), &document);
        } else {
            let own = document.as_object().into_iter().flatten().map(|(name, _)| name.as_str());
            let unknown: Vec<&str> = own.filter(|name| !members.contains(&format!("`{name}`"))).collect();
            assert!(unknown.is_empty(), "{arguments:?}: docs/report.md does not name {unknown:?}");
        }
    }
}

/// What the table of documents says of a command; nothing for one that prints the report.
fn documented(arguments: &[&str]) -> String {
    let dry = if arguments[0] != "cache" && arguments[0] != "init" { "--dry-run" } else { "prune" };
    let several = if arguments.contains(&"-f") { " of several builds" } else { "" };
    let command = if arguments.contains(&dry) { format!("{} {dry}", arguments[0]) } else { arguments[0].to_owned() };
    let text = document("report.md");
    let row = |line: &&str| {
        let cell = line.split(" | ").next().unwrap_or_default().trim_start_matches("| ");
        let (names, of_several) = match cell.strip_suffix(" of several builds") {
            Some(names) => (names, " of several builds"),
            None => (cell, ""),
        };
        of_several == several && names.split(", ").any(|name| name.trim_matches('`') == command)
    };
    text.lines().filter(|line| line.contains("| `schema`,")).find(row).unwrap_or_default().to_owned()
}

#[test]
fn a_file_of_results_that_cannot_be_written_ends_the_command_before_it_did_anything() {
    let standin = StandIn::start(&["shop"], &["web"]);
    let (runner, project) = (standin.runner(), Project::with(DEPLOY));
    for flag in ["--digest-file", "--dotenv", "--summary", "--events"] {
        let run = runner.run(project.path(), &["ship", "--json", flag, &project.path().display().to_string()]);
        assert_eq!((run.code, standin.uploads()), (4, 0), "{flag}: {}", run.stderr);
        let document = one_document(&run);
        assert!(document["error"]["message"].as_str().is_some_and(|words| words.contains("cannot")), "{document}");
    }
}

#[test]
fn a_link_stays_a_link_where_results_are_written_to() {
    let (standin, project) =
        (StandIn::start(&["shop"], &[]), Project::with("base: scratch\nlayers:\n  - {from: app, to: /app}\n"));
    let folder = tempfile::tempdir().expect("a folder");
    let (link, target) = (folder.path().join("link"), folder.path().join("target"));
    std::fs::write(&target, "something that was longer than any digest is\n".repeat(9)).expect("a file");
    std::os::unix::fs::symlink(&target, &link).expect("a link");
    let run = standin.runner().run(project.path(), &["push", "--digest-file", &link.display().to_string()]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(std::fs::symlink_metadata(&link).expect("it is there").is_symlink());
    let digest = std::fs::read_to_string(&target).expect("a digest");
    assert!(digest.starts_with("sha256:") && digest.len() == 72, "{digest}");
}

#[test]
fn the_page_of_a_job_tells_of_builds_pushes_and_failures() {
    let standin = StandIn::start(&["shop", "proxy"], &["web"]);
    let (project, results) = (
        Project::with("base: scratch\nlayers:\n  - {name: a|b, from: app, to: /app}\n"),
        tempfile::tempdir().expect("a folder"),
    );
    let path = |name: &str| results.path().join(name).display().to_string();
    let read = |name: &str| std::fs::read_to_string(results.path().join(name)).unwrap_or_default();
    let runner = standin.runner().env("GITHUB_STEP_SUMMARY", &path("page"));
    project.settle();
    let report = runner.report(project.path(), &["build", "--summary", &path("build")]);
    let image = report["image"].as_str().expect("an image");
    assert!(read("build").starts_with(&format!("### Image\n\n`{image}`\n\n| layer | origin |")), "{}", read("build"));
    assert!(read("build").contains("| a\\|b | own | ") && read("build").contains(" | packed | "), "{}", read("build"));
    assert_eq!(runner.run(project.path(), &["push", "--summary", &path("push")]).code, 0);
    assert!(read("push").contains(" | reused, uploaded | ") && read("push").contains("\n- sent "), "{}", read("push"));
    assert_eq!(read("page"), read("build") + &read("push"));
    let failed = runner.run(project.path(), &["push", "--tag", "a b", "--summary", &path("failed")]);
    assert_eq!(failed.code, 3, "{}", failed.stderr);
    assert!(read("failed").starts_with("### Failed with exit code 3\n\n```text\nerror: "), "{}", read("failed"));
    let gone = runner.env("GITHUB_STEP_SUMMARY", "/nowhere/page").env("GITHUB_OUTPUT", "/nowhere/out");
    let run = gone.run(project.path(), &["push"]);
    for warning in ["GITHUB_OUTPUT asks for is missing: cannot open `/nowhere/out`", "GITHUB_STEP_SUMMARY asks for"] {
        assert!(run.code == 0 && run.stderr.contains(&format!("warning: what {warning}")), "{}", run.stderr);
    }
}

#[test]
fn a_command_that_nobody_listens_to_does_its_work() {
    let standin = StandIn::start(&["shop"], &[]);
    let project = Project::with("base: scratch\nlayers:\n  - {from: app, to: /app}\n");
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").expect("a device");
    let runner = standin.runner();
    let code = |arguments: &[&str], change: &dyn Fn(&mut std::process::Command)| {
        let mut command = runner.command(project.path(), arguments);
        change(command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()));
        command.status().expect("the binary runs").code()
    };
    assert_eq!(code(&["push"], &|command| _ = command.stderr(full())), Some(0));
    assert_eq!(code(&["push", "-f", "nowhere"], &|command| _ = command.stderr(full())), Some(3));
    assert_eq!(code(&["push", "--nowhere"], &|command| _ = command.stderr(full())), Some(2));
    assert_eq!(code(&["push"], &|command| _ = command.stdout(full())), Some(4));
    let closed = || std::io::pipe().expect("a pipe").1;
    for json in [&["push"][..], &["push", "--json"], &["plan"], &["inspect", &(project.name() + ":latest")]] {
        assert_eq!(code(json, &|command| _ = command.stdout(closed()).stderr(closed())), Some(0), "{json:?}");
    }
}
