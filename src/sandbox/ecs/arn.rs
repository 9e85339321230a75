//! The names of ECS's objects.

use crate::oci::Digest;

/// Makes ARNs of one account and region.
#[derive(Clone, Debug)]
pub(super) struct Arns {
    /// The account.
    pub(super) account: String,
    /// The region.
    pub(super) region: String,
}

impl Arns {
    fn ecs(&self, resource: &str) -> String {
        format!("arn:aws:ecs:{}:{}:{resource}", self.region, self.account)
    }

    /// A cluster.
    pub(super) fn cluster(&self, cluster: &str) -> String {
        self.ecs(&format!("cluster/{cluster}"))
    }

    /// A service.
    pub(super) fn service(&self, cluster: &str, service: &str) -> String {
        self.ecs(&format!("service/{cluster}/{service}"))
    }

    /// A service deployment.
    pub(super) fn deployment(&self, cluster: &str, service: &str, id: &str) -> String {
        self.ecs(&format!("service-deployment/{cluster}/{service}/{id}"))
    }

    /// A service revision; its number is also the one of `ecs-svc/N`.
    pub(super) fn revision(&self, cluster: &str, service: &str, number: u64) -> String {
        self.ecs(&format!("service-revision/{cluster}/{service}/{number}"))
    }

    /// A revision of a task definition.
    pub(super) fn task_definition(&self, family: &str, revision: usize) -> String {
        self.ecs(&format!("task-definition/{family}:{revision}"))
    }

    /// A task.
    pub(super) fn task(&self, cluster: &str, id: &str) -> String {
        self.ecs(&format!("task/{cluster}/{id}"))
    }
}

/// Returns what is behind the last slash: the short name of an object that may be given by its ARN.
pub(super) fn short(name: &str) -> &str {
    name.rsplit_once('/').map_or(name, |(_, short)| short)
}

/// Returns 32 hexadecimal digits that are always the same for the same parts.
pub(super) fn id(parts: &[&str]) -> String {
    let mut id = Digest::of(parts.join("\0").as_bytes()).hex();
    id.truncate(32);
    id
}

/// Returns a number of 19 digits that is always the same for the same parts.
pub(super) fn number(parts: &[&str]) -> u64 {
    let digest = Digest::of(parts.join("\0").as_bytes());
    let bytes = digest.as_bytes().iter().take(8);
    let number = bytes.fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    1_000_000_000_000_000_000 + number % 8_000_000_000_000_000_000
}
