//! Clients of ECR's API: one for each region and kind of endpoint, made when it is first needed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_ecr::Client;
use aws_sdk_ecr::config::Region;
use aws_sdk_ecr::config::retry::RetryConfig;
use aws_types::SdkConfig;
use aws_types::service_config::ServiceConfigKey;
use tokio::sync::Mutex;

use super::host::EcrHost;
use super::tokens::EcrTokens;
use crate::ground::Clock;
use crate::net::{AwsOptions, Connector, load_aws};

/// How long one call may take, its repetitions included.
const LIMIT: Duration = Duration::from_secs(60);
/// The same, and how often it is made, for what only saves requests or explains something: the push can do without.
const SHORT: Duration = Duration::from_secs(15);
const FEW: u32 = 3;

/// Which endpoint answers: one serves all registries of its region.
pub(super) type Place = (String, bool, bool);

/// The AWS side of all ECR hosts of a run.
pub(in crate::registry) struct EcrClients {
    options: AwsOptions,
    connector: Connector,
    pub(super) clock: Arc<dyn Clock>,
    clients: Mutex<BTreeMap<(Place, Patience), Client>>,
    pub(in crate::registry) tokens: EcrTokens,
}

/// How long somebody waits for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Patience {
    /// There is no way on without the answer.
    Needed,
    /// There is.
    Optional,
}

pub(super) fn place(host: &EcrHost) -> Place {
    (host.region.clone(), host.fips, host.dual_stack)
}

impl EcrClients {
    pub(in crate::registry) fn new(options: AwsOptions, connector: Connector, clock: Arc<dyn Clock>) -> Self {
        Self { options, connector, clock, clients: Mutex::default(), tokens: EcrTokens::default() }
    }

    /// Returns the AWS configuration for a region, with the credentials of the environment.
    pub(super) async fn configuration(&self, region: &str) -> SdkConfig {
        let options = AwsOptions { region: Some(region.to_owned()), ..self.options.clone() };
        load_aws(&options, &self.connector).await
    }

    pub(super) fn connector(&self) -> &Connector {
        &self.connector
    }

    /// Returns the client for a host: of its region, never of the environment's, and of its kind of endpoint.
    pub(super) async fn client(&self, host: &EcrHost) -> Client {
        self.patient(host, Patience::Needed).await
    }

    /// Returns the client for calls that a push can do without.
    pub(super) async fn optional(&self, host: &EcrHost) -> Client {
        self.patient(host, Patience::Optional).await
    }

    async fn patient(&self, host: &EcrHost, patience: Patience) -> Client {
        let mut clients = self.clients.lock().await;
        if let Some(client) = clients.get(&(place(host), patience)) {
            return client.clone();
        }
        let aws = self.configuration(&host.region).await;
        let mut config = aws_sdk_ecr::config::Builder::from(&aws).region(Region::new(host.region.clone()));
        // The SDK refuses FIPS and dual-stack together with an endpoint of the user's own. What the environment says of
        // them (AWS_USE_FIPS_ENDPOINT) holds besides.
        if !has_endpoint(&aws) {
            config = config.use_fips(host.fips || aws.use_fips().unwrap_or_default());
            config = config.use_dual_stack(host.dual_stack || aws.use_dual_stack().unwrap_or_default());
        }
        let limit = if patience == Patience::Needed { LIMIT } else { SHORT };
        if let Some(timeouts) = aws.timeout_config() {
            config = config.timeout_config(timeouts.to_builder().operation_timeout(limit).build());
        }
        if patience == Patience::Optional {
            config = config.retry_config(RetryConfig::standard().with_max_attempts(FEW));
        }
        let client = Client::from_conf(config.build());
        clients.insert((place(host), patience), client.clone());
        client
    }
}

/// Returns whether the user names an endpoint: for all services, or for ECR alone (`AWS_ENDPOINT_URL_ECR`).
fn has_endpoint(aws: &SdkConfig) -> bool {
    let key = ServiceConfigKey::builder().service_id("ECR").env("AWS_ENDPOINT_URL").profile("endpoint_url").build();
    let own = aws.service_config().zip(key.ok()).and_then(|(config, key)| config.load_config(key));
    aws.endpoint_url().is_some() || own.is_some()
}
