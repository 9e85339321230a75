//! What can go wrong with an image as a whole.

use std::io;
use std::path::PathBuf;

use crate::ground::{FileError, Hint};
use crate::oci::{Digest, Platform};
use crate::store::StoreError;

/// An image that cannot be put together or written.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// Neither the base nor the build file gives a layer; registries refuse such an image.
    #[error("the image has no layers")]
    NoLayers,
    /// More layers than containerd mounts.
    #[error("the image has {} layers, {base} of the base and {own} of its own; runtimes take {limit}", base + own)]
    TooManyLayers {
        /// Layers of the base.
        base: usize,
        /// Own layers.
        own: usize,
        /// The limit.
        limit: usize,
    },
    /// A blob of the image is not to be had.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// The output takes no more bytes.
    #[error("cannot write {what}")]
    Write {
        /// What was being written.
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// The bytes of a blob are not those of its digest.
    #[error("blob {digest} of {size} bytes is damaged: its bytes are {found}, {length} bytes")]
    Corrupt {
        /// The digest in the manifest.
        digest: Digest,
        /// The size in the manifest.
        size: u64,
        /// The digest of the bytes that were read.
        found: Digest,
        /// Their count.
        length: u64,
    },
    /// A docker-archive of images for several platforms: the form holds one.
    #[error("a docker-archive holds one platform, and the image has {}", listed(platforms))]
    SeveralPlatforms {
        /// What there is.
        platforms: Vec<Platform>,
    },
    /// What `docker load` would not run.
    #[error("a docker-archive holds images of plain layers, and this is none")]
    NotForDocker,
    /// The output folder holds something that is no image layout.
    #[error("`{}` is not empty and is no OCI image layout", .0.display())]
    NotALayout(PathBuf),
    /// The index of an existing layout cannot be extended.
    #[error("cannot add to `{}`: its `index.json` is no index", path.display())]
    Index {
        /// The layout's folder.
        path: PathBuf,
        /// What the reader said, if it is no JSON at all.
        source: Option<serde_json::Error>,
    },
}

fn listed(platforms: &[Platform]) -> String {
    platforms.iter().map(|platform| format!("`{platform}`")).collect::<Vec<_>>().join(", ")
}

impl Hint for ImageError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoLayers => "add a layer to the build file, or build on a base".to_owned(),
            Self::TooManyLayers { .. } => "join some layers of the build file, or raise `split`".to_owned(),
            Self::Store(error) => return error.hint(),
            Self::File(error) => return error.hint(),
            Self::Write { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                "free some space, or write to another disk".to_owned()
            }
            Self::SeveralPlatforms { platforms } => {
                let example = platforms.first().map_or_else(|| "linux/amd64".to_owned(), ToString::to_string);
                format!("choose one with `--platform {example}`, or write an `oci-archive:` instead")
            }
            Self::NotForDocker => "write an `oci-archive:` instead".to_owned(),
            Self::Corrupt { .. } => "run `dockless cache prune` and build again".to_owned(),
            Self::NotALayout(_) | Self::Index { .. } => "name a folder that is new or empty".to_owned(),
            Self::Write { .. } => return None,
        })
    }
}
