//! What holds the stages of packing together: the budget of bytes in flight, and the word that nobody waits any more.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often a stage that waits for room looks whether it was cancelled.
const POLL: Duration = Duration::from_millis(50);

/// The budget and the state of one packing.
pub(super) struct Flow {
    free: Mutex<usize>,
    freed: Condvar,
    budget: usize,
    broken: AtomicBool,
    cancelled: Option<Arc<AtomicBool>>,
}

/// Bytes taken from the budget; they go back when this is dropped.
pub(super) struct Room<'flow> {
    flow: &'flow Flow,
    bytes: usize,
}

/// A stage ended early, or nobody waits: there is no use in going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stopped;

impl Flow {
    pub(super) fn new(budget: usize, cancelled: Option<Arc<AtomicBool>>) -> Self {
        Self { free: Mutex::new(budget), freed: Condvar::new(), budget, broken: AtomicBool::new(false), cancelled }
    }

    /// Waits until there is room. What is larger than the budget waits for all of it and goes alone.
    pub(super) fn reserve(&self, bytes: usize) -> Result<Room<'_>, Stopped> {
        let bytes = bytes.min(self.budget);
        let mut free = self.lock();
        while *free < bytes {
            self.going()?;
            free = self.freed.wait_timeout(free, POLL).unwrap_or_else(PoisonError::into_inner).0;
        }
        self.going()?;
        *free -= bytes;
        Ok(Room { flow: self, bytes })
    }

    /// Fails when a stage ended early or the packing was cancelled.
    pub(super) fn going(&self) -> Result<(), Stopped> {
        let cancelled = self.cancelled.as_ref().is_some_and(|cancelled| cancelled.load(Ordering::Relaxed));
        if cancelled || self.broken.load(Ordering::Relaxed) { Err(Stopped) } else { Ok(()) }
    }

    /// Runs a stage; if it fails or panics, the others stop too.
    pub(super) fn guard<T, F>(&self, stage: impl FnOnce() -> Result<T, F>) -> Result<T, F> {
        let mut fuse = Fuse { flow: self, burns: true };
        let result = stage();
        fuse.burns = result.is_err();
        result
    }

    fn lock(&self) -> MutexGuard<'_, usize> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Room<'_> {
    /// Gives back what is not needed after all.
    pub(super) fn shrink_to(&mut self, bytes: usize) {
        let spare = self.bytes.saturating_sub(bytes);
        self.bytes -= spare;
        *self.flow.lock() += spare;
        self.flow.freed.notify_all();
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        self.shrink_to(0);
    }
}

struct Fuse<'flow> {
    flow: &'flow Flow,
    burns: bool,
}

impl Drop for Fuse<'_> {
    fn drop(&mut self) {
        if self.burns {
            self.flow.broken.store(true, Ordering::Relaxed);
            self.flow.freed.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_comes_back_when_it_is_dropped_or_shrunk() {
        let flow = Flow::new(10, None);
        let mut all = flow.reserve(1000).unwrap();
        all.shrink_to(4);
        let rest = flow.reserve(6).unwrap();
        drop((all, rest));
        assert!(flow.reserve(10).is_ok());
    }

    #[test]
    fn who_waits_for_room_is_woken_when_another_stage_ends_early() {
        let flow = Flow::new(10, None);
        let held = flow.reserve(10).unwrap();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| flow.reserve(1).map(drop));
            flow.guard(|| Err::<(), _>(())).unwrap_err();
            assert_eq!(waiting.join().unwrap(), Err(Stopped));
        });
        drop(held);
    }

    #[test]
    fn who_waits_for_room_sees_that_nobody_waits_for_the_layer() {
        let cancelled = Arc::new(AtomicBool::new(false));
        let flow = Flow::new(10, Some(Arc::clone(&cancelled)));
        let _held = flow.reserve(10).unwrap();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| flow.reserve(1).map(drop));
            cancelled.store(true, Ordering::Relaxed);
            assert_eq!(waiting.join().unwrap(), Err(Stopped));
        });
    }
}
