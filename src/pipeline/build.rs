//! Build: bases, layers, images. Nothing is sent from here but what the uploads are handed.

use std::collections::BTreeMap;

use crate::ground::Timestamp;
use crate::guard::Inspected;
use crate::image::{self, Assembly, Image, LayerBlob, Origin, OwnLayer, assemble_index};
use crate::oci::{Digest, Index};
use crate::registry::PushedBlob;
use crate::store::Blob;

use super::base::{ResolvedBase, resolve_base};
use super::examine::{self, environment};
use super::layers::{PackedLayer, pack_all};
use super::lock::Lookup;
use super::output::{self, Output};
use super::placed::Placed;
use super::report::LayerReport;
use super::reuse::Reuse;
use super::uploads::Uploads;
use super::{Context, Error, Report};

/// The time of an image when nobody gives one: a second after the epoch, which no program takes for "not set".
const CREATED: Timestamp = Timestamp::from_seconds(1);

/// What was built: an image, or one for each platform and their index.
#[derive(Clone)]
pub struct Built {
    /// The images, in the order of the build file's platforms.
    pub images: Vec<BuiltImage>,
    /// What names them, if there are several.
    pub index: Option<Index>,
    /// The report so far.
    pub report: Report,
    /// Own layers that were taken over, and whose bytes are not here: how each came to be at the target.
    pub(crate) taken: BTreeMap<Digest, PushedBlob>,
}

/// An image for one platform.
#[derive(Clone)]
pub struct BuiltImage {
    /// Its manifest, config and layers.
    pub image: Image,
    pub(crate) base: ResolvedBase,
    pub(crate) own: Vec<Blob>,
}

impl Built {
    /// Returns the digest that names what was built.
    pub fn digest(&self) -> Digest {
        self.index.as_ref().map_or_else(|| self.images[0].image.digest(), |index| index.digest)
    }
}

/// Builds the image into the store, and writes it to the outputs.
///
/// # Errors
/// When the base cannot be used, a layer not be packed, or an output not be written.
pub async fn build(context: &Context, outputs: &[Output]) -> Result<Built, Error> {
    let lock = Lookup::read(context)?;
    let bases = resolve_bases(context, &lock).await?;
    let mut built = build_on(context, bases, &lock, None).await?;
    built.report.image = Some(match context.first_reference() {
        Ok(reference) => format!("{reference}@{}", built.digest()),
        Err(_) => built.digest().to_string(),
    });
    for output in outputs {
        output::write(context, &built, output).await?;
    }
    Ok(built)
}

/// Resolves the base of every platform.
pub(crate) async fn resolve_bases(context: &Context, lock: &Lookup) -> Result<Vec<ResolvedBase>, Error> {
    let mut bases = Vec::new();
    for image in &context.spec.images {
        bases.push(resolve_base(context, image, lock).await?);
    }
    Ok(bases)
}

/// Where the layers of a build go.
pub(crate) struct Sending<'a> {
    /// What sends them; nothing does where they are only planned.
    pub(crate) uploads: Option<&'a mut Uploads>,
    /// From where layers of images that were pushed before are taken over, if they are.
    pub(crate) reuse: Option<Reuse>,
}

/// Packs the own layers over resolved bases and puts the images together.
///
/// Own layers are handed to the uploads when the last of them was looked through: a secret that is found leaves nothing
/// in any registry.
pub(crate) async fn build_on(
    context: &Context,
    bases: Vec<ResolvedBase>,
    lock: &Lookup,
    mut sending: Option<Sending<'_>>,
) -> Result<Built, Error> {
    let mut report = Report::default();
    let started = context.clock.now();
    let mut placed = Vec::new();
    for (number, base) in bases.into_iter().enumerate() {
        placed.push(Placed::new(context, number, base, lock).await?);
    }
    report.time("base", started, context.clock.now());
    let started = context.clock.now();
    examine::tell_removed(context, &placed);
    let reuse = sending.as_mut().and_then(|sending| sending.reuse.take());
    let packed = pack_all(context, &mut placed, reuse).await?;
    examine(context, &mut placed, &packed).await?;
    if let Some(Sending { uploads: Some(uploads), .. }) = sending {
        hand_over(&packed, uploads);
    }
    let taken = taken(&packed);
    report.reused_layers += packed.iter().flatten().filter(|layer| layer.known || layer.taken.is_some()).count() as u64;
    report.time("layers", started, context.clock.now());
    let mut images = Vec::new();
    for (placed, packed) in placed.into_iter().zip(packed) {
        images.push(assemble(context, placed, packed)?);
    }
    let index = (images.len() > 1).then(|| {
        let children: Vec<&Image> = images.iter().map(|image| &image.image).collect();
        assemble_index(&children, &context.spec.annotations)
    });
    let built = Built { images, index, report, taken };
    Ok(reported(built))
}

