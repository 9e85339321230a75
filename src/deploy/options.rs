//! What a deployment is handed besides its subject.

use std::sync::Arc;

use super::definition_file::FillIn;
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
    /// Whether findings of the preflight refuse the deployment, and a success without proof of the digest is none.
    pub strict: bool,
    /// Whether guards give way: against an older deployment over a newer one, and an image of a foreign account.
    pub force: bool,
    /// What variables in task definition files stand for.
    pub fill_in: FillIn,
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
