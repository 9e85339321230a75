//! A project in a temporary folder.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A project with a build file; gone when dropped.
pub(crate) struct Project {
    folder: tempfile::TempDir,
}

impl Project {
    /// Makes a project of one file, built on nothing.
    pub(crate) fn scratch() -> Self {
        Self::with("base: scratch\nlayers:\n  - {from: app, to: /app}\n")
    }

    /// Makes a project with a folder `app` and this build file; `version`, `name` and `platforms` are put before it.
    pub(crate) fn with(rest: &str) -> Self {
        let project = Self { folder: tempfile::tempdir().expect("a temporary folder") };
        project.write("app/hello.txt", "hello\n");
        project.build_file(rest);
        project
    }

    /// Writes the build file anew.
    pub(crate) fn build_file(&self, rest: &str) {
        self.write(
            "build.yaml",
            &format!("version: 1\nname: {}/shop\nplatforms: [linux/amd64]\n{rest}", super::account_host()),
        );
    }

    /// Returns the repository that the build file names.
    pub(crate) fn name(&self) -> String {
        format!("{}/shop", super::account_host())
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.join(name);
        fs::create_dir_all(path.parent().expect("below the project")).expect("a folder");
        fs::write(path, text).expect("a written file");
    }

    pub(crate) fn mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.join(name), fs::Permissions::from_mode(mode)).expect("a changed mode");
    }

    /// Waits until the clock of the file system has passed the files' times, as any build after an edit by hand does.
    pub(crate) fn settle(&self) {
        let probe = tempfile::tempdir().expect("a folder");
        let time = |name: &str| {
            fs::write(probe.path().join(name), "x").expect("a file");
            fs::metadata(probe.path().join(name)).expect("metadata").modified().expect("a time")
        };
        let start = time("a");
        while time("b").duration_since(start).unwrap_or_default() < Duration::from_millis(40) {
            std::thread::yield_now();
        }
    }
}
