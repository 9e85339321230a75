//! `init` on projects that the ecosystems' own tools made: what it says to run before is run, and then the image is
//! built with what they left.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::support::process::{run, run_within};
use crate::support::servers::variable;
use crate::support::workbench::Workbench;

/// A compilation on a machine that does much else.
const LIMIT: Duration = Duration::from_secs(300);

/// Runs a tool of an ecosystem in a folder.
#[track_caller]
fn tool(bench: &Workbench, folder: &Path, line: &str) {
    let mut command = Command::new("sh");
    bench.clean(&mut command);
    // Tools that are managed per user are found by the variables that name their folders.
    for name in ["CARGO_HOME", "RUSTUP_HOME", "HOME"] {
        command.env(name, std::env::var_os(name).unwrap_or_default());
        if std::env::var_os(name).is_none() {
            command.env_remove(name);
        }
    }
    run_within(LIMIT, command.current_dir(folder).args(["-c", line])).ok();
}

/// Writes the build file, runs what it says comes before, builds, and returns the config of the image.
#[track_caller]
fn image(bench: &Workbench, folder: &Path, kind: &str) -> serde_json::Value {
    let folder_name = folder.to_str().expect("the lab's paths are text");
    let base = format!("oci-archive:{}", variable("BUSYBOX_BASE"));
    let line = ["-C", folder_name, "init", "--json", "--base", &base];
    let report = run(bench.dockless().args(line)).ok().json();
    assert_eq!(report["kind"], kind, "{report}");
    for step in report["steps"].as_array().expect("a list") {
        tool(bench, folder, step.as_str().expect("a command"));
    }
    let layout = format!("oci:{folder_name}/../{kind}");
    run(bench.dockless().args(["-C", folder_name, "build", "--json", "--output", &layout])).ok();
    let seen = run(bench.dockless().args(["inspect", "--json", &layout])).ok().json();
    seen["images"][0]["config"]["config"].clone()
}

fn folder(bench: &Workbench, name: &str) -> std::path::PathBuf {
    let folder = bench.path(name);
    fs::create_dir_all(&folder).expect("the workbench is writable");
    folder
}

#[test]
fn project_of_cargo_new_becomes_an_image() {
    let bench = Workbench::new();
    let folder = folder(&bench, "rust");
    tool(&bench, &folder, "cargo new --vcs none hello && cd hello && cargo generate-lockfile --offline");
    let config = image(&bench, &folder.join("hello"), "rust");
    assert_eq!(config["Cmd"], serde_json::json!(["/usr/local/bin/hello"]), "{config}");
}

#[test]
fn project_of_npm_init_becomes_an_image() {
    let bench = Workbench::new();
    let folder = folder(&bench, "node");
    tool(&bench, &folder, "npm init -y && mkdir -p ../dependency && cd ../dependency && npm init -y");
    tool(&bench, &folder, "npm install --offline --install-links ../dependency");
    fs::write(folder.join("index.js"), "require('dependency')\n").expect("the workbench is writable");
    // The base has no Node: a program of that name stands for it.
    fs::write(folder.join("node"), "#!/bin/sh\n").expect("the workbench is writable");
    let text = r#"{"scripts": {"start": "node index.js"}}"#;
    let manifest = fs::read_to_string(folder.join("package.json")).expect("npm wrote it");
    let mut manifest: serde_json::Value = serde_json::from_str(&manifest).expect("npm writes JSON");
    manifest["scripts"] = serde_json::from_str::<serde_json::Value>(text).expect("JSON")["scripts"].take();
    fs::write(folder.join("package.json"), manifest.to_string()).expect("the workbench is writable");
    let folder_name = folder.to_str().expect("the lab's paths are text");
    let base = format!("oci-archive:{}", variable("BUSYBOX_BASE"));
    let report = run(bench.dockless().args(["-C", folder_name, "init", "--json", "--base", &base])).ok().json();
    assert_eq!((&report["kind"], &report["steps"][0]), (&"node".into(), &"npm ci --omit=dev".into()), "{report}");
    let file = folder.join("build.yaml");
    let built = fs::read_to_string(&file).expect("init wrote it");
    let node = "  - {from: node, to: /usr/local/bin/node, mode: \"0755\"}\n\nconfig:\n";
    let user = "user: \"1000:1000\"";
    fs::write(&file, built.replacen("\nconfig:\n", node, 1).replace("user: node", user))
        .expect("the workbench is writable");
    let layout = format!("oci:{}", bench.path("image").display());
    run(bench.dockless().args(["-C", folder_name, "build", "--output", &layout])).ok();
    let seen = run(bench.dockless().args(["inspect", "--json", &layout])).ok().json();
    assert_eq!(seen["images"][0]["config"]["config"]["WorkingDir"], "/app");
}

#[test]
fn a_missing_step_is_named_by_the_build() {
    let bench = Workbench::new();
    let folder = folder(&bench, "early");
    tool(&bench, &folder, "cargo new --vcs none hello");
    let project = folder.join("hello");
    let project = project.to_str().expect("the lab's paths are text");
    run(bench.dockless().args(["-C", project, "init", "--base", "scratch"])).ok();
    run(bench.dockless().args(["-C", project, "build", "--output", "oci-archive:-"]))
        .fails(4, &["target/release/hello"]);
}
