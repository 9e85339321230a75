//! What a deployment is handed besides its subject.

use std::sync::Arc;

use super::running_tasks::RunningTasks;
use crate::event::{Event, Observer};
use crate::ground::Clock;

/// How a deployment is carried out.
#[derive(Clone)]
pub struct DeployOptions {
    /// Whether a verdict is awaited. Without it, the calls that only serve the verdict are not made.
    pub wait: bool,
    /// Time and waiting.
    pub clock: Arc<dyn Clock>,
    /// Who is told what happens.
    pub observer: Arc<dyn Observer>,
    /// The seed of the chance in pauses.
    pub jitter_seed: u64,
    /// Whether findings of the preflight refuse the deployment.
    pub strict: bool,
    /// The one-off tasks that run, for whoever may have to stop them.
    pub running: RunningTasks,
}

impl DeployOptions {
    pub(super) fn note(&self, message: String) {
        self.observer.observe(Event::Note { message });
    }

    pub(super) fn warn(&self, message: String, hint: Option<String>) {
        self.observer.observe(Event::Warning { message, hint });
    }
}
