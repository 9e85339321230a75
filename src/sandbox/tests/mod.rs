//! Tests of the whole stand-in over loopback.

mod content;
mod delivery;
mod deployments;
mod indexes;
mod lifecycle;
mod one_off;
mod uploads;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};

use super::{Personality, Sandbox, SandboxOptions, Seed, SeedService};
use crate::ground::{Clock, DrivenClock, Timestamp};
use crate::net::aws::StaticCredentials;
use crate::net::{AwsOptions, Connector, HttpOptions, Proxies, load_aws};
use crate::oci::Digest;

const HOST: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com";

/// A stand-in with a client, a token and a clock that the test moves.
struct Lab {
    sandbox: Sandbox,
    clock: Arc<DrivenClock>,
    connector: Connector,
    client: Client,
    token: String,
}

impl Lab {
    /// Starts a stand-in with ECR's ways.
    async fn start(state: &Path) -> Self {
        Self::with(state, Personality::ecr()).await
    }

    async fn with(state: &Path, personality: Personality) -> Self {
        let clock = Arc::new(DrivenClock::new(Timestamp::from_seconds(1_700_000_000)));
        let shared: Arc<dyn Clock> = clock.clone();
        let options = SandboxOptions { personality, ..SandboxOptions::new(state.to_owned(), shared) };
        let sandbox = Sandbox::start(options).await.expect("a sandbox");
        let http = HttpOptions { proxies: Proxies::Off, ..HttpOptions::default() };
        let connector = Connector::new(&http).expect("a connector");
        let client = connector.client(&sandbox.endpoint().parse().expect("a URL")).expect("a client");
        let mut lab = Self { sandbox, clock, connector, client, token: String::new() };
        let answer = lab.ecr("GetAuthorizationToken", json!({})).await;
        lab.token = answer["authorizationData"][0]["authorizationToken"].as_str().expect("a token").to_owned();
        lab.sandbox.forget_requests();
        lab
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let path = if path.starts_with("http") { path.to_owned() } else { self.sandbox.endpoint() + path };
        self.client.request(method, path).header("authorization", format!("Basic {}", self.token))
    }

    async fn send(&self, method: Method, path: &str, body: impl Into<reqwest::Body>) -> Response {
        self.request(method, path).body(body).send().await.expect("an answer")
    }

    async fn get(&self, path: &str) -> Response {
        self.send(Method::GET, path, "").await
    }

    /// Carries out an AWS operation without an SDK, and returns the status and the answer.
    async fn aws(&self, target: &str, input: Value) -> (u16, Value) {
        let request = self.client.post(self.sandbox.endpoint()).header("x-amz-target", target);
        let request = request.header("authorization", "AWS4-HMAC-SHA256 test").body(input.to_string());
        let answer = request.send().await.expect("an answer");
        let status = answer.status().as_u16();
        (status, serde_json::from_slice(&answer.bytes().await.expect("a body")).expect("JSON"))
    }

    async fn ecr(&self, operation: &str, input: Value) -> Value {
        self.aws(&format!("AmazonEC2ContainerRegistry_V20150921.{operation}"), input).await.1
    }

    async fn ecs(&self, operation: &str, input: Value) -> Value {
        self.aws(&format!("AmazonEC2ContainerServiceV20141113.{operation}"), input).await.1
    }

    /// Returns a typed client of ECS, as the product uses it.
    async fn ecs_client(&self) -> aws_sdk_ecs::Client {
        aws_sdk_ecs::Client::new(&self.aws_config().await)
    }

    async fn aws_config(&self) -> aws_types::SdkConfig {
        let keys = StaticCredentials {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: crate::ground::Secret::new("secret".to_owned()),
            session_token: None,
        };
        let options = AwsOptions {
            region: Some("us-east-1".to_owned()),
            endpoint_url: Some(self.sandbox.endpoint()),
            static_credentials: Some(keys),
        };
        load_aws(&options, &self.connector).await
    }

    async fn create_repository(&self, name: &str) {
        self.ecr("CreateRepository", json!({ "repositoryName": name })).await;
    }

