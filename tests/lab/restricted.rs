//! A job as Kubernetes' pod security profile `restricted` runs it: not root, no capabilities, no new privileges, a
//! read-only root file system, a small `/tmp`, no home. And credentials of a token alone, as OIDC gives them.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::aws::Aws;
use crate::support::process::{Finished, run};
use crate::support::servers::{ECR_HOST, moto, registry};
use crate::support::skopeo::{inspect, pushed};
use crate::support::workbench::Workbench;

/// Makes the root file system of this machine the job's, read-only; what it may see of ours lies under `/mnt`.
const JOB: &str = r#"
root=$1 program=$2 project=$3
shift 3
mount --make-rprivate /
mount --bind / "$root"
mount -o remount,bind,ro "$root"
mount --bind /proc "$root/proc"
mount --bind /dev "$root/dev"
mount -t tmpfs -o size=64m,mode=1777 tmpfs "$root/tmp"
mount -t tmpfs tmpfs "$root/mnt"
mkdir "$root/mnt/project"
touch "$root/mnt/dockless"
mount --bind "$project" "$root/mnt/project"
mount -o remount,bind,ro "$root/mnt/project"
mount --bind "$program" "$root/mnt/dockless"
mount -o remount,ro "$root/mnt"
exec chroot "$root" setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set -all --inh-caps -all \
    --ambient-caps -all --no-new-privs env -i PATH=/usr/bin:/bin "$@"
"#;

/// Runs a command as such a job, in a namespace of mounts that is gone with it.
fn job(bench: &Workbench, project: &Path, words: &[&str]) -> Finished {
    let root = bench.path("root");
    fs::create_dir_all(&root).expect("the workbench is writable");
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-euc", JOB, "job"]).arg(&root).arg(env!("CARGO_BIN_EXE_dockless")).arg(project);
    run(command.args(words))
}

#[test]
fn the_job_is_as_restricted_as_it_says() {
    let bench = Workbench::new();
    let shop = bench.myshop();
    let status = job(&bench, &shop.dir, &["grep", "-E", "^(Cap|NoNewPrivs|Uid)", "/proc/self/status"]).ok().stdout;
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert!(status.contains(&format!("{set}:\t0000000000000000")), "{status}");
    }
    assert!(status.contains("NoNewPrivs:\t1") && status.contains("Uid:\t65534\t65534\t65534\t65534"), "{status}");
    for place in ["/written", "/home/written", "/mnt/project/written", "/var/tmp/written"] {
        assert!(!job(&bench, &shop.dir, &["touch", place]).status.success(), "{place}");
    }
}

#[test]
fn ship_needs_no_root_no_capability_no_home_and_a_small_tmp_alone() {
    let bench = Workbench::new();
    let shop = bench.myshop();
    let ship = ["/mnt/dockless", "-C", "/mnt/project", "ship", "--sandbox", "--json"];
    let kept = job(&bench, &shop.dir, &[&["DOCKLESS_CACHE_DIR=/tmp/dockless"], &ship[..]].concat()).ok().json();
    assert_eq!(kept["verdict"], "successful");
    // Also where nobody says where the cache may be.
    let temporary = job(&bench, &shop.dir, &ship).ok().json();
    assert_eq!((&temporary["verdict"], &temporary["digest"]), (&kept["verdict"], &kept["digest"]));
    let plain = bench.dockless().arg("-C").arg(&shop.dir).args(["ship", "--sandbox", "--json"]).output().expect("ship");
    let plain: serde_json::Value = serde_json::from_slice(&plain.stdout).expect("a report");
    assert_eq!(plain["digest"], kept["digest"]);
}

#[test]
fn a_token_of_the_ci_system_is_all_that_a_push_needs() {
    let bench = Workbench::new().ecr(&registry(), &moto());
    Aws::at(&moto()).cli(&["ecr", "create-repository", "--repository-name", "restricted/identity"]);
    let shop = bench.myshop().with("appkr/myshop", "restricted/identity");
    let token = bench.path("token");
    fs::write(&token, "a.token.of-the-ci-system").expect("the workbench is writable");
    let mut command = bench.dockless();
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    command.arg("-C").arg(&shop.dir).args(["push", "--json"]);
    run(&mut command).fails(5, &[ECR_HOST]);
    command.env("AWS_WEB_IDENTITY_TOKEN_FILE", &token).env("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/deploy");
    let report = run(&mut command).ok().json();
    assert_eq!(inspect(&pushed("restricted/identity", "1.4"))["Digest"], report["digest"]);
}
