//! What is known of a failure, collected while ECS still remembers: stopped tasks are forgotten after an hour.
//!
//! Every call here only serves the dossier. One that is refused is told once, names the missing right, and changes no
//! verdict.

mod cause;
mod collect;
mod exit_code;
mod log_tail;
mod markdown;
mod stopped_task;
mod target_health;

use serde::Serialize;

pub(super) use collect::Collector;
pub use exit_code::meaning;
pub(super) use markdown::plain;
pub(super) use stopped_task::SeenContainer;

/// What is known of a deployment that went wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Dossier {
    /// The likely cause in a sentence, where there is one.
    pub cause: Option<String>,
    /// The tasks that stopped, by what they stopped of; the largest group first.
    pub stopped: Vec<StoppedGroup>,
    /// Targets that are not healthy.
    pub targets: Vec<UnhealthyTarget>,
    /// The service's events since the deployment began, each once, oldest first.
    pub events: Vec<EventLine>,
}

/// Tasks that stopped for one reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StoppedGroup {
    /// ECS's words; what differs from task to task (ids, addresses) may be that of the first.
    pub reason: String,
    /// ECS's code, such as `EssentialContainerExited`.
    pub code: Option<String>,
    /// How many tasks.
    pub count: usize,
    /// One of them, by its id.
    pub task: String,
    /// The containers of that task that failed.
    pub containers: Vec<FailedContainer>,
}

/// A container that failed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FailedContainer {
    /// Its name.
    pub name: String,
    /// Its exit code; `None` where it never ran.
    pub exit_code: Option<i32>,
    /// What the exit code means.
    pub meaning: Option<String>,
    /// ECS's words on the container.
    pub reason: Option<String>,
    /// The last lines of its log, oldest first, without control characters.
    pub log: Vec<String>,
}

/// A target that its load balancer does not call healthy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct UnhealthyTarget {
    /// The target group's name.
    pub group: String,
    /// The target: an address or an instance, with its port.
    pub target: String,
    /// The state, such as `unhealthy`.
    pub state: String,
    /// The load balancer's code, such as `Target.ResponseCodeMismatch`.
    pub code: Option<String>,
    /// Its words.
    pub words: Option<String>,
}

/// A service event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct EventLine {
    /// When, by AWS's clock, in RFC 3339.
    pub at: String,
    /// The words.
    pub message: String,
}

impl Dossier {
    /// Returns whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.stopped.is_empty() && self.targets.is_empty() && self.events.is_empty()
    }
}

/// Makes text from elsewhere fit for a terminal: no control character but the tab.
fn printable(text: &str) -> String {
    text.chars().filter(|character| !character.is_control() || *character == '\t').collect()
}
