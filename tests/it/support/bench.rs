//! The distribution client and a stand-in registry in one process, on clocks that tests own.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use dockless::ground::{Clock, DrivenClock, Secret, Sleep, Timestamp};
use dockless::net::aws::StaticCredentials;
use dockless::net::{AwsOptions, Connector, HttpOptions};
use dockless::oci::{Digest, MediaType, Repository};
use dockless::registry::{CredentialSources, Registry, RegistryOptions, RepositoryClient, RetryPolicy, Timeouts};
use dockless::sandbox::{LoggedRequest, Personality, Sandbox, SandboxOptions, Seed};
use dockless::store::Blob;
use serde_json::{Value, json};

use super::account_host;

/// A clock whose every look takes a millisecond, so that tokens made one after the other differ.
struct Ticking(Arc<DrivenClock>);

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        self.0.advance(Duration::from_millis(1));
        self.0.now()
    }

    fn sleep(&self, duration: Duration) -> Sleep<'_> {
        self.0.sleep(duration)
    }
}

/// A clock on which a second takes twenty milliseconds: pauses of many tasks overlap as they do in life.
pub(crate) struct Swift(Instant);

const SWIFTNESS: u32 = 50;

impl Swift {
    pub(crate) fn new() -> Self {
        Self(Instant::now())
    }
}

impl Clock for Swift {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(1_700_000_000).plus(self.0.elapsed() * SWIFTNESS)
    }

    fn sleep(&self, duration: Duration) -> Sleep<'_> {
        Box::pin(tokio::time::sleep(duration / SWIFTNESS))
    }
}

/// The client of repository `shop` at a stand-in.
pub(crate) struct Bench {
    options: RegistryOptions,
    pub(crate) sandbox: Sandbox,
    pub(crate) client: RepositoryClient,
    pub(crate) registry: Registry,
    pub(crate) clock: Arc<dyn Clock>,
    /// The host that references name.
    pub(crate) host: String,
    _state: tempfile::TempDir,
}

/// Returns the one connector of the tests: to load the authorities takes longer than a test.
fn connector() -> Connector {
    static CONNECTOR: OnceLock<Connector> = OnceLock::new();
    CONNECTOR.get_or_init(|| Connector::new(&HttpOptions::default()).expect("a connector")).clone()
}

impl Bench {
    /// Starts on a clock that sleeping moves.
    pub(crate) async fn with(personality: Personality, change: impl FnOnce(&mut RegistryOptions)) -> Self {
        let clock = Arc::new(DrivenClock::new(Timestamp::from_seconds(1_700_000_000)));
        Self::on(personality, Arc::clone(&clock) as Arc<dyn Clock>, Arc::new(Ticking(clock)), change).await
    }

    /// Starts on a clock that runs fast.
    pub(crate) async fn swift(personality: Personality) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(Swift::new());
        // A minute of the machine's time for each item: on a busy machine requests are slow, and on this clock slower.
        let budget = Duration::from_secs(60) * SWIFTNESS;
        let retry = RetryPolicy { budget, first_contact: budget, ..RetryPolicy::default() };
        Self::on(personality, Arc::clone(&clock), clock, |options| options.retry = retry).await
    }

    async fn on(
        personality: Personality,
        clock: Arc<dyn Clock>,
        sandbox_clock: Arc<dyn Clock>,
        change: impl FnOnce(&mut RegistryOptions),
    ) -> Self {
        let state = tempfile::tempdir().expect("a folder");
        let is_ecr = personality.patch_status == 201;
        let mut options = SandboxOptions::new(state.path().join("sandbox"), sandbox_clock);
        (options.personality, options.region) = (personality, "eu-west-1".to_owned());
        let sandbox = Sandbox::start(options).await.expect("the stand-in starts");
        let repositories = ["shop", "base"].map(str::to_owned).to_vec();
        sandbox.seed(&Seed { repositories, cluster: "c".to_owned(), ..Seed::default() }).expect("repositories");
        let address = sandbox.address().to_string();
        let host = if is_ecr { account_host().to_owned() } else { address.clone() };
        let mut options = RegistryOptions::new(connector(), Arc::clone(&clock));
        options.retry = RetryPolicy { random: Arc::new(|| 0.5), ..RetryPolicy::default() };
        let limit = Duration::from_secs(20);
        options.timeouts = Timeouts { answer: limit, idle: limit, commit: limit };
        if is_ecr {
            options.hosts.entry(host.clone()).or_default().endpoint = Some(address);
            options.aws = Some(aws(&sandbox));
        } else {
            let login = json!({"auths": {host.as_str(): {"auth": sandbox.login().reveal()}}}).to_string();
            options.credentials =
                CredentialSources { docker_auth_config: Some(Secret::new(login)), ..CredentialSources::default() };
        }
        change(&mut options);
        let registry = Registry::new(options.clone()).expect("a registry");
        let client = registry.repository(&Repository::new(&host, "shop").expect("a name")).expect("a client");
        Self { options, sandbox, client, registry, clock, host, _state: state }
    }

    /// Returns another client of the repository, which knows nothing of the first.
    pub(crate) fn another(&self) -> RepositoryClient {
        let registry = Registry::new(self.options.clone()).expect("a registry");
        registry.repository(self.client.repository()).expect("a client")
    }

    /// Returns another repository of the host.
    pub(crate) fn repository(&self, name: &str) -> RepositoryClient {
        let name = Repository::new(&self.host, name).expect("a name");
        self.registry.repository(&name).expect("a client")
    }

    /// Returns how many bytes of blobs were sent.
    pub(crate) fn sent(&self) -> u64 {
        let is_body = |r: &&LoggedRequest| r.target.contains("/blobs/uploads/");
        self.sandbox.requests().iter().filter(is_body).map(|request| request.body_bytes).sum()
    }
}

fn aws(sandbox: &Sandbox) -> AwsOptions {
    AwsOptions {
        region: Some("eu-west-1".to_owned()),
        endpoint_url: Some(sandbox.endpoint()),
        static_credentials: Some(StaticCredentials {
            access_key_id: "test".to_owned(),
            secret_access_key: Secret::new("test".to_owned()),
            session_token: None,
        }),
    }
}

/// Makes a blob whose bytes follow from a seed.
pub(crate) fn blob(seed: u64, size: usize) -> Blob {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    Blob::of_bytes((0..size).map(next).collect())
}

/// Makes a manifest of blobs: the first is its config.
pub(crate) fn manifest(blobs: &[Blob]) -> Vec<u8> {
    let describe =
        |media_type: &str, blob: &Blob| json!({"mediaType": media_type, "digest": blob.digest, "size": blob.size});
    let layers: Vec<Value> =
        blobs[1..].iter().map(|b| describe("application/vnd.oci.image.layer.v1.tar+gzip", b)).collect();
    json!({
        "schemaVersion": 2, "mediaType": MediaType::Manifest.as_str(),
        "config": describe(MediaType::Config.as_str(), &blobs[0]), "layers": layers,
    })
    .to_string()
    .into_bytes()
}

/// Makes an index of manifests.
pub(crate) fn index(manifests: &[&[u8]]) -> Vec<u8> {
    let child = |bytes: &&[u8]| json!({"mediaType": MediaType::Manifest.as_str(), "digest": Digest::of(bytes), "size": bytes.len()});
    let children: Vec<Value> = manifests.iter().map(child).collect();
    json!({"schemaVersion": 2, "mediaType": MediaType::Index.as_str(), "manifests": children}).to_string().into_bytes()
}
