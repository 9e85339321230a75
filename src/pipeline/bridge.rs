//! Synchronous work for asynchronous callers: the only place where the two meet.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::event::{Event, Observer};

/// Runs work that reads files or burns cores on a thread that may wait.
///
/// A panic in the work goes on in the caller, as it would without the thread.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(failure) => match failure.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Blocking work is never aborted once it runs; before that only a runtime that ends drops it.
            Err(_) => std::future::pending().await,
        },
    }
}

/// How often packing tells how far it is.
const TOLD_EVERY: Duration = Duration::from_millis(250);

/// Awaits the packing of a layer, and tells now and then how far it is: the packing itself only counts.
pub(crate) async fn told<T>(
    observer: &dyn Observer,
    name: &str,
    advanced: &AtomicU64,
    work: impl Future<Output = T>,
) -> T {
    let mut work = std::pin::pin!(work);
    let mut last = 0;
    loop {
        if let Ok(done) = tokio::time::timeout(TOLD_EVERY, &mut work).await {
            return done;
        }
        let tar_bytes = advanced.load(Ordering::Relaxed);
        if std::mem::replace(&mut last, tar_bytes) != tar_bytes {
            observer.observe(Event::LayerAdvanced { name: name.to_owned(), tar_bytes });
        }
    }
}

/// Tells synchronous work that nobody waits for it any more: set when the guard is dropped.
pub(crate) struct CancelOnDrop(Arc<AtomicBool>);

impl CancelOnDrop {
    pub(crate) fn new() -> (Self, Arc<AtomicBool>) {
        let flag = Arc::new(AtomicBool::new(false));
        (Self(Arc::clone(&flag)), flag)
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
