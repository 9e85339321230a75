//! Own layers: planned from what a listing tells, and only what is not known packed, each part once, also when several
//! platforms have it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use futures_util::StreamExt;

use crate::event::Event;
use crate::guard::{Inspected, Inspection};
use crate::image::{LayerBlob, OwnLayer, layer_method};
use crate::layer::{Fingerprint, Measured, PackError, PackOptions, Packed, Part};
use crate::oci::{Descriptor, Digest, MediaType, Platform};
use crate::registry::PushedBlob;
use crate::store::Blob;

use super::bridge::{CancelOnDrop, blocking, told};
use super::chunks::LayerLine;
use super::examine::inspection;
use super::known::{self, PackedPart};
use super::placed::Placed;
use super::reuse::{Pushed, Reuse, Taken};
use super::work::{Failure, Looked, Walk, Work};
use super::{Context, Error, split};

/// An own layer in the store.
#[derive(Clone)]
pub(crate) struct PackedLayer {
    pub(crate) layer: OwnLayer,
    /// Its blob; a layer without entries has none.
    pub(crate) blob: Option<Blob>,
    /// What was seen of its content.
    pub(crate) seen: Inspected,
    /// Whether it was known and nothing of it was read.
    pub(crate) known: bool,
    /// How it came to be at the target, if it was taken over from an image that was pushed before: then it has no blob.
    pub(crate) taken: Option<PushedBlob>,
}

/// Packs the layers of all platforms, in the order of the build file. Returns those of each platform.
///
/// With `reuse` layers of images that were pushed before are taken over.
pub(crate) async fn pack_all(
    context: &Context,
    images: &mut [Placed],
    reuse: Option<Reuse>,
) -> Result<Vec<Vec<PackedLayer>>, Error> {
    let mut packing = Packing {
        context,
        platforms: images.iter().map(|image| image.base.image.config.platform()).collect(),
        pushed: reuse.is_none().then(Pushed::default),
        reuse,
        inspection: inspection(context, images)?,
        settings: known::settings(context, images),
        done: HashMap::new(),
    };
    let mut packed = Vec::new();
    for image in images {
        let mut layers = Vec::new();
        for (index, plan) in split::plan(context, image, &packing.settings).await?.into_iter().enumerate() {
            layers.extend(packing.layer(image, index, &plan).await?);
        }
        packed.push(layers);
    }
    Ok(packed)
}

/// Parts that the target is asked for at once.
const CLAIMS: usize = 8;

/// The packing of all layers of a build.
struct Packing<'a> {
    context: &'a Context,
    platforms: Vec<Platform>,
    reuse: Option<Reuse>,
    /// What may be taken over; asked for when the first layer is not known here.
    pushed: Option<Pushed>,
    inspection: Arc<Inspection>,
    settings: Fingerprint,
    /// What this build has packed or found already.
    done: HashMap<Digest, PackedPart>,
}

