//! Floor 2: what happens, as data, for whoever shows it.
//!
//! The library tells an [`Observer`]; it never prints. Events name their object, carry numbers with units in their
//! names, and nothing secret.

use serde::{Serialize, Serializer};

use crate::ground::Timestamp;
use crate::oci::{DiffId, Digest, Reference};

/// Something that happened. Serialised, its name stands in `event` beside its members (`docs/report.md`).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// A registry asked who we are, and a source of credentials had an answer, or none.
    CredentialsFound {
        /// The registry's host.
        host: String,
        /// The source, in words, without secrets.
        origin: String,
    },
    /// A base image was resolved to the manifest that is built on.
    BaseResolved {
        /// The base as the build file names it.
        base: String,
        /// The digest of its manifest for the platform.
        digest: Digest,
    },
    /// A base layer is read once for the facts that placement needs.
    BaseLayerScanned {
        /// The layer's digest.
        digest: Digest,
        /// Its stored size in bytes.
        size: u64,
    },
    /// An own layer starts to be packed.
    LayerStarted {
        /// The layer's name in the build file.
        name: String,
    },
    /// An own layer is being packed; told a few times in a second at most.
    LayerAdvanced {
        /// The layer's name in the build file.
        name: String,
        /// The bytes of its tar that are packed.
        tar_bytes: u64,
    },
    /// An own layer is in the store.
    LayerPacked {
        /// The layer's name in the build file.
        name: String,
        /// The digest of the stored blob.
        digest: Digest,
        /// The digest of the uncompressed tar.
        diff_id: DiffId,
        /// The count of entries.
        entries: u64,
        /// The length of the uncompressed tar in bytes.
        tar_bytes: u64,
        /// The size of the stored blob in bytes.
        size: u64,
    },
    /// An own layer is in the store from an earlier run: nothing of it was read.
    LayerKnown {
        /// The layer's name in the build file.
        name: String,
        /// The digest of the stored blob.
        digest: Digest,
        /// The digest of the uncompressed tar.
        diff_id: DiffId,
        /// The count of entries.
        entries: u64,
        /// The length of the uncompressed tar in bytes.
        tar_bytes: u64,
        /// The size of the stored blob in bytes.
        size: u64,
    },
    /// A blob is already where it should be.
    BlobExists {
        /// The blob's digest.
        digest: Digest,
    },
    /// A blob was mounted from another repository of the registry.
    BlobMounted {
        /// The blob's digest.
        digest: Digest,
        /// The repository it came from.
        from: String,
    },
    /// Bytes of a blob left this machine; sums up to its size, and starts again with each attempt.
    UploadAdvanced {
        /// The blob's digest.
        digest: Digest,
        /// The bytes sent in this attempt.
        sent: u64,
        /// The blob's size in bytes.
        size: u64,
    },
    /// A blob was uploaded.
    BlobUploaded {
        /// The blob's digest.
        digest: Digest,
        /// Its size in bytes.
        size: u64,
    },
    /// A request to a registry ended; told to observers that [want requests](Observer::wants_requests) alone.
    RequestEnded {
        /// The registry's host.
        host: String,
        /// The method and the target, without secrets.
        what: String,
        /// The status of the answer, if there was one.
        status: Option<u16>,
        /// How long it took until the head of the answer, in milliseconds.
        took_ms: u64,
    },
    /// A request failed and is tried again.
    Retrying {
        /// What was tried, without secrets.
        what: String,
        /// Why it failed.
        why: String,
        /// The pause before the next attempt, in milliseconds.
        pause_ms: u64,
    },
    /// A manifest stands under a tag or digest.
    ManifestPushed {
        /// Where it stands.
        #[serde(serialize_with = "as_text")]
        reference: Reference,
        /// Its digest.
        digest: Digest,
    },
    /// A task definition revision was registered.
    TaskDefinitionRegistered {
        /// Its ARN.
        arn: String,
    },
    /// A service was told to run a revision.
    ServiceUpdated {
        /// The service's name.
        service: String,
        /// The revision's ARN.
        task_definition: String,
    },
    /// The service deployment that is being watched changed.
    RolloutChanged {
        /// The service's name.
        service: String,
        /// The status in ECS's words, such as `IN_PROGRESS`.
        status: String,
        /// Running, pending and wanted tasks of our revision.
        running: i32,
        /// Tasks of our revision that are starting.
        pending: i32,
        /// Tasks that are wanted.
        desired: i32,
        /// The stage in ECS's words, such as `BAKE_TIME`, of a strategy that has stages.
        stage: Option<String>,
        /// The share of the users' requests that our revision gets, in percent, of a strategy that shifts traffic.
        traffic: Option<f64>,
    },
    /// A new event of the service, each once.
    ServiceEvent {
        /// The service's name.
        service: String,
        /// When ECS says it happened.
        #[serde(serialize_with = "as_time")]
        at: Timestamp,
        /// ECS's words.
        message: String,
    },
    /// A line of the log of a one-off task, without control characters.
    TaskLog {
        /// The task's name in the build file.
        task: String,
        /// The line.
        line: String,
    },
    /// Something that the user can change, and that stops nothing.
    Warning {
        /// What is wrong.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// Something worth one line, such as a default that was chosen.
    Note {
        /// The line.
        message: String,
    },
}

fn as_text<S: Serializer>(value: &Reference, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}

fn as_time<S: Serializer>(value: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&value.rfc3339())
}

/// Who is told of events. It must return at once: it is called from the hot paths of all threads.
pub trait Observer: Send + Sync {
    /// Takes notice of an event.
    fn observe(&self, event: Event);

    /// Returns whether every single request is to be told too: there are many, and few want to know.
    fn wants_requests(&self) -> bool {
        false
    }
}

/// An observer that ignores everything.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {
    fn observe(&self, _event: Event) {}
}

/// An observer that keeps all events in order, for reports and tests.
#[derive(Debug, Default)]
pub struct Recording(std::sync::Mutex<Vec<Event>>);

impl Recording {
    /// Returns what was observed so far.
    pub fn events(&self) -> Vec<Event> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}

impl Observer for Recording {
    fn observe(&self, event: Event) {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(event);
    }
}
