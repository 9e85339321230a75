//! The lab's Docker engine.

use std::process::Command;

use super::process::{Finished, run};
use super::servers::variable;
use super::workbench::Workbench;

/// Runs the docker client against the lab's engine, with the workbench's logins.
#[track_caller]
pub(crate) fn docker(bench: &Workbench, arguments: &[&str]) -> Finished {
    let mut command = Command::new(variable("DOCKER"));
    bench.clean(&mut command);
    run(command.env("DOCKER_HOST", variable("DOCKER_HOST")).args(arguments))
}

/// Loads an archive and returns the image's name or id.
#[track_caller]
pub(crate) fn load(bench: &Workbench, archive: &str) -> String {
    let said = docker(bench, &["load", "--input", archive]).ok().stdout;
    let (_, image) = said.trim().rsplit_once(": ").unwrap_or_else(|| panic!("docker load said `{said}`"));
    image.trim().to_owned()
}

/// Runs a command in a container of an image, without network, and returns its output.
#[track_caller]
pub(crate) fn output(bench: &Workbench, image: &str, command: &str) -> String {
    start(bench, image, command).ok().stdout
}

/// Runs a command in a container of an image, without network.
#[track_caller]
pub(crate) fn start(bench: &Workbench, image: &str, command: &str) -> Finished {
    docker(bench, &["run", "--rm", "--network=none", image, "/bin/sh", "-c", command])
}

/// Returns the folders into which Docker unpacked an image's layers, the topmost first, as it gives them to overlayfs.
#[track_caller]
pub(crate) fn unpacked(bench: &Workbench, image: &str) -> String {
    let form = "{{.GraphDriver.Name}} {{.GraphDriver.Data.UpperDir}}:{{.GraphDriver.Data.LowerDir}}";
    let said = docker(bench, &["image", "inspect", "--format", form, image]).ok().stdout;
    let (driver, folders) = said.trim().split_once(' ').unwrap_or_else(|| panic!("docker inspect said `{said}`"));
    assert_eq!(driver, "overlay2", "the engine's driver");
    folders.to_owned()
}

/// A container that is removed when the test ends, however it ends.
pub(crate) struct Container<'a> {
    bench: &'a Workbench,
    /// Its id.
    pub(crate) id: String,
}

impl<'a> Container<'a> {
    /// Starts a container in the background; `arguments` are those of `docker run`.
    #[track_caller]
    pub(crate) fn start(bench: &'a Workbench, arguments: &[&str]) -> Self {
        let id = docker(bench, &[&["run", "--detach"], arguments].concat()).ok().stdout.trim().to_owned();
        Self { bench, id }
    }

    /// Runs a command in it as a user and returns its output.
    #[track_caller]
    pub(crate) fn exec(&self, user: &str, command: &str) -> String {
        docker(self.bench, &["exec", "--user", user, &self.id, "/bin/sh", "-c", command]).ok().stdout
    }

    /// What its process printed.
    pub(crate) fn logs(&self) -> String {
        let logs = docker(self.bench, &["logs", &self.id]);
        logs.stdout + &logs.stderr
    }
}

impl Drop for Container<'_> {
    fn drop(&mut self) {
        docker(self.bench, &["rm", "--force", &self.id]);
    }
}
