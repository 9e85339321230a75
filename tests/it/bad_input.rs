//! Bad input ends in one clear error with its remedy, the right exit code, and nothing half-written.

use std::fs;
use std::io::Write;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use super::support::{Project, Run, Runner, StandIn};

const BUILD_FILE: i32 = 3;
const BUILD: i32 = 4;
const REGISTRY: i32 = 5;
const REFUSED: i32 = 12;

#[test]
fn a_missing_build_file_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    Runner::new().run(folder.path(), &["build"]).fails_with(BUILD_FILE, &["build.yaml"]);
}

#[test]
fn a_missing_source_is_named() {
    let project = Project::with("base: scratch\nlayers:\n  - {from: nowhere, to: /app}\n");
    Runner::new().run(project.path(), &["build"]).fails_with(BUILD, &["nowhere"]);
}

#[test]
fn a_path_that_leaves_the_project_is_refused() {
    let project = Project::with("base: scratch\nlayers:\n  - {from: ../outside, to: /app}\n");
    Runner::new().run(project.path(), &["build"]).fails_with(BUILD_FILE, &["../outside", "build.yaml:6:"]);
}

#[test]
fn a_bad_base_reference_is_refused_with_its_line() {
    let project = Project::with("base: \"example.com/UPPER:1\"\nlayers:\n  - {from: app, to: /app}\n");
    Runner::new().run(project.path(), &["build"]).fails_with(BUILD_FILE, &["UPPER", "build.yaml:4:"]);
}

#[test]
fn an_unknown_key_is_refused_with_its_line_and_a_suggestion() {
    let project = Project::with("base: scratch\nlayres:\n  - {from: app, to: /app}\n");
    Runner::new().run(project.path(), &["build"]).fails_with(BUILD_FILE, &["build.yaml:5:1", "layres:", "`layers`"]);
}

#[test]
fn a_missing_base_folder_is_told_with_its_whole_path() {
    let project = Project::with("base: oci:nowhere\nlayers:\n  - {from: app, to: /app}\n");
    let path = project.join("nowhere");
    Runner::new().run(project.path(), &["build"]).fails_with(BUILD, &[&format!("oci:{}", path.display())]);
}

#[test]
fn a_base_without_the_wanted_platform_says_what_there_is() {
    let project = Project::scratch();
    let runner = Runner::new();
    let layout = project.join("base");
    let output = format!("oci:{}", layout.display());
    assert_eq!(runner.run(project.path(), &["build", "--output", &output]).code, 0);
    let run = runner.run(project.path(), &["build", "--base", &output, "--platform", "linux/arm64"]);
    run.fails_with(BUILD, &["linux/arm64", "linux/amd64"]);
}

#[test]
fn an_unreachable_registry_is_named() {
    // A port that was free a moment ago and that nobody listens on.
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    let project = Project::scratch();
    let name = format!("127.0.0.1:{port}/shop");
    let run = Runner::new().run(project.path(), &["push", "--name", &name]);
    run.fails_with(REGISTRY, &[&format!("127.0.0.1:{port}")]);
}