impl Packing<'_> {
    /// Brings the parts of one layer into the store.
    async fn layer(&mut self, image: &mut Placed, index: usize, plan: &[Part]) -> Result<Vec<PackedLayer>, Error> {
        let name = image.spec(self.context).layers[index].name.clone();
        let mut parts: Vec<Option<PackedPart>> = Vec::new();
        for part in plan {
            parts.push(self.known(part).await?);
        }
        self.claim(&mut parts).await;
        let known: Vec<bool> = parts.iter().map(Option::is_some).collect();
        // Whoever has an earlier state copies most of it; reading all of it to ask a registry would cost more.
        let is_kept = LayerLine::new(self.context, image, index).is_kept(&self.context.store)?;
        if known.contains(&false) && !is_kept {
            let pushed = match self.pushed.take() {
                Some(pushed) => pushed,
                None => Pushed::look(self.context, &self.platforms, self.reuse.as_ref()).await,
            };
            let pushed = self.pushed.insert(pushed).clone();
            if !pushed.is_empty() {
                self.take_over(&pushed, image, index, &name, plan, &mut parts).await?;
            }
        }
        if parts.iter().any(Option::is_none) {
            self.context.observer.observe(Event::LayerStarted { name: name.clone() });
            self.pack(image, index, &name, plan, &mut parts).await?;
        }
        let mut layers = Vec::new();
        for ((plan, part), known) in plan.iter().zip(parts.into_iter().flatten()).zip(known) {
            if let Some(fingerprint) = plan.fingerprint {
                self.done.insert(fingerprint, part.clone());
            }
            // A part may have nothing left in it, but a layer without entries is named in the history.
            if part.packed.entries > 0 || plan.start.is_none() {
                layers.push(self.packed_layer(&name, plan, part, known));
            }
        }
        Ok(layers)
    }

    /// Returns a part that needs no packing.
    async fn known(&self, part: &Part) -> Result<Option<PackedPart>, Error> {
        let Some(fingerprint) = part.fingerprint else { return Ok(None) };
        if let Some(done) = self.done.get(&fingerprint) {
            return Ok(Some(done.clone()));
        }
        if !self.context.use_cache {
            return Ok(None);
        }
        let store = Arc::clone(&self.context.store);
        Ok(blocking(move || known::find(&store, &fingerprint)).await?)
    }

    /// Takes parts over of which only the digests are at hand, if the target has them: nothing is read for that. The
    /// others are as good as unknown.
    async fn claim(&self, parts: &mut [Option<PackedPart>]) {
        let elsewhere: Vec<(usize, PackedPart)> = parts
            .iter_mut()
            .enumerate()
            .filter_map(|(number, part)| Some((number, part.take_if(|part| part.is_elsewhere())?)))
            .collect();
        let (Some(reuse), Ok(target)) = (&self.reuse, self.context.target()) else { return };
        if elsewhere.is_empty() {
            return;
        }
        reuse.opened().await;
        target.look_ahead(&elsewhere.iter().map(|(_, part)| part.packed.digest).collect::<Vec<_>>()).await;
        let claims = elsewhere.into_iter().map(|(number, part)| {
            let target = &target;
            async move {
                let claimed = reuse.claim(target, &part.packed.digest, part.packed.size, &[]).await;
                (number, claimed.map(|how| PackedPart { taken: Some(how), ..part }))
            }
        });
        let claims: Vec<_> = futures_util::stream::iter(claims).buffer_unordered(CLAIMS).collect().await;
        claims.into_iter().for_each(|(number, part)| parts[number] = part);
    }

    /// Takes the missing parts over from images that were pushed before: those that are measured to be the same.
    async fn take_over(
        &self,
        pushed: &Pushed,
        image: &mut Placed,
        index: usize,
        name: &str,
        plan: &[Part],
        parts: &mut [Option<PackedPart>],
    ) -> Result<(), Error> {
        let known = parts.to_vec();
        let measured = self.walk(image, index, name, plan, move |work, walk| work.measure(walk, &known)).await?;
        for (part, measured) in parts.iter_mut().zip(measured) {
            let Some(Looked { measured, seen, fingerprint, clock }) = measured else { continue };
            let Measured { diff_id, entries, tar_bytes } = measured;
            let Some(Taken { descriptor, how }) = pushed.take(self.context, diff_id).await else { continue };
            let (digest, size) = (descriptor.digest, descriptor.size);
            let packed = Packed { digest, size, diff_id, entries, tar_bytes };
            let taken = PackedPart { packed, blob: None, seen, taken: Some(how) };
            // The next run here asks for this blob, and reads nothing.
            known::keep(&self.context.store, fingerprint, clock, &taken)?;
            *part = Some(taken);
        }
        Ok(())
    }

    /// Packs the parts that are missing.
    async fn pack(
        &self,
        image: &mut Placed,
        index: usize,
        name: &str,
        plan: &[Part],
        parts: &mut Vec<Option<PackedPart>>,
    ) -> Result<(), Error> {
        let known = parts.clone();
        let fill = move |work: &Work, walk: &Walk| {
            let mut filled = known.clone();
            work.fill(walk, &mut filled).map(|()| filled)
        };
        *parts = self.walk(image, index, name, plan, fill).await?;
        Ok(())
    }

    /// Works on the entries of a layer, part by part; once more over the whole of the base if a lock did not say enough.
    async fn walk<T: Send + 'static>(
        &self,
        image: &mut Placed,
        index: usize,
        name: &str,
        plan: &[Part],
        each: impl Fn(&Work, &Walk) -> Result<T, Failure> + Send + Sync + 'static,
    ) -> Result<T, Error> {
        let each = Arc::new(each);
        loop {
            let (_guard, cancelled) = CancelOnDrop::new();
            let advanced = Arc::new(AtomicU64::new(0));
            let work = self.work(image, index, cancelled, &advanced)?;
            let walk = Walk { placement: Arc::clone(&image.placement), index, plan: plan.to_vec() };
            let each = Arc::clone(&each);
            let done = blocking(move || each(&work, &walk));
            match told(self.context.observer.as_ref(), name, &advanced, done).await {
                Ok(done) => return Ok(done),
                Err(Failure::Pack(PackError::Entry(error))) if image.read_base(self.context, &error).await? => {}
                Err(Failure::Pack(source)) => return Err(Error::Layer { layer: name.to_owned(), source }),
                Err(Failure::Store(error)) => return Err(error),
            }
        }
    }

    fn work(
        &self,
        image: &Placed,
        index: usize,
        cancelled: Arc<AtomicBool>,
        advanced: &Arc<AtomicU64>,
    ) -> Result<Work, Error> {
        Ok(Work {
            store: Arc::clone(&self.context.store),
            settings: self.settings.clone(),
            line: self.context.use_cache.then(|| LayerLine::new(self.context, image, index)),
            clock: self.context.store.file_clock()?,
            options: PackOptions {
                compression: self.context.spec.compression,
                threads: self.context.jobs,
                budget: PackOptions::budget_of(self.context.jobs),
                cancelled: Some(cancelled),
                inspection: Some(Arc::clone(&self.inspection)),
                advanced: Some(Arc::clone(advanced)),
                ..PackOptions::default()
            },
        })
    }

    fn packed_layer(&self, name: &str, plan: &Part, part: PackedPart, known: bool) -> PackedLayer {
        let PackedPart { packed, blob, seen, taken } = part;
        let layer = OwnLayer { name: name.to_owned(), start: plan.start.clone(), blob: None };
        if packed.entries == 0 {
            return PackedLayer { layer, blob, seen, known, taken };
        }
        let Packed { digest, diff_id, entries, tar_bytes, size } = packed;
        let name = name.to_owned();
        self.context.observer.observe(match known || taken.is_some() {
            true => Event::LayerKnown { name, digest, diff_id, entries, tar_bytes, size },
            false => Event::LayerPacked { name, digest, diff_id, entries, tar_bytes, size },
        });
        let media_type = MediaType::Layer(self.context.spec.compression.codec());
        let layer_blob = LayerBlob {
            descriptor: Descriptor::new(media_type, digest, size),
            diff_id,
            method: layer_method(self.context.spec.format, self.context.spec.compression),
        };
        PackedLayer { layer: OwnLayer { blob: Some(layer_blob), ..layer }, blob, seen, known, taken }
    }
}
