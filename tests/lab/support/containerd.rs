//! The containerd that the lab's Docker engine started, in a namespace of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::process::{Finished, run};
use super::servers::{registry_login, variable};

/// The namespace: images in it are not Docker's.
const NAMESPACE: &str = "dockless-lab-images";

fn ctr(arguments: &[&str]) -> Finished {
    let socket = PathBuf::from(variable("SOCKETS")).join("exec/containerd/containerd.sock");
    run(Command::new("ctr").arg("--address").arg(socket).args(["--namespace", NAMESPACE]).args(arguments))
}

/// Pulls an image from the lab's registry and unpacks it with the overlayfs snapshotter, as hosts of containers do.
#[track_caller]
pub(crate) fn pull(image: &str) {
    ctr(&["images", "pull", "--plain-http", "--snapshotter=overlayfs", "--user", &registry_login(), image]).ok();
}

/// An image mounted for reading.
pub(crate) struct Mounted(PathBuf);

impl Mounted {
    /// Mounts an image that was pulled; the folder is made.
    #[track_caller]
    pub(crate) fn new(image: &str, at: &Path) -> Self {
        std::fs::create_dir_all(at).expect("a folder to mount on");
        let folder = at.to_str().expect("the lab's paths are text");
        ctr(&["images", "mount", "--snapshotter=overlayfs", image, folder]).ok();
        Self(at.to_owned())
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        ctr(&["images", "unmount", "--rm", self.0.to_str().expect("the lab's paths are text")]);
    }
}

/// Runs a command in a container of an image, without network.
#[track_caller]
pub(crate) fn start(image: &str, command: &str) -> Finished {
    let name = format!("c{}", dockless::oci::Digest::of(image.as_bytes()).hex());
    ctr(&["run", "--rm", "--snapshotter=overlayfs", image, &name, "/bin/sh", "-c", command])
}
