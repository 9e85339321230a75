//! Uploads that run while later layers are packed.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::oci::Digest;
use crate::registry::{PushedBlob, RegistryError, RepositoryClient};
use crate::store::Blob;

use super::Report;

/// Blobs that are uploaded at once. One stream to ECR carries 24 to 28 MB/s, so wall time comes from parallel ones.
const AT_ONCE: usize = 6;

/// A set of uploads to one repository, each blob once. Dropped, it aborts what still runs.
pub(crate) struct Uploads {
    target: RepositoryClient,
    permits: Arc<Semaphore>,
    tasks: JoinSet<Result<(PushedBlob, u64), RegistryError>>,
    settled: Vec<(PushedBlob, u64)>,
    known: BTreeSet<Digest>,
    /// Blobs that wait for leave to go, if nothing may be sent yet.
    held: Option<Vec<Blob>>,
}

impl Uploads {
    pub(crate) fn new(target: RepositoryClient) -> Self {
        let permits = Arc::new(Semaphore::new(AT_ONCE));
        Self { target, permits, tasks: JoinSet::new(), settled: Vec::new(), known: BTreeSet::new(), held: None }
    }

    /// Starts to upload a blob, unless one of its digest is on its way already.
    pub(crate) fn start(&mut self, blob: Blob) {
        if !self.known.insert(blob.digest) {
            return;
        }
        match &mut self.held {
            Some(held) => held.push(blob),
            None => self.send(blob),
        }
    }

    /// Holds back what is started from now on.
    pub(crate) fn hold(&mut self) {
        self.held.get_or_insert_default();
    }

    /// Lets go what was held back.
    pub(crate) fn release(&mut self) {
        self.held.take().into_iter().flatten().for_each(|blob| self.send(blob));
    }

    /// Asks in advance what the target has of some blobs, where that is cheaper than to ask for each.
    pub(crate) async fn look_ahead(&self, digests: impl Iterator<Item = Digest>) {
        let digests: BTreeSet<Digest> = digests.filter(|digest| !self.known.contains(digest)).collect();
        self.target.look_ahead(&digests.into_iter().collect::<Vec<_>>()).await;
    }

    fn send(&mut self, blob: Blob) {
        let (target, permits) = (self.target.clone(), Arc::clone(&self.permits));
        self.tasks.spawn(async move {
            let _permit = permits.acquire_owned().await;
            target.push_blob(&blob, &[]).await.map(|pushed| (pushed, blob.size))
        });
    }

    /// Takes notice of a blob that is where it should be.
    pub(crate) fn settled(&mut self, digest: Digest, how: PushedBlob, size: u64) {
        if self.known.insert(digest) {
            self.settled.push((how, size));
        }
    }

    /// Waits for all uploads, and adds them to the report.
    ///
    /// # Errors
    /// The first failure; the other uploads are aborted.
    pub(crate) async fn finish(mut self, report: &mut Report) -> Result<(), RegistryError> {
        for (how, size) in &self.settled {
            report.count(how, *size);
        }
        while let Some(joined) = self.tasks.join_next().await {
            match joined {
                Ok(result) => {
                    let (pushed, size) = result?;
                    report.count(&pushed, size);
                }
                Err(failure) => {
                    if let Ok(panic) = failure.try_into_panic() {
                        std::panic::resume_unwind(panic);
                    }
                }
            }
        }
        Ok(())
    }
}

impl Report {
    /// Counts what became of a blob.
    pub(crate) fn count(&mut self, pushed: &PushedBlob, size: u64) {
        match pushed {
            PushedBlob::Existing => self.existing += 1,
            PushedBlob::Mounted { .. } => self.mounted += 1,
            PushedBlob::Uploaded => {
                self.uploaded_blobs += 1;
                self.uploaded_bytes += size;
            }
        }
    }
}
