//! The body of an upload: a blob or a part of one, opened anew for each attempt and sent with its exact length. A whole
//! is hashed on the way, so that a file which changes is noticed before its last bytes leave.

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
use crate::oci::{Digest, Hasher, HashingReader};
use crate::store::{Blob, BlobBytes};

/// How much is read at once, and how many such pieces wait for the socket: the memory of one upload.
const PIECE: usize = 128 * 1024;
const WAITING: usize = 2;

/// A blob, or a part of it.
#[derive(Clone, Debug)]
pub(super) struct Section {
    /// The blob.
    pub(super) blob: Blob,
    /// Where the part begins.
    pub(super) offset: u64,
    /// The length of the part.
    pub(super) length: u64,
}

impl Section {
    /// Makes a section of all of a blob.
    pub(super) fn whole(blob: &Blob) -> Self {
        Self { blob: blob.clone(), offset: 0, length: blob.size }
    }

    /// Returns whether the section is all of the blob.
    pub(super) fn is_whole(&self) -> bool {
        self.length == self.blob.size
    }

    /// Opens the section as if it were a blob of its own.
    fn open(&self) -> Result<Box<dyn Read + Send>, FileError> {
        let Blob { digest, bytes, .. } = &self.blob;
        match bytes {
            BlobBytes::Memory(bytes) => {
                let mut rest = std::io::Cursor::new(Arc::clone(bytes));
                rest.set_position(self.offset);
                Ok(Box::new(rest.take(self.length)))
            }
            BlobBytes::File { path, offset } => {
                let bytes = BlobBytes::File { path: path.clone(), offset: offset + self.offset };
                Blob { digest: *digest, size: self.length, bytes }.open()
            }
            BlobBytes::Remote(bytes) => Ok(Box::new(bytes.open(self.offset).take(self.length))),
        }
    }
}

/// What an upload has done so far, as seen from outside of its body.
pub(super) struct Progress {
    digest: Digest,
    /// The blob's size, and what of it was sent before this section.
    size: u64,
    before: u64,
    length: u64,
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
        self.sent() >= self.length
    }

    /// Returns what was wrong with the blob: then the broken request is our own doing.
    pub(super) fn take_fault(&self) -> Option<RegistryError> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn fail(&self, fault: RegistryError) {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(fault);
    }

    fn advance(&self, count: u64) {
        let sent = self.before + self.sent.fetch_add(count, Ordering::Relaxed) + count;
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
    /// Opens a section for one attempt. It is read on a thread for blocking work.
    pub(super) fn open(section: &Section, observer: &Arc<dyn Observer>) -> (Self, Arc<Progress>) {
        let progress = Arc::new(Progress {
            digest: section.blob.digest,
            size: section.blob.size,
            before: section.offset,
            length: section.length,
            sent: AtomicU64::new(0),
            fault: Mutex::default(),
            observer: Arc::clone(observer),
        });
        let (sender, pieces) = mpsc::channel(WAITING);
        let (source, seen) = (section.clone(), Arc::clone(&progress));
        tokio::task::spawn_blocking(move || {
            if let Err(fault) = read(&source, &sender) {
                seen.fail(fault);
                // Nobody listens any more when the request was given up.
                let _ = sender.blocking_send(Err(()));
            }
        });
        (Self { pieces, left: section.length, progress: Arc::clone(&progress) }, progress)
    }
}

/// Sends a section piece by piece. Of a whole the last piece leaves only when all of them have the blob's digest.
fn read(section: &Section, sender: &mpsc::Sender<Result<Bytes, ()>>) -> Result<(), RegistryError> {
    let blob = &section.blob;
    let mut reader = section.open()?;
    let mut hasher = Hasher::default();
    let mut left = section.length;
    while left > 0 {
        let mut piece = vec![0; PIECE.min(usize::try_from(left).unwrap_or(PIECE))];
        fill(&mut reader, &mut piece, blob)?;
        left -= piece.len() as u64;
        if section.is_whole() {
            hasher.update(&piece);
            if left == 0 && hasher.clone().finish() != blob.digest {
                return Err(RegistryError::SourceChanged { digest: blob.digest });
            }
        }
        if sender.blocking_send(Ok(piece.into())).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// Reads all of a blob and holds it against its digest, on a thread for blocking work: what is sent in parts was never
/// seen whole.
///
/// # Errors
/// When it cannot be read, or is another than its digest says.
pub(super) async fn verify(blob: &Blob) -> Result<(), RegistryError> {
    let blob = blob.clone();
    let look = move || {
        let (got, length) = HashingReader::new(blob.open()?).finish().map_err(|error| match &blob.bytes {
            BlobBytes::File { path, .. } => RegistryError::from(FileError::on("read", path)(error)),
            BlobBytes::Remote(_) if error.kind() != std::io::ErrorKind::UnexpectedEof => {
                RegistryError::Unreadable { digest: blob.digest, source: error }
            }
            BlobBytes::Memory(_) | BlobBytes::Remote(_) => RegistryError::SourceChanged { digest: blob.digest },
        })?;
        let same = got == blob.digest && length == blob.size;
        if same { Ok(()) } else { Err(RegistryError::SourceChanged { digest: blob.digest }) }
    };
    match tokio::task::spawn_blocking(look).await {
        Ok(result) => result,
        Err(failure) => match failure.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime ends, and this future with it.
            Err(_) => std::future::pending().await,
        },
    }
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
