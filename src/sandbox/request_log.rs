//! What was asked, and how it was answered.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;

/// A request that reached the sandbox.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LoggedRequest {
    /// The method.
    pub method: String,
    /// The path with its query.
    pub target: String,
    /// The AWS operation without its service prefix, such as `UpdateService`.
    pub operation: Option<String>,
    /// The status of the answer; 0 when there was none, because the connection broke or the client went away.
    pub status: u16,
    /// How many bytes of the request's body were read.
    pub body_bytes: u64,
    /// Whether the request had an `Authorization` header.
    pub authorized: bool,
    /// The input of an AWS operation.
    pub input: Option<Value>,
}

/// The newest requests, up to a limit.
#[derive(Debug)]
pub(super) struct RequestLog {
    entries: Mutex<VecDeque<LoggedRequest>>,
    limit: usize,
    count: AtomicU64,
}

impl RequestLog {
    /// Makes a log that keeps `limit` requests.
    pub(super) fn new(limit: usize) -> Self {
        Self { entries: Mutex::new(VecDeque::new()), limit, count: AtomicU64::new(0) }
    }

    /// Adds a request; the oldest goes when the log is full.
    pub(super) fn push(&self, request: LoggedRequest) {
        self.count.fetch_add(1, Ordering::Relaxed);
        let mut entries = self.lock();
        entries.push_back(request);
        while entries.len() > self.limit {
            entries.pop_front();
        }
    }

    /// Returns how many requests came in all.
    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Returns the requests, oldest first.
    pub(super) fn entries(&self) -> Vec<LoggedRequest> {
        self.lock().iter().cloned().collect()
    }

    /// Forgets all requests.
    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<LoggedRequest>> {
        self.entries.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
