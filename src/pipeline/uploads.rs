//! Blobs on their way to the target while later layers are packed.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::oci::{Digest, Repository};
use crate::registry::{PushedBlob, RegistryError, RepositoryClient};
use crate::store::Blob;

use super::base::{Fate, ResolvedBase};
use super::{Context, Error, Report};

/// Blobs that are on their way at once. One stream to ECR carries 24 to 28 MB/s, so wall time comes from parallel ones;
/// `docs/performance.md` has the measurements.
const AT_ONCE: usize = 12;

/// What became of a blob.
pub(crate) struct Sent {
    /// How it got to be where it is.
    pub(crate) how: PushedBlob,
    /// Its size.
    pub(crate) size: u64,
    /// Its bytes, if they are at hand: a registry may lose a blob before it learns what it is for.
    pub(crate) blob: Option<Blob>,
}

/// Where blobs go, and how many at once.
#[derive(Clone)]
struct Line {
    target: RepositoryClient,
    /// What is pushed, for messages.
    reference: String,
    permits: Arc<Semaphore>,
}

impl Line {
    fn failed(&self, source: RegistryError) -> Error {
        Error::Push { reference: self.reference.clone(), source }
    }

    async fn push(&self, blob: Blob) -> Result<Sent, Error> {
        let how = self.target.push_blob(&blob, &[]).await.map_err(|source| self.failed(source))?;
        Ok(Sent { how, size: blob.size, blob: Some(blob) })
    }
}

/// A set of blobs on their way to one repository, each once. Dropped, it aborts what still runs.
pub(crate) struct Uploads {
    line: Line,
    tasks: JoinSet<Result<Sent, Error>>,
    done: Vec<Sent>,
    known: BTreeSet<Digest>,
    /// Blobs that wait for leave to go.
    held: Vec<Blob>,
}

impl Uploads {
    /// Begins; `reference` is what is pushed.
    pub(crate) fn new(target: RepositoryClient, reference: String) -> Self {
        let line = Line { target, reference, permits: Arc::new(Semaphore::new(AT_ONCE)) };
        Self { line, tasks: JoinSet::new(), done: Vec::new(), known: BTreeSet::new(), held: Vec::new() }
    }

    /// Returns another set that shares the line.
    pub(crate) fn beside(&self) -> Self {
        let (known, line) = (self.known.clone(), self.line.clone());
        Self { line, tasks: JoinSet::new(), done: Vec::new(), known, held: Vec::new() }
    }

    /// Takes a blob that is to be sent when all are let go.
    pub(crate) fn hold(&mut self, blob: Blob) {
        if self.known.insert(blob.digest) {
            self.held.push(blob);
        }
    }

    /// Lets go what was held back, but for what the other set brings.
    pub(crate) async fn release(&mut self, other: &Self) {
        self.held.retain(|blob| !other.known.contains(&blob.digest));
        self.look_ahead(self.held.iter().map(|blob| blob.digest)).await;
        let waiting = std::mem::take(&mut self.held);
        let (count, queue) = (waiting.len(), Arc::new(Mutex::new(Queue { begun: false, waiting })));
        for _ in 0..count {
            let (line, queue) = (self.line.clone(), Arc::clone(&queue));
            self.spawn(async move {
                let blob = lock(&queue).take().expect("as many blobs wait as tasks");
                line.push(blob).await
            });
        }
    }

    /// Asks in advance what the target has of some blobs, where that is cheaper than to ask for each.
    pub(crate) async fn look_ahead(&self, digests: impl Iterator<Item = Digest>) {
        let digests: BTreeSet<Digest> = digests.collect();
        self.line.target.look_ahead(&digests.into_iter().collect::<Vec<_>>()).await;
    }

    /// Brings a layer of a base to the target: one that it has is referenced, one that it can mount is mounted, and only
    /// what is left is downloaded, once for the upload and for whoever waits for its fate.
    pub(crate) fn bring(&mut self, context: &Context, base: &ResolvedBase, index: usize, fate: Option<Fate>) {
        let descriptor = &base.image.layers[index].blob;
        let (digest, size) = (descriptor.digest, descriptor.size);
        if !self.known.insert(digest) {
            return;
        }
        let (line, context, base) = (self.line.clone(), context.clone(), base.clone());
        let source = base.repository().filter(|source| source.host() == line.target.repository().host());
        let mount_from: Vec<Repository> = source.into_iter().cloned().collect();
        self.spawn(async move {
            let claimed = line.target.claim_blob(&digest, size, &mount_from).await;
            if let Some(how) = claimed.map_err(|source| line.failed(source))? {
                return Ok(Sent { how, size, blob: None });
            }
            let blob = base.layer_blob(&context, index).await?;
            drop(fate);
            line.push(blob).await
        });
    }

    /// Takes notice of a blob that is where it should be.
    pub(crate) fn settled(&mut self, digest: Digest, how: PushedBlob, size: u64) {
        if self.known.insert(digest) {
            self.done.push(Sent { how, size, blob: None });
        }
    }

    fn spawn(&mut self, work: impl Future<Output = Result<Sent, Error>> + Send + 'static) {
        let permits = Arc::clone(&self.line.permits);
        self.tasks.spawn(async move {
            let _permit = permits.acquire_owned().await;
            work.await
        });
    }

    /// Waits for the first failure, for ever if there is none.
    pub(crate) async fn failure(&mut self) -> Error {
        match self.settle().await {
            Err(error) => error,
            Ok(()) => std::future::pending().await,
        }
    }

    /// Waits for all, and returns what became of each.
    ///
    /// # Errors
    /// The first failure; the others are aborted.
    pub(crate) async fn finish(mut self) -> Result<Vec<Sent>, Error> {
        self.settle().await?;
        Ok(self.done)
    }

    async fn settle(&mut self) -> Result<(), Error> {
        while let Some(joined) = self.tasks.join_next().await {
            match joined {
                Ok(result) => self.done.push(result?),
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

/// Blobs that wait for their turn: the smallest goes first, so that what is refused is refused before much was sent; then
/// the largest, since the last to start should not be the last to end.
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
        let waiting = [3, 1, 5, 2].map(|size| Blob::of_bytes(vec![0; size])).to_vec();
        let mut queue = Queue { begun: false, waiting };
        let sizes: Vec<u64> = std::iter::from_fn(|| queue.take()).map(|blob| blob.size).collect();
        assert_eq!(sizes, [1, 5, 3, 2]);
    }
}