    /// Uploads a blob in one PUT, and returns its digest.
    async fn push_blob(&self, repository: &str, bytes: &[u8]) -> Digest {
        let digest = Digest::of(bytes);
        let session = self.open_upload(repository).await;
        let path = format!("{session}?digest={digest}");
        let answer = self.send(Method::PUT, &path, bytes.to_vec()).await;
        assert_eq!(answer.status(), 201);
        digest
    }

    async fn open_upload(&self, repository: &str) -> String {
        let answer = self.send(Method::POST, &format!("/v2/{repository}/blobs/uploads/"), "").await;
        assert_eq!(answer.status(), 202);
        header(&answer, "location").expect("a location")
    }

    /// Pushes an image of one layer whose content is `seed`, and returns its digest.
    async fn push_image(&self, repository: &str, tag: &str, seed: &str) -> Digest {
        let manifest = self.image(repository, seed).await;
        let answer = self.put_manifest(repository, tag, &manifest).await;
        assert_eq!(answer.status(), 201);
        Digest::of(&manifest)
    }

    /// Pushes the blobs of an image, and returns its manifest.
    async fn image(&self, repository: &str, seed: &str) -> Vec<u8> {
        let config = self.push_blob(repository, b"{}").await;
        let layer = self.push_blob(repository, seed.as_bytes()).await;
        manifest(&config, 2, &layer, seed.len())
    }

    async fn put_manifest(&self, repository: &str, reference: &str, bytes: &[u8]) -> Response {
        self.request(Method::PUT, &format!("/v2/{repository}/manifests/{reference}"))
            .header("content-type", "application/vnd.oci.image.manifest.v1+json")
            .body(bytes.to_vec())
            .send()
            .await
            .expect("an answer")
    }

    fn advance(&self, millis: u64) {
        self.clock.advance(Duration::from_millis(millis));
    }

    fn seed(&self) {
        let service = SeedService {
            beside: Vec::new(),
            name: "web".to_owned(),
            family: "shop".to_owned(),
            containers: vec!["app".to_owned()],
            image: format!("{HOST}/shop:placeholder"),
        };
        let seed = Seed {
            repositories: vec!["shop".to_owned()],
            cluster: "main".to_owned(),
            services: vec![service],
            ..Seed::default()
        };
        self.sandbox.seed(&seed).expect("a seed");
    }

    /// Registers the next revision of `shop` with an image, and returns its ARN.
    async fn register(&self, image: &str) -> String {
        let container = json!({ "name": "app", "image": image });
        let input = json!({ "family": "shop", "memory": "512", "containerDefinitions": [container] });
        let answer = self.ecs("RegisterTaskDefinition", input).await;
        answer["taskDefinition"]["taskDefinitionArn"].as_str().expect("an ARN").to_owned()
    }

    async fn update(&self, definition: &str) -> Value {
        self.ecs("UpdateService", json!({ "cluster": "main", "service": "web", "taskDefinition": definition })).await
    }

    async fn service(&self) -> Value {
        let answer = self.ecs("DescribeServices", json!({ "cluster": "main", "services": ["web"] })).await;
        answer["services"][0].clone()
    }

    /// Returns the newest service deployment in full.
    async fn newest(&self) -> Value {
        let list = self.ecs("ListServiceDeployments", json!({ "cluster": "main", "service": "web" })).await;
        let arn = &list["serviceDeployments"][0]["serviceDeploymentArn"];
        let answer = self.ecs("DescribeServiceDeployments", json!({ "serviceDeploymentArns": [arn] })).await;
        answer["serviceDeployments"][0].clone()
    }
}

fn manifest(config: &Digest, config_size: usize, layer: &Digest, layer_size: usize) -> Vec<u8> {
    json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": config_size },
        "layers": [{ "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": layer, "size": layer_size }],
    })
    .to_string()
    .into_bytes()
}

fn header(answer: &Response, name: &str) -> Option<String> {
    answer.headers().get(name).map(|value| value.to_str().expect("text").to_owned())
}

/// Asserts the status and the code of a registry's error, and returns its message.
async fn refused(answer: Response, status: u16, code: &str) -> String {
    assert_eq!(answer.status(), status);
    let body: Value = serde_json::from_slice(&answer.bytes().await.expect("a body")).expect("JSON");
    assert_eq!(body["errors"][0]["code"], code, "{body}");
    body["errors"][0]["message"].as_str().expect("a message").to_owned()
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}
