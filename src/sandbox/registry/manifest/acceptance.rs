//! Which manifests a registry takes: pure checks of the document against what the repository has.

use std::collections::BTreeSet;

use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::oci::{Descriptor, Digest, Document, MediaType};
use crate::sandbox::personality::Personality;
use crate::sandbox::registry::{RegistryError, Repository, StoredManifest};

/// The largest manifest that is taken, in bytes (distribution-spec, "Pushing Manifests"; ECR's `ImageManifest`).
pub(super) const LARGEST_MANIFEST: usize = 4 * 1024 * 1024;

/// Reads a manifest and refuses one that a registry of this personality would refuse for itself.
///
/// # Errors
/// As ECR words them.
pub(super) fn read(
    bytes: &[u8],
    content_type: Option<&str>,
    personality: &Personality,
) -> Result<(Document, StoredManifest), RegistryError> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| match personality.media_type_required {
        true => syntax(),
        false => RegistryError::manifest_invalid(error.to_string()),
    })?;
    let said = content_type.map(|text| text.split(';').next().unwrap_or(text).trim());
    let within = value.get("mediaType").and_then(Value::as_str);
    if within.is_none() && personality.media_type_required {
        return Err(syntax());
    }
    if let (Some(said), Some(within)) = (said, within)
        && said != within
    {
        let message = format!("the content type is '{said}' and the manifest says '{within}'");
        return Err(RegistryError::manifest_invalid(message));
    }
    let document =
        Document::parse(bytes.to_vec(), said).map_err(|error| RegistryError::manifest_invalid(error.to_string()))?;
    let fallback = if matches!(document, Document::Index(_)) { MediaType::Index } else { MediaType::Manifest };
    let media_type = within.or(said).unwrap_or(fallback.as_str()).to_owned();
    if let Document::Manifest(manifest) = &document
        && manifest.layers.is_empty()
        && personality.layer_required
    {
        return Err(RegistryError::manifest_invalid("Image must have at least one layer"));
    }
    let stored = describe(&value, &document, media_type, bytes.len() as u64);
    Ok((document, stored))
}

fn syntax() -> RegistryError {
    let message = "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'";
    RegistryError::new(StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED", message)
}

fn describe(value: &Value, document: &Document, media_type: String, size: u64) -> StoredManifest {
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let config_type = value.get("config").and_then(|config| text(config, "mediaType"));
    let held: Vec<&Descriptor> = match document {
        Document::Manifest(manifest) => std::iter::once(&manifest.config).chain(&manifest.layers).collect(),
        Document::Index(_) => Vec::new(),
    };
    StoredManifest {
        media_type,
        size,
        pushed_at: 0,
        image_size: held.iter().map(|descriptor| descriptor.size).sum(),
        blobs: held.into_iter().map(|descriptor| (descriptor.digest, descriptor.media_type.clone())).collect(),
        subject: value.get("subject").and_then(|subject| text(subject, "digest")?.parse().ok()),
        artifact_type: text(value, "artifactType").or(config_type),
        annotations: value.get("annotations").and_then(Value::as_object).cloned().unwrap_or_else(Map::new),
    }
}

/// Refuses a manifest that refers to what the repository does not have.
///
/// # Errors
/// `MANIFEST_BLOB_UNKNOWN`, once for each thing that is missing; `MANIFEST_INVALID` for a size that is wrong.
pub(super) fn check_references(
    document: &Document,
    repository: &Repository,
    size_of: impl Fn(Digest) -> Option<u64>,
    account: &str,
) -> Result<(), RegistryError> {
    match document {
        Document::Manifest(manifest) => {
            let layers = manifest.layers.iter().filter(|layer| !is_foreign(layer));
            check_blobs(std::iter::once(&manifest.config).chain(layers), size_of, &repository.document.name)
        }
        Document::Index(index) => {
            let known = &repository.document.manifests;
            let missing: BTreeSet<Digest> =
                index.manifests.iter().map(|child| child.digest).filter(|d| !known.contains_key(d)).collect();
            if missing.is_empty() {
                return Ok(());
            }
            let listed: Vec<String> = missing.iter().map(Digest::to_string).collect();
            let message = format!(
                "Images with digests '[{}]' required for pushing image into repository with name '{}' in the registry \
                 with id '{account}' do not exist",
                listed.join(", "),
                repository.document.name
            );
            Err(unknown(message, &listed))
        }
    }
}

fn check_blobs<'a>(
    blobs: impl Iterator<Item = &'a Descriptor>,
    size_of: impl Fn(Digest) -> Option<u64>,
    repository: &str,
) -> Result<(), RegistryError> {
    let mut missing = BTreeSet::new();
    for blob in blobs {
        match size_of(blob.digest) {
            None => {
                missing.insert(blob.digest.to_string());
            }
            Some(size) if size != blob.size => {
                let message = format!("the blob {} has {size} bytes, not {}", blob.digest, blob.size);
                return Err(RegistryError::manifest_invalid(message));
            }
            Some(_) => {}
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let listed: Vec<String> = missing.into_iter().collect();
    let message =
        format!("Layers with digests '[{}]' do not exist in the repository '{repository}'", listed.join(", "));
    Err(unknown(message, &listed))
}

fn unknown(message: String, digests: &[String]) -> RegistryError {
    let details = digests.iter().map(|digest| json!({ "digest": digest })).collect();
    RegistryError::new(StatusCode::NOT_FOUND, "MANIFEST_BLOB_UNKNOWN", message).with_details(details)
}

fn is_foreign(layer: &Descriptor) -> bool {
    matches!(MediaType::parse(&layer.media_type), Some(MediaType::ForeignLayer(_)))
}
