//! The stand-in inside the test process, and runners that are pointed at it.

use std::sync::Arc;

use dockless::pipeline::SystemClock;
use dockless::sandbox::{Sandbox, SandboxOptions, Seed, SeedService};

use super::Runner;

/// The host of the references that the tests push to: shaped as ECR's, served by the stand-in.
pub(crate) fn account_host() -> &'static str {
    "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
}

/// A stand-in with its runtime; both end when it is dropped.
pub(crate) struct StandIn {
    pub(crate) sandbox: Option<Sandbox>,
    runtime: tokio::runtime::Runtime,
    _state: tempfile::TempDir,
    config: tempfile::TempDir,
}

impl StandIn {
    /// Starts a stand-in with these repositories, and these services in the cluster `main`.
    pub(crate) fn start(repositories: &[&str], services: &[&str]) -> Self {
        Self::with(repositories, services, |_| {})
    }

    /// The same, with other options.
    pub(crate) fn with(repositories: &[&str], services: &[&str], change: impl FnOnce(&mut SandboxOptions)) -> Self {
        let state = tempfile::tempdir().expect("a folder");
        let config = tempfile::tempdir().expect("a folder");
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        let mut options = SandboxOptions::new(state.path().join("sandbox"), Arc::new(SystemClock));
        options.region = "eu-west-1".to_owned();
        change(&mut options);
        let sandbox = runtime.block_on(Sandbox::start(options)).expect("the stand-in starts");
        let service = |name: &&str| SeedService {
            beside: Vec::new(),
            name: (*name).to_owned(),
            family: (*name).to_owned(),
            containers: vec![(*name).to_owned()],
            image: format!("{}/shop:placeholder", account_host()),
        };
        let seed = Seed {
            repositories: repositories.iter().map(|name| (*name).to_owned()).collect(),
            cluster: "main".to_owned(),
            services: services.iter().map(service).collect(),
            ..Seed::default()
        };
        sandbox.seed(&seed).expect("what the test expects");
        let text = format!("hosts:\n  {}:\n    endpoint: {}\n", account_host(), sandbox.address());
        std::fs::write(config.path().join("config.yaml"), text).expect("a user configuration");
        Self { sandbox: Some(sandbox), runtime, _state: state, config }
    }

    pub(crate) fn sandbox(&self) -> &Sandbox {
        self.sandbox.as_ref().expect("it runs until it is dropped")
    }

    pub(crate) fn address(&self) -> String {
        self.sandbox().address().to_string()
    }

    /// Returns a runner whose ECR host and AWS are the stand-in, with AWS credentials.
    pub(crate) fn runner(&self) -> Runner {
        self.runner_without_credentials().env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test")
    }

    /// Returns a runner that has no credentials at all.
    pub(crate) fn runner_without_credentials(&self) -> Runner {
        Runner::new()
            .env("DOCKLESS_CONFIG", &self.config.path().join("config.yaml").display().to_string())
            .env("AWS_ENDPOINT_URL", &self.sandbox().endpoint())
    }

    /// Returns how often an AWS operation was called.
    pub(crate) fn count(&self, operation: &str) -> usize {
        let called = |request: &dockless::sandbox::LoggedRequest| {
            request.operation.as_deref().is_some_and(|name| name.ends_with(operation))
        };
        self.sandbox().requests().iter().filter(|request| called(request)).count()
    }

    /// Returns what an AWS operation was sent, the last time.
    pub(crate) fn input(&self, operation: &str) -> serde_json::Value {
        let requests = self.sandbox().requests();
        let called =
            requests.iter().rev().find(|r| r.operation.as_deref().is_some_and(|name| name.ends_with(operation)));
        called.and_then(|request| request.input.clone()).unwrap_or_else(|| panic!("{operation} was called"))
    }

    /// Returns how many uploads were started.
    pub(crate) fn uploads(&self) -> usize {
        let started = |request: &dockless::sandbox::LoggedRequest| {
            request.method == "POST" && request.target.contains("/blobs/uploads/")
        };
        self.sandbox().requests().iter().filter(|request| started(request)).count()
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        if let Some(sandbox) = self.sandbox.take() {
            super::rights::hold(&sandbox);
            self.runtime.block_on(sandbox.stop());
        }
    }
}
