//! What starts tasks by the clock: rules of EventBridge and schedules of its Scheduler, kept as they were written.
//!
//! Nothing is ever started by them here; they are there to be moved to another revision and read back.

mod request;
mod rules;
mod scheduler;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::aws_json::{AwsError, Input, unknown_operation};
use super::error::SandboxError;
use super::registry::Registry;
use super::state;

pub(super) use request::{complete, target};

/// The state of EventBridge and of its Scheduler.
pub(super) struct Schedules {
    path: PathBuf,
    registry: Arc<Registry>,
    /// `REGION:ACCOUNT`, as names carry it.
    place: String,
    document: Mutex<Document>,
}

/// What is kept between runs.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Document {
    /// The targets of rules, by `BUS/NAME`.
    rules: BTreeMap<String, Vec<Value>>,
    /// The schedules, by `GROUP/NAME`.
    schedules: BTreeMap<String, Value>,
}

impl Schedules {
    /// Opens the state that is kept in a file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn open(path: PathBuf, region: &str, registry: Arc<Registry>) -> Result<Self, SandboxError> {
        let document = Mutex::new(state::load(&path)?.unwrap_or_default());
        let place = format!("{region}:{}", registry.account);
        Ok(Self { path, registry, place, document })
    }

    /// Carries out an operation.
    ///
    /// # Errors
    /// The exceptions of EventBridge and of its Scheduler.
    pub(super) fn carry_out(&self, operation: &str, input: &Value) -> Result<Value, AwsError> {
        let mut document = self.document.lock().unwrap_or_else(PoisonError::into_inner);
        let (input, now) = (Input(input), self.registry.now().millis());
        let output = match operation {
            "PutRule" => rules::put(&mut document, input, &self.place),
            "PutTargets" => rules::put_targets(&mut document, input),
            "ListTargetsByRule" => return rules::list_targets(&document, input),
            "CreateSchedule" => scheduler::create(&mut document, input, &self.place, now),
            "UpdateSchedule" => scheduler::update(&mut document, input, &self.place, now),
            "GetSchedule" => return scheduler::find(&document, input),
            _ => return Err(unknown_operation(operation)),
        }?;
        state::save(&self.path, &*document)?;
        Ok(output)
    }
}
