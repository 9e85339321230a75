//! What a use case can end with, and which kind of end that is.

use std::path::PathBuf;

use crate::base::{FactsError, LockError};
use crate::deploy::{DeployError, ErrorClass};
use crate::ground::{FileError, Hint, did_you_mean};
use crate::guard::Refused;
use crate::image::{ImageError, StartError};
use crate::image_source::ImageSourceError;
use crate::layer::PackError;
use crate::oci::Platform;
use crate::plan::PlanError;
use crate::registry::RegistryError;
use crate::spec::SpecError;
use crate::store::StoreError;
use crate::tree::TreeError;

use super::CopyError;

/// A use case that failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The build file, or what it asks of the base's environment.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// The build file lacks what the command needs.
    #[error("`{key}` is missing in `{file}`")]
    Missing {
        /// The key.
        key: &'static str,
        /// The build file.
        file: String,
    },
    /// A base in a folder or archive.
    #[error("cannot use the base `{base}`")]
    LocalBase {
        /// The base as the build file names it.
        base: String,
        /// Why not.
        #[source]
        source: StoreError,
    },
    /// A base in a registry.
    #[error("cannot pull the base `{base}`")]
    Base {
        /// The base as the build file names it.
        base: String,
        /// Why not.
        #[source]
        source: RegistryError,
    },
    /// A base whose layers cannot be read.
    #[error("cannot read the file system of the base `{base}`")]
    Facts {
        /// The base as the build file names it.
        base: String,
        /// Why not.
        #[source]
        source: FactsError,
    },
    /// A base layer whose bytes are not those that its manifest names.
    #[error("layer {expected} of the base `{base}` holds other bytes: {found}")]
    BaseLayer {
        /// The base as the build file names it.
        base: String,
        /// The digest that the manifest names.
        expected: crate::oci::Digest,
        /// The digest of what came.
        found: crate::oci::Digest,
    },
    /// A base layer that cannot be read to its end.
    #[error("cannot read layer {digest} of the base `{base}`")]
    Download {
        /// The base as the build file names it.
        base: String,
        /// The layer.
        digest: crate::oci::Digest,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A base of several platforms, none of which was chosen.
    #[error("the base `{base}` has several platforms, and linux/amd64 is not one of them")]
    Platform {
        /// The base as the build file names it.
        base: String,
        /// What there is.
        platforms: Vec<Platform>,
    },
    /// The lock cannot be read or written.
    #[error("cannot use the lock `{}`", file.display())]
    Lock {
        /// The lock's file.
        file: PathBuf,
        /// Why not.
        #[source]
        source: LockError,
    },
    /// The lock was made for another build file.
    #[error("the lock `{}` is stale: {why}", file.display())]
    StaleLock {
        /// The lock's file.
        file: PathBuf,
        /// What differs.
        why: String,
    },
    /// A tag may not be resolved, and nothing says what it stands for.
    #[error("`{base}` has no digest, and there is no lock that gives it one")]
    NotLocked {
        /// The base as the build file names it.
        base: String,
    },
    /// The base's registry may not be asked, and something is missing.
    #[error("`{base}` may not be asked for {what} with `--offline`")]
    Offline {
        /// The base as the build file names it.
        base: String,
        /// What is missing.
        what: String,
    },
    /// What the build file admits cannot be read.
    #[error("`secrets: {{allow: [...]}}` of the build file cannot be used")]
    Allow {
        /// What is wrong with it.
        source: TreeError,
    },
    /// The project cannot be opened.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// A context cannot be opened.
    #[error("cannot open the context `{name}`")]
    Context {
        /// Its name.
        name: String,
        /// Why not.
        #[source]
        source: TreeError,
    },
    /// Another image's files cannot be taken.
    #[error(transparent)]
    LayerImage(ImageSourceError),
    /// The layers cannot be placed.
    #[error("cannot place the layers")]
    Plan(#[source] PlanError),
    /// A layer cannot be packed.
    #[error("cannot build layer `{layer}`")]
    Layer {
        /// The layer's name.
        layer: String,
        /// Why not.
        #[source]
        source: PackError<PlanError>,
    },
    /// The image would hold secrets.
    #[error(transparent)]
    Secrets(Refused),
    /// The image cannot start.
    #[error("the image cannot start")]
    Start(#[source] StartError),
    /// The config or manifest cannot be made, or the image not written.
    #[error("cannot build the image")]
    Image(#[source] ImageError),
    /// The image cannot be written to an output.
    #[error("cannot write `{output}`")]
    Output {
        /// The output as it was asked for.
        output: String,
        /// Why not.
        #[source]
        source: ImageError,
    },
    /// The store cannot take or give a blob.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The image cannot be pushed.
    #[error("cannot push `{reference}`")]
    Push {
        /// What was pushed.
        reference: String,
        /// Why not.
        #[source]
        source: RegistryError,
    },
    /// The image to deploy cannot be found.
    #[error("cannot resolve `{reference}`")]
    Resolve {
        /// What was looked for.
        reference: String,
        /// Why not.
        #[source]
        source: RegistryError,
    },
    /// There is no such image.
    #[error("there is no image `{reference}`")]
    NoImage {
        /// What was looked for.
        reference: String,
    },
    /// An image of others cannot be copied or looked at.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// A service was named that the build file does not have.
    #[error("`{service}` is none of `deploy.services`")]
    UnknownService {
        /// The name.
        service: String,
        /// The services of the build file.
        known: Vec<String>,
    },
    /// Two builds write one tag.
    #[error("`{}` and `{}` push to the same tag, `{reference}`", files[0], files[1])]
    TagOfTwo {
        /// The tag, with its repository.
        reference: String,
        /// The build files.
        files: [String; 2],
    },
    /// Two builds deploy one service, each in its own way.
    #[error("`{}` and `{}` deploy the service `{service}` and differ in what else `deploy` says", files[0], files[1])]
    ServiceOfTwo {
        /// The service.
        service: String,
        /// The build files.
        files: [String; 2],
    },
    /// The deployment was refused, or broke off.
    #[error("cannot deploy")]
    Deploy(#[from] DeployError),
    /// Services that are looked at, taken back or answered.
    #[error("cannot {what}")]
    Services {
        /// What was to be done with them.
        what: &'static str,
        /// Why it is not.
        #[source]
        source: DeployError,
    },
    /// The use case needs a registry client and its making failed.
    #[error("cannot reach registries")]
    Connector(#[source] RegistryError),
}

/// The kinds of ends that have an exit code of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// 3: the build file.
    BuildFile,
    /// 4: build.
    Build,
    /// 5: registry.
    Registry,
    /// 7: a deployment left half-way.
    DeployFailed,
    /// 12: refused, nothing changed.
    Refused,
    /// 13: a one-off task before failed.
    BeforeFailed,
}

impl Error {
    /// Returns which kind of end this is.
    pub fn class(&self) -> Class {
        match self {
            Self::Spec(_)
            | Self::Missing { .. }
            | Self::Lock { .. }
            | Self::StaleLock { .. }
            | Self::NotLocked { .. }
            | Self::Allow { .. }
            | Self::UnknownService { .. }
            | Self::TagOfTwo { .. }
            | Self::ServiceOfTwo { .. }
            | Self::Offline { .. } => Class::BuildFile,
            Self::LocalBase { .. }
            | Self::Facts { .. }
            | Self::BaseLayer { .. }
            | Self::Platform { .. }
            | Self::Tree(_)
            | Self::Context { .. }
            | Self::LayerImage(_)
            | Self::Plan(_)
            | Self::Layer { .. }
            | Self::Secrets(_)
            | Self::Start(_)
            | Self::Image(_)
            | Self::Output { .. }
            | Self::Store(_)
            | Self::File(_) => Class::Build,
            Self::Base { .. }
            | Self::Push { .. }
            | Self::Resolve { .. }
            | Self::NoImage { .. }
            | Self::Download { .. }
            | Self::Connector(_) => Class::Registry,
            Self::Copy(error) => error.class(),
            Self::Deploy(error) | Self::Services { source: error, .. } => match error.class() {
                ErrorClass::Refused => Class::Refused,
                ErrorClass::HalfWay => Class::DeployFailed,
                ErrorClass::BeforeFailed => Class::BeforeFailed,
            },
        }
    }
}

impl Error {
    /// Says what was to be done where that was no deployment.
    pub(crate) fn doing(self, what: &'static str) -> Self {
        match self {
            Self::Deploy(source) => Self::Services { what, source },
            other => other,
        }
    }
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Spec(source) => source.hint(),
            Self::Missing { key: "name", .. } => {
                Some("add `name: REGISTRY/REPOSITORY` to the build file, or give --name".to_owned())
            }
            Self::Missing { key: "deploy", .. } => {
                Some("add `deploy: {cluster: NAME, services: [NAME]}`; `dockless push` needs none".to_owned())
            }
            Self::Missing { key, .. } => Some(format!("add `{key}` to the build file")),
            Self::LocalBase { source, .. } => source.hint().or_else(|| {
                Some("check the path after `base:`; a relative one is taken from the project's folder".to_owned())
            }),
            Self::Store(source) => source.hint(),
            Self::Base { source, .. }
            | Self::Push { source, .. }
            | Self::Resolve { source, .. }
            | Self::Connector(source) => source.hint(),
            Self::Facts { source, .. } => source.hint(),
            Self::Download { source, .. } => {
                source.get_ref().and_then(|inner| inner.downcast_ref::<RegistryError>()).and_then(Hint::hint)
            }
            Self::BaseLayer { .. } => Some("the base is damaged where it is kept; fetch it anew".to_owned()),
            Self::Platform { platforms, .. } => {
                let first = platforms.first().map_or_else(|| "linux/arm64".to_owned(), ToString::to_string);
                Some(format!("set `platforms: [{first}]`, or give --platform {first}"))
            }
            Self::Lock { source, .. } => source.hint(),
            Self::StaleLock { .. } => Some("run `dockless lock`, and commit what it writes".to_owned()),
            Self::NotLocked { base } => {
                Some(format!("run `dockless lock`, or write `{base}@sha256:...` into the build file"))
            }
            Self::Offline { .. } => {
                Some("run `dockless lock` and one build with the network, or leave `--offline` away".to_owned())
            }
            Self::Tree(source) | Self::Allow { source } => source.hint(),
            Self::Context { name, .. } => {
                Some(format!("correct `contexts: {{{name}: DIR}}`, or give --context {name}=DIR"))
            }
            Self::LayerImage(source) => source.hint(),
            Self::Plan(source) => source.hint(),
            Self::Layer { source, .. } => source.hint(),
            Self::Secrets(source) => source.hint(),
            Self::Start(source) => source.hint(),
            Self::Image(source) | Self::Output { source, .. } => source.hint(),
            Self::File(source) => source.hint(),
            Self::UnknownService { service, known } => Some(another_service(service, known)),
            Self::TagOfTwo { .. } => Some("give each build file a `name` or `tags` of its own".to_owned()),
            Self::ServiceOfTwo { .. } => {
                Some("say the same in both of everything but `services`, `before` and `schedules`".to_owned())
            }
            Self::NoImage { .. } => Some("push it first: `dockless push`, or `dockless ship` for both".to_owned()),
            Self::Copy(source) => source.hint(),
            Self::Deploy(source) | Self::Services { source, .. } => source.hint(),
        }
    }
}

fn another_service(service: &str, known: &[String]) -> String {
    match did_you_mean(service, known.iter().map(String::as_str)) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => format!("name one of {}", known.join(", ")),
    }
}
