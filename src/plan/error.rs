//! Why entries cannot be placed.

use std::path::PathBuf;

use crate::base::FactsError;
use crate::ground::Hint;
use crate::oci::ImagePath;
use crate::tree::TreeError;

/// A layer that cannot be laid out as the build file says.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A file of the project cannot be taken.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// A pattern of a layer, or of the `.dockerignore` that it is subject to, is malformed.
    #[error("the patterns of layer `{layer}` cannot be used")]
    Patterns {
        /// The layer.
        layer: String,
        /// Which pattern, and why not.
        source: TreeError,
    },
    /// The base cannot say what stands at a path.
    #[error(transparent)]
    Base(#[from] FactsError),
    /// `from` names nothing.
    #[error("layer `{layer}` takes `{}`, which does not exist", from.display())]
    MissingSource {
        /// The layer.
        layer: String,
        /// The path in the project.
        from: PathBuf,
    },
    /// `from` names a folder of which nothing is taken.
    #[error("layer `{layer}` takes nothing from `{}`", from.display())]
    EmptySource {
        /// The layer.
        layer: String,
        /// The path in the project.
        from: PathBuf,
    },
    /// `from` is a symlink, or is reached through one.
    #[error("layer `{layer}` takes from `{}`, which is a symlink", from.display())]
    SymlinkSource {
        /// The layer.
        layer: String,
        /// The symlink in the project.
        from: PathBuf,
    },
    /// `files[].from` names something that is no regular file.
    #[error("layer `{layer}` writes `{path}` from `{}`, which is no regular file", from.display())]
    NoFile {
        /// The layer.
        layer: String,
        /// The path in the image.
        path: ImagePath,
        /// The path in the project.
        from: PathBuf,
    },
    /// Two files or links for one path.
    #[error("layer `{layer}` writes `{path}` twice: from {first} and from {second}")]
    Conflict {
        /// The layer.
        layer: String,
        /// The path in the image.
        path: ImagePath,
        /// What wants to be there.
        first: String,
        /// What also wants to be there.
        second: String,
    },
    /// A file or link and a folder for one path.
    #[error("layer `{layer}` writes `{path}` as a file from {file} and as a folder from {folder}")]
    FileAndFolder {
        /// The layer.
        layer: String,
        /// The path in the image.
        path: ImagePath,
        /// Where the file comes from.
        file: String,
        /// Where the folder comes from.
        folder: String,
    },
    /// A file or link where the tree below has a folder.
    #[error("layer `{layer}` writes {origin} to `{path}`, which is a folder below it")]
    FileOverFolder {
        /// The layer.
        layer: String,
        /// The path in the image.
        path: ImagePath,
        /// Where the file comes from.
        origin: String,
    },
    /// A folder where the tree below has a file.
    #[error("layer `{layer}` puts the folder {origin} at `{path}`, which is a file below it")]
    FolderOverFile {
        /// The layer.
        layer: String,
        /// The path in the image.
        path: ImagePath,
        /// Where the folder comes from.
        origin: String,
    },
    /// A component above a path is a file.
    #[error("layer `{layer}` writes `{path}`, but `{parent}` is a file below it")]
    ParentIsFile {
        /// The layer.
        layer: String,
        /// The path in the image.
        path: ImagePath,
        /// The component.
        parent: ImagePath,
    },
    /// Symlinks that lead to each other.
    #[error("layer `{layer}` writes `{path}`, but the symlink `{link}` leads in a circle")]
    Loop {
        /// The layer.
        layer: String,
        /// The path in the image.
        path: ImagePath,
        /// A symlink of the circle.
        link: ImagePath,
    },
    /// A symlink that leads nowhere.
    #[error("layer `{layer}` writes `{path}`, but the symlink `{link}` leads to nothing")]
    Dangling {
        /// The layer.
        layer: String,
        /// The path in the image.
        path: ImagePath,
        /// The symlink.
        link: ImagePath,
    },
    /// A removal of what is not there.
    #[error("layer `{layer}` removes `{path}`, which does not exist below it")]
    NothingToRemove {
        /// The layer.
        layer: String,
        /// The path in the image.
        path: ImagePath,
    },
    /// A removal of what the same layer writes.
    #[error("layer `{layer}` removes `{path}` and also writes it, from {origin}")]
    RemovedAndWritten {
        /// The layer.
        layer: String,
        /// The path in the image.
        path: ImagePath,
        /// Where the entry comes from.
        origin: String,
    },
    /// An entry for the root itself.
    #[error("layer `{layer}` writes to the root of the image itself")]
    Root {
        /// The layer.
        layer: String,
    },
    /// A user that the tree below does not know.
    #[error("layer `{layer}` names the user `{name}`, which /etc/passwd below it does not hold")]
    UnknownUser {
        /// The layer.
        layer: String,
        /// The name.
        name: String,
        /// A name that is there and near.
        near: Option<String>,
    },
    /// A group that the tree below does not know.
    #[error("layer `{layer}` names the group `{name}`, which /etc/group below it does not hold")]
    UnknownGroup {
        /// The layer.
        layer: String,
        /// The name.
        name: String,
        /// A name that is there and near.
        near: Option<String>,
    },
}

impl Hint for PlanError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Base(error) => return error.hint(),
            Self::Patterns { source, .. } => return source.hint(),
            Self::Tree(error) => return error.hint(),
            Self::MissingSource { from, .. } => {
                format!("run what makes `{}`, or correct `from`; paths are relative to the project", from.display())
            }
            Self::EmptySource { .. } => {
                "check `include`, `exclude` and .dockerignore (`dockerignore: false` turns it off for a layer), or \
                 remove the layer"
                    .to_owned()
            }
            Self::SymlinkSource { .. } => "name what the symlink points to".to_owned(),
            Self::NoFile { .. } => "use a layer with `from` for a folder, `link` for a symlink".to_owned(),
            Self::Conflict { .. } | Self::FileAndFolder { .. } => {
                "exclude one of the two, or move it to a layer of its own".to_owned()
            }
            Self::FileOverFolder { path, .. } => format!(
                "end `to` with a slash (`{path}/`) to put the file into the folder, or set `replace: true` on the layer \
                 to put it into the folder's place"
            ),
            Self::ParentIsFile { parent, .. } => {
                format!("write to a path that does not go through `{parent}`, or remove that file in a layer below")
            }
            Self::FolderOverFile { .. } => {
                "choose another `to`, or set `replace: true` on the layer to put a folder into the file's place"
                    .to_owned()
            }
            Self::Loop { link, .. } | Self::Dangling { link, .. } => {
                format!("write to a path that does not go through `{link}`, or correct the symlink")
            }
            Self::NothingToRemove { .. } => "correct the path, or drop the entry".to_owned(),
            Self::RemovedAndWritten { .. } => "put the removal into a layer before the one that writes".to_owned(),
            Self::Root { .. } => "name a path below `/`".to_owned(),
            Self::UnknownUser { near, .. } | Self::UnknownGroup { near, .. } => match near {
                Some(near) => format!("did you mean `{near}`? numbers are taken without a look-up"),
                None => "use a number, or add the name in a layer below".to_owned(),
            },
        })
    }
}
