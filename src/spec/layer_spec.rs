//! One own layer: whose files it takes, where they go, and what becomes of them.

use std::path::PathBuf;

use super::{BaseSource, FileSpec, ModeRule, MtimeRule, OwnerSpec, PathRule};
use crate::oci::ImagePath;

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
