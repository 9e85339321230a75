//! A place of its own for each test: home, cache, configuration, projects.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::process::run;
use super::servers::{ACCOUNT, ECR_HOST, REGION, authority, folder};

/// The folders and the environment of one test.
pub(crate) struct Workbench {
    root: tempfile::TempDir,
    endpoint: Option<String>,
}

impl Workbench {
    /// Makes a workbench without configuration and credentials.
    pub(crate) fn new() -> Self {
        let root = tempfile::Builder::new().prefix("bench.").tempdir_in(folder()).expect("the lab's folder is there");
        for name in ["home", "docker", "tmp"] {
            fs::create_dir(root.path().join(name)).expect("the workbench is empty");
        }
        Self { root, endpoint: None }
    }

    /// Makes the ECR host be served by `registry` (`HOST:PORT`), and the AWS API by `endpoint` (a URL).
    pub(crate) fn ecr(mut self, registry: &str, endpoint: &str) -> Self {
        let hosts = format!("hosts:\n  {ECR_HOST}: {{endpoint: \"{registry}\", scheme: http}}\n");
        fs::write(self.path("config.yaml"), hosts).expect("the workbench is writable");
        self.endpoint = Some(endpoint.to_owned());
        self
    }

    /// Makes both be served by one process, as MiniStack does.
    pub(crate) fn ecr_at(self, url: &str) -> Self {
        self.ecr(authority(url), url)
    }

    /// Writes the Docker configuration with `login` (`USER:PASSWORD`) for a host.
    pub(crate) fn docker_login(&self, host: &str, login: &str) {
        use base64::Engine as _;
        let auth = base64::engine::general_purpose::STANDARD.encode(login);
        let config = serde_json::json!({"auths": {host: {"auth": auth}}});
        fs::write(self.path("docker/config.json"), config.to_string()).expect("the workbench is writable");
    }

    /// A path in the workbench.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// The binary with an environment that holds nothing of this machine's user.
    pub(crate) fn dockless(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dockless"));
        self.clean(&mut command);
        command
    }

    /// Gives a command the workbench's environment and nothing else.
    pub(crate) fn clean(&self, command: &mut Command) {
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path("home"))
            .env("TMPDIR", self.path("tmp"))
            .env("DOCKER_CONFIG", self.path("docker"))
            .env("DOCKLESS_CACHE_DIR", self.path("cache"))
            .env("DOCKLESS_CONFIG", self.path("config.yaml"))
            .env("AWS_ACCESS_KEY_ID", ACCOUNT)
            .env("AWS_SECRET_ACCESS_KEY", "lab")
            .env("AWS_REGION", REGION)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("NO_COLOR", "1");
        if !self.path("config.yaml").exists() {
            command.env_remove("DOCKLESS_CONFIG");
        }
        if let Some(endpoint) = &self.endpoint {
            command.env("AWS_ENDPOINT_URL", endpoint);
        }
    }

    /// A copy of the shop, to be changed at will.
    pub(crate) fn myshop(&self) -> Project {
        let dir = self.path("myshop");
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/myshop");
        run(Command::new("cp").arg("-a").arg(fixture).arg(&dir)).ok();
        Project { dir }
    }

    /// A project of a build file and some files.
    pub(crate) fn project(&self, build: &str, files: &[(&str, &str)]) -> Project {
        let dir = self.path("project");
        for (path, content) in [("build.yaml", build)].iter().chain(files) {
            let path = dir.join(path);
            fs::create_dir_all(path.parent().expect("a file has a folder")).expect("the workbench is writable");
            fs::write(path, content).expect("the workbench is writable");
        }
        Project { dir }
    }
}

/// A project with its `build.yaml`.
pub(crate) struct Project {
    /// Its folder.
    pub(crate) dir: PathBuf,
}

impl Project {
    /// Replaces words of the build file, which must be there.
    #[track_caller]
    pub(crate) fn with(self, words: &str, by: &str) -> Self {
        let file = self.dir.join("build.yaml");
        let text = fs::read_to_string(&file).expect("a project has a build file");
        assert!(text.contains(words), "`{words}` is not in {}", file.display());
        fs::write(file, text.replace(words, by)).expect("the workbench is writable");
        self
    }
}
