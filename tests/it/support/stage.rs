//! Deployments of the library against the stand-in, both on one clock that moves when somebody sleeps on it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aws_smithy_async::rt::sleep::{AsyncSleep, SharedAsyncSleep};
use aws_smithy_runtime_api::client::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_smithy_types::retry::RetryConfig;
use dockless::deploy::{DeployError, DeployOptions, DeployReport, Deployment, Ecs, FillIn, RunningTasks, TargetImage};
use dockless::event::{Event, Recording};
use dockless::ground::{Clock, DrivenClock, Secret, Sleep, Timestamp};
use dockless::net::aws::StaticCredentials;
use dockless::net::{AwsOptions, Connector, HttpOptions, Proxies, load_aws};
use dockless::oci::Digest;
use dockless::sandbox::{Sandbox, SandboxOptions};
use dockless::spec::{self, DeploySpec, Inputs, Overrides};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// A registry that the stand-in knows nothing of: what is pinned there is what runs.
pub(crate) const REPOSITORY: &str = "registry.example.com/shop";

/// A stand-in with the cluster `main`, and what a deployment works with.
pub(crate) struct Stage {
    pub(crate) sandbox: Sandbox,
    pub(crate) clock: Arc<DrivenClock>,
    pub(crate) ecs: Ecs,
    pub(crate) events: Arc<Recording>,
    pub(crate) running: RunningTasks,
    pub(crate) strict: bool,
    pub(crate) force: bool,
    pub(crate) wait: bool,
    connector: Connector,
    runtime: Runtime,
    _state: tempfile::TempDir,
}

/// A clock beside another one.
struct Shifted {
    clock: Arc<DrivenClock>,
    millis: i64,
}

impl Clock for Shifted {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.clock.now().millis() + self.millis)
    }

    fn sleep(&self, duration: Duration) -> Sleep<'_> {
        self.clock.sleep(duration)
    }
}

/// The SDK's pauses, by the clock of the test.
#[derive(Debug)]
struct Driven(Arc<DrivenClock>);

impl AsyncSleep for Driven {
    fn sleep(&self, duration: Duration) -> aws_smithy_async::rt::sleep::Sleep {
        self.0.advance(duration);
        aws_smithy_async::rt::sleep::Sleep::new(std::future::ready(()))
    }
}

/// The digest of an image that is called `name`.
pub(crate) fn digest(name: &str) -> Digest {
    Digest::of(name.as_bytes())
}

/// A reference to it.
pub(crate) fn image(name: &str) -> String {
    format!("{REPOSITORY}:{name}@{}", digest(name))
}

/// A task definition of one container, called as its family, with these members laid over.
pub(crate) fn definition(family: &str, rest: &Value) -> Value {
    let mut document = json!({
        "family": family, "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
        "containerDefinitions": [{
            "name": family, "image": image("old"), "essential": true,
            "logConfiguration": {"logDriver": "awslogs", "options": {
                "awslogs-group": "/shop", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "p"}},
        }]
    });
    for (name, member) in rest.as_object().into_iter().flatten() {
        document[name] = member.clone();
    }
    document
}

impl Stage {
    /// Starts a stand-in whose services each have a family of their own and have run the image `old` for an hour.
    pub(crate) fn new(services: &[&str]) -> Self {
        let stage = Self::empty();
        for service in services {
            stage.make_service(service, &definition(service, &json!({})), &json!({}));
        }
        stage.clock.advance(Duration::from_secs(3600));
        stage.sandbox.forget_requests();
        stage
    }

    /// Starts a stand-in with an empty cluster.
    pub(crate) fn empty() -> Self {
        Self::with_aws_clock(0)
    }

