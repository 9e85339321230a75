//! What is to be built: every default filled in, every variable replaced, every rule of form checked.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::{Capabilities, DeploySpec, EnvValue};
use crate::oci::{Annotations, ImagePath, LayerCodec, Platform, Reference, Repository, Tag};

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
    /// The bytes that layers are written in.
    pub format: Format,
    /// Where the image is pushed; `push`, `ship` and `deploy` need it.
    pub name: Option<Repository>,
    /// The tags, in the order in which they are pushed; the first is written to ECS. Never empty.
    pub tags: Vec<Tag>,
    /// What is built for each platform, in the order of the file; one entry, without a platform, if the file leaves it
    /// to the base. Never empty.
    pub images: Vec<ImageSpec>,
    /// How own layers are compressed.
    pub compression: Compression,
    /// Annotations of the manifests and the index.
    pub annotations: Annotations,
    /// Patterns that the secret guard admits.
    pub secrets_allow: Vec<String>,
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

/// One own layer.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerSpec {
    /// Its name in messages, history and plans.
    pub name: String,
    /// Files of the project, or `None` for a layer of `files` alone.
    pub source: Option<LayerSource>,
    /// The owner of what no rule names.
    pub owner: OwnerSpec,
    /// The mode of what no rule names.
    pub mode: ModeRule,
    /// The time of what no rule names.
    pub mtime: MtimeRule,
    /// Whether a file may stand where the tree below has a folder, and the reverse.
    pub replace: bool,
    /// Where the layer is cut into several.
    pub split: Split,
    /// Rules for some paths, in the order of the file: merged per key, later wins.
    pub paths: Vec<PathRule>,
    /// Entries written by the build file itself.
    pub files: Vec<FileSpec>,
}

/// `split`: a layer that has more bytes becomes several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// It stays one.
    Off,
    /// Bytes of files in each part, about.
    At(u64),
}

impl Default for Split {
    fn default() -> Self {
        Self::At(256 << 20)
    }
}

/// Where the files of a layer are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LayerOrigin {
    /// In the project.
    Project,
    /// In a folder outside of it that `contexts` names.
    Context {
        /// Its name.
        name: String,
        /// The folder, absolute.
        folder: PathBuf,
    },
    /// In another image.
    Image {
        /// The image as the build file names it.
        name: String,
        /// Where it is.
        source: BaseSource,
    },
}

/// Files that go into a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerSource {
    /// Whose files they are.
    pub origin: LayerOrigin,
    /// The file or folder, relative to the root of the origin, without `..`; empty for that root itself.
    pub from: PathBuf,
    /// Where it goes, as the build file says it (symlinks of the base are not resolved yet).
    pub to: Destination,
    /// `to` is the root or the working directory, or ended with a slash: a file goes into it, under its own name.
    pub to_is_folder: bool,
    /// Patterns of what is taken, relative to `from`; empty means all. What is named here is taken even if it is one
    /// of the paths that are left out by default.
    pub include: Vec<String>,
    /// Patterns of what is left out, relative to `from`.
    pub exclude: Vec<String>,
    /// Whether `.dockerignore` counts.
    pub ignore_file: IgnoreFile,
}

impl LayerSource {
    /// Returns where it goes in an image with this working directory; without one that is the root.
    pub fn destination(&self, working_dir: Option<&str>) -> ImagePath {
        self.to.below(working_dir)
    }
}

/// Where a layer's files go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// To this path.
    Absolute(ImagePath),
    /// To this path below the working directory of the base, which the build file leaves as it is.
    BelowWorkingDir(ImagePath),
}

impl Destination {
    /// Returns the path in an image with this working directory; without one that is the root.
    ///
    /// ```
    /// use dockless::oci::ImagePath;
    /// use dockless::spec::Destination;
    /// let vendor = Destination::BelowWorkingDir(ImagePath::parse(b"vendor").expect("inside the image"));
    /// assert_eq!(vendor.below(Some("/srv/app")).to_string(), "/srv/app/vendor");
    /// assert_eq!(vendor.below(None).to_string(), "/vendor");
    /// ```
    pub fn below(&self, working_dir: Option<&str>) -> ImagePath {
        match self {
            Self::Absolute(path) => path.clone(),
            Self::BelowWorkingDir(path) => {
                // No base has `..` in its working directory; one that had would count as having none.
                let folder = working_dir.and_then(|text| ImagePath::parse(text.as_bytes())).unwrap_or_default();
                folder.join_path(path)
            }
        }
    }
}

