//! The four runtimes, each with an image unpacked.

use std::path::{Path, PathBuf};
use std::process::Command;

use dockless::oci::Digest;

use super::Image;
use crate::support::containerd;
use crate::support::docker::{self, docker};
use crate::support::mount::Mount;
use crate::support::podman::Podman;
use crate::support::process::{Finished, run};
use crate::support::servers::variable;
use crate::support::skopeo::unpack;
use crate::support::tree::{Tree, read, read_only};
use crate::support::workbench::Workbench;

/// Their names, in the order of all that is said of them.
pub(super) const NAMES: [&str; 4] = ["Docker", "podman", "containerd", "umoci"];

/// An image in each of them.
pub(super) struct Runtimes<'a> {
    bench: &'a Workbench,
    image: String,
    docker: Mount,
    podman: (Podman, PathBuf),
    containerd: containerd::Mounted,
    umoci: PathBuf,
}

impl<'a> Runtimes<'a> {
    /// Pulls the image with each, which unpacks it. umoci has no network: it takes the layout.
    #[track_caller]
    pub(super) fn unpack(bench: &'a Workbench, image: &Image) -> Self {
        let (_, tag) = image.name.rsplit_once(':').expect("a name with a tag");
        docker(bench, &["pull", "--quiet", &image.name]).ok();
        let podman = Podman::new();
        podman.pull_from_registry(&image.name);
        containerd::pull(&image.name);
        let bundle = bench.path(&format!("bundle-{tag}"));
        unpack(&image.layout, tag, &bundle);
        let mounted = podman.mount(&image.name);
        Self {
            bench,
            image: image.name.clone(),
            docker: Mount::overlay(&docker::unpacked(bench, &image.name), &bench.path(&format!("docker-{tag}"))),
            podman: (podman, mounted),
            containerd: containerd::Mounted::new(&image.name, &bench.path(&format!("containerd-{tag}"))),
            umoci: bundle.join("rootfs"),
        }
    }

    /// What each made of it.
    #[track_caller]
    pub(super) fn trees(&self) -> [Tree; 4] {
        self.roots().map(read)
    }

    /// What each has at some paths.
    #[track_caller]
    pub(super) fn at(&self, paths: &[&str]) -> [Tree; 4] {
        self.roots().map(|root| read_only(root, paths))
    }

    fn roots(&self) -> [&Path; 4] {
        [self.docker.path(), &self.podman.1, self.containerd.path(), &self.umoci]
    }

    /// Runs a command in a container of each; umoci starts none, but makes a bundle for runc.
    #[track_caller]
    pub(super) fn run(&self, command: &str) -> [Finished; 4] {
        [
            docker::start(self.bench, &self.image, command),
            self.podman.0.start(&self.image, command),
            containerd::start(&self.image, command),
            self.run_bundle(command),
        ]
    }

    #[track_caller]
    fn run_bundle(&self, command: &str) -> Finished {
        let bundle = self.umoci.parent().expect("the root file system lies in its bundle");
        let path = bundle.join("config.json");
        let text = std::fs::read(&path).expect("umoci writes a config");
        let mut config: serde_json::Value = serde_json::from_slice(&text).expect("the config is JSON");
        config["process"]["terminal"] = false.into();
        config["process"]["args"] = ["/bin/sh", "-c", command].as_slice().into();
        std::fs::write(path, config.to_string()).expect("the bundle is writable");
        let state =
            tempfile::Builder::new().prefix("r.").tempdir_in(variable("SOCKETS")).expect("a folder for sockets");
        let name = format!("u{}", Digest::of(bundle.as_os_str().as_encoded_bytes()).hex());
        run(Command::new("runc").arg("--root").arg(state.path()).args(["run", "--bundle"]).arg(bundle).arg(name))
    }
}
