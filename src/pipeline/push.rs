//! Push: blobs as they come, then configs, manifests and tags.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};

use tokio::sync::{Mutex, OnceCell, watch};

use crate::oci::{Digest, MediaType, Reference};
use crate::registry::{RegistryError, RepositoryClient, TagOrDigest};
use crate::store::Blob;

use super::base::{Fate, Fates, ResolvedBase};
use super::build::{Built, BuiltImage, Sending, build_on, resolve_bases};
use super::lock::Lookup;
use super::preflight::{Preflight, explain_mounts};
use super::reuse::{Opened, Reuse};
use super::uploads::Uploads;
use super::{Context, Error};

/// What has to end well before the target is touched; it returns more images whose layers may be taken over.
pub(crate) type Before<'a> = Pin<Box<dyn Future<Output = Result<Vec<Reference>, Error>> + Send + 'a>>;

/// Builds the image and pushes it under every tag.
///
/// Layers of the base go up while own layers are packed. The manifest is sent when all of its blobs are there, an index
/// when all of its manifests are, and the tags in the order of the build file, so that a push that breaks off leaves no
/// tag that points to half an image.
///
/// # Errors
/// When the image cannot be built, or the registry refuses a blob or the manifest.
pub async fn push(context: &Context) -> Result<Built, Error> {
    push_after(context, Box::pin(async { Ok(Vec::new()) })).await
}

/// As [`push`], with something else that is done while layers are packed, and before anything is sent.
pub(crate) async fn push_after(context: &Context, before: Before<'_>) -> Result<Built, Error> {
    let reference = context.first_reference()?;
    let target = context.target()?;
    let lock = Lookup::read(context)?;
    let attempt = Attempt {
        context,
        target: &target,
        lock: &lock,
        reference: reference.to_string(),
        bases: OnceCell::new(),
        fates: std::sync::Mutex::default(),
        before: Mutex::new(Some(before)),
        preflight: OnceCell::new(),
        opened: watch::Sender::new(None),
    };
    let pushed = match attempt.push(true).await {
        Err(error) if attempt.lost_a_layer(&error) => {
            context.note(
                "the registry lost a layer that was to be taken over: packing and sending all of them".to_owned(),
            );
            attempt.push(false).await
        }
        done => done,
    };
    if pushed.is_err() {
        // Other uploads were on their way when one failed.
        context.registry.abandon().await;
    }
    let mut built = pushed?;
    built.report.image = Some(format!("{reference}@{}", built.digest()));
    Ok(built)
}

/// A push, from the lock to tags. What was found out once holds for a second way through.
struct Attempt<'a> {
    context: &'a Context,
    target: &'a RepositoryClient,
    lock: &'a Lookup,
    reference: String,
    bases: OnceCell<Vec<ResolvedBase>>,
    /// The fates of the bases' layers, until those layers are on their way.
    fates: std::sync::Mutex<BTreeMap<Digest, Fate>>,
    before: Mutex<Option<Before<'a>>>,
    preflight: OnceCell<Preflight>,
    /// Tells those who pack that the target may be touched.
    opened: watch::Sender<Option<Arc<Opened>>>,
}

