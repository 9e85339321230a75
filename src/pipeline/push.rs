//! Push: blobs as they come, then configs, manifests and tags.

use std::collections::BTreeSet;

use crate::oci::{MediaType, Repository};
use crate::registry::{RegistryError, RepositoryClient, TagOrDigest};
use crate::store::Blob;

use super::base::ResolvedBase;
use super::build::{Built, BuiltImage, Sending, build_on, resolve_bases};
use super::lock::Lookup;
use super::preflight::{Preflight, explain_mounts};
use super::uploads::Uploads;
use super::{Context, Error};

/// Builds the image and pushes it under every tag.
///
/// Layers go up while the manifest is made. The manifest is sent when all of its blobs are there, an index when all of
/// its manifests are, and the tags in the order of the build file, so that a push that breaks off leaves no tag that
/// points to half an image.
///
/// # Errors
/// When the image cannot be built, or the registry refuses a blob or the manifest.
pub async fn push(context: &Context) -> Result<Built, Error> {
    let reference = context.first_reference()?;
    let target = context.target()?;
    let failed = |source| Error::Push { reference: reference.to_string(), source };
    let (tags, repository) = (&context.spec.tags, context.spec.repository.as_ref());
    let preflight = Preflight::run(&target, tags, repository, context.observer.as_ref()).await.map_err(failed)?;
    let lock = Lookup::read(context)?;
    let bases = resolve_bases(context, &lock).await?;
    let attempt = Attempt { context, target: &target, bases: &bases, lock: &lock, preflight: &preflight };
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

/// One way through a push, from resolved bases to tags.
struct Attempt<'a> {
    context: &'a Context,
    target: &'a RepositoryClient,
    bases: &'a [ResolvedBase],
    lock: &'a Lookup,
    preflight: &'a Preflight,
}

impl Attempt<'_> {
    /// Packs, sends, and names. With `reuse` layers of images that were pushed before are taken over.
    async fn push(&self, reuse: bool) -> Result<Built, Error> {
        let context = self.context;
        let reference = context.first_reference()?;
        let failed = |source| Error::Push { reference: reference.to_string(), source };
        let mut uploads = Uploads::new(self.target.clone());
        if self.preflight.waits() {
            uploads.hold();
        } else {
            self.push_bases(&mut uploads).await?;
        }
        let sending = Sending { uploads: &mut uploads, reuse };
        let mut built = build_on(context, self.bases.to_vec(), self.lock, Some(sending)).await?;
        if self.preflight.waits() {
            if let Some(refusal) = self.preflight.refusal(self.target.repository().name(), built.digest()) {
                return Err(failed(refusal.into()));
            }
            if self.preflight.stands(built.digest()) && reuse {
                built.report.existing = blobs(&built);
                push_manifests(context, self.target, &built, &[]).await?;
                return Ok(built);
            }
            uploads.release();
            self.push_bases(&mut uploads).await?;
        }
        built.images.iter().for_each(|image| uploads.start(image.image.config.clone()));
        let started = context.clock.now();
        let sent = uploads.finish(&mut built.report).await.map_err(failed)?;
        explain_mounts(self.target).await.into_iter().for_each(|message| context.note(message));
        push_manifests(context, self.target, &built, &sent).await?;
        built.report.time("push", started, context.clock.now());
        Ok(built)
    }

    async fn push_bases(&self, uploads: &mut Uploads) -> Result<(), Error> {
        let layers = self.bases.iter().flat_map(|base| &base.image.layers);
        uploads.look_ahead(layers.map(|layer| layer.blob.digest)).await;
        let mut sent = BTreeSet::new();
        for base in self.bases {
            push_base(self.context, base, uploads, &mut sent).await?;
        }
        Ok(())
    }

    /// Returns whether the registry misses a blob, which then was one that we did not send.
    fn lost_a_layer(&self, error: &Error) -> bool {
        let lost = |source: &RegistryError| source.has_code("MANIFEST_BLOB_UNKNOWN") || source.has_code("BLOB_UNKNOWN");
        self.context.use_cache && matches!(error, Error::Push { source, .. } if lost(source))
    }
}

/// Returns the count of blobs that an image is made of.
fn blobs(built: &Built) -> u64 {
    let layers = built.images.iter().flat_map(|image| &image.image.layers).map(|layer| layer.descriptor.digest);
    let configs = built.images.iter().map(|image| image.image.config.digest);
    layers.chain(configs).collect::<BTreeSet<_>>().len() as u64
}

/// Sends the manifest under every tag; of several platforms each manifest by its digest alone, then the index. Of `sent`
/// comes again what the registry has lost meanwhile.
async fn push_manifests(
    context: &Context,
    target: &RepositoryClient,
    built: &Built,
    sent: &[Blob],
) -> Result<(), Error> {
    let bytes = |image: &BuiltImage| image.image.manifest.in_memory().expect("it is put together in memory").to_vec();
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

/// Brings the base's layers to the target: those it has are referenced, those it can mount are mounted, and only what is
/// left is downloaded, once for the upload and for the facts.
async fn push_base(
    context: &Context,
    base: &ResolvedBase,
    uploads: &mut Uploads,
    sent: &mut BTreeSet<crate::oci::Digest>,
) -> Result<(), Error> {
    let reference = context.first_reference()?;
    let failed = |source| Error::Push { reference: reference.to_string(), source };
    let target = context.target()?;
    let source = base.repository().filter(|source| source.host() == reference.repository.host());
    let mount_from: Vec<Repository> = source.into_iter().cloned().collect();
    for (index, layer) in base.image.layers.iter().enumerate() {
        let (digest, size) = (layer.blob.digest, layer.blob.size);
        if !sent.insert(digest) {
            continue;
        }
        match target.claim_blob(&digest, size, &mount_from).await.map_err(failed)? {
            Some(how) => uploads.settled(digest, how, size),
            None => uploads.start(base.layer_blob(context, index).await?),
        }
    }
    Ok(())
}
