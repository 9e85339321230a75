//! Runs of the binary in an environment that holds nothing of the machine's.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// How the binary is run: own home, own cache, no credentials but those of the test.
pub(crate) struct Runner {
    home: tempfile::TempDir,
    variables: Vec<(String, String)>,
}

/// What a run left behind.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Runner {
    pub(crate) fn new() -> Self {
        Self { home: tempfile::tempdir().expect("a temporary home"), variables: Vec::new() }
    }

    /// Sets a variable for all runs.
    #[must_use]
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn cache(&self) -> PathBuf {
        self.home.path().join("cache")
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Returns the command, ready to run, for tests that need more than its end.
    pub(crate) fn command(&self, project: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dockless"));
        command.arg("-C").arg(project).args(arguments);
        self.clear(&mut command);
        command
    }

    /// Gives a command the environment of the runs.
    pub(crate) fn clear(&self, command: &mut Command) {
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home.path())
            .env("DOCKLESS_CACHE_DIR", self.cache())
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .envs(self.variables.iter().map(|(name, value)| (name, value)));
    }

    pub(crate) fn run(&self, project: &Path, arguments: &[&str]) -> Run {
        Run::of(self.command(project, arguments).output().expect("the binary runs"))
    }

    /// Runs, and returns the report; fails the test unless the run ended with 0.
    pub(crate) fn report(&self, project: &Path, arguments: &[&str]) -> serde_json::Value {
        let mut all = arguments.to_vec();
        all.push("--json");
        let run = self.run(project, &all);
        assert_eq!(run.code, 0, "{}", run.stderr);
        serde_json::from_str(&run.stdout).expect("stdout is one JSON document")
    }
}

impl Run {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Fails the test unless the run ended with this code, printed each of these, and gave a remedy.
    #[track_caller]
    pub(crate) fn fails_with(&self, code: i32, texts: &[&str]) {
        assert_eq!(self.code, code, "{}", self.stderr);
        for text in texts {
            assert!(self.stderr.contains(text), "`{text}` is missing in:\n{}", self.stderr);
        }
        assert!(self.stderr.contains("error: "), "{}", self.stderr);
        assert!(self.stderr.contains("\nhint: "), "no remedy in:\n{}", self.stderr);
        for debug in ["panicked", "Os {", "Error {", "Error(", "Some("] {
            assert!(!self.stderr.contains(debug), "debug formatting in:\n{}", self.stderr);
        }
        assert_eq!(self.stdout, "", "a failure leaves stdout empty");
    }
}
