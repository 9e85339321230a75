//! What packing a layer can end with.

use std::io;

use crate::ground::{FileError, Hint};
use crate::tree::TreeError;

/// A layer that cannot be packed. `E` is the error of whoever lists the entries.
#[derive(Debug, thiserror::Error)]
pub enum PackError<E> {
    /// The entries cannot be listed.
    #[error(transparent)]
    Entry(E),
    /// A file of the project cannot be read, or changed meanwhile.
    #[error(transparent)]
    Source(#[from] TreeError),
    /// An entry stands where none may: a layer never holds the root.
    #[error("an entry names the root of the image")]
    Root,
    /// The encoder failed.
    #[error("cannot compress the layer")]
    Encode(#[source] io::Error),
    /// The blob cannot be written.
    #[error("cannot write the layer")]
    Write(#[source] io::Error),
    /// The threads that pack cannot be started.
    #[error("cannot start the threads that pack layers")]
    Threads(#[source] rayon::ThreadPoolBuildError),
    /// The blob that was to be continued is not what it was. Without it packing succeeds.
    #[error("an earlier state of the layer cannot be continued")]
    Stale,
    /// Nobody waits for the layer any more.
    #[error("packing was interrupted")]
    Cancelled,
}

impl<E: Hint> Hint for PackError<E> {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Entry(error) => error.hint(),
            Self::Source(error) => error.hint(),
            Self::Write(error) => match error.get_ref().and_then(|inner| inner.downcast_ref::<FileError>()) {
                Some(file) => file.hint(),
                None => Some("free some space, or set DOCKLESS_CACHE_DIR to a folder on another disk".to_owned()),
            },
            Self::Threads(_) => Some("use fewer threads: --jobs 1".to_owned()),
            Self::Root | Self::Encode(_) | Self::Stale | Self::Cancelled => None,
        }
    }
}
