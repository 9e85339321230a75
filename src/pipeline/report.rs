//! What a run did, for programs: report schema 1 (design, "stdout is data").

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::deploy::{BadVerdict, BeforeReport, DeployReport, ScheduleReport, ServiceReport, Verdict};
use crate::ground::Timestamp;
use crate::oci::{DiffId, Digest};

/// The version of a report's form: 1. A member that is added does not change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct FormVersion(u32);

impl Default for FormVersion {
    fn default() -> Self {
        Self(1)
    }
}

/// The report of a command. Members of steps that the command has not are null or empty.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// The version of this form.
    pub schema: FormVersion,
    /// `name:tag@digest` under the first tag; without a name, the digest.
    pub image: Option<String>,
    /// The digest of the manifest.
    pub digest: Option<Digest>,
    /// Bytes of blobs that were sent.
    pub uploaded_bytes: u64,
    /// Blobs that were sent.
    pub uploaded_blobs: u64,
    /// Blobs that were mounted from another repository.
    pub mounted: u64,
    /// Blobs that were there already.
    pub existing: u64,
    /// Own layers that were taken over without being packed.
    pub reused_layers: u64,
    /// The layers, base first.
    pub layers: Vec<LayerReport>,
    /// Whether a task definition revision was registered.
    pub registered: bool,
    /// What became of each service.
    pub services: Vec<ServiceReport>,
    /// The revision of the first service that has the process's exit code.
    pub task_definition_arn: Option<String>,
    /// The deployment of that service.
    pub deployment_arn: Option<String>,
    /// The verdict on that service.
    pub verdict: Option<Verdict>,
    /// Where that service answers, if it is known.
    pub url: Option<String>,
    /// The services whose verdict is no good news, as errors to show.
    #[serde(skip)]
    pub failures: Vec<BadVerdict>,
    /// Services whose verdict `rolled_back` is what was asked for.
    #[serde(skip)]
    pub as_asked: BTreeSet<String>,
    /// The one-off tasks that came before the services.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<BeforeReport>,
    /// The schedules that were moved to the new revision.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub schedules: Vec<ScheduleReport>,
    /// Milliseconds by step.
    pub timings: BTreeMap<&'static str, u64>,
    /// Why the command ended before its end; then the rest says what was done until there.
    pub error: Option<ErrorReport>,
}

/// An error, for programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ErrorReport {
    /// What could not be done.
    pub message: String,
    /// Why, outermost cause first.
    pub causes: Vec<String>,
    /// What can be done about it.
    pub hint: Option<String>,
    /// The exit code of the process.
    pub exit_code: u8,
}

/// One layer of the image.
#[derive(Clone, Debug, Serialize)]
pub struct LayerReport {
    /// Its platform, if the image has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// Its name in the build file; the base's have none.
    pub name: Option<String>,
    /// `base` or `own`.
    pub origin: &'static str,
    /// The digest of the stored bytes.
    pub digest: Digest,
    /// The digest of the uncompressed tar.
    pub diff_id: DiffId,
    /// The count of stored bytes.
    pub size: u64,
}

impl Report {
    /// Takes over what a deployment reports.
    pub(crate) fn deployed(&mut self, deploy: DeployReport) {
        self.failures = deploy.failures();
        let as_asked =
            |failure: &BadVerdict| failure.verdict == Verdict::RolledBack && self.as_asked.contains(&failure.service);
        self.failures.retain(|failure| !as_asked(failure));
        self.registered = deploy.registered;
        self.task_definition_arn = Some(deploy.task_definition_arn);
        self.deployment_arn = deploy.deployment_arn;
        self.verdict = Some(deploy.verdict);
        self.url = deploy.url;
        self.services = deploy.services;
        self.before = deploy.before;
        self.schedules = deploy.schedules;
    }

    /// Notes how long a step took.
    pub(crate) fn time(&mut self, step: &'static str, started: Timestamp, now: Timestamp) {
        let millis = u64::try_from(now.since(started).as_millis()).unwrap_or(u64::MAX);
        self.timings.insert(step, millis);
    }

    /// Returns the exit code of the process: that of the verdict, if there is one.
    pub fn exit_code(&self) -> u8 {
        if self.as_asked.is_empty() {
            return self.verdict.map_or(0, Verdict::exit_code);
        }
        // What was asked for is a good end; the others decide.
        let verdicts: Vec<Verdict> = self.failures.iter().map(|failure| failure.verdict).collect();
        Verdict::decisive(&verdicts).map_or(0, |index| verdicts[index].exit_code())
    }
}
