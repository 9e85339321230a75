//! Images and layers, as ECR's API sees what was pushed through `/v2/`.

use serde_json::{Value, json};

use super::operation::with_repository;
use crate::ground::files;
use crate::oci::{Digest, LayerCodec, MediaType};
use crate::sandbox::aws_json::{AwsError, Input, time, with_next_token};
use crate::sandbox::registry::{Registry, Repository};

/// `BatchCheckLayerAvailability`, for at most 100 digests.
pub(super) fn check_layers(registry: &Registry, input: Input<'_>) -> Result<Value, AwsError> {
    with_repository(registry, input, |repository| {
        let digests = input.texts("layerDigests");
        if digests.is_empty() || digests.len() > 100 {
            return Err(AwsError::new("InvalidParameterException", "layerDigests must have 1 to 100 members"));
        }
        let (mut layers, mut failures) = (Vec::new(), Vec::new());
        for text in digests {
            let Ok(digest) = text.parse::<Digest>() else {
                let reason = "The layer digest is malformed";
                failures
                    .push(json!({ "layerDigest": text, "failureCode": "InvalidLayerDigest", "failureReason": reason }));
                continue;
            };
            layers.push(match registry.blob_size(repository, digest) {
                Some(size) => {
                    let kind = media_type(repository, digest);
                    let state = "AVAILABLE";
                    json!({ "layerDigest": text, "layerAvailability": state, "layerSize": size, "mediaType": kind })
                }
                None => json!({ "layerDigest": text, "layerAvailability": "UNAVAILABLE" }),
            });
        }
        Ok(json!({ "layers": layers, "failures": failures }))
    })
}

/// Returns what a committed manifest says that a blob is; before that, ECR takes it for a gzip layer.
fn media_type(repository: &Repository, digest: Digest) -> &str {
    let said = repository.document.manifests.values().find_map(|manifest| manifest.blobs.get(&digest));
    said.map_or(MediaType::Layer(LayerCodec::Gzip).as_str(), String::as_str)
}

/// `BatchGetImage`.
pub(super) fn batch_get(registry: &Registry, input: Input<'_>) -> Result<Value, AwsError> {
    with_repository(registry, input, |repository| {
        let (mut images, mut failures) = (Vec::new(), Vec::new());
        for id in input.list("imageIds") {
            match find(repository, Input(id)) {
                Some(digest) => images.push(image(registry, repository, Input(id), digest)?),
                None => failures.push(json!({
                    "imageId": id, "failureCode": "ImageNotFound", "failureReason": "Requested image not found",
                })),
            }
        }
        Ok(json!({ "images": images, "failures": failures }))
    })
}

fn image(registry: &Registry, repository: &Repository, id: Input<'_>, digest: Digest) -> Result<Value, AwsError> {
    let bytes = files::read(&registry.blob_path(digest))?;
    let mut image_id = json!({ "imageDigest": digest.to_string() });
    if let Some(tag) = id.text("imageTag") {
        image_id["imageTag"] = json!(tag);
    }
    Ok(json!({
        "registryId": registry.account,
        "repositoryName": repository.document.name,
        "imageId": image_id,
        "imageManifest": String::from_utf8_lossy(&bytes),
        "imageManifestMediaType": repository.document.manifests[&digest].media_type,
    }))
}

/// `DescribeImages`; one that is asked for by name and is not here fails the call.
pub(super) fn describe(registry: &Registry, input: Input<'_>) -> Result<Value, AwsError> {
    with_repository(registry, input, |repository| {
        let ids = input.list("imageIds");
        let mut digests: Vec<Digest> = Vec::new();
        for id in ids {
            digests.push(find(repository, Input(id)).ok_or_else(|| {
                let name = &repository.document.name;
                let message = format!(
                    "The image with imageId {id} does not exist within the repository with name '{name}' in the \
                     registry with id '{}'",
                    registry.account
                );
                AwsError::new("ImageNotFoundException", message)
            })?);
        }
        if ids.is_empty() {
            digests.extend(repository.document.manifests.keys().copied().filter(|d| passes(repository, input, *d)));
        }
        let details = digests.into_iter().map(|digest| detail(registry, repository, digest)).collect();
        let (page, next) = input.page(details, 100);
        Ok(with_next_token(json!({ "imageDetails": page }), next))
    })
}

fn detail(registry: &Registry, repository: &Repository, digest: Digest) -> Value {
    let manifest = &repository.document.manifests[&digest];
    let mut detail = json!({
        "registryId": registry.account,
        "repositoryName": repository.document.name,
        "imageDigest": digest.to_string(),
        "imageSizeInBytes": manifest.image_size.max(manifest.size),
        "imagePushedAt": time(manifest.pushed_at),
        "imageManifestMediaType": manifest.media_type,
        "imageStatus": "ACTIVE",
    });
    let tags = repository.tags_of(digest);
    if !tags.is_empty() {
        detail["imageTags"] = json!(tags);
    }
    if let Some(kind) = &manifest.artifact_type {
        detail["artifactMediaType"] = json!(kind);
    }
    detail
}

/// `ListImages`: one entry per tag, and one per image without tags.
pub(super) fn list(registry: &Registry, input: Input<'_>) -> Result<Value, AwsError> {
    with_repository(registry, input, |repository| {
        let mut ids = Vec::new();
        for digest in repository.document.manifests.keys().copied().filter(|d| passes(repository, input, *d)) {
            let tags = repository.tags_of(digest);
            if tags.is_empty() {
                ids.push(json!({ "imageDigest": digest.to_string() }));
            }
            ids.extend(tags.iter().map(|tag| json!({ "imageDigest": digest.to_string(), "imageTag": tag })));
        }
        let (page, next) = input.page(ids, 100);
        Ok(with_next_token(json!({ "imageIds": page }), next))
    })
}

fn passes(repository: &Repository, input: Input<'_>, digest: Digest) -> bool {
    let is_tagged = !repository.tags_of(digest).is_empty();
    match input.0.pointer("/filter/tagStatus").and_then(Value::as_str) {
        Some("TAGGED") => is_tagged,
        Some("UNTAGGED") => !is_tagged,
        _ => true,
    }
}

/// Finds an image by its digest, its tag, or both, which then must agree.
fn find(repository: &Repository, id: Input<'_>) -> Option<Digest> {
    let by_digest = id.text("imageDigest").map(|digest| repository.manifest_digest(digest));
    let by_tag = id.text("imageTag").map(|tag| repository.manifest_digest(tag));
    match (by_digest, by_tag) {
        (Some(digest), Some(tag)) => digest.filter(|digest| Some(*digest) == tag),
        (Some(found), None) | (None, Some(found)) => found,
        (None, None) => None,
    }
}
