//! What can go wrong when images of others are read and written.

use super::super::Class;
use crate::ground::Hint;
use crate::image::ImageError;
use crate::oci::{Digest, ManifestError, Platform};
use crate::registry::RegistryError;
use crate::store::StoreError;

/// An image that cannot be copied or looked at.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CopyError {
    /// The registry that has it does not give it.
    #[error("cannot read `{name}`")]
    Read {
        /// The image.
        name: String,
        /// Why not.
        source: RegistryError,
    },
    /// It cannot be read from files.
    #[error("cannot read `{name}`")]
    ReadFiles {
        /// The image.
        name: String,
        /// Why not.
        source: StoreError,
    },
    /// One of its documents is no manifest.
    #[error("`{digest}` of `{name}` cannot be used")]
    Document {
        /// The image.
        name: String,
        /// The document.
        digest: Digest,
        /// What is wrong with it.
        source: ManifestError,
    },
    /// It has more or deeper documents than any image needs.
    #[error("`{name}` has {what}")]
    Excess {
        /// The image.
        name: String,
        /// What is too much.
        what: &'static str,
    },
    /// It has no image for the platform.
    #[error("`{name}` has no image for `{wanted}`; it has {}", listed(have))]
    NoPlatform {
        /// The image.
        name: String,
        /// What was asked for.
        wanted: Box<Platform>,
        /// What there is.
        have: Vec<Platform>,
    },
    /// The registry that it goes to does not take it.
    #[error("cannot copy to `{name}`")]
    Write {
        /// Where it goes.
        name: String,
        /// Why not.
        source: RegistryError,
    },
    /// It cannot be written to files.
    #[error("cannot write `{name}`")]
    WriteFiles {
        /// Where it goes.
        name: String,
        /// Why not.
        source: ImageError,
    },
    /// What refers to an image is listed by registries alone.
    #[error("referrers are copied from a registry to a registry")]
    Referrers,
}

fn listed(platforms: &[Platform]) -> String {
    match platforms {
        [] => "none".to_owned(),
        some => some.iter().map(|platform| format!("`{platform}`")).collect::<Vec<_>>().join(", "),
    }
}

impl CopyError {
    /// Returns which kind of end this is.
    pub(crate) fn class(&self) -> Class {
        match self {
            Self::Read { .. } | Self::Write { .. } | Self::Document { .. } | Self::Excess { .. } => Class::Registry,
            Self::ReadFiles { .. } | Self::WriteFiles { .. } | Self::NoPlatform { .. } | Self::Referrers => {
                Class::Build
            }
        }
    }
}

impl Hint for CopyError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Read { source, .. } | Self::Write { source, .. } => source.hint(),
            Self::ReadFiles { source, .. } => source
                .hint()
                .or_else(|| Some("check the path; a relative one is taken from the folder you are in".to_owned())),
            Self::WriteFiles { source, .. } => source.hint(),
            Self::NoPlatform { have, .. } => have.first().map(|platform| format!("give --platform {platform}")),
            Self::Document { .. } | Self::Excess { .. } => {
                Some("check the reference: `dockless inspect --raw` shows what stands there".to_owned())
            }
            Self::Referrers => Some("leave --referrers away, or copy between registries".to_owned()),
        }
    }
}
