//! An AWS stand-in from outside: by the AWS CLI, and by raw requests for what the CLI would drop.

use std::process::Command;

use serde_json::{Value, json};

use super::http::request;
use super::process::run;
use super::servers::{ACCOUNT, REGION, authority, variable};

/// A stand-in at a URL.
pub(crate) struct Aws {
    url: String,
}

impl Aws {
    /// Names the stand-in.
    pub(crate) fn at(url: &str) -> Self {
        Self { url: url.to_owned() }
    }

    /// Runs the AWS CLI and returns what it prints.
    #[track_caller]
    pub(crate) fn cli(&self, arguments: &[&str]) -> Value {
        let mut command = Command::new(variable("AWS"));
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("AWS_ENDPOINT_URL", &self.url)
            .env("AWS_ACCESS_KEY_ID", ACCOUNT)
            .env("AWS_SECRET_ACCESS_KEY", "lab")
            .env("AWS_DEFAULT_REGION", REGION)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .args(["--output", "json"])
            .args(arguments);
        run(&mut command).ok().json()
    }

    /// Sends one ECS operation as the bytes that are given here, and returns the answer as it comes.
    #[track_caller]
    pub(crate) fn ecs(&self, operation: &str, body: &Value) -> Value {
        let target = format!("AmazonEC2ContainerServiceV20141113.{operation}");
        let scope = format!("{ACCOUNT}/20260101/{REGION}/ecs/aws4_request");
        // The stand-ins read the account and the service from the signature, and check nothing.
        let signature = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0");
        let headers =
            [("Content-Type", "application/x-amz-json-1.1"), ("X-Amz-Target", &target), ("Authorization", &signature)];
        let (status, answer) = request(authority(&self.url), "POST /", &headers, &body.to_string())
            .unwrap_or_else(|why| panic!("{operation} at {}: {why}", self.url));
        assert_eq!(status, 200, "{operation} with {body}: {answer}");
        serde_json::from_str(&answer).unwrap_or_else(|why| panic!("{operation}: {why} in {answer}"))
    }

    /// Makes a cluster with a service of one container, all called `name`, whose definition has fields of every kind:
    /// ones that the product changes, ones that it knows, and one that nobody knows.
    pub(crate) fn make_service(&self, name: &str) {
        self.ecs("CreateCluster", &json!({"clusterName": name}));
        self.ecs(
            "RegisterTaskDefinition",
            &json!({
                "family": name,
                "networkMode": "bridge",
                "volumes": [{"name": "data", "host": {}}],
                "containerDefinitions": [{
                    "name": name,
                    "image": "registry.example.com/placeholder:1",
                    "essential": true,
                    "memory": 256,
                    "portMappings": [{"containerPort": 8080, "hostPort": 0, "protocol": "tcp"}],
                    "environment": [{"name": "APP_ENV", "value": "production"}],
                    "mountPoints": [{"sourceVolume": "data", "containerPath": "/data"}],
                    "restartPolicy": {"enabled": true},
                    "newerThanAnySdk": {"kept": true}
                }]
            }),
        );
        let service = json!({"cluster": name, "serviceName": name, "taskDefinition": name, "desiredCount": 1});
        self.ecs("CreateService", &service);
    }

    /// The definition `name` (a family, `family:revision` or an ARN) as the stand-in keeps it.
    #[track_caller]
    pub(crate) fn task_definition(&self, name: &str) -> Value {
        self.ecs("DescribeTaskDefinition", &json!({"taskDefinition": name}))["taskDefinition"].clone()
    }

    /// The count of revisions of a family.
    #[track_caller]
    pub(crate) fn revisions(&self, family: &str) -> usize {
        let list = self.cli(&["ecs", "list-task-definitions", "--family-prefix", family]);
        list["taskDefinitionArns"].as_array().map_or(0, Vec::len)
    }
}
