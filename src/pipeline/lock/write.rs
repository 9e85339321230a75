//! `dockless lock`: resolves what the build file names and writes down what a build asks of it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

use crate::base::{BaseTree, Lock, LockedBase};
use crate::event::Event;
use crate::ground::{Hint, files};
use crate::guard::is_below;
use crate::image::{check_start, settings};
use crate::oci::{Digest, ImagePath, Platform};
use crate::pipeline::FormVersion;
use crate::pipeline::base::{layer_images, resolve_base, written_name};
use crate::pipeline::bridge::blocking;
use crate::pipeline::examine::environment;
use crate::pipeline::placed::Placed;
use crate::plan::EntryKind;
use crate::spec::BaseSource;

use super::{Context, Error, Lookup, ResolvedBase};

/// What `lock` did: report schema 1.
#[derive(Clone, Debug, Serialize)]
pub struct LockReport {
    /// The version of this form.
    pub schema: FormVersion,
    /// The lock's file.
    pub lock: PathBuf,
    /// Whether the file was written, or would have to be.
    pub changed: bool,
    /// Why the lock is stale, if it was only checked and is.
    pub stale: Option<String>,
    /// The digest of each platform's base; a base without a manifest has none.
    pub platforms: BTreeMap<String, Option<Digest>>,
}

/// Resolves bases and other images, asks them what placement asks, and writes the lock. What the lock pins already stays
/// pinned unless `upgrade` is set.
///
/// # Errors
/// When a base cannot be resolved or read, or the lock not be written; then the old one stands.
pub async fn lock(context: &Context, upgrade: bool) -> Result<LockReport, Error> {
    let before = if upgrade { Lookup::none(context) } else { Lookup::read(context)? };
    let mut lock = Lock::default();
    for (number, image) in context.spec.images.iter().enumerate() {
        let base = resolve_base(context, image, &before).await?;
        let platform = image.platform.clone().unwrap_or_else(|| base.image.config.platform());
        for (name, digest) in layer_images(context, image, &platform, &before).await? {
            lock.images.entry(name).or_default().insert(platform.clone(), digest);
        }
        if image.base != BaseSource::Scratch {
            let locked = locked(context, number, base, &before).await?;
            lock.platforms.insert(platform, locked.map_err(|source| before.failed(source))?);
        }
    }
    write(context, &lock)
}

/// Returns why the lock is stale, `None` in `stale` if it is not. Nothing is asked and nothing written.
///
/// Stale is a lock that is missing, or whose bases, platforms or other images are not those of the build file. That a tag
/// moved is not looked at.
///
/// # Errors
/// When there is a lock and it cannot be read.
pub fn check_lock(context: &Context) -> Result<LockReport, Error> {
    let lookup = Lookup::read(context)?;
    let stale = stale(context, &lookup);
    let platforms = lookup.lock().map(shown).unwrap_or_default();
    Ok(LockReport {
        schema: FormVersion::default(),
        lock: context.spec.lock.clone(),
        changed: stale.is_some(),
        stale,
        platforms,
    })
}

fn stale(context: &Context, lookup: &Lookup) -> Option<String> {
    let images = &context.spec.images;
    let Some(lock) = lookup.lock() else {
        let needed = images.iter().any(|image| image.base != BaseSource::Scratch || image.foreign().next().is_some());
        return needed.then(|| "there is none".to_owned());
    };
    if let Some(why) = images.iter().find_map(|image| lookup.find(image).err()) {
        return Some(why);
    }
    let wanted = images.iter().filter(|image| image.base != BaseSource::Scratch).count();
    if lock.platforms.len() != wanted {
        return Some("it is for other platforms than the build file".to_owned());
    }
    let pinned = |name: &str, platform: Option<&Platform>| {
        lock.images
            .get(name)
            .is_some_and(|pins| platform.map_or(pins.len() == 1, |platform| pins.contains_key(platform)))
    };
    let mut named = images.iter().flat_map(|image| image.foreign().map(move |name| (name, image.platform.as_ref())));
    named.find(|(name, platform)| !pinned(name, *platform)).map(|(name, _)| format!("it does not pin `{name}`"))
}

/// Writes down a base, with its answers to all that placement asks.
async fn locked(
    context: &Context,
    number: usize,
    base: ResolvedBase,
    before: &Lookup,
) -> Result<Result<LockedBase, crate::base::LockError>, Error> {
    let tree = Arc::new(BaseTree::recording(base.facts(context).await?));
    if let Err(error) = ask(context, number, &base, &tree, before).await {
        let cause = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
        context.observer.observe(Event::Warning {
            message: format!("the lock does not hold all that a build asks of the base: {cause}"),
            hint: error.hint(),
        });
    }
    let name = written_name(&context.spec.images[number].base);
    Ok(LockedBase::of(&name, &base.image, base.manifest.as_deref(), &base.config, tree.answers()))
}

/// Asks the base whatever a build of this image asks.
async fn ask(
    context: &Context,
    number: usize,
    base: &ResolvedBase,
    tree: &Arc<BaseTree>,
    lock: &Lookup,
) -> Result<(), Error> {
    let placed = Placed::over(context, number, base.clone(), Arc::clone(tree), lock).await?;
    let (placement, machine_paths) = (Arc::clone(&placed.placement), context.machine_paths.clone());
    blocking(move || {
        for layer in 0..placement.len() {
            placement.entries(layer).try_for_each(|entry| match entry?.kind {
                EntryKind::Symlink(target) if is_below(&target, &machine_paths) => {
                    ImagePath::parse(&target).map_or(Ok(()), |target| placement.find(&target).map(drop))
                }
                _ => Ok(()),
            })?;
        }
        Ok(())
    })
    .await
    .map_err(Error::Plan)?;
    let env = environment(context, number, base)?;
    let config = settings(&base.image.config, &placed.spec(context).config, &env);
    let platform = base.image.config.platform();
    // Whether it starts is a question of the build; here only the base is asked.
    let _ = blocking(move || check_start(&config, &platform, &placed.placement)).await;
    Ok(())
}

fn write(context: &Context, lock: &Lock) -> Result<LockReport, Error> {
    let (file, bytes) = (context.spec.lock.clone(), lock.to_bytes());
    let platforms = shown(lock);
    let nothing = lock.platforms.is_empty() && lock.images.is_empty();
    if nothing {
        context.note("there is nothing to lock: every image is built on scratch".to_owned());
    }
    let changed = !nothing && files::read_if_present(&file)?.as_deref() != Some(bytes.as_slice());
    if changed {
        files::write_atomic(&file, &bytes)?;
    }
    Ok(LockReport { schema: FormVersion::default(), lock: file, changed, stale: None, platforms })
}

fn shown(lock: &Lock) -> BTreeMap<String, Option<Digest>> {
    lock.platforms.iter().map(|(platform, base)| (platform.to_string(), base.digest)).collect()
}
