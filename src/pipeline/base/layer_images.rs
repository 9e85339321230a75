//! Images that layers take files from.

use std::collections::BTreeMap;

use crate::base::{Answers, Lock, LockedBase};
use crate::oci::{Digest, Platform, Reference};
use crate::pipeline::lock::Lookup;
use crate::spec::{BaseSource, ImageSpec, LayerOrigin};

use super::resolve::resolve;
use super::{Context, Error, Fates, Origin, ResolvedBase};

/// The kind of record that keeps manifest and config of an image.
const IMAGE: &str = "image";

/// Returns the digests of the images in registries that layers take files from, for a platform.
pub(crate) async fn layer_images(
    context: &Context,
    image: &ImageSpec,
    platform: &Platform,
    lock: &Lookup,
) -> Result<BTreeMap<String, Digest>, Error> {
    let mut digests = BTreeMap::new();
    for origin in image.layers.iter().filter_map(|layer| layer.source.as_ref()).map(|source| &source.origin) {
        if let LayerOrigin::Image { name, source: source @ BaseSource::Registry(_) } = origin {
            let resolved = resolve_layer_image(context, name, source, platform, lock).await?;
            digests.extend(resolved.image.digest.map(|digest| (name.clone(), digest)));
        }
    }
    Ok(digests)
}

/// Resolves an image that a layer takes files from: by the lock's digest if it pins one. Manifest and config of an image
/// that was seen before are kept, so that a pinned one is not asked for again.
pub(crate) async fn resolve_layer_image(
    context: &Context,
    name: &str,
    source: &BaseSource,
    platform: &Platform,
    lock: &Lookup,
) -> Result<ResolvedBase, Error> {
    let BaseSource::Registry(reference) = source else { return resolve(context, source, Some(platform)).await };
    let pinned = lock.image(name, platform).map(|digest| reference.pinned(digest));
    let reference = pinned.as_ref().unwrap_or(reference);
    if let Some(known) = pinned.as_ref().and_then(|reference| known(context, reference, platform)) {
        return Ok(known);
    }
    if context.resolving.offline || pinned.is_none() {
        lock.allows(context, source)?;
    }
    let resolved = resolve(context, &BaseSource::Registry(reference.clone()), Some(platform)).await?;
    keep(context, &resolved, platform)?;
    Ok(resolved)
}

fn known(context: &Context, reference: &Reference, platform: &Platform) -> Option<ResolvedBase> {
    let bytes = context.store.record(IMAGE, &reference.digest?.to_string()).ok()??;
    let locked = Lock::parse(&bytes).ok()?.platforms.remove(platform)?;
    let image = locked.image().ok()?;
    let LockedBase { manifest, config, .. } = locked;
    let (manifest, config) = (manifest.map(String::into_bytes), config.into_bytes());
    Some(ResolvedBase {
        image,
        manifest,
        config,
        answers: None,
        fates: Fates::default(),
        origin: Origin::Unasked(reference.clone()),
    })
}

fn keep(context: &Context, image: &ResolvedBase, platform: &Platform) -> Result<(), Error> {
    let Some(digest) = image.image.digest else { return Ok(()) };
    let locked =
        LockedBase::of(&image.shown(), &image.image, image.manifest.as_deref(), &image.config, Answers::default());
    if let Ok(locked) = locked {
        let record = Lock { platforms: BTreeMap::from([(platform.clone(), locked)]), ..Lock::default() };
        context.store.set_record(IMAGE, &digest.to_string(), &record.to_bytes())?;
    }
    Ok(())
}
