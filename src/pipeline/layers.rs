//! Own layers, packed: each once, also when several platforms have it.

use std::sync::Arc;

use crate::event::Event;
use crate::guard::{Inspected, Inspection};
use crate::image::{LayerBlob, OwnLayer, layer_method};
use crate::layer::{PackError, PackOptions, Packed, pack};
use crate::oci::{Descriptor, MediaType};
use crate::plan::Placement;
use crate::store::Blob;

use super::bridge::{CancelOnDrop, blocking};
use super::examine::inspection;
use super::placed::Placed;
use super::{Context, Error};

/// An own layer in the store.
#[derive(Clone)]
pub(crate) struct PackedLayer {
    pub(crate) layer: OwnLayer,
    /// Its blob; a layer without entries has none.
    pub(crate) blob: Option<Blob>,
    /// What was seen of its content.
    pub(crate) seen: Inspected,
}

impl PackedLayer {
    /// Returns the same layer under the name that it has for another platform.
    fn named(&self, name: String) -> Self {
        let layer = OwnLayer { name, ..self.layer.clone() };
        Self { layer, ..self.clone() }
    }
}

/// Packs the layers of all platforms, in the order of the build file. Returns those of each platform.
pub(crate) async fn pack_all(context: &Context, images: &mut [Placed]) -> Result<Vec<Vec<PackedLayer>>, Error> {
    let inspection = inspection(context, images)?;
    let mut packed: Vec<Vec<PackedLayer>> = Vec::new();
    for number in 0..images.len() {
        let mut layers: Vec<PackedLayer> = Vec::new();
        for index in 0..images[number].placement.len() {
            let twin = twin(&images[..number], &packed, &images[number], index).await;
            layers.push(match twin {
                Some(twin) => twin.named(images[number].spec(context).layers[index].name.clone()),
                None => pack_layer(context, &mut images[number], index, &inspection).await?,
            });
        }
        packed.push(layers);
    }
    Ok(packed)
}

/// Returns the layer of an earlier platform that has the same place in the build file and the same entries.
async fn twin<'a>(
    earlier: &[Placed],
    packed: &'a [Vec<PackedLayer>],
    image: &Placed,
    index: usize,
) -> Option<&'a PackedLayer> {
    for (other, layers) in earlier.iter().zip(packed) {
        let Some(layer) = layers.get(index) else { continue };
        let (left, right) = (other.placement.clone(), image.placement.clone());
        if blocking(move || equal(&left, &right, index)).await {
            return Some(layer);
        }
    }
    None
}

/// Compares entries as they are found; files are equal if they are the same file in the same state.
fn equal(left: &Placement, right: &Placement, index: usize) -> bool {
    let (mut left, mut right) = (left.entries(index), right.entries(index));
    loop {
        match (left.next(), right.next()) {
            (None, None) => return true,
            (Some(Ok(left)), Some(Ok(right))) if left == right => {}
            // What cannot be listed is packed, which tells the error.
            _ => return false,
        }
    }
}

/// Packs one layer into the store.
async fn pack_layer(
    context: &Context,
    image: &mut Placed,
    index: usize,
    inspection: &Arc<Inspection>,
) -> Result<PackedLayer, Error> {
    let name = image.spec(context).layers[index].name.clone();
    context.observer.observe(Event::LayerStarted { name: name.clone() });
    let (packed, blob) = loop {
        // What an attempt saw that broke off is seen again.
        inspection.take();
        match pack_into_store(context, &image.placement, index, inspection).await? {
            Ok(packed) => break packed,
            Err(PackError::Entry(error)) if image.read_base(context, &error).await? => {}
            Err(source) => return Err(Error::Layer { layer: name, source }),
        }
    };
    let seen = inspection.take();
    let Some(blob) = blob else {
        return Ok(PackedLayer { layer: OwnLayer { name, blob: None }, blob: None, seen });
    };
    let Packed { digest, diff_id, entries, tar_bytes, size } = packed;
    context.observer.observe(Event::LayerPacked { name: name.clone(), digest, diff_id, entries, tar_bytes, size });
    let media_type = MediaType::Layer(context.spec.compression.codec());
    let layer = LayerBlob {
        descriptor: Descriptor::new(media_type, digest, size),
        diff_id,
        method: layer_method(context.spec.format, context.spec.compression),
    };
    Ok(PackedLayer { layer: OwnLayer { name, blob: Some(layer) }, blob: Some(blob), seen })
}

/// The outcome of packing: what the layer is, and its blob unless it has no entries.
type Outcome = Result<(Packed, Option<Blob>), PackError<crate::plan::PlanError>>;

async fn pack_into_store(
    context: &Context,
    placement: &Arc<Placement>,
    index: usize,
    inspection: &Arc<Inspection>,
) -> Result<Outcome, Error> {
    let staged = context.store.stage()?;
    let (_guard, cancelled) = CancelOnDrop::new();
    let options = PackOptions {
        compression: context.spec.compression,
        threads: context.jobs,
        cancelled: Some(cancelled),
        inspection: Some(Arc::clone(inspection)),
        ..PackOptions::default()
    };
    let placement = placement.clone();
    let (packed, staged) = match blocking(move || pack(placement.entries(index), &options, staged)).await {
        Ok(packed) => packed,
        Err(error) => return Ok(Err(error)),
    };
    if packed.entries == 0 {
        return Ok(Ok((packed, None)));
    }
    let blob = blocking(move || staged.commit(packed.digest, packed.size)).await?;
    Ok(Ok((packed, Some(blob))))
}
