//! The body of an upload: a blob that is opened anew for each attempt, sent with its exact length, and hashed on the
//! way, so that a file which changes is noticed before its last bytes leave.

use std::io::Read;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::sync::mpsc;

use super::RegistryError;
use crate::event::{Event, Observer};
use crate::ground::FileError;
use crate::oci::{Digest, Hasher};
use crate::store::{Blob, BlobBytes};

/// How much is read at once, and how many such pieces wait for the socket: the memory of one upload.
const PIECE: usize = 128 * 1024;
const WAITING: usize = 2;

/// What an upload has done so far, as seen from outside of its body.
pub(super) struct Progress {
    digest: Digest,
    size: u64,
    sent: AtomicU64,
    fault: Mutex<Option<RegistryError>>,
    observer: Arc<dyn Observer>,
}

impl Progress {
    /// Returns the bytes that the connection took.
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Returns whether the connection took all.
    pub(super) fn is_complete(&self) -> bool {
        self.sent() >= self.size
    }

    /// Returns what was wrong with the blob: then the broken request is our own doing.
    pub(super) fn take_fault(&self) -> Option<RegistryError> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn fail(&self, fault: RegistryError) {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(fault);
    }

    fn advance(&self, count: u64) {
        let sent = self.sent.fetch_add(count, Ordering::Relaxed) + count;
        self.observer.observe(Event::UploadAdvanced { digest: self.digest, sent, size: self.size });
    }
}

/// The stream of one attempt.
pub(super) struct BlobBody {
    pieces: mpsc::Receiver<Result<Bytes, ()>>,
    left: u64,
    progress: Arc<Progress>,
}

impl BlobBody {
    /// Opens a blob for one attempt. It is read on a thread for blocking work.
    pub(super) fn open(blob: &Blob, observer: &Arc<dyn Observer>) -> (Self, Arc<Progress>) {
        let progress = Arc::new(Progress {
            digest: blob.digest,
            size: blob.size,
            sent: AtomicU64::new(0),
            fault: Mutex::default(),
            observer: Arc::clone(observer),
        });
        let (sender, pieces) = mpsc::channel(WAITING);
        let (source, seen) = (blob.clone(), Arc::clone(&progress));
        tokio::task::spawn_blocking(move || {
            if let Err(fault) = read(&source, &sender) {
                seen.fail(fault);
                // Nobody listens any more when the request was given up.
                let _ = sender.blocking_send(Err(()));
            }
        });
        (Self { pieces, left: blob.size, progress: Arc::clone(&progress) }, progress)
    }
}

/// Sends a blob piece by piece. The last piece leaves only when all of them have the blob's digest.
fn read(blob: &Blob, sender: &mpsc::Sender<Result<Bytes, ()>>) -> Result<(), RegistryError> {
    let mut reader = blob.open()?;
    let mut hasher = Hasher::default();
    let mut left = blob.size;
    while left > 0 {
        let mut piece = vec![0; PIECE.min(usize::try_from(left).unwrap_or(PIECE))];
        fill(&mut reader, &mut piece, blob)?;
        hasher.update(&piece);
        left -= piece.len() as u64;
        if left == 0 && hasher.clone().finish() != blob.digest {
            return Err(RegistryError::SourceChanged { digest: blob.digest });
        }
        if sender.blocking_send(Ok(piece.into())).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// Fills a piece; a blob that ends early has changed.
fn fill(reader: &mut dyn Read, piece: &mut [u8], blob: &Blob) -> Result<(), RegistryError> {
    reader.read_exact(piece).map_err(|error| match (&blob.bytes, error.kind()) {
        (BlobBytes::File { path, .. }, kind) if kind != std::io::ErrorKind::UnexpectedEof => {
            FileError::on("read", path)(error).into()
        }
        _ => RegistryError::SourceChanged { digest: blob.digest },
    })
}

impl http_body::Body for BlobBody {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        if this.left == 0 {
            return Poll::Ready(None);
        }
        this.pieces.poll_recv(context).map(|piece| match piece {
            Some(Ok(piece)) => {
                let count = piece.len() as u64;
                this.left = this.left.saturating_sub(count);
                this.progress.advance(count);
                Some(Ok(Frame::data(piece)))
            }
            // The reason is kept in the progress.
            Some(Err(())) | None => Some(Err(std::io::Error::other("the blob cannot be read"))),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
