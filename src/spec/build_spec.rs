//! What is to be built: every default filled in, every variable replaced, every rule of form checked.

use std::path::PathBuf;

use super::{ConfigSpec, DeploySpec, LayerOrigin, LayerSpec, RepositorySpec};
use crate::oci::{Annotations, LayerCodec, Platform, Reference, Repository, Tag};

/// The bytes that a layer is written in: tar dialect, encoder, chunking and JSON form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Format 1.
    #[default]
    V1,
}

/// A codec with its level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Plain tar.
    None,
    /// gzip, level 1 to 9.
    Gzip(u32),
    /// zstd, level 1 to 19.
    Zstd(i32),
}

impl Default for Compression {
    fn default() -> Self {
        Self::Gzip(6)
    }
}

impl Compression {
    /// Returns the codec without its level.
    pub fn codec(self) -> LayerCodec {
        match self {
            Self::None => LayerCodec::None,
            Self::Gzip(_) => LayerCodec::Gzip,
            Self::Zstd(_) => LayerCodec::Zstd,
        }
    }
}

impl std::fmt::Display for Compression {
    /// Writes the form of the layer annotation: `none`, `gzip:6`, `zstd:3`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Gzip(level) => write!(f, "gzip:{level}"),
            Self::Zstd(level) => write!(f, "zstd:{level}"),
        }
    }
}

/// The whole of a build file.
#[derive(Clone, Debug, PartialEq)]
pub struct BuildSpec {
    /// The folder of the project, absolute.
    pub project: PathBuf,
    /// The build file, absolute; it is left out of layers.
    pub file: PathBuf,
    /// The lock beside it, absolute: its name with `.lock` for its extension. It need not be there, and is left out of
    /// layers too.
    pub lock: PathBuf,
    /// The bytes that layers are written in.
    pub format: Format,
    /// Where the image is pushed; `push`, `ship` and `deploy` need it.
    pub name: Option<Repository>,
    /// The tags, in the order in which they are pushed; the first is written to ECS. Never empty.
    pub tags: Vec<Tag>,
    /// What is built for each platform, in the order of the file; one entry, without a platform, if the file leaves it
    /// to the base. Never empty.
    pub images: Vec<ImageSpec>,
    /// More images, beside those under the target's tags, whose layers may be taken over.
    pub cache_from: Vec<Reference>,
    /// How own layers are compressed.
    pub compression: Compression,
    /// Annotations of the manifests and the index.
    pub annotations: Annotations,
    /// Patterns that the secret guard admits.
    pub secrets_allow: Vec<String>,
    /// How the repository is made if it does not exist.
    pub repository: Option<RepositorySpec>,
    /// What is to be deployed, if the file says so.
    pub deploy: Option<DeploySpec>,
    /// `SOURCE_DATE_EPOCH` in seconds, if the environment sets it: the time of the config and of our history.
    pub source_date_epoch: Option<u64>,
}

/// What is built for one platform: the keys whose values may name it.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageSpec {
    /// The platform, or `None` for the base's own.
    pub platform: Option<Platform>,
    /// What is built on.
    pub base: BaseSource,
    /// The own layers, bottom to top.
    pub layers: Vec<LayerSpec>,
    /// What is laid over the base's config.
    pub config: ConfigSpec,
}

impl ImageSpec {
    /// Returns the names of the images in registries that layers take files from: the tags among them a lock pins.
    pub fn foreign(&self) -> impl Iterator<Item = &str> {
        self.layers.iter().filter_map(|layer| match &layer.source.as_ref()?.origin {
            LayerOrigin::Image { name, source: BaseSource::Registry(_) } => Some(name.as_str()),
            _ => None,
        })
    }
}

/// What an image is built on. Paths are absolute.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BaseSource {
    /// Nothing.
    Scratch,
    /// An OCI image layout; without a tag its only image.
    Layout {
        /// The layout's folder.
        path: PathBuf,
        /// The tag (`org.opencontainers.image.ref.name`) within it.
        tag: Option<String>,
    },
    /// A tar of an OCI image layout.
    OciArchive(PathBuf),
    /// A tar as `docker save` writes it.
    DockerArchive(PathBuf),
    /// An image in a registry.
    Registry(Reference),
}
