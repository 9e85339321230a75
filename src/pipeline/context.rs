//! What a use case is given: the build file, the doors to the world, and who is told of events.

use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use crate::event::{Event, Observer};
use crate::ground::Clock;
use crate::oci::{Reference, Repository, Tag};
use crate::registry::{Registry, RepositoryClient};
use crate::spec::{BuildSpec, DeploySpec};
use crate::store::Store;

use super::Error;

/// What may be asked of the base's registry. The default is everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resolving {
    /// No tag is resolved: a base without a digest needs a lock.
    pub locked: bool,
    /// The base's registry is not asked at all.
    pub offline: bool,
}

/// Everything that a use case works with. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    /// What is to be built and deployed.
    pub spec: Arc<BuildSpec>,
    /// Our own store, under the cache folder.
    pub store: Arc<Store>,
    /// Registries.
    pub registry: Registry,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Who is told.
    pub observer: Arc<dyn Observer>,
    /// Threads that pack layers.
    pub jobs: usize,
    /// Whether what the cache holds is taken.
    pub use_cache: bool,
    /// Absolute paths that exist only on this machine, such as the checkout and the home of the user: programs and links
    /// that name them do not work in an image.
    pub machine_paths: Vec<PathBuf>,
    /// What may be asked of the base's registry.
    pub resolving: Resolving,
    /// Paths that are written by this run, absolute; they are left out of layers.
    pub outputs: Vec<PathBuf>,
    /// Where an archive goes that is written to `-`.
    pub stdout: Arc<Mutex<dyn Write + Send>>,
}

impl Context {
    /// Returns where the image is pushed to.
    ///
    /// # Errors
    /// When the build file does not say.
    pub fn name(&self) -> Result<&Repository, Error> {
        self.spec.name.as_ref().ok_or_else(|| self.missing("name"))
    }

    /// Returns the `deploy` section.
    ///
    /// # Errors
    /// When the build file has none.
    pub fn deploy_spec(&self) -> Result<&DeploySpec, Error> {
        self.spec.deploy.as_ref().ok_or_else(|| self.missing("deploy"))
    }

    /// Returns the reference under the first tag, the one that is written to ECS.
    pub(crate) fn first_reference(&self) -> Result<Reference, Error> {
        let tag = self.spec.tags.first().ok_or_else(|| self.missing("tags"))?;
        Ok(self.name()?.tagged(tag.clone()))
    }

    /// Returns a tag of the image as people write it.
    pub(crate) fn tagged(&self, tag: &Tag) -> String {
        self.spec.name.as_ref().map_or_else(|| tag.to_string(), |name| format!("{name}:{tag}"))
    }

    /// Returns the client of the repository that the image is pushed to.
    pub(crate) fn target(&self) -> Result<RepositoryClient, Error> {
        self.registry.repository(self.name()?).map_err(Error::Connector)
    }

    pub(crate) fn note(&self, message: String) {
        self.observer.observe(Event::Note { message });
    }

    fn missing(&self, key: &'static str) -> Error {
        let file = self.spec.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Error::Missing { key, file }
    }
}