    /// Starts a stand-in with an empty cluster, whose clock is ahead of ours by so many seconds.
    pub(crate) fn with_aws_clock(ahead: i64) -> Self {
        let state = tempfile::tempdir().expect("a folder");
        let clock = Arc::new(DrivenClock::new(Timestamp::from_seconds(1_700_000_000)));
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        let theirs = Arc::new(Shifted { clock: Arc::clone(&clock), millis: ahead * 1000 });
        let options = SandboxOptions::new(state.path().join("sandbox"), theirs);
        let sandbox = runtime.block_on(Sandbox::start(options)).expect("the stand-in starts");
        let http = HttpOptions { proxies: Proxies::Off, ..HttpOptions::default() };
        let connector = Connector::new(&http).expect("a connector");
        let keys = StaticCredentials {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: Secret::new("secret".to_owned()),
            session_token: None,
        };
        let aws = AwsOptions {
            region: Some("us-east-1".to_owned()),
            endpoint_url: Some(sandbox.endpoint()),
            static_credentials: Some(keys),
        };
        let config = runtime.block_on(load_aws(&aws, &connector));
        // The SDK's own retries wait in real time.
        let config = config.into_builder().retry_config(RetryConfig::disabled()).build();
        let ecs = Ecs::new(&config, &connector);
        let (events, running) = (Arc::default(), RunningTasks::default());
        let stage = Self {
            sandbox,
            clock,
            ecs,
            events,
            running,
            strict: false,
            force: false,
            wait: true,
            connector,
            runtime,
            _state: state,
        };
        stage.aws("ecs.CreateCluster", &json!({"clusterName": "main"}));
        stage
    }

    /// Lets the SDK retry as it does in earnest, by the clock of the test.
    pub(crate) fn retrying(&mut self) {
        let keys = StaticCredentials {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: Secret::new("secret".to_owned()),
            session_token: None,
        };
        let aws = AwsOptions {
            region: Some("us-east-1".to_owned()),
            endpoint_url: Some(self.sandbox.endpoint()),
            static_credentials: Some(keys),
        };
        let config = self.runtime.block_on(load_aws(&aws, &self.connector));
        let config = config
            .into_builder()
            .sleep_impl(SharedAsyncSleep::new(Driven(Arc::clone(&self.clock))))
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .build();
        self.ecs = Ecs::new(&config, &self.connector);
    }

    /// Makes a service in `main`; `rest` is laid over what CreateService is sent.
    pub(crate) fn make_service(&self, name: &str, definition: &Value, rest: &Value) {
        self.aws("ecs.RegisterTaskDefinition", definition);
        let mut service = json!({
            "cluster": "main", "serviceName": name, "taskDefinition": definition["family"], "desiredCount": 1,
            "launchType": "FARGATE",
            "deploymentConfiguration": {"strategy": "ROLLING", "deploymentCircuitBreaker": {"enable": true, "rollback": true}},
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"], "securityGroups": ["sg-1"]}},
        });
        for (name, member) in rest.as_object().into_iter().flatten() {
            service[name] = member.clone();
        }
        self.aws("ecs.CreateService", &service);
        self.clock.advance(Duration::from_secs(60));
    }

    /// Carries out an operation as another client would: `ecs.UpdateService`, `events.PutRule`, `scheduler.GetSchedule`.
    #[track_caller]
    pub(crate) fn aws(&self, operation: &str, input: &Value) -> Value {
        let target = operation
            .replace("ecs.", "AmazonEC2ContainerServiceV20141113.")
            .replace("events.", "AWSEvents.")
            .replace("scheduler.", "AWSScheduler.");
        let url = self.sandbox.endpoint().parse().expect("a URL");
        let client = self.connector.client(&url).expect("a client");
        let request = client.post(url).header("x-amz-target", target).header("authorization", "AWS4-HMAC-SHA256 test");
        self.runtime.block_on(async {
            let answer = request.body(input.to_string()).send().await.expect("an answer");
            let status = answer.status();
            let body: Value = serde_json::from_slice(&answer.bytes().await.expect("a body")).expect("JSON");
            assert!(status.is_success(), "{operation}: {body}");
            body
        })
    }

