//! Runs of the binary on a terminal of its own.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pty_process::Size;
use pty_process::blocking::{Command, Pty};

use super::Runner;

/// A run on a terminal.
pub(crate) struct OnTerminal {
    child: std::process::Child,
    pub(crate) terminal: Arc<Pty>,
    seen: Arc<Mutex<String>>,
}

impl OnTerminal {
    pub(crate) fn start(runner: &Runner, project: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::start_at(runner, project, arguments, variables, 80)
    }

    pub(crate) fn start_at(
        runner: &Runner,
        project: &Path,
        arguments: &[&str],
        variables: &[(&str, &str)],
        columns: u16,
    ) -> Self {
        let (terminal, inner) = pty_process::blocking::open().expect("a terminal");
        terminal.resize(Size::new(24, columns)).expect("a size");
        let plain = runner.command(project, arguments);
        let set = plain.get_envs().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())));
        let command = Command::new(plain.get_program()).args(plain.get_args()).env_clear().envs(set);
        let command = command.env("TERM", "xterm-256color").envs(variables.iter().copied());
        let child = command.spawn(inner).expect("the binary runs");
        let (terminal, seen) = (Arc::new(terminal), Arc::new(Mutex::new(String::new())));
        let (from, into) = (Arc::clone(&terminal), Arc::clone(&seen));
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // A terminal whose other side is gone gives an error instead of an end.
            while let Ok(count @ 1..) = (&*from).read(&mut bytes) {
                into.lock().expect("no panic").push_str(&String::from_utf8_lossy(&bytes[..count]));
            }
        });
        Self { child, terminal, seen }
    }

    pub(crate) fn seen(&self) -> String {
        self.seen.lock().expect("no panic").clone()
    }

    /// Waits until a text was shown.
    #[track_caller]
    pub(crate) fn until(&self, text: &str) {
        let begun = Instant::now();
        while !self.seen().contains(text) {
            assert!(begun.elapsed() < Duration::from_secs(60), "`{text}` never came in:\n{}", self.seen());
            std::thread::yield_now();
        }
    }

    /// Types keys; lines end with `\n`.
    pub(crate) fn types(&self, keys: &str) {
        (&*self.terminal).write_all(keys.as_bytes()).expect("a terminal");
    }

    pub(crate) fn end(mut self) -> (i32, String) {
        let code = self.child.wait().expect("an end").code().unwrap_or(-1);
        // What was written before the end is still on its way to the reader.
        let mut last = String::new();
        loop {
            std::thread::sleep(Duration::from_millis(50));
            let now = self.seen();
            if now == last {
                return (code, now);
            }
            last = now;
        }
    }
}
