//! A process with a time limit: what it was, how it ended, what it said.

use std::io::Read;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// How long a process may take that has little to do.
pub(crate) const LIMIT: Duration = Duration::from_secs(120);

/// A process that ended.
#[derive(Debug)]
pub(crate) struct Finished {
    /// The command line, for messages.
    pub(crate) line: String,
    /// How it ended.
    pub(crate) status: ExitStatus,
    /// Its standard output.
    pub(crate) stdout: String,
    /// Its standard error.
    pub(crate) stderr: String,
}

impl Finished {
    /// Passes a success on; otherwise panics with all that was said.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert!(self.status.success(), "{self}");
        self
    }

    /// Asserts an exit code, and that the failure has the product's shape with these words in it.
    #[track_caller]
    pub(crate) fn fails(self, code: i32, words: &[&str]) {
        assert_eq!(self.status.code(), Some(code), "{self}");
        assert!(self.stderr.lines().any(|line| line.starts_with("error: ")), "no `error:` line in\n{self}");
        assert!(self.stderr.lines().any(|line| line.starts_with("hint: ")), "no `hint:` line in\n{self}");
        for word in words {
            assert!(self.stderr.contains(word), "`{word}` is not said in\n{self}");
        }
        assert!(!self.stdout.contains("sha256:"), "a failure printed a reference:\n{self}");
    }

    /// Its standard output as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|why| panic!("stdout is no JSON: {why}\n{self}"))
    }
}

impl std::fmt::Display for Finished {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { line, status, stdout, stderr } = self;
        write!(f, "$ {line}\n{status}\n--- stdout\n{stdout}\n--- stderr\n{stderr}")
    }
}

/// Runs a command to its end, which must come within [`LIMIT`].
#[track_caller]
pub(crate) fn run(command: &mut Command) -> Finished {
    run_within(LIMIT, command)
}

/// Runs a command to its end, which must come within `limit`.
#[track_caller]
pub(crate) fn run_within(limit: Duration, command: &mut Command) -> Finished {
    let line = format!("{command:?}");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|why| panic!("cannot start {line}: {why}"));
    let stdout = text_of(child.stdout.take().expect("stdout was piped"));
    let stderr = text_of(child.stderr.take().expect("stderr was piped"));
    let pid = rustix::process::Pid::from_child(&child);
    let (ended, end) = mpsc::channel();
    let waiter = thread::spawn(move || {
        let status = child.wait();
        // The receiver is gone if the limit was passed: then nobody asks for the status.
        let _ = ended.send(status);
    });
    let status = end.recv_timeout(limit);
    if status.is_err() {
        // An error means that it ended just now, which is as good.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
    }
    waiter.join().expect("waiting does not panic");
    let [stdout, stderr] = [stdout, stderr].map(|text| text.join().expect("reading does not panic"));
    match status {
        Ok(status) => Finished { line, status: status.expect("a child can be waited for"), stdout, stderr },
        Err(_) => panic!("$ {line}\nstill ran after {limit:?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}"),
    }
}

fn text_of(mut pipe: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // A broken pipe ends the text like its end does.
        let _ = pipe.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
