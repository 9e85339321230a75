//! What can be wrong with a store, a layout or an archive.

use std::io;
use std::path::PathBuf;

use crate::ground::{FileError, Hint};
use crate::oci::{ConfigError, Digest, ManifestError, Platform};

/// A store, layout or archive that cannot be used as it is.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// Bytes are not those that their digest and size name.
    #[error("{what} should be {expected} of {size} bytes but is {found} of {length} bytes")]
    Mismatch {
        /// What was read or written.
        what: String,
        /// The digest that was announced.
        expected: Digest,
        /// The size that was announced.
        size: u64,
        /// The digest of the bytes that are there.
        found: Digest,
        /// Their count.
        length: u64,
    },
    /// A blob has another size than its descriptor says; nothing was hashed.
    #[error("{digest} should have {size} bytes but has {length}")]
    Size {
        /// The blob.
        digest: Digest,
        /// The size that was announced.
        size: u64,
        /// The count of the bytes that are there.
        length: u64,
    },
    /// A blob is not where it should be.
    #[error("`{}` does not hold {digest}", place.display())]
    Missing {
        /// The blob.
        digest: Digest,
        /// The store, layout or archive.
        place: PathBuf,
    },
    /// A folder with something in it stands where a blob belongs.
    #[error("`{}` is a folder, and a blob belongs there", path.display())]
    Taken {
        /// The folder.
        path: PathBuf,
    },
    /// A file of a layout, or a member of an archive, is not there.
    #[error("`{}` has no `{member}`", place.display())]
    NoMember {
        /// The layout or archive.
        place: PathBuf,
        /// What was looked for.
        member: String,
        /// Another form that the place has, as a build file names it.
        other_form: Option<&'static str>,
    },
    /// The place exists but is no layout or archive.
    #[error("`{}` is no {form}: {why}", place.display())]
    Form {
        /// The place.
        place: PathBuf,
        /// What it was taken for.
        form: &'static str,
        /// What speaks against it.
        why: String,
    },
    /// An archive ends before its members do.
    #[error("`{}` is truncated: `{member}` ends at byte {end}, the file at {length}", place.display())]
    Truncated {
        /// The archive.
        place: PathBuf,
        /// The member that is cut off.
        member: String,
        /// Where the member should end.
        end: u64,
        /// Where the file ends.
        length: u64,
    },
    /// An archive cannot be read.
    #[error("cannot read the archive `{}`", place.display())]
    Archive {
        /// The archive.
        place: PathBuf,
        /// What the reader said.
        source: io::Error,
    },
    /// A name leads out of the layout or archive.
    #[error("`{member}` leads out of `{}`", place.display())]
    Escape {
        /// The layout or archive.
        place: PathBuf,
        /// The name that leads out.
        member: String,
    },
    /// A document is larger than any registry would take.
    #[error("`{member}` in `{}` has {size} bytes; {limit} are the most that is read", place.display())]
    TooLarge {
        /// The layout or archive.
        place: PathBuf,
        /// The document.
        member: String,
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// A manifest or index cannot be used.
    #[error("cannot use `{member}` in `{}`", place.display())]
    Manifest {
        /// The layout or archive.
        place: PathBuf,
        /// The document.
        member: String,
        /// What is wrong with it.
        source: ManifestError,
    },
    /// An image config cannot be used.
    #[error("cannot use the image config `{member}` in `{}`", place.display())]
    Config {
        /// The layout or archive.
        place: PathBuf,
        /// The config.
        member: String,
        /// What is wrong with it.
        source: ConfigError,
    },
    /// No image has the tag.
    #[error("`{}` has no image with the tag `{tag}`", place.display())]
    NoTag {
        /// The layout or archive.
        place: PathBuf,
        /// What was asked for.
        tag: String,
        /// The tags there are.
        tags: Vec<String>,
    },
    /// Several images, and nothing says which.
    #[error("`{}` holds several images", place.display())]
    SeveralImages {
        /// The layout or archive.
        place: PathBuf,
        /// The tags there are.
        tags: Vec<String>,
        /// Whether a tag can be asked for: not in a docker-archive.
        by_tag: bool,
    },
    /// There is no image at all.
    #[error("`{}` holds no image", .0.display())]
    NoImage(PathBuf),
    /// Images for several platforms, and nothing says which.
    #[error("`{}` has images for {}", place.display(), list(have))]
    SeveralPlatforms {
        /// The layout or archive.
        place: PathBuf,
        /// The platforms there are.
        have: Vec<Platform>,
    },
    /// No image for the platform.
    #[error("`{}` has no image for `{wanted}`, only for {}", place.display(), list(have))]
    NoPlatform {
        /// The layout or archive.
        place: PathBuf,
        /// What was asked for.
        wanted: Box<Platform>,
        /// The platforms there are.
        have: Vec<Platform>,
    },
    /// An image for Windows, whose layers have a form of their own.
    #[error("`{}` holds a Windows image; dockless builds on Linux images", place.display())]
    Windows {
        /// The layout or archive.
        place: PathBuf,
    },
    /// Manifest and config do not list the same number of layers.
    #[error("an image in `{}` has {layers} layers but {diff_ids} diff ids", place.display())]
    LayerCount {
        /// The layout or archive.
        place: PathBuf,
        /// The layers of the manifest.
        layers: usize,
        /// The diff ids of the config.
        diff_ids: usize,
    },
    /// A config or layer has a media type that dockless cannot build on.
    #[error("{digest} in `{}` has the media type `{media_type}`, which is no layer or config to build on", place.display())]
    MediaType {
        /// The layout or archive.
        place: PathBuf,
        /// The blob.
        digest: Digest,
        /// Its media type.
        media_type: String,
    },
}

fn list<T: std::fmt::Display>(items: &[T]) -> String {
    items.iter().map(|item| format!("`{item}`")).collect::<Vec<_>>().join(", ")
}

impl Hint for StoreError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::File(error) => return error.hint(),
            Self::Archive { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                "free some space, or set DOCKLESS_CACHE_DIR to a folder on another disk".to_owned()
            }
            Self::Mismatch { .. } | Self::Size { .. } | Self::Missing { .. } | Self::Truncated { .. } => {
                "make or download it again: it is damaged or incomplete".to_owned()
            }
            Self::Taken { path } => {
                format!("remove `{}`, or set DOCKLESS_CACHE_DIR to another folder", path.display())
            }
            Self::NoMember { other_form: Some(form), place, .. } => format!("write `{form}:{}`", place.display()),
            Self::NoTag { tags, .. } | Self::SeveralImages { tags, by_tag: true, .. } if !tags.is_empty() => {
                format!("name one of its tags after a colon: {}", list(tags))
            }
            Self::SeveralImages { by_tag: false, tags, .. } => {
                let example = tags.first().map_or("IMAGE", String::as_str);
                format!("save one image alone: `docker save {example} -o FILE`")
            }
            Self::Windows { .. } => "name a Linux image as `base`".to_owned(),
            Self::SeveralPlatforms { have, .. } | Self::NoPlatform { have, .. } => {
                let first = have.first()?;
                format!("set `platforms: [{first}]` in the build file, or pass `--platform {first}`")
            }
            _ => return None,
        })
    }
}
