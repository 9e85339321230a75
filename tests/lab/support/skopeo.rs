//! skopeo and umoci: independent readers of what was pushed or written.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::process::run;
use super::servers::{registry, registry_login};

/// `docker://` name of a repository and tag in the lab's registry.
pub(crate) fn pushed(repository: &str, tag: &str) -> String {
    format!("docker://{}/{repository}:{tag}", registry())
}

/// `skopeo inspect` of any transport's image.
#[track_caller]
pub(crate) fn inspect(image: &str) -> Value {
    let mut command = Command::new("skopeo");
    command.arg("inspect");
    if image.starts_with("docker://") {
        command.args(["--tls-verify=false", "--creds", &registry_login()]);
    }
    run(command.arg(image)).ok().json()
}

/// `skopeo copy` from any transport to a local one. What was pushed keeps its bytes: skopeo would compress plain layers.
#[track_caller]
pub(crate) fn copy(from: &str, to: &str) {
    let mut command = Command::new("skopeo");
    command.args(["copy", "--quiet"]);
    if from.starts_with("docker://") {
        command.args(["--src-tls-verify=false", "--src-creds", &registry_login(), "--preserve-digests"]);
    }
    run(command.args([from, to])).ok();
}

/// `skopeo copy` of a layout's tag to the lab's registry, byte by byte.
#[track_caller]
pub(crate) fn push(layout: &Path, tag: &str, to: &str) {
    let from = format!("oci:{}:{tag}", layout.display());
    let mut command = Command::new("skopeo");
    command.args(["copy", "--quiet", "--preserve-digests", "--dest-tls-verify=false"]);
    run(command.args(["--dest-creds", &registry_login(), &from, to])).ok();
}

/// `umoci unpack` of a layout's tag into a bundle; its root file system is below `rootfs`.
#[track_caller]
pub(crate) fn unpack(layout: &Path, tag: &str, bundle: &Path) {
    let image = format!("{}:{tag}", layout.display());
    run(Command::new("umoci").args(["unpack", "--image", &image]).arg(bundle)).ok();
}
