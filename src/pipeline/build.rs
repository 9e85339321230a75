//! Build: base, layers, image. Nothing is sent from here but what the uploads are handed.

use crate::base::BaseTree;
use crate::event::Event;
use crate::ground::Timestamp;
use crate::image::{self, Assembly, Image, LayerBlob, Origin, OwnLayer, layer_method};
use crate::layer::{PackOptions, Packed, pack};
use crate::oci::{Descriptor, ImagePath, MediaType};
use crate::plan::{LeftOut, Placement, Roots};
use crate::spec::LayerSpec;
use crate::store::Blob;
use crate::tree::DiskSources;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::base::{self, ResolvedBase};
use super::bridge::{CancelOnDrop, blocking};
use super::output::{self, Output};
use super::report::LayerReport;
use super::uploads::Uploads;
use super::{Context, Error, Report};

/// The time of an image when nobody gives one: a second after the epoch, which no program takes for "not set".
const CREATED: Timestamp = Timestamp::from_seconds(1);

/// An image that was built.
#[derive(Clone)]
pub struct Built {
    /// Its manifest, config and layers.
    pub image: Image,
    /// The report so far.
    pub report: Report,
    pub(crate) base: ResolvedBase,
    pub(crate) own: Vec<Blob>,
}

/// Builds the image into the store, and writes it to the outputs.
///
/// # Errors
/// When the base cannot be used, a layer not be packed, or an output not be written.
pub async fn build(context: &Context, outputs: &[Output]) -> Result<Built, Error> {
    let base = base::resolve(context).await?;
    let mut built = build_on(context, base, None).await?;
    built.report.image = Some(match context.first_reference() {
        Ok(reference) => format!("{reference}@{}", built.image.digest()),
        Err(_) => built.image.digest().to_string(),
    });
    for output in outputs {
        output::write(context, &built, output).await?;
    }
    Ok(built)
}

/// Packs the own layers over a resolved base and puts the image together. Each layer is handed to the uploads as soon as
/// it is in the store.
pub(crate) async fn build_on(
    context: &Context,
    base: ResolvedBase,
    mut uploads: Option<&mut Uploads>,
) -> Result<Built, Error> {
    let mut report = Report::new();
    let started = context.clock.now();
    let facts = base.facts(context).await?;
    report.time("base", started, context.clock.now());
    let started = context.clock.now();
    let placement = Arc::new(placement(context, &base, facts).await?);
    let mut own = Vec::new();
    let mut layers = Vec::new();
    for index in 0..context.spec.images[0].layers.len() {
        let (layer, blob) = pack_layer(context, &placement, index).await?;
        if let (Some(blob), Some(uploads)) = (&blob, uploads.as_deref_mut()) {
            uploads.start(blob.clone());
        }
        own.extend(blob);
        layers.push(layer);
    }
    report.time("layers", started, context.clock.now());
    let image = assemble(context, &base, &layers)?;
    report.digest = Some(image.digest());
    report.layers = image.layers.iter().map(LayerReport::of).collect();
    Ok(Built { image, report, base, own })
}

async fn placement(context: &Context, base: &ResolvedBase, facts: crate::base::Facts) -> Result<Placement, Error> {
    let spec = Arc::clone(&context.spec);
    let working_dir = base.image.config.working_dir().map(str::to_owned);
    let left_out = left_out(context);
    blocking(move || {
        let working_dir = working_dir.as_deref();
        let destination =
            |layer: &LayerSpec| layer.source.as_ref().map_or(ImagePath::ROOT, |source| source.destination(working_dir));
        let destinations: Vec<ImagePath> = spec.images[0].layers.iter().map(destination).collect();
        let project = DiskSources::open(&spec.project).map_err(Error::Tree)?;
        Placement::new(
            Arc::new(BaseTree::whole(facts)),
            &Roots::project(Arc::new(project)),
            &spec.images[0].layers,
            &destinations,
            &left_out,
        )
        .map_err(Error::Plan)
    })
    .await
}

/// Returns what no layer takes unless its `include` names it: the build file, its lock, and what this run writes.
fn left_out(context: &Context) -> LeftOut {
    let relative = |path: &PathBuf| path.strip_prefix(&context.spec.project).map(Path::to_owned).ok();
    let file = relative(&context.spec.file).unwrap_or_default();
    LeftOut::new(&file, context.outputs.iter().filter_map(relative))
}

/// Packs one layer into the store.
async fn pack_layer(
    context: &Context,
    placement: &Arc<Placement>,
    index: usize,
) -> Result<(OwnLayer, Option<Blob>), Error> {
    let spec = &context.spec.images[0].layers[index];
    let name = spec.name.clone();
    context.observer.observe(Event::LayerStarted { name: name.clone() });
    let staged = context.store.stage()?;
    let (_guard, cancelled) = CancelOnDrop::new();
    let options = PackOptions {
        compression: context.spec.compression,
        threads: context.jobs,
        cancelled: Some(cancelled),
        ..PackOptions::default()
    };
    let placement = Arc::clone(placement);
    let packed = blocking(move || pack(placement.entries(index), &options, staged)).await;
    let (packed, staged) = packed.map_err(|source| Error::Layer { layer: name.clone(), source })?;
    if packed.entries == 0 {
        return Ok((OwnLayer { name, blob: None }, None));
    }
    let blob = blocking(move || staged.commit(packed.digest, packed.size)).await?;
    let Packed { digest, diff_id, entries, tar_bytes, size } = packed;
    context.observer.observe(Event::LayerPacked { name: name.clone(), digest, diff_id, entries, tar_bytes, size });
    let media_type = MediaType::Layer(context.spec.compression.codec());
    let layer = LayerBlob {
        descriptor: Descriptor::new(media_type, digest, size),
        diff_id,
        method: layer_method(context.spec.format, context.spec.compression),
    };
    Ok((OwnLayer { name, blob: Some(layer) }, Some(blob)))
}

fn assemble(context: &Context, base: &ResolvedBase, own: &[OwnLayer]) -> Result<Image, Error> {
    let spec = &context.spec;
    let inherited = base.image.config.env();
    let mut env = Vec::new();
    for (name, value) in &spec.images[0].config.env {
        let value = value.as_ref().map(|value| value.resolve(&inherited)).transpose()?;
        env.push((name.clone(), value));
    }
    let created = spec
        .source_date_epoch
        .map_or(CREATED, |seconds| Timestamp::from_seconds(i64::try_from(seconds).unwrap_or(i64::MAX)));
    let assembly = Assembly {
        base: &base.image,
        own,
        config: &spec.images[0].config,
        env: &env,
        annotations: &spec.annotations,
        created,
    };
    image::assemble(&assembly).map_err(Error::Image)
}

impl LayerReport {
    fn of(layer: &image::ImageLayer) -> Self {
        let (name, origin) = match &layer.origin {
            Origin::Base => (None, "base"),
            Origin::Own(name) => (Some(name.clone()), "own"),
        };
        Self { name, origin, digest: layer.descriptor.digest, diff_id: layer.diff_id, size: layer.descriptor.size }
    }
}