    /// Reads the `deploy` section of a build file that names this repository.
    pub(crate) fn spec(deploy: &str) -> DeploySpec {
        let project = tempfile::tempdir().expect("a folder");
        let text = format!("version: 1\nname: {REPOSITORY}\nbase: scratch\ndeploy:\n  cluster: main\n{deploy}");
        std::fs::write(project.path().join("build.yaml"), text).expect("a build file");
        let path: &Path = project.path();
        let overrides = Overrides::default();
        let inputs = Inputs { project: path, file: None, environment: &|_| None, overrides: &overrides };
        spec::load(&inputs).unwrap_or_else(|error| panic!("{error}")).deploy.expect("a deploy section")
    }

    pub(crate) fn options(&self) -> DeployOptions {
        let (clock, observer): (Arc<DrivenClock>, Arc<Recording>) = (Arc::clone(&self.clock), Arc::clone(&self.events));
        let (wait, strict, force, running) = (self.wait, self.strict, self.force, self.running.clone());
        let fill_in = FillIn::nothing();
        DeployOptions { wait, clock, observer, jitter_seed: 1, strict, force, fill_in, running }
    }

    pub(crate) fn run<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Reads what is there for a `deploy` section.
    pub(crate) fn prepare(&self, deploy: &str) -> Result<Deployment, DeployError> {
        let repository = REPOSITORY.parse().expect("a repository");
        self.run(Deployment::prepare(&self.ecs, &Self::spec(deploy), &repository, &self.options()))
    }

    /// Deploys an image by a `deploy` section.
    pub(crate) fn deploy(&self, deploy: &str, name: &str) -> Result<DeployReport, DeployError> {
        let mut prepared = self.prepare(deploy)?;
        self.run(prepared.deploy(&self.ecs, &target(name), &self.options()))
    }

    /// Deploys an image, which must go well, and lets an hour pass.
    #[track_caller]
    pub(crate) fn deployed(&self, deploy: &str, name: &str) {
        let report = self.deploy(deploy, name).unwrap_or_else(|error| panic!("{}", chain(&error)));
        assert_eq!(report.exit_code(), 0, "{report:?}");
        self.clock.advance(Duration::from_secs(3600));
        self.sandbox.forget_requests();
    }

    /// The task definition that a service has now, as `family:revision`.
    #[track_caller]
    pub(crate) fn live(&self, service: &str) -> String {
        let answer = self.aws("ecs.DescribeServices", &json!({"cluster": "main", "services": [service]}));
        let arn = answer["services"][0]["taskDefinition"].as_str().expect("an ARN").to_owned();
        arn.rsplit('/').next().expect("a name").to_owned()
    }

    /// How often an operation was called.
    pub(crate) fn count(&self, operation: &str) -> usize {
        self.sandbox.requests().iter().filter(|request| request.operation.as_deref() == Some(operation)).count()
    }

    /// What an operation was sent, each time.
    pub(crate) fn sent(&self, operation: &str) -> Vec<Value> {
        let requests = self.sandbox.requests();
        let called = requests.into_iter().filter(|request| request.operation.as_deref() == Some(operation));
        called.filter_map(|request| request.input).collect()
    }

    /// The notes, warnings and log lines that were told.
    pub(crate) fn words(&self) -> String {
        let words = |event| match event {
            Event::Note { message } | Event::Warning { message, .. } => Some(message),
            Event::TaskLog { task, line } => Some(format!("{task}: {line}")),
            _ => None,
        };
        self.events.events().into_iter().filter_map(words).collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        super::rights::hold(&self.sandbox);
    }
}

/// The image of a deployment.
pub(crate) fn target(name: &str) -> TargetImage {
    let repository = REPOSITORY.parse().expect("a repository");
    TargetImage { reference: image(name), repository, digest: digest(name), manifests: Vec::new() }
}

/// An error with its causes, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    std::iter::once(error.to_string()).chain(causes.map(ToString::to_string)).collect::<Vec<_>>().join(": ")
}
