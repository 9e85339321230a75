//! `init` on projects that the ecosystems' own tools made: what it says to run before is run, and then the image is
//! built with what they left.

use std::fs;
use std::path::{Path, PathBuf};
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
    // uv is in the lab's Python environment, as the AWS CLI is.
    let lab = PathBuf::from(variable("AWS"));
    let lab = lab.parent().expect("a folder").display().to_string();
    let path = format!("{}:{lab}", std::env::var("PATH").unwrap_or_default());
    let command = command.env("PATH", path).env("PIP_DISABLE_PIP_VERSION_CHECK", "1").env("UV_OFFLINE", "1");
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
    let text = r#"{"scripts": {"start": "node index.js"}}"#;
    let manifest = fs::read_to_string(folder.join("package.json")).expect("npm wrote it");
    let mut manifest: serde_json::Value = serde_json::from_str(&manifest).expect("npm writes JSON");
    manifest["scripts"] = serde_json::from_str::<serde_json::Value>(text).expect("JSON")["scripts"].take();
    fs::write(folder.join("package.json"), manifest.to_string()).expect("the workbench is writable");
    let folder_name = folder.to_str().expect("the lab's paths are text");
    let base = format!("oci-archive:{}", variable("BUSYBOX_BASE"));
    let report = run(bench.dockless().args(["-C", folder_name, "init", "--json", "--base", &base])).ok().json();
    assert_eq!((&report["kind"], &report["steps"][0]), (&"node".into(), &"npm ci --omit=dev".into()), "{report}");
    // The base has no Node, and no user of that name.
    stand_in(&folder, "node");
    let file = folder.join("build.yaml");
    let built = fs::read_to_string(&file).expect("init wrote it");
    fs::write(&file, built.replace("user: node", "user: \"1000:1000\"")).expect("the workbench is writable");
    let layout = format!("oci:{}", bench.path("image").display());
    run(bench.dockless().args(["-C", folder_name, "build", "--output", &layout])).ok();
    let seen = run(bench.dockless().args(["inspect", "--json", &layout])).ok().json();
    assert_eq!(seen["images"][0]["config"]["config"]["WorkingDir"], "/app");
}

/// Lets a file of the project stand for the program that the base does not have.
fn stand_in(folder: &Path, program: &str) {
    fs::write(folder.join(program), "#!/bin/sh\n").expect("the workbench is writable");
    let file = folder.join("build.yaml");
    let text = fs::read_to_string(&file).expect("init wrote it");
    let layer = format!("  - {{from: {program}, to: /usr/local/bin/{program}, mode: \"0755\"}}\n\nconfig:\n");
    fs::write(&file, text.replacen("\nconfig:\n", &layer, 1)).expect("the workbench is writable");
}

/// Writes the build file of a Python project, runs its steps, builds, and returns what the image starts; fails unless
/// the package that it depends on is where PYTHONPATH says.
#[track_caller]
fn python(bench: &Workbench, folder: &Path, first_step: &str) -> serde_json::Value {
    let folder_name = folder.to_str().expect("the lab's paths are text");
    let base = format!("oci-archive:{}", variable("BUSYBOX_BASE"));
    let report = run(bench.dockless().args(["-C", folder_name, "init", "--json", "--base", &base])).ok().json();
    assert_eq!(report["kind"], "python", "{report}");
    let steps: Vec<&str> = report["steps"].as_array().expect("a list").iter().filter_map(|s| s.as_str()).collect();
    assert!(steps[0].contains(first_step), "{steps:?}");
    // Twice, as a second run of CI on the same runner does.
    steps.iter().chain(&steps).for_each(|step| tool(bench, folder, step));
    stand_in(folder, "python");
    run(bench.dockless().args(["-C", folder_name, "plan", "--estimate", "--sandbox"])).ok();
    let layout = format!("oci:{folder_name}/../image");
    run(bench.dockless().args(["-C", folder_name, "build", "--output", &layout])).ok();
    // Manifest and config are no archives, and say nothing.
    let listed = "for blob in ../image/blobs/sha256/*; do tar -tzf $blob 2>/dev/null || true; done";
    tool(bench, folder, &format!("{listed} | grep -qx opt/python/dependency/__init__.py"));
    let seen = run(bench.dockless().args(["inspect", "--json", &layout])).ok().json();
    let config = &seen["images"][0]["config"]["config"];
    let env = config["Env"].as_array().expect("a list");
    assert!(env.iter().any(|entry| entry.as_str().is_some_and(|e| e.starts_with("PYTHONPATH="))), "{config}");
    config["Cmd"].clone()
}

/// A wheel of one package, made by Python alone, so that nothing is fetched.
const WHEEL: &str = r#"python3 - <<'EOF'
import zipfile
with zipfile.ZipFile("dependency-1.0-py3-none-any.whl", "w") as wheel:
    wheel.writestr("dependency/__init__.py", "")
    wheel.writestr("dependency-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: dependency\nVersion: 1.0\n")
    wheel.writestr("dependency-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    wheel.writestr("dependency-1.0.dist-info/RECORD", "")
EOF"#;

#[test]
fn project_of_venv_and_pip_becomes_an_image() {
    let bench = Workbench::new();
    let folder = folder(&bench, "pip");
    tool(&bench, &folder, WHEEL);
    tool(
        &bench,
        &folder,
        "python3 -m venv .venv && .venv/bin/pip install --no-index ./dependency-1.0-py3-none-any.whl",
    );
    fs::write(folder.join("requirements.txt"), "./dependency-1.0-py3-none-any.whl\n").expect("writable");
    fs::write(folder.join("main.py"), "import dependency\n").expect("the workbench is writable");
    assert_eq!(python(&bench, &folder, "pip install"), serde_json::json!(["python", "main.py"]));
}

#[test]
fn project_of_uv_init_becomes_an_image() {
    let bench = Workbench::new();
    let folder = folder(&bench, "uv");
    let python_of_the_lab = "--python \"$(command -v python3)\"";
    tool(
        &bench,
        &folder,
        &format!("uv init --package --build-backend setuptools --vcs none --name shop {python_of_the_lab}"),
    );
    tool(&bench, &folder, WHEEL);
    tool(&bench, &folder, &format!("uv add --no-sync {python_of_the_lab} ./dependency-1.0-py3-none-any.whl"));
    let line = "import sys; from shop import main; sys.exit(main())";
    assert_eq!(python(&bench, &folder, "uv export"), serde_json::json!(["python", "-c", line]));
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
