//! The client against a server that plays a script: each test says every request that it allows, in order.

mod auth;
mod ecr;
mod hostile;
mod lists;
mod manifest;
mod policy;
mod pull;
mod push;
mod server;
mod tokens;
mod upload;

use std::sync::Arc;
use std::time::Duration;

use self::server::Server;
use super::{CredentialSources, Registry, RegistryError, RegistryOptions, RepositoryClient, RetryPolicy, Timeouts};
use crate::event::{Event, Recording};
use crate::ground::{DrivenClock, Hint, Secret, Timestamp};
use crate::net::{Connector, HttpOptions};
use crate::oci::Repository;

/// A client of repository `a/b` at a scripted server, on a clock that sleeping moves.
struct Client {
    registry: Registry,
    repository: RepositoryClient,
    clock: Arc<DrivenClock>,
    events: Arc<Recording>,
}

impl Client {
    fn of(server: &Server) -> Self {
        Self::with(server, |_| {})
    }

    fn with(server: &Server, change: impl FnOnce(&mut RegistryOptions)) -> Self {
        Self::named(&server.authority(), change)
    }

    fn named(host: &str, change: impl FnOnce(&mut RegistryOptions)) -> Self {
        let connector = Connector::new(&HttpOptions::default()).expect("a connector");
        let clock = Arc::new(DrivenClock::new(Timestamp::from_seconds(1_000_000)));
        let events = Arc::new(Recording::default());
        let mut options = RegistryOptions::new(connector, clock.clone());
        options.observer = events.clone();
        options.retry = RetryPolicy { random: Arc::new(|| 0.5), ..RetryPolicy::default() };
        options.timeouts = Timeouts {
            answer: Duration::from_secs(20),
            idle: Duration::from_secs(20),
            commit: Duration::from_secs(20),
        };
        change(&mut options);
        let registry = Registry::new(options).expect("a registry");
        let name = Repository::new(host, "a/b").expect("a repository");
        Self { repository: registry.repository(&name).expect("a client"), registry, clock, events }
    }

    fn retries(&self) -> usize {
        self.events.events().iter().filter(|event| matches!(event, Event::Retrying { .. })).count()
    }
}

/// The credentials of `DOCKER_AUTH_CONFIG` for a host: `user:canary`.
fn user_at(host: &str) -> CredentialSources {
    let text = format!(r#"{{"auths":{{"{host}":{{"auth":"dXNlcjpjYW5hcnk="}}}}}}"#);
    CredentialSources { docker_auth_config: Some(Secret::new(text)), ..CredentialSources::default() }
}

/// An error in the words that its reader sees: the chain, then the remedy.
fn words(error: &RegistryError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(&format!(" <- {cause}"));
        source = cause.source();
    }
    text + &error.hint().map_or_else(String::new, |hint| format!("\nhint: {hint}"))
}

/// Pushes run as tasks of their own, many on one client.
#[test]
fn a_client_and_its_work_can_be_sent_to_other_threads() {
    fn sendable<T: Send>(_: T) {}
    fn shareable<T: Send + Sync + Clone>() {}
    shareable::<Registry>();
    shareable::<RepositoryClient>();
    let _ = |client: RepositoryClient, blob: crate::store::Blob, reference: crate::oci::Reference| {
        let which = super::TagOrDigest::of(&reference);
        sendable(client.push_blob(&blob, &[]));
        sendable(client.has_blob(&blob.digest, 1));
        sendable(client.head_manifest(&which));
        sendable(client.manifest(&which));
        sendable(client.put_manifest(b"", "", &which));
        sendable(super::pull_image(&client, &reference, None));
        sendable(client.blob(&blob.digest, 1).into_reader());
        sendable(client.blob(&blob.digest, 1).chunk());
    };
}
