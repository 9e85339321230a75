//! What is known of one registry host in this run, shared by all of its repositories.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{HeaderMap, Method};
use url::Url;

use super::auth::Authorizer;
use super::chunking::Chunking;
use super::ecr::{Ledger, Pace, is_public};
use super::endpoint::Endpoint;
use super::response::one_line;
use crate::ground::{Clock, Timestamp};

/// One host: where it is, who we are to it, and whether it wants to be left alone for a while.
pub(super) struct RegistryHost {
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) authorizer: Authorizer,
    /// ECR's quotas, if it is one of its hosts.
    pace: Option<Pace>,
    /// What was learned of ECR beside the answers to requests.
    pub(super) ledger: Ledger,
    quiet_until: Mutex<Timestamp>,
    warned: Mutex<BTreeSet<String>>,
    chunking: Mutex<Chunking>,
    fails_at_mounts: AtomicBool,
}

impl RegistryHost {
    pub(super) fn new(endpoint: Arc<Endpoint>, authorizer: Authorizer) -> Self {
        let public = is_public(&endpoint.host).then(Pace::public);
        let pace = endpoint.ecr.as_ref().map(|_| Pace::private()).or(public);
        let ledger = Ledger::default();
        let chunking = Mutex::new(Chunking::of(&endpoint));
        let (quiet_until, warned, fails_at_mounts) = (Mutex::default(), Mutex::default(), AtomicBool::new(false));
        Self { endpoint, authorizer, pace, ledger, quiet_until, warned, chunking, fails_at_mounts }
    }

    /// Waits until a request is within the quotas of the host, where it has some that are known.
    pub(super) async fn turn(&self, method: &Method, url: &Url, clock: &dyn Clock) {
        if let Some(pace) = &self.pace {
            pace.turn(method, url, clock).await;
        }
    }

    /// Makes all requests to the host wait: it limits how many come, not which.
    pub(super) fn pause(&self, until: Timestamp) {
        let mut quiet = self.quiet_until.lock().unwrap_or_else(PoisonError::into_inner);
        *quiet = until.max(*quiet);
    }

    /// Waits until the host may be asked again; others may ask for more quiet meanwhile.
    pub(super) async fn ready(&self, clock: &dyn Clock) {
        loop {
            let until = *self.quiet_until.lock().unwrap_or_else(PoisonError::into_inner);
            let left = until.since(clock.now());
            if left == Duration::ZERO {
                return;
            }
            clock.sleep(left).await;
        }
    }

    /// Returns how blobs are cut here, as far as earlier ones found out.
    pub(super) fn chunking(&self) -> Chunking {
        self.chunking.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes note of what one blob found out.
    pub(super) fn learn(&self, chunking: &Chunking) {
        self.chunking.lock().unwrap_or_else(PoisonError::into_inner).learn(chunking);
    }

    /// Returns whether mounts are worth a request: a host that kept failing at one fails at all of them.
    pub(super) fn mounts(&self) -> bool {
        !self.fails_at_mounts.load(Ordering::Relaxed)
    }

    /// Takes note of a mount that the host failed at until its time was up.
    pub(super) fn give_up_mounts(&self) {
        self.fails_at_mounts.store(true, Ordering::Relaxed);
    }

    /// Returns the server's warnings that were not passed on yet (distribution-spec, "Warnings":
    /// `Warning: 299 - "text"`), each redacted before it is cut to its length.
    pub(super) fn new_warnings(&self, headers: &HeaderMap, redact: impl Fn(&str) -> String) -> Vec<String> {
        let values = headers.get_all(http::header::WARNING).iter().filter_map(|value| value.to_str().ok());
        let texts = values.filter_map(|value| {
            let text = value.strip_prefix("299 ")?.split_once('"')?.1;
            Some(one_line(&redact(text.rsplit_once('"').map_or(text, |(inner, _)| inner))))
        });
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        texts.filter(|text| warned.len() < 100 && warned.insert(text.clone())).collect()
    }
}
