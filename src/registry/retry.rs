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
    /// Not this request, but the same with a new upload session.
    Session,
    /// Probably final, but known to pass now and then with a new session, URL or token: tried again a few times only.
    Suspect,
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
    /// The same, for a mount that the server fails at (5xx): the blob can still be sent.
    pub mount: Duration,
    /// How often one item is tried again after refusals that are probably final.
    pub doubts: u32,
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
            mount: Duration::from_secs(60),
            doubts: 4,
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
    doubts: u32,
    spent: Duration,
}

/// One attempt that failed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Failure {
    /// Its class.
    pub(super) class: Class,
    /// The pause that the server asked for.
    pub(super) asked: Option<Duration>,
    /// How long it took for nothing: time that moved bytes of a blob is not lost.
    pub(super) lost: Duration,
    /// A smaller budget than the policy's, if there is one.
    pub(super) limit: Option<Duration>,
}

impl Attempts {
    /// Takes note of a failed attempt, and returns the pause before the next one, or `None` when it was the last.
    pub(super) fn after(&mut self, policy: &RetryPolicy, failure: Failure) -> Option<Duration> {
        let budget = match failure.class {
            Class::Fatal => return None,
            Class::Suspect => {
                self.doubts += 1;
                if self.doubts > policy.doubts {
                    return None;
                }
                policy.budget
            }
            Class::Transient | Class::Session => policy.budget,
            Class::Unreached => policy.first_contact,
        };
        let budget = failure.limit.map_or(budget, |limit| limit.min(budget));
        let bound = policy.base.saturating_mul(1 << self.count.min(16)).min(policy.cap);
        let asked = failure.asked.unwrap_or_default().min(policy.longest_wait);
        // Drawn on top of what was asked for: all who were told the same number would come back at once.
        let pause = asked + bound.mul_f64((policy.random)().clamp(0.0, 1.0));
        self.spent += failure.lost;
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

/// Returns the class of an answer (registry-protocol: retry classes). `UNKNOWN` says nothing, so the status decides;
/// a limit of requests passes whatever else is said.
pub(super) fn class<'a>(status: u16, codes: impl IntoIterator<Item = &'a str>) -> Class {
    if status == 429 {
        return Class::Transient;
    }
    let mut worst = None;
    for code in codes {
        let class = match code {
            "TOOMANYREQUESTS" | "UNAVAILABLE" => Class::Transient,
            "BLOB_UPLOAD_UNKNOWN" => Class::Session,
            "BLOB_UPLOAD_INVALID" if status == 416 => Class::Session,
            "BLOB_UPLOAD_INVALID" => Class::Suspect,
            fatal if FATAL.contains(&fatal) => return Class::Fatal,
            _ => continue,
        };
        worst = Some(class);
    }
    worst.unwrap_or(match status {
        408 | 425 | 499 | 500 | 502 | 503 | 504 | 520..=524 => Class::Transient,
        416 => Class::Session,
        _ => Class::Fatal,
    })
}

/// Reads `Retry-After`: seconds, or a date (RFC 9110 10.2.3).
pub(super) fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit are a long time, which the policy cuts.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::from(u32::MAX))));
    }
    let date = jiff::fmt::rfc2822::parse(value).ok()?;
    Some(Timestamp::from_millis(date.timestamp().as_millisecond()).since(now))
}