#[test]
fn wrong_credentials_are_told_from_missing_ones() {
    let standin = StandIn::start(&["shop"], &[]);
    let project = Project::scratch();
    let name = format!("{}/shop", standin.address());
    standin.runner_without_credentials().run(project.path(), &["push", "--name", &name]).fails_with(REGISTRY, &["401"]);
    let wrong = format!(r#"{{"auths":{{"{}":{{"username":"AWS","password":"wrong"}}}}}}"#, standin.address());
    let runner = standin.runner_without_credentials().env("DOCKER_AUTH_CONFIG", &wrong);
    runner.run(project.path(), &["push", "--name", &name]).fails_with(REGISTRY, &["DOCKER_AUTH_CONFIG"]);
}

#[test]
fn a_missing_repository_says_how_to_make_it_and_leaves_no_tag() {
    let standin = StandIn::start(&[], &[]);
    let project = Project::scratch();
    let run = standin.runner().run(project.path(), &["push"]);
    run.fails_with(REGISTRY, &["NAME_UNKNOWN", "aws ecr create-repository --repository-name shop"]);
}

#[test]
fn a_missing_cluster_service_or_container_is_refused_before_anything_is_pushed() {
    let standin = StandIn::start(&["shop"], &["web"]);
    for (deploy, texts) in [
        ("{cluster: nowhere, services: [web]}", ["nowhere", "cluster"]),
        ("{cluster: main, services: [wep]}", ["wep", "web"]),
        ("{cluster: main, services: [web], containers: [wep]}", ["wep", "web"]),
    ] {
        let project =
            Project::with(&format!("base: scratch\nlayers:\n  - {{from: app, to: /app}}\ndeploy: {deploy}\n"));
        standin.runner().run(project.path(), &["ship"]).fails_with(REFUSED, &texts);
    }
    assert_eq!(standin.count("RegisterTaskDefinition"), 0);
    assert_eq!(standin.count("UpdateService"), 0);
    assert_eq!(standin.uploads(), 0, "nothing was sent");
}

#[test]
fn an_unreadable_file_is_named() {
    let project = Project::scratch();
    project.write("app/secret", "x");
    project.mode("app/secret", 0o000);
    let runner = Runner::new();
    let mut command = runner.command(project.path(), &["build"]);
    if rustix::process::geteuid().is_root() {
        // Root reads everything: run as nobody, who may enter the folders but not read the file.
        for folder in [project.path(), runner.home()] {
            Command::new("chmod").args(["-R", "a+rwX"]).arg(folder).status().expect("chmod");
        }
        project.mode("app/secret", 0o000);
        let mut unprivileged = Command::new("setpriv");
        unprivileged.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
        unprivileged.arg(command.get_program()).args(command.get_args());
        runner.clear(&mut unprivileged);
        command = unprivileged;
    }
    let run = Run::of(command.output().expect("the binary runs"));
    run.fails_with(BUILD, &["app/secret"]);
}

#[test]
fn a_file_that_changes_while_it_is_read_is_named_and_nothing_is_written() {
    let project = Project::scratch();
    let path = project.join("app/log");
    fs::write(&path, vec![b'x'; 64 << 20]).expect("a file");
    let done = AtomicBool::new(false);
    let run = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut file = fs::File::options().append(true).open(&path).expect("the file");
            // Bounded: a build of 64 MiB ends long before this many lines.
            for _ in 0..2_000_000 {
                if done.load(Ordering::Relaxed) {
                    return;
                }
                file.write_all(b"y").expect("an appended byte");
            }
        });
        let run = Runner::new()
            .run(project.path(), &["build", "--output", &format!("oci-archive:{}", project.join("out.tar").display())]);
        done.store(true, Ordering::Relaxed);
        run
    });
    run.fails_with(BUILD, &["app/log", "changed while"]);
    assert!(!project.join("out.tar").exists());
}

#[test]
fn a_full_disk_leaves_no_half_written_output() {
    let project = Project::scratch();
    // Bytes that do not compress, so that the output is larger than the limit.
    let mut state = 1_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as u8
    })
    .take(3 << 20)
    .collect();
    fs::write(project.join("app/noise"), noise).expect("a file");
    let runner = Runner::new();
    let output = project.join("out");
    fs::create_dir(&output).expect("a folder");
    let mut command = Command::new("bash");
    runner.clear(&mut command);
    // A limit on the size of files stands for the disk: the write fails in the same place with an error of its own.
    command
        .args([
            "-c",
            "ulimit -f 1024; trap '' XFSZ; exec \"$0\" -C \"$1\" build --output \"$2\"",
            env!("CARGO_BIN_EXE_dockless"),
        ])
        .arg(project.path())
        .arg(format!("oci-archive:{}", output.join("image.tar").display()));
    let run = Run::of(command.output().expect("a shell"));
    assert_eq!(run.code, BUILD, "{}", run.stderr);
    assert!(run.stderr.contains("cannot write"), "{}", run.stderr);
    assert_eq!(fs::read_dir(&output).expect("the folder").count(), 0, "nothing half-written");
}
