//! Push: blobs as they come, then config, manifest and tags.

use crate::oci::{MediaType, Repository};
use crate::registry::TagOrDigest;

use super::base::{self, ResolvedBase};
use super::build::{Built, build_on};
use super::uploads::Uploads;
use super::{Context, Error};

/// Builds the image and pushes it under every tag.
///
/// Layers go up while later ones are packed. The manifest is sent when all of its blobs are there, and the tags in the
/// order of the build file, so that a push that breaks off leaves no tag that points to half an image.
///
/// # Errors
/// When the image cannot be built, or the registry refuses a blob or the manifest.
pub async fn push(context: &Context) -> Result<Built, Error> {
    let reference = context.first_reference()?;
    let failed = |source| Error::Push { reference: reference.to_string(), source };
    let target = context.target()?;
    let first_tag = TagOrDigest::of(&reference);
    // The first request finds wrong credentials and an unreachable host before anything is packed.
    target.head_manifest(&first_tag).await.map_err(failed)?;
    let base = base::resolve(context).await?;
    let mut uploads = Uploads::new(target.clone());
    push_base(context, &base, &mut uploads).await?;
    let mut built = build_on(context, base, Some(&mut uploads)).await?;
    uploads.start(built.image.config.clone());
    let started = context.clock.now();
    uploads.finish(&mut built.report).await.map_err(failed)?;
    let manifest = built.image.manifest.in_memory().expect("a manifest is put together in memory");
    for tag in &context.spec.tags {
        target
            .put_manifest(manifest, MediaType::Manifest.as_str(), &TagOrDigest::Tag(tag.clone()))
            .await
            .map_err(|source| Error::Push { reference: context.tagged(tag), source })?;
    }
    built.report.time("push", started, context.clock.now());
    built.report.image = Some(format!("{reference}@{}", built.image.digest()));
    Ok(built)
}

/// Brings the base's layers to the target: those it has are referenced, those it can mount are mounted, and only what is
/// left is downloaded, once for the upload and for the facts.
async fn push_base(context: &Context, base: &ResolvedBase, uploads: &mut Uploads) -> Result<(), Error> {
    let reference = context.first_reference()?;
    let failed = |source| Error::Push { reference: reference.to_string(), source };
    let target = context.target()?;
    let source = base.repository().filter(|source| source.host() == reference.repository.host());
    let mount_from: Vec<Repository> = source.into_iter().cloned().collect();
    for (index, layer) in base.image.layers.iter().enumerate() {
        let (digest, size) = (layer.blob.digest, layer.blob.size);
        match target.claim_blob(&digest, size, &mount_from).await.map_err(failed)? {
            Some(how) => uploads.settled(digest, how, size),
            None => uploads.start(base.layer_blob(context, index).await?),
        }
    }
    Ok(())
}
