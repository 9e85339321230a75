//! How many layers the layers of a build file become.

use std::sync::Arc;

use crate::image::LAYER_LIMIT;
use crate::layer::{Checkpoints, Fingerprint, PackError, Part, plan_parts};
use crate::spec::Split;

use super::bridge::blocking;
use super::chunks::LayerLine;
use super::placed::Placed;
use super::{Context, Error};

/// Plans the parts of each layer of an image.
///
/// Where they would be more layers than runtimes take, all are planned again with parts of twice the size, until they fit
/// or none is split.
pub(crate) async fn plan(
    context: &Context,
    image: &mut Placed,
    settings: &Fingerprint,
) -> Result<Vec<Vec<Part>>, Error> {
    let room = LAYER_LIMIT.saturating_sub(image.base.image.layers.len());
    let mut scale = 1;
    loop {
        let mut plans = Vec::new();
        for index in 0..image.placement.len() {
            plans.push(plan_layer(context, image, index, scale, settings).await?);
        }
        let layers = plans.iter().flatten().filter(|part| part.entries > 0).count();
        if layers <= room || plans.iter().all(|parts| parts.len() == 1) {
            return Ok(plans);
        }
        scale *= 2;
    }
}

async fn plan_layer(
    context: &Context,
    image: &mut Placed,
    index: usize,
    scale: u64,
    settings: &Fingerprint,
) -> Result<Vec<Part>, Error> {
    let layer = &image.spec(context).layers[index];
    let (name, split) = (layer.name.clone(), layer.split);
    let at = match split {
        Split::Off => None,
        Split::At(bytes) => Some(bytes.saturating_mul(scale)),
    };
    let known = match context.use_cache {
        true => LayerLine::new(context, image, index).checkpoints(&context.store)?,
        false => Checkpoints::default(),
    };
    let known = Arc::new(known);
    loop {
        let (placement, settings, known) = (Arc::clone(&image.placement), settings.clone(), Arc::clone(&known));
        match blocking(move || plan_parts(placement.entries(index), at, &settings, &known)).await {
            Ok(parts) => return Ok(parts),
            Err(error) if image.read_base(context, &error).await? => {}
            Err(error) => return Err(Error::Layer { layer: name, source: PackError::Entry(error) }),
        }
    }
}
