//! From what the build file names to manifest and config. No layer byte is read.

use crate::base::{BaseImage, LockError, LockedBase};
use crate::event::Event;
use crate::oci::{Config, Platform, Reference};
use crate::registry::{RegistryError, pull_image};
use crate::spec::{BaseSource, ImageSpec};
use crate::store::LocalSource;

use super::local::{Names, local};
use super::{Context, Error, Fates, Origin, ResolvedBase};
use crate::pipeline::lock::Lookup;

/// The platform of an image when neither the build file nor the base decides: never this machine's.
fn default_platform() -> Platform {
    Platform::new("linux", "amd64")
}

/// Resolves the base of one platform's image: by the lock if it knows it, else by asking.
pub(crate) async fn resolve_base(context: &Context, image: &ImageSpec, lock: &Lookup) -> Result<ResolvedBase, Error> {
    let base = match lock.base(context, image)? {
        Some(locked) => match &image.base {
            BaseSource::Registry(reference) => {
                from_lock(locked, reference, image.platform.as_ref()).map_err(|source| lock.failed(source))?
            }
            // What lies in files is read anew, and the lock answers for the same image only.
            _ => {
                let mut base = resolve(context, &image.base, image.platform.as_ref()).await?;
                lock.confirm(context, locked, &mut base)?;
                base
            }
        },
        None => {
            lock.allows(context, &image.base)?;
            resolve(context, &image.base, image.platform.as_ref()).await?
        }
    };
    if let (Some(base), Some(digest)) = (&base.image.name, base.image.digest) {
        context.observer.observe(Event::BaseResolved { base: base.clone(), digest });
    }
    Ok(base)
}

/// Takes a base in a registry as the lock has it: its registry is asked only when a layer is needed. Its name is that of
/// the build file, whatever the lock says.
fn from_lock(locked: &LockedBase, reference: &Reference, wanted: Option<&Platform>) -> Result<ResolvedBase, LockError> {
    let image = BaseImage { name: Some(reference.to_string()), ..locked.image()? };
    let own = image.config.platform();
    // Many configs leave the variant out.
    if let Some(wanted) = wanted.filter(|it| (&it.os, &it.architecture) != (&own.os, &own.architecture)) {
        let why = format!("the image that it has for {wanted} is for {own}");
        return Err(LockError::Unsuited { base: locked.base.clone(), why });
    }
    let origin = Origin::Unasked(Reference { digest: locked.digest.or(reference.digest), ..reference.clone() });
    Ok(ResolvedBase {
        image,
        manifest: locked.manifest.clone().map(String::into_bytes),
        config: locked.config.clone().into_bytes(),
        answers: Some(locked.answers.clone()),
        fates: Fates::default(),
        origin,
    })
}

/// Resolves an image for a platform, or its only one.
pub(crate) async fn resolve(
    context: &Context,
    source: &BaseSource,
    platform: Option<&Platform>,
) -> Result<ResolvedBase, Error> {
    match source {
        BaseSource::Scratch => Ok(scratch(context, platform)),
        BaseSource::Registry(reference) => pull(context, reference, platform).await,
        BaseSource::Layout { path, tag } => {
            let (names, path, tag) = (Names::of("oci", path, tag.as_deref()), path.clone(), tag.clone());
            local(context, names, platform, move |_| LocalSource::layout(&path, tag.as_deref())).await
        }
        BaseSource::OciArchive(path) => {
            let (names, path) = (Names::of("oci-archive", path, None), path.clone());
            local(context, names, platform, move |store| LocalSource::oci_archive(&path, None, store)).await
        }
        BaseSource::DockerArchive(path) => {
            let (names, path) = (Names::of("docker-archive", path, None), path.clone());
            local(context, names, platform, move |store| LocalSource::docker_archive(&path, store)).await
        }
    }
}

/// Returns what a source is called where no machine's path may stand: in the lock.
pub(crate) fn written_name(source: &BaseSource) -> String {
    match source {
        BaseSource::Scratch => "scratch".to_owned(),
        BaseSource::Registry(reference) => reference.to_string(),
        BaseSource::Layout { path, tag } => Names::of("oci", path, tag.as_deref()).written,
        BaseSource::OciArchive(path) => Names::of("oci-archive", path, None).written,
        BaseSource::DockerArchive(path) => Names::of("docker-archive", path, None).written,
    }
}

fn scratch(context: &Context, platform: Option<&Platform>) -> ResolvedBase {
    let platform = platform.cloned().unwrap_or_else(|| {
        let platform = default_platform();
        context.note(format!("the build file names no platform and scratch has none: building for {platform}"));
        platform
    });
    let image = BaseImage { name: None, digest: None, config: Config::scratch(&platform), layers: Vec::new() };
    ResolvedBase {
        image,
        manifest: None,
        config: Vec::new(),
        answers: None,
        fates: Fates::default(),
        origin: Origin::Files(Vec::new()),
    }
}

/// Says once that the default platform was taken, or that there is no default.
pub(super) fn choose(context: &Context, base: &str, platforms: Vec<Platform>) -> Result<Platform, Error> {
    match &platforms[..] {
        [only] => Ok(only.clone()),
        several => {
            let platform = default_platform();
            if !several.iter().any(|have| have.serves(&platform)) {
                return Err(Error::Platform { base: base.to_owned(), platforms });
            }
            context
                .note(format!("`{base}` has several platforms and the build file names none: building for {platform}"));
            Ok(platform)
        }
    }
}

async fn pull(context: &Context, reference: &Reference, platform: Option<&Platform>) -> Result<ResolvedBase, Error> {
    let failed = |source| Error::Base { base: reference.to_string(), source };
    let client = context.registry.repository(&reference.repository).map_err(failed)?;
    let pulled = match pull_image(&client, reference, platform).await {
        Err(RegistryError::PlatformOpen { reference: name, present }) => {
            let platform = choose(context, &name, present)?;
            pull_image(&client, reference, Some(&platform)).await
        }
        pulled => pulled,
    }
    .map_err(failed)?;
    Ok(ResolvedBase {
        image: pulled.base,
        manifest: Some(pulled.manifest.bytes),
        config: pulled.config,
        answers: None,
        fates: Fates::default(),
        origin: Origin::Registry(pulled.source),
    })
}