impl Attempt<'_> {
    /// Packs, sends, and names. With `reuse` layers of images that were pushed before are taken over.
    async fn push(&self, reuse: bool) -> Result<Built, Error> {
        let mut own = Uploads::new(self.target.clone(), self.reference.clone());
        let mut bases = own.beside();
        let begun = watch::Sender::new(false);
        let mut built = tokio::select! {
            built = self.pack(&mut own, reuse, &begun) => built?,
            failed = self.bring_bases(&mut bases, &begun) => return Err(failed),
        };
        let preflight = self.open().await?;
        if preflight.waits() {
            if let Some(refusal) = preflight.refusal(self.target.repository().name(), built.digest()) {
                return Err(self.failed(refusal.into()));
            }
            if preflight.stands(built.digest()) && reuse {
                built.report.existing = blobs(&built);
                self.push_manifests(&built, &[]).await?;
                return Ok(built);
            }
            self.start_bases(&mut bases, &mut BTreeMap::new()).await?;
        }
        self.send(own, bases, built).await
    }

    /// Sends what is left, and then the manifests.
    async fn send(&self, mut own: Uploads, bases: Uploads, mut built: Built) -> Result<Built, Error> {
        let started = self.context.clock.now();
        built.images.iter().for_each(|image| own.hold(image.image.config.clone()));
        own.release(&bases).await;
        let (mut sent, own) = tokio::try_join!(bases.finish(), own.finish())?;
        sent.extend(own);
        sent.iter().for_each(|sent| built.report.count(&sent.how, sent.size));
        let sent: Vec<Blob> = sent.into_iter().filter_map(|sent| sent.blob).collect();
        explain_mounts(self.target).await.into_iter().for_each(|message| self.context.note(message));
        self.push_manifests(&built, &sent).await?;
        built.report.time("push", started, self.context.clock.now());
        Ok(built)
    }

    /// Packs own layers: nothing of them is sent yet. Ends when the bases' layers are on their way, too.
    async fn pack(&self, own: &mut Uploads, reuse: bool, begun: &watch::Sender<bool>) -> Result<Built, Error> {
        let reuse = reuse.then(|| Reuse::new(self.opened.subscribe()));
        let bases = self.bases().await?.to_vec();
        let built = build_on(self.context, bases, self.lock, Some(Sending { uploads: Some(own), reuse })).await?;
        // The sender lives as long as we do.
        let _ = begun.subscribe().wait_for(|begun| *begun).await;
        Ok(built)
    }

    /// Opens the target and brings the bases' layers there; ends only with a failure.
    async fn bring_bases(&self, uploads: &mut Uploads, begun: &watch::Sender<bool>) -> Error {
        if let Err(error) = self.begin_bases(uploads).await {
            return error;
        }
        begun.send_replace(true);
        uploads.failure().await
    }

    async fn begin_bases(&self, uploads: &mut Uploads) -> Result<(), Error> {
        let waits = self.open().await?.waits();
        self.bases().await?;
        // Who waits for the fate of a layer waits no longer than until here, or until that layer is downloaded.
        let mut fates = std::mem::take(&mut *self.fates.lock().unwrap_or_else(PoisonError::into_inner));
        if waits { Ok(()) } else { self.start_bases(uploads, &mut fates).await }
    }

    async fn start_bases(&self, uploads: &mut Uploads, fates: &mut BTreeMap<Digest, Fate>) -> Result<(), Error> {
        let bases = self.bases().await?;
        let layers = bases.iter().flat_map(|base| &base.image.layers);
        uploads.look_ahead(layers.map(|layer| layer.blob.digest)).await;
        for base in bases {
            for (index, layer) in base.image.layers.iter().enumerate() {
                uploads.bring(self.context, base, index, fates.remove(&layer.blob.digest));
            }
        }
        Ok(())
    }

    /// Returns the bases, resolved once; whoever comes first resolves them.
    async fn bases(&self) -> Result<&Vec<ResolvedBase>, Error> {
        let resolve = || async {
            let mut bases = resolve_bases(self.context, self.lock).await?;
            let digests = bases.iter().flat_map(|base| &base.image.layers).map(|layer| layer.blob.digest);
            let (open, fates) = Fates::open(digests);
            bases.iter_mut().for_each(|base| base.fates = fates.clone());
            *self.fates.lock().unwrap_or_else(PoisonError::into_inner) = open;
            Ok(bases)
        };
        self.bases.get_or_try_init(resolve).await
    }

    /// Does what comes before, and looks whether the target may be pushed to: once.
    async fn open(&self) -> Result<&Preflight, Error> {
        let open = || async {
            let before = self.before.lock().await.take();
            let images = match before {
                Some(before) => before.await?,
                None => Vec::new(),
            };
            let (tags, repository) = (&self.context.spec.tags, self.context.spec.repository.as_ref());
            let preflight = Preflight::run(self.target, tags, repository, self.context.observer.as_ref()).await;
            let preflight = preflight.map_err(|source| self.failed(source))?;
            self.opened.send_replace(Some(Arc::new(Opened { images, first: preflight.first() })));
            Ok(preflight)
        };
        self.preflight.get_or_try_init(open).await
    }

    fn failed(&self, source: RegistryError) -> Error {
        Error::Push { reference: self.reference.clone(), source }
    }

    /// Returns whether the registry misses a blob, which then was one that we did not send.
    fn lost_a_layer(&self, error: &Error) -> bool {
        let lost = |source: &RegistryError| source.has_code("MANIFEST_BLOB_UNKNOWN") || source.has_code("BLOB_UNKNOWN");
        self.context.use_cache && matches!(error, Error::Push { source, .. } if lost(source))
    }

    /// Sends the manifest under every tag; of several platforms each manifest by its digest alone, then the index. Of
    /// `sent` comes again what the registry has lost meanwhile.
    async fn push_manifests(&self, built: &Built, sent: &[Blob]) -> Result<(), Error> {
        let (context, target) = (self.context, self.target);
        let bytes =
            |image: &BuiltImage| image.image.manifest.in_memory().expect("it is put together in memory").to_vec();
        let (top, media_type) = match &built.index {
            None => (bytes(&built.images[0]), MediaType::Manifest),
            Some(index) => {
                for image in &built.images {
                    let digest = image.image.digest();
                    let reference = format!("{}@{digest}", context.name()?);
                    let media_type = MediaType::Manifest.as_str();
                    let put = target.put_manifest_of(&bytes(image), media_type, &digest.into(), sent).await;
                    put.map_err(|source| Error::Push { reference, source })?;
                }
                (index.bytes.clone(), MediaType::Index)
            }
        };
        for tag in &context.spec.tags {
            let put = target.put_manifest_of(&top, media_type.as_str(), &TagOrDigest::Tag(tag.clone()), sent).await;
            put.map_err(|source| Error::Push { reference: context.tagged(tag), source })?;
        }
        Ok(())
    }
}

/// Returns the count of blobs that an image is made of.
fn blobs(built: &Built) -> u64 {
    let layers = built.images.iter().flat_map(|image| &image.image.layers).map(|layer| layer.descriptor.digest);
    let configs = built.images.iter().map(|image| image.image.config.digest);
    layers.chain(configs).collect::<BTreeSet<_>>().len() as u64
}
