//! What is tried again, when, and for how long: a pure policy with one owner.
//!
//! Nothing below it retries, so attempts do not multiply. The pauses are drawn from the whole range up to their bound
//! ("full jitter"), so that many builds which failed together do not come back together.

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use crate::ground::Timestamp;

/// Whether, and how, a failed request may be tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// The same request may succeed later.
    Transient,
    /// The host was not reached; of a host that never answered this is probably a wrong name.
    Unreached,
    /// Not this request, but the same with a new upload session, URL or token.
    Session,
    /// No attempt will end otherwise.
    Fatal,
}

/// How long, and how often, requests are tried again.
#[derive(Clone)]
pub struct RetryPolicy {
    /// The bound of the first pause; it doubles with each attempt.
    pub base: Duration,
    /// The bound of all pauses.
    pub cap: Duration,
    /// What one item may spend on pauses, and on attempts that moved nothing.
    pub budget: Duration,
    /// The same, for a host that has not answered yet in this run.
    pub first_contact: Duration,
    /// How often one item may begin again with a new session.
    pub sessions: u32,
    /// The longest `Retry-After` that is honoured; what asks for more is cut.
    pub longest_wait: Duration,
    /// Draws a number from 0 to 1.
    pub random: Arc<dyn Fn() -> f64 + Send + Sync>,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            base: Duration::from_millis(500),
            cap: Duration::from_secs(20),
            budget: Duration::from_secs(300),
            first_contact: Duration::from_secs(10),
            sessions: 5,
            longest_wait: Duration::from_secs(120),
            random: Arc::new(draw),
        }
    }
}

impl fmt::Debug for RetryPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryPolicy").field("budget", &self.budget).finish_non_exhaustive()
    }
}

/// Draws from the seeds of the standard library's hash maps: jitter needs no better randomness.
fn draw() -> f64 {
    let bits = RandomState::new().build_hasher().finish() >> 11;
    bits as f64 / (1_u64 << 53) as f64
}

/// What one item has spent so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Attempts {
    count: u32,
    sessions: u32,
    spent: Duration,
}

/// One attempt that failed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Failure {
    /// Its class.
    pub(super) class: Class,
    /// The pause that the server asked for.
    pub(super) asked: Option<Duration>,
    /// How long it took.
    pub(super) took: Duration,
    /// Whether it moved bytes of a blob: time that was used is not time that was lost.
    pub(super) advanced: bool,
}

impl Attempts {
    /// Takes note of a failed attempt, and returns the pause before the next one, or `None` when it was the last.
    pub(super) fn after(&mut self, policy: &RetryPolicy, failure: Failure) -> Option<Duration> {
        let budget = match failure.class {
            Class::Fatal => return None,
            Class::Session => {
                self.sessions += 1;
                if self.sessions >= policy.sessions {
                    return None;
                }
                policy.budget
            }
            Class::Transient => policy.budget,
            Class::Unreached => policy.first_contact,
        };
        if !failure.advanced {
            self.spent += failure.took;
        }
        let bound = policy.base.saturating_mul(1 << self.count.min(16)).min(policy.cap);
        let asked = failure.asked.unwrap_or_default().min(policy.longest_wait);
        let pause = bound.mul_f64((policy.random)().clamp(0.0, 1.0)).max(asked);
        self.count += 1;
        self.spent += pause;
        (self.spent <= budget).then_some(pause)
    }
}

/// Codes that end it whatever the status is (moby once asked five times for a repository that was not there).
const FATAL: [&str; 10] = [
    "DENIED",
    "DIGEST_INVALID",
    "MANIFEST_INVALID",
    "MANIFEST_UNKNOWN",
    "NAME_INVALID",
    "NAME_UNKNOWN",
    "SIZE_INVALID",
    "TAG_INVALID",
    "UNAUTHORIZED",
    "UNSUPPORTED",
];

/// Returns the class of an answer (registry-protocol: retry classes). `UNKNOWN` says nothing, so the status decides.
pub(super) fn class<'a>(status: u16, codes: impl IntoIterator<Item = &'a str>) -> Class {
    let mut worst = None;
    for code in codes {
        let class = match code {
            "TOOMANYREQUESTS" | "UNAVAILABLE" => Class::Transient,
            "BLOB_UPLOAD_INVALID" | "BLOB_UPLOAD_UNKNOWN" => Class::Session,
            fatal if FATAL.contains(&fatal) => return Class::Fatal,
            _ => continue,
        };
        worst = Some(class);
    }
    worst.unwrap_or(match status {
        408 | 425 | 429 | 499 | 500 | 502 | 503 | 504 | 520..=524 => Class::Transient,
        416 => Class::Session,
        _ => Class::Fatal,
    })
}

/// Reads `Retry-After`: seconds, or a date (RFC 9110 10.2.3).
pub(super) fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(value).ok()?;
    Some(Timestamp::from_millis(date.timestamp().as_millisecond()).since(now))
}
