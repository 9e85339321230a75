//! What is laid over the base's config.

use std::collections::BTreeMap;
use std::time::Duration;

use super::EnvValue;

/// What is laid over the base's config. `None` leaves the base's value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigSpec {
    /// Environment in the order of the file; `None` removes an inherited variable. `${base.VAR}` is still to be
    /// replaced, see [`EnvValue::resolve`].
    pub env: Vec<(String, Option<EnvValue>)>,
    /// The working directory.
    pub working_dir: Option<String>,
    /// The user, as the config takes it.
    pub user: Option<String>,
    /// The entrypoint; setting it clears an inherited cmd.
    pub entrypoint: Option<Vec<String>>,
    /// The command.
    pub cmd: Option<Vec<String>>,
    /// Ports as `80/tcp`, added to the base's.
    pub ports: Vec<String>,
    /// Volumes, added to the base's.
    pub volumes: Vec<String>,
    /// Labels; `None` removes an inherited one.
    pub labels: BTreeMap<String, Option<String>>,
    /// The stop signal.
    pub stop_signal: Option<String>,
    /// The health check.
    pub healthcheck: Option<HealthcheckSpec>,
}

/// A health check in Docker's terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthcheckSpec {
    /// `[CMD, ...]`, `[CMD-SHELL, LINE]` or `[NONE]`.
    pub test: Vec<String>,
    /// Between two checks.
    pub interval: Option<Duration>,
    /// For one check.
    pub timeout: Option<Duration>,
    /// Failures until unhealthy.
    pub retries: Option<u32>,
    /// Grace after the start.
    pub start_period: Option<Duration>,
}
