//! One-off tasks that run just now, so that an interrupted process leaves none behind.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::aws::Ecs;

/// The one-off tasks that this process started and has not seen end. Cheap to clone; all clones are one.
///
/// A future that is dropped cannot wait for an answer of AWS: whoever drops it asks here what is still to be stopped.
#[derive(Clone, Default)]
pub struct RunningTasks(Arc<Mutex<BTreeMap<String, Running>>>);

#[derive(Clone)]
struct Running {
    ecs: Ecs,
    cluster: String,
    /// `None` while RunTask has not answered.
    arn: Option<String>,
}

impl RunningTasks {
    /// Returns whether none runs.
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// Stops all of them, and returns the ARNs of those that are stopped.
    pub async fn stop_all(&self, reason: &str) -> Vec<String> {
        let running = std::mem::take(&mut *self.lock());
        let mut stopped = Vec::new();
        for (started_by, Running { ecs, cluster, arn }) in running {
            let arns = match arn {
                Some(arn) => vec![arn],
                // It may run without our knowing its name.
                None => ecs.tasks_started_by(&cluster, &started_by).await.unwrap_or_default(),
            };
            for arn in arns {
                if ecs.stop_task(&cluster, &arn, reason).await.is_ok() {
                    stopped.push(arn);
                }
            }
        }
        stopped
    }

    pub(super) fn begin(&self, started_by: &str, ecs: &Ecs, cluster: &str) {
        let running = Running { ecs: ecs.clone(), cluster: cluster.to_owned(), arn: None };
        self.lock().insert(started_by.to_owned(), running);
    }

    pub(super) fn named(&self, started_by: &str, arn: &str) {
        if let Some(running) = self.lock().get_mut(started_by) {
            running.arn = Some(arn.to_owned());
        }
    }

    pub(super) fn end(&self, started_by: &str) {
        self.lock().remove(started_by);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Running>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for RunningTasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.lock().keys()).finish()
    }
}
