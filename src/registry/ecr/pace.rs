//! ECR's quotas as token buckets: a request waits a moment here instead of being refused there.
//!
//! Quotas are per account and region (AWS, "Amazon ECR service quotas"). The buckets stay a fifth below them, since other
//! pushes of the account count too; what is refused all the same is retried as any 429.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::Method;
use url::Url;

use crate::ground::{Clock, Timestamp};

/// Requests a second for one action.
#[derive(Debug)]
struct Bucket {
    per_second: f64,
    level: f64,
    at: Timestamp,
}

impl Bucket {
    fn new(per_second: f64) -> Self {
        Self { per_second, level: per_second, at: Timestamp::default() }
    }

    /// Takes one request out, and returns how long it has to wait for its turn.
    fn take(&mut self, now: Timestamp) -> Duration {
        let gained = now.since(self.at).as_secs_f64() * self.per_second;
        self.level = (self.level + gained).min(self.per_second) - 1.0;
        self.at = self.at.max(now);
        Duration::from_secs_f64((-self.level / self.per_second).max(0.0))
    }
}

/// The scarce actions of one host.
#[derive(Debug)]
pub(in crate::registry) struct Pace {
    /// `PutImage`: a manifest is written.
    put_image: Mutex<Bucket>,
    /// `InitiateLayerUpload`: an upload begins, or a mount is asked for.
    initiate: Mutex<Bucket>,
    /// `CompleteLayerUpload`: an upload ends.
    complete: Mutex<Bucket>,
}

impl Pace {
    /// Returns the pace of a private registry: quotas of 10, 100 and 100 a second.
    pub(in crate::registry) fn private() -> Self {
        Self::of([8.0, 80.0, 80.0])
    }

    /// Returns the pace of ECR Public: quotas of 10 a second each.
    pub(in crate::registry) fn public() -> Self {
        Self::of([8.0, 8.0, 8.0])
    }

    fn of([put_image, initiate, complete]: [f64; 3]) -> Self {
        let bucket = |rate| Mutex::new(Bucket::new(rate));
        Self { put_image: bucket(put_image), initiate: bucket(initiate), complete: bucket(complete) }
    }

    /// Waits until a request is within the quota of what it does.
    pub(in crate::registry) async fn turn(&self, method: &Method, url: &Url, clock: &dyn Clock) {
        let path = url.path();
        let bucket = match *method {
            Method::PUT if path.contains("/manifests/") => &self.put_image,
            Method::PUT if path.contains("/blobs/uploads/") => &self.complete,
            Method::POST if path.contains("/blobs/uploads") => &self.initiate,
            _ => return,
        };
        let wait = bucket.lock().unwrap_or_else(PoisonError::into_inner).take(clock.now());
        if wait > Duration::ZERO {
            clock.sleep(wait).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_within_the_quota_goes_at_once_and_the_rest_in_its_turn() {
        let mut bucket = Bucket::new(8.0);
        let now = Timestamp::from_seconds(100);
        let waits: Vec<u128> = (0..10).map(|_| bucket.take(now).as_millis()).collect();
        assert_eq!(waits, [0, 0, 0, 0, 0, 0, 0, 0, 125, 250]);
        assert_eq!(bucket.take(Timestamp::from_seconds(101)).as_millis(), 0, "a second later there is room again");
    }

    #[tokio::test]
    async fn only_scarce_actions_wait() {
        let clock = crate::ground::DrivenClock::new(Timestamp::from_seconds(0));
        let (pace, started) = (Pace::private(), clock.now());
        let url = |path: &str| format!("https://r.example.com/v2/a/{path}").parse::<Url>().expect("a URL");
        for _ in 0..50 {
            pace.turn(&Method::HEAD, &url("manifests/1"), &clock).await;
            pace.turn(&Method::POST, &url("blobs/uploads/"), &clock).await;
        }
        assert_eq!(clock.now(), started);
        for _ in 0..16 {
            pace.turn(&Method::PUT, &url("manifests/1"), &clock).await;
        }
        // Each wait moves the clock, so that one second makes room for eight more.
        assert_eq!(clock.now().since(started), Duration::from_secs(1));
    }
}