/// Hands own layers to the uploads, and tells them of those that need none.
fn hand_over(packed: &[Vec<PackedLayer>], uploads: &mut Uploads) {
    for PackedLayer { layer, blob, taken, .. } in packed.iter().flatten() {
        match (blob, taken, &layer.blob) {
            (Some(blob), _, _) => uploads.hold(blob.clone()),
            (None, Some(how), Some(LayerBlob { descriptor, .. })) => {
                uploads.settled(descriptor.digest, how.clone(), descriptor.size);
            }
            _ => {}
        }
    }
}

fn taken(packed: &[Vec<PackedLayer>]) -> BTreeMap<Digest, PushedBlob> {
    let taken = packed.iter().flatten().filter_map(|PackedLayer { layer, taken, .. }| {
        let how = taken.clone()?;
        Some((layer.blob.as_ref()?.descriptor.digest, how))
    });
    taken.collect()
}

/// Refuses secrets and images that cannot start, before anything of them leaves this machine.
async fn examine(context: &Context, placed: &mut [Placed], packed: &[Vec<PackedLayer>]) -> Result<(), Error> {
    let merged = |layers: &[PackedLayer]| {
        let mut seen = Inspected::default();
        layers.iter().for_each(|layer| seen.merge(layer.seen.clone()));
        seen
    };
    let mut all = Inspected::default();
    packed.iter().for_each(|layers| all.merge(merged(layers)));
    examine::refuse_secrets(context, placed, &all)?;
    examine::tell_secrets(context, &all);
    let mut told = std::collections::BTreeSet::new();
    for (image, layers) in placed.iter_mut().zip(packed) {
        examine::check(context, image, merged(layers), &mut told).await?;
    }
    Ok(())
}

fn reported(mut built: Built) -> Built {
    let several = built.images.len() > 1;
    let layers = built.images.iter().flat_map(|image| {
        let platform = several.then(|| image.image.platform.to_string());
        image.image.layers.iter().map(move |layer| LayerReport::of(layer, platform.clone()))
    });
    built.report.layers = layers.collect();
    built.report.digest = Some(built.digest());
    built
}

fn assemble(context: &Context, placed: Placed, packed: Vec<PackedLayer>) -> Result<BuiltImage, Error> {
    let (spec, base) = (placed.spec(context), placed.base);
    let env = environment(context, placed.number, &base)?;
    let created = context
        .spec
        .source_date_epoch
        .map_or(CREATED, |seconds| Timestamp::from_seconds(i64::try_from(seconds).unwrap_or(i64::MAX)));
    let (own, blobs): (Vec<OwnLayer>, Vec<Option<Blob>>) = packed.into_iter().map(|it| (it.layer, it.blob)).unzip();
    let annotations = &context.spec.annotations;
    let assembly = Assembly { base: &base.image, own: &own, config: &spec.config, env: &env, annotations, created };
    let image = image::assemble(&assembly).map_err(Error::Image)?;
    Ok(BuiltImage { image, base, own: blobs.into_iter().flatten().collect() })
}

impl LayerReport {
    fn of(layer: &image::ImageLayer, platform: Option<String>) -> Self {
        let (name, origin) = match &layer.origin {
            Origin::Base => (None, "base"),
            Origin::Own(name) => (Some(name.clone()), "own"),
        };
        let digest = layer.descriptor.digest;
        Self { platform, name, origin, digest, diff_id: layer.diff_id, size: layer.descriptor.size }
    }
}
