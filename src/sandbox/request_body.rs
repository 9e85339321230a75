//! The body of a request, counted, and cut where a fault says so.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;

/// A request's body as handlers read it: chunk by chunk, never whole unless under a limit.
pub(super) struct RequestBody {
    inner: Incoming,
    received: Arc<AtomicU64>,
    /// How many bytes may still arrive before the connection breaks; `None` when no fault was scripted.
    left: Option<u64>,
}

/// Why a body could not be read whole.
#[derive(Debug)]
pub(super) enum BodyError {
    /// It is longer than its reader allows.
    TooLarge,
    /// The connection broke.
    Broken,
}

impl RequestBody {
    /// Wraps a body; `received` counts its bytes, and after `cut` of them it breaks.
    pub(super) fn new(inner: Incoming, received: Arc<AtomicU64>, cut: Option<u64>) -> Self {
        Self { inner, received, left: cut }
    }

    /// Returns the next bytes, or `None` at the end.
    ///
    /// # Errors
    /// When the connection breaks, or a scripted fault says that it did.
    pub(super) async fn chunk(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            if self.left == Some(0) {
                return Err(io::ErrorKind::ConnectionReset.into());
            }
            let Some(frame) = self.inner.frame().await else { return Ok(None) };
            let Ok(mut data) = frame.map_err(io::Error::other)?.into_data() else { continue };
            if let Some(left) = &mut self.left {
                data.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= data.len() as u64;
            }
            self.received.fetch_add(data.len() as u64, Ordering::Relaxed);
            return Ok(Some(data));
        }
    }

    /// Reads the whole body if it is no longer than `limit` bytes.
    ///
    /// # Errors
    /// When it is longer, or the connection breaks.
    pub(super) async fn collect(&mut self, limit: usize) -> Result<Vec<u8>, BodyError> {
        let mut bytes = Vec::new();
        while let Some(chunk) = self.chunk().await.map_err(|_| BodyError::Broken)? {
            if bytes.len() + chunk.len() > limit {
                return Err(BodyError::TooLarge);
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }
}
