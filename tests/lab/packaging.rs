//! What is shipped: the archive, its size, its start, and the files for CI systems, held against those systems' schemas.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::process::{Finished, run};
use crate::support::servers::variable;
use crate::support::workbench::Workbench;

/// The most that the program may have, in bytes.
const SIZE: u64 = 40_000_000;
/// The most that `--version` may take.
const START: Duration = Duration::from_millis(10);

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A tool of the lab's Python environment, which the AWS CLI is in too.
fn tool(name: &str) -> Command {
    let folder = PathBuf::from(variable("AWS"));
    let mut command = Command::new(folder.with_file_name(name));
    command.current_dir(root());
    command
}

fn version() -> Finished {
    run(Command::new(env!("CARGO_BIN_EXE_dockless")).arg("--version"))
}

#[test]
fn the_program_is_small_and_starts_at_once() {
    assert_eq!(version().ok().stdout, format!("dockless {}\n", env!("CARGO_PKG_VERSION")));
    // What is not optimised is large and slow by nature.
    if cfg!(debug_assertions) {
        return;
    }
    let size = fs::metadata(env!("CARGO_BIN_EXE_dockless")).expect("the program").len();
    assert!(size < SIZE, "{size} bytes");
    let once = || {
        let started = Instant::now();
        version().ok();
        started.elapsed()
    };
    // The machine has other work; the best of many is what the program takes.
    let best = (0..50).map(|_| once()).min().expect("there were runs");
    assert!(best < START, "{best:?}");
}

#[test]
fn the_archive_holds_all_that_a_release_needs_and_is_the_same_each_time() {
    let bench = Workbench::new();
    let package = |place: &str| {
        let mut command = Command::new(root().join("scripts/package"));
        command.env("DOCKLESS_PROGRAM", env!("CARGO_BIN_EXE_dockless"));
        // Its last line is the path of the archive, which is named after this machine.
        let said = run(command.env("CARGO_TARGET_DIR", bench.path(place))).ok().stdout;
        PathBuf::from(said.lines().last().expect("a path"))
    };
    let (first, second) = (package("first"), package("second"));
    assert!(fs::read(&first).expect("an archive") == fs::read(&second).expect("an archive"));
    let list = run(Command::new("tar").arg("-tzf").arg(&first)).ok().stdout;
    for name in [
        "dockless",
        "completions/dockless.bash",
        "completions/_dockless",
        "completions/dockless.fish",
        "man/dockless.1",
        "man/dockless-cache-prune.1",
        "build.schema.json",
        "LICENSE-MIT",
        "THIRD-PARTY-NOTICES.txt",
    ] {
        assert!(
            list.lines().any(|line| line.split_once('/').is_some_and(|(_, inside)| inside == name)),
            "{name} is not in\n{list}"
        );
    }
    run(Command::new("tar").arg("-xzf").arg(&first).args(["--strip-components", "1", "-C"]).arg(bench.path("tmp")))
        .ok();
    let folder = bench.path("tmp");
    let notices = fs::read_to_string(folder.join("THIRD-PARTY-NOTICES.txt")).expect("the notices");
    assert!(notices.contains("\nrustls ") && notices.contains("Permission is hereby granted"));
    // Only what is in the program is named.
    assert!(!notices.contains("\ncriterion "));
    run(Command::new("bash").arg("-n").arg(folder.join("completions/dockless.bash"))).ok();
}

#[test]
fn the_debian_package_puts_program_completions_and_pages_where_debian_has_them() {
    let bench = Workbench::new();
    let mut command = Command::new(root().join("scripts/debian"));
    command.env("DOCKLESS_PROGRAM", env!("CARGO_BIN_EXE_dockless")).env("CARGO_TARGET_DIR", bench.path("target"));
    let tools = variable("TOOLS");
    let path = std::env::join_paths(
        [PathBuf::from(tools)].into_iter().chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())),
    );
    let said = run(command.env("PATH", path.expect("paths of this machine"))).ok().stdout;
    let package = said.lines().last().expect("a path").to_owned();
    let system = bench.path("system");
    run(Command::new("dpkg-deb").arg("-x").arg(&package).arg(&system)).ok();
    let version = run(Command::new(system.join("usr/bin/dockless")).arg("--version")).ok().stdout;
    assert_eq!(version, format!("dockless {}\n", env!("CARGO_PKG_VERSION")));
    for file in [
        "share/bash-completion/completions/dockless",
        "share/zsh/vendor-completions/_dockless",
        "share/fish/vendor_completions.d/dockless.fish",
        "share/man/man1/dockless.1.gz",
        "share/man/man1/dockless-ship.1.gz",
        "share/doc/dockless/copyright",
        "share/doc/dockless/LICENSE-APACHE",
        "share/doc/dockless/LICENSE-MIT",
        "share/doc/dockless/THIRD-PARTY-NOTICES.txt",
    ] {
        assert!(fs::metadata(system.join("usr").join(file)).is_ok_and(|file| file.len() > 0), "{file}");
    }
    let needs = run(Command::new("dpkg-deb").args(["--field", &package, "Depends"])).ok().stdout;
    assert!(needs.contains("ca-certificates") && needs.contains("libc6"), "{needs}");
}