/// Whether a layer is subject to the project's `.dockerignore`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IgnoreFile {
    /// It is, unless `from` itself is ignored by it (`vendor`, `dist`: built before us).
    Auto,
    /// `dockerignore: true`: it is in any case.
    Always,
    /// `dockerignore: false`: it is not.
    Never,
}

/// `owner: name[:group]`, or numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnerSpec {
    /// The user.
    pub user: OwnerPart,
    /// The group; without one a user's name takes its primary group, a number is uid and gid.
    pub group: Option<OwnerPart>,
}

/// A user or group, by number or by a name that is looked up in the tree below.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnerPart {
    /// A number.
    Id(u64),
    /// A name in `/etc/passwd` or `/etc/group`.
    Name(String),
}

impl Default for OwnerSpec {
    fn default() -> Self {
        Self { user: OwnerPart::Id(0), group: Some(OwnerPart::Id(0)) }
    }
}

/// The mode of files and folders of the project.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ModeRule {
    /// Files 0755 where the owner may execute, else 0644; folders 0755.
    #[default]
    Normal,
    /// As on disk, all twelve bits.
    Keep,
    /// This mode for files; folders get it too, with x where r is.
    Fixed(u32),
}

/// The time of files of the project.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MtimeRule {
    /// 315532800 + (first 8 bytes of the content's SHA-256, big-endian) mod 10^9; folders and links 1.
    #[default]
    Content,
    /// Seconds since the epoch, for all entries. `source_date_epoch` was resolved to this.
    Seconds(u64),
    /// As on disk, whole seconds.
    Keep,
}

/// One rule of `paths`: what is not set is left to earlier rules and the layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathRule {
    /// `.dockerignore` patterns relative to `from`; each covers the path and all below it.
    pub patterns: Vec<String>,
    /// The owner.
    pub owner: Option<OwnerSpec>,
    /// `mode`: for files and folders.
    pub mode: Option<ModeRule>,
    /// `dir_mode`: for folders, before `mode`.
    pub dir_mode: Option<u32>,
    /// `file_mode`: for files, before `mode`.
    pub file_mode: Option<u32>,
    /// The time.
    pub mtime: Option<MtimeRule>,
    /// The capabilities of regular files; an empty list removes those of other rules.
    pub capabilities: Option<Capabilities>,
}

/// An entry that the build file writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSpec {
    /// Its path in the image.
    pub path: ImagePath,
    /// What stands there.
    pub what: FileWhat,
    /// The owner; the layer's by default.
    pub owner: Option<OwnerSpec>,
    /// The mode; 0644 for files and 0755 for folders by default.
    pub mode: Option<u32>,
    /// The time; the layer's by default.
    pub mtime: Option<MtimeRule>,
    /// The capabilities, of a regular file only.
    pub capabilities: Option<Capabilities>,
}

/// What an entry of `files` is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileWhat {
    /// A regular file.
    File(FileContent),
    /// A symlink with its target, verbatim.
    Link(String),
    /// A folder.
    Dir,
    /// A whiteout: the path below is hidden.
    Remove,
}

/// Where the bytes of a written file come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileContent {
    /// The build file itself.
    Inline(Vec<u8>),
    /// A file of the project, relative to it, without `..`.
    From(PathBuf),
}

/// What is laid over the base's config. `None` leaves the base's value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigSpec {
    /// Environment in the order of the file; `None` removes an inherited variable. `${base.VAR}` is still to be
    /// replaced, see [`EnvValue::resolve`].
    pub env: Vec<(String, Option<EnvValue>)>,
    /// The working directory.
    pub working_dir: Option<String>,
    /// The user, as the config takes it.
    pub user: Option<String>,
    /// The entrypoint; setting it clears an inherited cmd.
    pub entrypoint: Option<Vec<String>>,
    /// The command.
    pub cmd: Option<Vec<String>>,
    /// Ports as `80/tcp`, added to the base's.
    pub ports: Vec<String>,
    /// Volumes, added to the base's.
    pub volumes: Vec<String>,
    /// Labels; `None` removes an inherited one.
    pub labels: BTreeMap<String, Option<String>>,
    /// The stop signal.
    pub stop_signal: Option<String>,
    /// The health check.
    pub healthcheck: Option<HealthcheckSpec>,
}

/// A health check in Docker's terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthcheckSpec {
    /// `[CMD, ...]`, `[CMD-SHELL, LINE]` or `[NONE]`.
    pub test: Vec<String>,
    /// Between two checks.
    pub interval: Option<Duration>,
    /// For one check.
    pub timeout: Option<Duration>,
    /// Failures until unhealthy.
    pub retries: Option<u32>,
    /// Grace after the start.
    pub start_period: Option<Duration>,
}
