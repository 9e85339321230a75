//! podman with a storage of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::process::{Finished, run};
use super::servers::{folder, registry_login, variable};

/// A podman that shares nothing with other tests.
pub(crate) struct Podman {
    root: PathBuf,
    run: PathBuf,
}

impl Podman {
    /// Makes an empty storage. It stays until the lab's run ends, which unmounts it.
    pub(crate) fn new() -> Self {
        // podman takes no more than 50 characters for the second one.
        let [root, run] = [folder(), PathBuf::from(variable("SOCKETS"))].map(|parent| {
            let made = tempfile::Builder::new().prefix("p.").tempdir_in(parent);
            made.expect("the lab's folders are there").keep()
        });
        Self { root, run }
    }

    #[track_caller]
    fn run(&self, arguments: &[&str]) -> Finished {
        run(self.command().args(arguments))
    }

    fn command(&self) -> Command {
        let mut command = Command::new("podman");
        command.arg("--root").arg(&self.root).arg("--runroot").arg(&self.run);
        // No systemd is asked for: neither for groups of processes nor for a journal.
        command.args(["--storage-driver=overlay", "--cgroup-manager=cgroupfs", "--events-backend=file"]);
        command
    }

    /// Loads an archive and returns the image's id.
    #[track_caller]
    pub(crate) fn load(&self, archive: &str) -> String {
        self.run(&["load", "--quiet", "--input", archive]).ok();
        self.only_image()
    }

    /// Takes over the image of a layout and returns its id.
    #[track_caller]
    pub(crate) fn pull(&self, layout: &Path) -> String {
        // podman makes a name of the path, which may hold no capitals: a relative one is short.
        let [parent, name] =
            [layout.parent(), layout.file_name().map(Path::new)].map(|part| part.expect("an inner path"));
        let mut command = self.command();
        run(command.current_dir(parent).args(["pull", "--quiet", &format!("oci:{}", name.display())])).ok();
        self.only_image()
    }

    /// Pulls an image from the lab's registry.
    #[track_caller]
    pub(crate) fn pull_from_registry(&self, image: &str) {
        self.run(&["pull", "--quiet", "--tls-verify=false", "--creds", &registry_login(), image]).ok();
    }

    /// Mounts an image and returns where. It stays mounted until the lab's run ends.
    #[track_caller]
    pub(crate) fn mount(&self, image: &str) -> PathBuf {
        PathBuf::from(self.run(&["image", "mount", image]).ok().stdout.trim())
    }

    #[track_caller]
    fn only_image(&self) -> String {
        let ids = self.run(&["images", "--quiet", "--no-trunc"]).ok().stdout;
        let mut ids: Vec<_> = ids.lines().collect();
        ids.dedup();
        assert_eq!(ids.len(), 1, "{ids:?}");
        ids[0].to_owned()
    }

    /// Runs a command in a container of an image, without network, and returns its output.
    #[track_caller]
    pub(crate) fn output(&self, image: &str, command: &str) -> String {
        self.start(image, command).ok().stdout
    }

    /// Runs a command in a container of an image, without network.
    #[track_caller]
    pub(crate) fn start(&self, image: &str, command: &str) -> Finished {
        // podman raises limits by default, which not every machine's root may do.
        let limits = ["--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024"];
        let line = [&["run", "--rm", "--network=none"], &limits[..], &[image, "/bin/sh", "-c", command]].concat();
        self.run(&line)
    }
}
