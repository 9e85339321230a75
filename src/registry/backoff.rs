//! The account of one item's attempts, and the pauses between them: the policy of [`retry`](super::retry), carried out.

use std::sync::Arc;
use std::time::Duration;

use super::RegistryError;
use super::client::Shared;
use super::host::RegistryHost;
use super::retry::{Attempts, Class, Failure};
use super::transport::TransportKind;
use crate::event::Event;
use crate::ground::Timestamp;

/// What of a stalled transfer counts as lost time at most: its silence is bounded by time-outs of its own.
const LONGEST_SILENCE: Duration = Duration::from_secs(60);

/// The account of one item's attempts.
pub(super) struct Backoff {
    shared: Arc<Shared>,
    host: Arc<RegistryHost>,
    attempts: Attempts,
    began: Timestamp,
}

impl Backoff {
    pub(super) fn new(shared: Arc<Shared>, host: Arc<RegistryHost>) -> Self {
        let began = shared.clock.now();
        Self { shared, host, attempts: Attempts::default(), began }
    }

    /// Waits before the next attempt; `advanced` says whether the one that failed moved bytes of a blob.
    ///
    /// # Errors
    /// With the error itself when there is to be no other attempt.
    pub(super) async fn wait(&mut self, what: &str, error: RegistryError, advanced: bool) -> Result<(), RegistryError> {
        let class = error.class();
        self.wait_as(class, what, error, advanced, None).await
    }

    /// Waits as [`wait`](Self::wait) does, by another class and within a smaller budget.
    ///
    /// # Errors
    /// With the error itself when there is to be no other attempt.
    pub(super) async fn wait_as(
        &mut self,
        class: Class,
        what: &str,
        error: RegistryError,
        advanced: bool,
        limit: Option<Duration>,
    ) -> Result<(), RegistryError> {
        let (clock, observer) = (&self.shared.clock, &self.shared.observer);
        let took = clock.now().since(self.began);
        let stalled = matches!(&error, RegistryError::Transport(error) if error.kind == TransportKind::Stalled);
        let lost = match (advanced, stalled) {
            (false, _) => took,
            (true, true) => took.min(LONGEST_SILENCE),
            (true, false) => Duration::ZERO,
        };
        let failure = Failure { class, asked: error.retry_after(), lost, limit };
        let Some(pause) = self.attempts.after(&self.shared.retry, failure) else { return Err(error) };
        let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        observer.observe(Event::Retrying { what: what.to_owned(), why: reason(&error), pause_ms });
        if asks_for_quiet(&error) {
            self.host.pause(clock.now().plus(pause));
        }
        clock.sleep(pause).await;
        self.began = clock.now();
        Ok(())
    }
}

/// Whether the whole host should be left alone: it limits requests, or says when to come back.
fn asks_for_quiet(error: &RegistryError) -> bool {
    error.status() == Some(429) || (error.status() == Some(503) && error.retry_after().is_some())
}

/// Returns an error and its cause in one line.
fn reason(error: &RegistryError) -> String {
    let source = match error {
        RegistryError::Transport(error) => Some(error.cause.to_string()),
        _ => None,
    };
    source.map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}
