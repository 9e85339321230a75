//! A project of real size: the entries and the bytes of a large Node project, in flat memory and less time than
//! `tar | gzip -6` takes.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::layout;
use crate::support::process::run_within;
use crate::support::servers::{ECR_HOST, moto, registry};
use crate::support::skopeo::{copy, pushed};
use crate::support::workbench::Workbench;

/// The bound of resident memory, in KiB.
const MEMORY: u64 = 128 * 1024;
const LIMIT: Duration = Duration::from_secs(300);

fn make_tree(into: &Path) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/lab/tree.py");
    run_within(LIMIT, Command::new("/usr/bin/python3").arg(script).arg(into)).ok();
}

/// Runs a command by GNU time and returns the peak of its resident memory in KiB, and how long it took.
#[track_caller]
fn measured(bench: &Workbench, arguments: &[&str]) -> (u64, Duration) {
    let peak = bench.path("peak");
    let mut command = Command::new("/usr/bin/time");
    bench.clean(&mut command);
    command.arg("-f%M").arg("-o").arg(&peak).args(arguments);
    let started = Instant::now();
    run_within(LIMIT, &mut command).ok();
    let took = started.elapsed();
    let peak = fs::read_to_string(peak).expect("GNU time writes its file");
    (peak.trim().parse().expect("GNU time writes a number"), took)
}

#[test]
fn large_project_is_pushed_in_flat_memory_and_faster_than_gzip() {
    let bench = Workbench::new().ecr(&registry(), &moto());
    let build = format!(
        "version: 1\nname: {ECR_HOST}/size/large\ntags: [lab]\nbase: scratch\nlayers:\n  - {{from: tree, to: /srv}}\n"
    );
    let project = bench.project(&build, &[]);
    let tree = project.dir.join("tree");
    make_tree(&tree);

    let [project, tree] = [&project.dir, &tree].map(|path| path.to_str().expect("the lab's paths are text"));
    let gzip = format!("tar -cf - -C '{tree}' . | gzip -6 | wc -c");
    let (_, baseline) = measured(&bench, &["sh", "-c", &gzip]);
    let (peak, took) = measured(&bench, &[env!("CARGO_BIN_EXE_dockless"), "-C", project, "push"]);
    assert!(peak < MEMORY, "{peak} KiB were resident");
    assert!(took < baseline, "push took {took:?}, `tar | gzip -6` alone {baseline:?}");

    let layout = bench.path("copied");
    copy(&pushed("size/large", "lab"), &format!("oci:{}:lab", layout.display()));
    layout::check(&layout);
}
