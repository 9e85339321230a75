//! A server of one test: Debian's registry with a configuration of its own, or another program. It ends with the test.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::authority::await_port;
use super::servers::free_port;
use super::workbench::Workbench;

/// A process that is ended, by its id, when it is dropped.
pub(crate) struct Server {
    child: Child,
    /// `HOST:PORT`.
    pub(crate) authority: String,
}

impl Server {
    /// Starts a program that listens on `authority`, and waits until it does.
    pub(crate) fn start(command: &mut Command, log: &Path, authority: &str) -> Self {
        let output = fs::File::create(log).expect("the workbench is writable");
        let errors = output.try_clone().expect("a file");
        let child = command.stdin(Stdio::null()).stdout(output).stderr(errors).spawn();
        let server = Self { child: child.expect("the program is installed"), authority: authority.to_owned() };
        await_port(authority);
        server
    }

    /// Starts a registry on `host` with more lines of configuration: `http` and `auth`.
    pub(crate) fn registry(bench: &Workbench, host: &str, http: &str, auth: &str) -> Self {
        let authority = format!("{host}:{}", free_port());
        let (config, data) = (bench.path("registry.yml"), bench.path("data"));
        let text = format!(
            "version: 0.1\nlog: {{level: warn, accesslog: {{disabled: true}}}}\nstorage:\n  filesystem: \
             {{rootdirectory: {}}}\nhttp:\n  addr: \"{authority}\"\n{http}auth:\n{auth}",
            data.display()
        );
        fs::write(&config, text).expect("the workbench is writable");
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(&config).env("OTEL_TRACES_EXPORTER", "none");
        Self::start(&mut command, &bench.path("registry.txt"), &authority)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Writes the file of users that a registry with Basic authentication reads, and returns its lines for `auth`.
pub(crate) fn htpasswd(bench: &Workbench, user: &str, password: &str) -> String {
    let finished = super::process::run(Command::new("htpasswd").args(["-BbnC", "4", user, password])).ok();
    let path = bench.path("htpasswd");
    fs::write(&path, finished.stdout).expect("the workbench is writable");
    format!("  htpasswd: {{realm: lab, path: {}}}\n", path.display())
}
