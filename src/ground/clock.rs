//! The only door to time.

use std::future::Future;
use std::pin::Pin;
use std::sync::Mutex;
use std::time::Duration;

/// A point in time, in whole milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Makes a point in time from milliseconds since the Unix epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Makes a point in time from seconds since the Unix epoch.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Returns the milliseconds since the Unix epoch.
    pub fn millis(self) -> i64 {
        self.0
    }

    /// Returns the whole seconds since the Unix epoch, rounded down.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Returns the time that passed since `earlier`, or zero when `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Returns this point in time moved by a duration.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    /// Returns the RFC 3339 form in UTC with whole seconds, as image configs write it: `1970-01-01T00:00:01Z`.
    pub fn rfc3339(self) -> String {
        jiff::Timestamp::from_second(self.seconds())
            .map_or_else(|_| "1970-01-01T00:00:00Z".to_owned(), |t| t.to_string())
    }
}

/// A pause that ends when the clock says so.
pub type Sleep<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Time and waiting, as the library sees them.
///
/// The system's clock lives with the pipeline, where waiting is possible; [`DrivenClock`] serves tests and the sandbox.
pub trait Clock: Send + Sync {
    /// Returns the present.
    fn now(&self) -> Timestamp;

    /// Waits for a duration of this clock's time.
    fn sleep(&self, duration: Duration) -> Sleep<'_>;
}

/// A clock that moves only when it is told to: by [`DrivenClock::advance`], or by anyone who sleeps on it.
#[derive(Debug)]
pub struct DrivenClock(Mutex<Timestamp>);

impl DrivenClock {
    /// Makes a clock that stands at `start`.
    pub fn new(start: Timestamp) -> Self {
        Self(Mutex::new(start))
    }

    /// Moves the clock forward.
    pub fn advance(&self, duration: Duration) {
        let mut now = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *now = now.plus(duration);
    }
}

impl Clock for DrivenClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn sleep(&self, duration: Duration) -> Sleep<'_> {
        self.advance(duration);
        Box::pin(std::future::ready(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_driven_clock_moves_by_sleeping() {
        let clock = DrivenClock::new(Timestamp::from_seconds(5));
        drop(clock.sleep(Duration::from_secs(2)));
        assert_eq!(clock.now().seconds(), 7);
    }

    #[test]
    fn timestamps_print_as_rfc_3339() {
        assert_eq!(Timestamp::from_seconds(1).rfc3339(), "1970-01-01T00:00:01Z");
    }
}
