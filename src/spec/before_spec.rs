//! One-off tasks that come before any service changes.

use std::time::Duration;

/// A one-off task of the new revision, such as a migration of the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BeforeSpec {
    /// The name that it is told by.
    pub name: String,
    /// The service whose new revision it runs, and whose network and capacity it takes; `None` for the first one.
    pub service: Option<String>,
    /// The container whose exit code decides; `None` for the one that gets the image.
    pub container: Option<String>,
    /// The command, if it is not the container's own.
    pub command: Option<Vec<String>>,
    /// Environment variables that are added to the container's.
    pub env: Vec<(String, String)>,
    /// How long it may take.
    pub timeout: Duration,
    /// Where it runs, if not where the service does.
    pub network: Option<NetworkSpec>,
    /// What it runs on, if not on what the service does.
    pub capacity: Option<CapacitySpec>,
}

/// The network of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkSpec {
    /// The ids of its subnets. Never empty.
    pub subnets: Vec<String>,
    /// The ids of its security groups; the VPC's default one where there are none.
    pub security_groups: Vec<String>,
    /// Whether it gets a public address.
    pub public_ip: bool,
}

/// What a task runs on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CapacitySpec {
    /// `FARGATE`, `EC2`, `EXTERNAL` or `MANAGED_INSTANCES`.
    LaunchType(String),
    /// Capacity providers of the cluster, by name. Never empty.
    Providers(Vec<String>),
}
