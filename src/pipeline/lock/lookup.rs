//! What a run takes from the lock: the digest of each base, its manifest and config, and answers about its files.

use std::path::PathBuf;

use crate::base::{Lock, LockedBase};
use crate::event::Event;
use crate::ground::files;
use crate::oci::{Digest, Platform};
use crate::pipeline::base::written_name;
use crate::spec::{BaseSource, ImageSpec};

use super::{Context, Error, ResolvedBase};

/// The lock of a build file, as far as there is one.
pub(crate) struct Lookup {
    file: PathBuf,
    lock: Option<Lock>,
}

impl Lookup {
    /// Reads the lock.
    ///
    /// # Errors
    /// When there is one and it cannot be used.
    pub(crate) fn read(context: &Context) -> Result<Self, Error> {
        let file = context.spec.lock.clone();
        let bytes = files::read_if_present(&file)?;
        let lock = bytes.map(|bytes| Lock::parse(&bytes)).transpose();
        let lock = lock.map_err(|source| Error::Lock { file: file.clone(), source })?;
        Ok(Self { file, lock })
    }

    /// A lock that says nothing: everything is resolved anew.
    pub(super) fn none(context: &Context) -> Self {
        Self { file: context.spec.lock.clone(), lock: None }
    }

    /// Returns the lock itself, if there is one.
    pub(super) fn lock(&self) -> Option<&Lock> {
        self.lock.as_ref()
    }

    /// Returns what the lock knows of the base of an image. A stale lock is passed over with a warning, or is an error
    /// where nothing may be asked.
    pub(crate) fn base(&self, context: &Context, image: &ImageSpec) -> Result<Option<&LockedBase>, Error> {
        match self.find(image) {
            Ok(found) => Ok(found),
            Err(why) => {
                self.stale(context, why)?;
                Ok(None)
            }
        }
    }

    /// Finds the base of an image, or says why the lock is stale.
    pub(super) fn find(&self, image: &ImageSpec) -> Result<Option<&LockedBase>, String> {
        let (Some(lock), false) = (&self.lock, image.base == BaseSource::Scratch) else { return Ok(None) };
        let locked = match &image.platform {
            Some(platform) => {
                let missing = || format!("it has no base for {platform}");
                lock.platforms.get(platform).ok_or_else(missing)?
            }
            None if lock.platforms.len() == 1 => lock.platforms.values().next().ok_or_else(String::new)?,
            None => return Err("it is for other platforms than the build file".to_owned()),
        };
        let name = written_name(&image.base);
        if locked.base == name {
            return Ok(Some(locked));
        }
        Err(format!("it is for the base `{}`, and the build file names `{name}`", locked.base))
    }

    /// Checks that a base without an entry in the lock may be asked for.
    pub(crate) fn allows(&self, context: &Context, source: &BaseSource) -> Result<(), Error> {
        let BaseSource::Registry(reference) = source else { return Ok(()) };
        let base = reference.to_string();
        if context.resolving.offline {
            return Err(Error::Offline { base, what: "its manifest".to_owned() });
        }
        if context.resolving.locked && reference.digest.is_none() {
            return Err(Error::NotLocked { base });
        }
        Ok(())
    }

    /// Takes the lock's answers for a base that was read anew, if it is the same image.
    pub(crate) fn confirm(&self, context: &Context, locked: &LockedBase, base: &mut ResolvedBase) -> Result<(), Error> {
        let same = match locked.digest {
            Some(digest) => base.image.digest == Some(digest),
            None => base.config == locked.config.as_bytes(),
        };
        if same {
            base.answers = Some(locked.answers.clone());
            return Ok(());
        }
        self.stale(context, format!("`{}` holds another image than it says", base.shown()))
    }

    /// Returns the digest that the lock gives another image for a platform.
    pub(crate) fn image(&self, name: &str, platform: &Platform) -> Option<Digest> {
        self.lock.as_ref()?.images.get(name)?.get(platform).copied()
    }

    /// Wraps an error of the lock's content.
    pub(crate) fn failed(&self, source: crate::base::LockError) -> Error {
        Error::Lock { file: self.file.clone(), source }
    }

    fn stale(&self, context: &Context, why: String) -> Result<(), Error> {
        if context.resolving.locked || context.resolving.offline {
            return Err(Error::StaleLock { file: self.file.clone(), why });
        }
        let file = self.file.file_name().unwrap_or_default().to_string_lossy();
        context.observer.observe(Event::Warning {
            message: format!("the lock `{file}` is stale and not used: {why}"),
            hint: Some("run `dockless lock`".to_owned()),
        });
        Ok(())
    }
}
