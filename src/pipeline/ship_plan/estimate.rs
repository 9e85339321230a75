//! What can be said of layers without packing any: those that are known, and of the others what their files are.

use std::sync::Arc;

use super::report::PlannedLayer;
use crate::layer::{Fingerprint, PackError, Part};
use crate::pipeline::base::ResolvedBase;
use crate::pipeline::bridge::blocking;
use crate::pipeline::known::{self, PackedPart};
use crate::pipeline::lock::Lookup;
use crate::pipeline::placed::Placed;
use crate::pipeline::work::Walk;
use crate::pipeline::{Context, Error, split};
use crate::plan::EntryKind;

/// Returns the layers as far as they are known, or `None` where all are: then a build packs nothing and tells more.
///
/// # Errors
/// When the base or the project cannot be read.
pub(super) async fn estimate(
    context: &Context,
    bases: &[ResolvedBase],
    lock: &Lookup,
) -> Result<Option<Vec<PlannedLayer>>, Error> {
    let mut placed = Vec::new();
    for (number, base) in bases.iter().enumerate() {
        placed.push(Placed::new(context, number, base.clone(), lock).await?);
    }
    let settings = known::settings(context, &placed);
    let several = placed.len() > 1;
    let mut layers = Vec::new();
    for image in &mut placed {
        let own = own_layers(context, image, &settings).await?;
        let base = image.base.image.layers.iter().map(|layer| PlannedLayer {
            digest: Some(layer.blob.digest),
            diff_id: Some(layer.diff_id),
            size: Some(layer.blob.size),
            ..unknown("base")
        });
        let platform = several.then(|| image.base.image.config.platform().to_string());
        layers.extend(base.chain(own).map(|layer| PlannedLayer { platform: platform.clone(), ..layer }));
    }
    Ok(layers.iter().any(|layer| layer.digest.is_none()).then_some(layers))
}

async fn own_layers(context: &Context, image: &mut Placed, settings: &Fingerprint) -> Result<Vec<PlannedLayer>, Error> {
    let mut layers = Vec::new();
    for (index, plan) in split::plan(context, image, settings).await?.into_iter().enumerate() {
        let name = image.spec(context).layers[index].name.clone();
        let plan = Arc::new(plan);
        for number in 0..plan.len() {
            let layer = match known_part(context, &plan[number]).await? {
                Some(part) if part.packed.entries == 0 => continue,
                Some(PackedPart { packed, .. }) => PlannedLayer {
                    digest: Some(packed.digest),
                    diff_id: Some(packed.diff_id),
                    size: Some(packed.size),
                    ..unknown("own")
                },
                None => {
                    let walk = Walk { placement: Arc::clone(&image.placement), index, plan: plan.to_vec() };
                    let source = |error| Error::Layer { layer: name.clone(), source: PackError::Entry(error) };
                    let bytes = blocking(move || file_bytes(&walk, number)).await.map_err(source)?;
                    PlannedLayer { entries: Some(plan[number].entries), file_bytes: Some(bytes), ..unknown("own") }
                }
            };
            layers.push(PlannedLayer { name: Some(name.clone()), ..layer });
        }
    }
    Ok(layers)
}

async fn known_part(context: &Context, part: &Part) -> Result<Option<PackedPart>, Error> {
    let Some(fingerprint) = part.fingerprint.filter(|_| context.use_cache) else { return Ok(None) };
    let store = Arc::clone(&context.store);
    Ok(blocking(move || known::find(&store, &fingerprint)).await?.filter(|part| !part.is_elsewhere()))
}

fn file_bytes(walk: &Walk, number: usize) -> Result<u64, crate::plan::PlanError> {
    let bytes = walk.part(number, None).map(|entry| {
        Ok(match entry?.kind {
            EntryKind::File(content) => content.len(),
            EntryKind::Directory | EntryKind::Symlink(_) => 0,
        })
    });
    bytes.sum()
}

fn unknown(origin: &'static str) -> PlannedLayer {
    PlannedLayer {
        platform: None,
        name: None,
        origin,
        digest: None,
        diff_id: None,
        size: None,
        entries: None,
        file_bytes: None,
        way: None,
        mounted_from: None,
    }
}
