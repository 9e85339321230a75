//! A push that is killed again and again, each time at another point: what was committed is never sent again, and the
//! last run ends right.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::{Duration, Instant};

use dockless::sandbox::{Action, Fault};

use super::support::{Project, StandIn};

const LAYERS: usize = 100;
const KILLS: u32 = 20;

/// Two platforms of a hundred layers each, none of them alike.
fn project() -> Project {
    let mut layers = String::from("platforms: [linux/amd64, linux/arm64]\nbase: scratch\nlayers:\n");
    for n in 0..LAYERS {
        layers.push_str(&format!("  - {{from: {{linux/amd64: x/{n}, linux/arm64: a/{n}}}, to: /l{n}}}\n"));
    }
    let project = Project::with("");
    project.write("build.yaml", &format!("version: 1\nname: {}/shop\n{layers}", super::support::account_host()));
    for n in 0..LAYERS {
        project.write(&format!("x/{n}/file"), &format!("x {n}\n"));
        project.write(&format!("a/{n}/file"), &format!("a {n}\n"));
    }
    project
}

/// Returns the digests of the blobs that the registry has taken, in the order of the log, and forgets the log.
fn committed(standin: &StandIn) -> Vec<String> {
    let requests = standin.sandbox().requests();
    standin.sandbox().forget_requests();
    let puts = requests.into_iter().filter(|r| r.method == "PUT" && r.target.contains("/blobs/uploads/"));
    let digest = |target: &str| target.split("digest=").nth(1).map(|digest| digest.replace("%3A", ":"));
    puts.filter(|put| put.status == 201).filter_map(|put| digest(&put.target)).collect()
}

/// Where a run is stopped: the registry is silent from there on, and the run is killed while it waits.
fn stop(kill: u32, random: u64) -> Fault {
    let silent = |path: &str, nth: u64| {
        let nth = u32::try_from(nth).expect("small");
        Fault::on_request("PUT", path, Action::Stall).nth(nth + 1).always()
    };
    match kill {
        // The last ones: before the first manifest, before the second, and before the tag, which is then the second.
        17.. => silent("/v2/*/manifests/*", u64::from(kill.min(18)) - 17),
        _ => silent("/v2/*/blobs/uploads/*", random % 10),
    }
}

#[test]
fn a_push_that_was_killed_goes_on_where_it_was() {
    let standin = StandIn::start(&["shop"], &[]);
    let (runner, project) = (standin.runner(), project());
    let mut there = BTreeSet::new();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    for kill in 0..KILLS {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        standin.sandbox().script(stop(kill, state >> 33));
        let mut child = runner
            .command(project.path(), &["push", "-q"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary starts");
        // Some die while they pack or ask, most when the registry has fallen silent.
        let (patience, since) = (Duration::from_millis((state >> 20) % 300), Instant::now());
        let silent = standin.sandbox().stalled();
        let is_due = || match kill % 3 {
            0 if kill < 17 => since.elapsed() > patience,
            _ => standin.sandbox().stalled() > silent,
        };
        while !is_due() {
            let ended = child.try_wait().expect("a child of ours");
            assert!(ended.is_none(), "it came to its end before it was killed: {ended:?}");
            std::thread::sleep(Duration::from_millis(2));
        }
        child.kill().expect("a signal");
        child.wait().expect("its end");
        standin.sandbox().clear_faults();
        for digest in committed(&standin) {
            assert!(there.insert(digest.clone()), "{digest} was there, and was sent again");
        }
    }
    assert!(!there.is_empty(), "nothing was there before the last run");
    let before = there.len();
    let report = runner.report(project.path(), &["push"]);
    for digest in committed(&standin) {
        assert!(there.insert(digest.clone()), "{digest} was there, and was sent again");
    }
    assert_eq!(there.len(), 2 * LAYERS + 2, "each layer of each platform, and two configs");
    assert_eq!(report["uploaded_blobs"], there.len() - before);
    let again = runner.report(project.path(), &["push"]);
    assert_eq!((&again["digest"], &again["uploaded_blobs"]), (&report["digest"], &0.into()));
    assert!(committed(&standin).is_empty());
}

#[test]
fn an_interrupted_push_gives_up_its_uploads_and_says_so() {
    use rustix::process::{Pid, Signal, kill_process};
    let standin = StandIn::start(&["shop"], &[]);
    let (runner, project) = (standin.runner(), Project::scratch());
    standin.sandbox().script(Fault::on_request("PUT", "/v2/*/blobs/uploads/*", Action::Stall).always());
    let mut command = runner.command(project.path(), &["push"]);
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the binary starts");
    while standin.sandbox().stalled() == 0 {
        std::thread::sleep(Duration::from_millis(2));
    }
    kill_process(Pid::from_child(&child), Signal::INT).expect("a signal");
    let run = super::support::Run::of(child.wait_with_output().expect("its end"));
    assert_eq!(run.code, 130, "{}", run.stderr);
    assert!(run.stderr.contains(", given up at the registry"), "{}", run.stderr);
    assert_eq!(standin.sandbox().open_uploads(), 0);
}
