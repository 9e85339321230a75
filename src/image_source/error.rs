//! What can go wrong with the files of another image.

use std::io;

use crate::base::FactsError;
use crate::ground::Hint;

/// An image whose files cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum ImageSourceError {
    /// One of its layers is not to be had.
    #[error("cannot open layer {layer} of `{image}`")]
    Open {
        /// The image.
        image: String,
        /// Which layer, from 1, the lowest first.
        layer: u16,
        /// What whoever opens it said.
        source: io::Error,
    },
    /// One of its layers cannot be read, is broken, or is larger than any sane layer.
    #[error("cannot read the files of `{image}`")]
    Layers {
        /// The image.
        image: String,
        /// What is wrong.
        source: FactsError,
    },
    /// The bytes that were taken cannot be kept until they are packed.
    #[error("cannot keep files of `{image}` on disk")]
    Spool {
        /// The image.
        image: String,
        /// What the system said.
        source: io::Error,
    },
    /// It has more layers than can be counted.
    #[error("`{image}` has {layers} layers")]
    TooManyLayers {
        /// The image.
        image: String,
        /// How many.
        layers: usize,
    },
    /// A file has no bytes after all layers were read: they were others than at the first reading.
    #[error("the layers of `{image}` changed between two readings")]
    Changed {
        /// The image.
        image: String,
    },
}

impl Hint for ImageSourceError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Spool { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                "free some space where temporary files are, or take less of the image".to_owned()
            }
            Self::Spool { .. } => return None,
            Self::Open { .. } | Self::Layers { source: FactsError::Read { .. }, .. } | Self::Changed { .. } => {
                "run it again; if it fails again, the image itself is damaged".to_owned()
            }
            Self::Layers { .. } | Self::TooManyLayers { .. } => {
                "check that `image` names the image you mean, and rebuild that image".to_owned()
            }
        })
    }
}
