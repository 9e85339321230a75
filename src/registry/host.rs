//! What is known of one registry host in this run, shared by all of its repositories.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{HeaderMap, Method};
use url::Url;

use super::auth::Authorizer;
use super::ecr::{Ledger, Pace, is_public};
use super::endpoint::Endpoint;
use super::response::one_line;
use crate::event::{Event, Observer};
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
}

impl RegistryHost {
    pub(super) fn new(endpoint: Arc<Endpoint>, authorizer: Authorizer) -> Self {
        let public = is_public(&endpoint.host).then(Pace::public);
        let pace = endpoint.ecr.as_ref().map(|_| Pace::private()).or(public);
        let ledger = Ledger::default();
        Self { endpoint, authorizer, pace, ledger, quiet_until: Mutex::default(), warned: Mutex::default() }
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

    /// Waits until the host may be asked again.
    pub(super) async fn ready(&self, clock: &dyn Clock) {
        let until = *self.quiet_until.lock().unwrap_or_else(PoisonError::into_inner);
        let left = until.since(clock.now());
        if left > Duration::ZERO {
            clock.sleep(left).await;
        }
    }

    /// Passes the server's warnings on, each once (distribution-spec, "Warnings": `Warning: 299 - "text"`).
    pub(super) fn pass_warnings(&self, headers: &HeaderMap, observer: &dyn Observer) {
        for value in headers.get_all(http::header::WARNING).iter().filter_map(|value| value.to_str().ok()) {
            let Some(text) = value.strip_prefix("299 ").and_then(|rest| rest.split_once('"')) else { continue };
            let text = one_line(text.1.rsplit_once('"').map_or(text.1, |(inner, _)| inner));
            let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
            if warned.len() < 100 && warned.insert(text.clone()) {
                let message = format!("registry `{}` says: {text}", self.endpoint.host);
                observer.observe(Event::Warning { message, hint: None });
            }
        }
    }
}
