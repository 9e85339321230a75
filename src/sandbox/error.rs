//! Why the stand-in cannot start or keep its state.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::ground::{FileError, Hint};

/// A sandbox that cannot start, or whose state cannot be kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SandboxError {
    /// The stand-in answers nobody but this machine.
    #[error("`{0}` is not a loopback address")]
    NotLoopback(SocketAddr),
    /// The port is taken, or the system refuses it.
    #[error("cannot listen on `{address}`")]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another process works on the same state folder.
    #[error("another sandbox uses the state folder `{}`", .0.display())]
    Locked(PathBuf),
    /// A document of the state folder is not what a sandbox writes.
    #[error("the sandbox state in `{}` cannot be read", path.display())]
    Damaged {
        /// The document.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A file of the state folder cannot be read or written.
    #[error("cannot keep the sandbox state")]
    File(#[from] FileError),
    /// A seed names a repository, cluster or image that could not exist.
    #[error("cannot prepare the sandbox: {what} `{name}` is refused: {reason}")]
    Seed {
        /// What was to be made.
        what: &'static str,
        /// Its name.
        name: String,
        /// Why the stand-in refuses it, in the words of the service it stands for.
        reason: String,
    },
}

impl Hint for SandboxError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NotLoopback(_) => Some("use an address such as `127.0.0.1:0`".to_owned()),
            Self::Listen { .. } => Some("use port 0 to let the system choose a free one".to_owned()),
            Self::Locked(_) => Some("stop the other process, or wait until it ends".to_owned()),
            Self::Damaged { .. } => Some("run `dockless sandbox --reset` to begin with empty state".to_owned()),
            Self::File(error) => error.hint(),
            Self::Seed { .. } => None,
        }
    }
}