#[test]
fn files_for_ci_systems_fit_their_schemas() {
    for (schema, file) in [
        ("vendor.github-actions", "action.yml"),
        ("vendor.github-workflows", ".github/workflows/release.yml"),
        ("vendor.gitlab-ci", "ci/gitlab.yml"),
        ("vendor.bitbucket-pipelines", "ci/bitbucket-pipelines.yml"),
    ] {
        let mut check = tool("check-jsonschema");
        check.args(["--builtin-schema", schema]);
        if schema == "vendor.gitlab-ci" {
            check.args(["--data-transform", "gitlab-ci"]);
        }
        run(check.arg(file)).ok();
    }
    run(tool("kubernetes-validate").args(["--strict", "ci/kubernetes-job.yaml"])).ok();
}

#[test]
fn the_schema_is_one_and_admits_our_own_build_file() {
    let bench = Workbench::new();
    let schema = bench.path("build.schema.json");
    fs::write(&schema, run(bench.dockless().arg("schema")).ok().stdout).expect("the workbench is writable");
    run(tool("check-jsonschema").arg("--check-metaschema").arg(&schema)).ok();
    run(tool("check-jsonschema").arg("--schemafile").arg(&schema).args(["build.yaml", "fixtures/myshop/build.yaml"]))
        .ok();
}

/// Runs the last step of the action as a runner does.
fn action(bench: &Workbench, command: &str) -> (Finished, String) {
    let text = fs::read_to_string(root().join("action.yml")).expect("the action");
    let action: serde_json::Value = serde_saphyr::from_str(&text).expect("YAML");
    let steps = action["runs"]["steps"].as_array().expect("steps");
    let script = steps.last().expect("a step")["run"].as_str().expect("a script");
    let shop = bench.path("myshop");
    let mut shell = Command::new("bash");
    bench.clean(&mut shell);
    shell.env("COMMAND", command).env("BINARY", env!("CARGO_BIN_EXE_dockless")).env("REGION", "");
    shell.env("RUNNER_TEMP", bench.path("tmp")).env("GITHUB_OUTPUT", bench.path("output")).current_dir(shop);
    let finished = run(shell.args(["-c", script]));
    (finished, fs::read_to_string(bench.path("output")).unwrap_or_default())
}

#[test]
fn the_action_passes_outputs_and_exit_code_on() {
    let bench = Workbench::new();
    bench.myshop();
    let (finished, output) = action(&bench, "ship --sandbox");
    let image = finished.ok().stdout.trim().to_owned();
    let (_, digest) = image.split_once('@').expect("a digest");
    let lines: Vec<(&str, &str)> = output.lines().filter_map(|line| line.split_once('=')).collect();
    let names: Vec<&str> = lines.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["image", "digest", "task_definition_arn", "deployment_arn", "verdict"]);
    assert_eq!((lines[0].1, lines[1].1, lines[4].1), (image.as_str(), digest, "successful"));
    let (finished, _) = action(&bench, "-e nowhere ship --sandbox");
    finished.fails(3, &["nowhere"]);
}

/// Runs the action's step that asks for a token, against an answer in a file.
fn token_step(bench: &Workbench, answer: Option<&str>) -> Finished {
    let text = fs::read_to_string(root().join("action.yml")).expect("the action");
    let action: serde_json::Value = serde_saphyr::from_str(&text).expect("YAML");
    let mut steps = action["runs"]["steps"].as_array().expect("steps").iter();
    let script = steps.find(|step| step["name"] == "Ask for a token").expect("the step")["run"].as_str();
    let mut shell = Command::new("bash");
    bench.clean(&mut shell);
    shell.env("ROLE", "arn:aws:iam::123456789012:role/ship").env("GITHUB_RUN_ID", "7");
    shell.env("RUNNER_TEMP", bench.path("tmp")).env("GITHUB_ENV", bench.path("env"));
    if let Some(answer) = answer {
        fs::write(bench.path("answer"), answer).expect("the workbench is writable");
        let url = format!("file://{}?version=2", bench.path("answer").display());
        shell.env("ACTIONS_ID_TOKEN_REQUEST_URL", url).env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "secret");
    }
    run(shell.args(["-c", script.expect("a script")]))
}

#[test]
fn a_token_of_the_job_is_for_us_alone_and_one_that_does_not_come_ends_the_action() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Workbench::new();
    token_step(&bench, Some(r#"{"value": "the-token"}"#)).ok();
    let token = bench.path("tmp/dockless-token");
    assert_eq!(fs::read_to_string(&token).expect("a token"), "the-token");
    assert_eq!(fs::metadata(&token).expect("a token").permissions().mode() & 0o777, 0o600);
    let env = fs::read_to_string(bench.path("env")).expect("variables");
    assert!(env.contains("AWS_ROLE_ARN=arn:aws:iam::123456789012:role/ship\n"), "{env}");
    assert!(env.contains(&format!("AWS_WEB_IDENTITY_TOKEN_FILE={}\n", token.display())), "{env}");
    assert!(!token_step(&bench, Some(r#"{"message": "no"}"#)).status.success(), "an answer without a token");
    let refused = token_step(&bench, None);
    assert!(!refused.status.success() && refused.stdout.contains("id-token: write"), "{refused}");
}
