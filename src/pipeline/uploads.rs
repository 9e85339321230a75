//! Uploads that run while later layers are packed.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
    /// What was handed over to be sent: a registry may lose a blob before it learns what it is for.
    sources: Vec<Blob>,
    queue: Arc<Mutex<Queue>>,
    /// Blobs that wait for leave to go, if nothing may be sent yet.
    held: Option<Vec<Blob>>,
}

impl Uploads {
    pub(crate) fn new(target: RepositoryClient) -> Self {
        let permits = Arc::new(Semaphore::new(AT_ONCE));
        let (tasks, settled, known) = (JoinSet::new(), Vec::new(), BTreeSet::new());
        Self { target, permits, tasks, settled, known, sources: Vec::new(), queue: Arc::default(), held: None }
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
        let (target, permits, queue) = (self.target.clone(), Arc::clone(&self.permits), Arc::clone(&self.queue));
        self.sources.push(blob.clone());
        lock(&queue).waiting.push(blob);
        self.tasks.spawn(async move {
            let _permit = permits.acquire_owned().await;
            let blob = lock(&queue).take().expect("as many blobs wait as tasks");
            target.push_blob(&blob, &[]).await.map(|pushed| (pushed, blob.size))
        });
    }

    /// Takes notice of a blob that is where it should be.
    pub(crate) fn settled(&mut self, digest: Digest, how: PushedBlob, size: u64) {
        if self.known.insert(digest) {
            self.settled.push((how, size));
        }
    }

    /// Waits for all uploads, adds them to the report, and returns what was handed over.
    ///
    /// # Errors
    /// The first failure; the other uploads are aborted.
    pub(crate) async fn finish(mut self, report: &mut Report) -> Result<Vec<Blob>, RegistryError> {
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
        Ok(self.sources)
    }
}

/// Blobs that wait for their turn: the smallest goes first, so that what is refused is refused before much was sent; then
/// the largest, since the last to start should not be the last to end.
#[derive(Default)]
struct Queue {
    begun: bool,
    waiting: Vec<Blob>,
}

impl Queue {
    fn take(&mut self) -> Option<Blob> {
        let sizes = || self.waiting.iter().enumerate().map(|(at, blob)| (blob.size, at));
        let at = if self.begun { sizes().max() } else { sizes().min() }?.1;
        self.begun = true;
        Some(self.waiting.swap_remove(at))
    }
}

fn lock(queue: &Mutex<Queue>) -> MutexGuard<'_, Queue> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_goes_first_and_then_the_largest() {
        let mut queue = Queue::default();
        queue.waiting = [3, 1, 5, 2].map(|size| Blob::of_bytes(vec![0; size])).to_vec();
        let sizes: Vec<u64> = std::iter::from_fn(|| queue.take()).map(|blob| blob.size).collect();
        assert_eq!(sizes, [1, 5, 3, 2]);
    }
}
