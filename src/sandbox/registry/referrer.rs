//! The manifests that refer to another one.

use http::{HeaderName, Method, StatusCode};
use serde_json::{Value, json};

use super::route::Ask;
use super::{Registry, RegistryError, StoredManifest};
use crate::oci::{Digest, MediaType};
use crate::sandbox::answer::{self, Answer};

/// Answers the referrers API (distribution-spec, "Listing Referrers").
pub(super) fn list(registry: &Registry, ask: &Ask, subject: Digest) -> Result<Answer, RegistryError> {
    if ask.method != Method::GET || !registry.personality.referrers {
        return Err(RegistryError::unsupported(StatusCode::NOT_FOUND));
    }
    let repositories = registry.repositories();
    let repository = repositories
        .get(&ask.repository)
        .ok_or_else(|| RegistryError::name_unknown(&ask.repository, &registry.account))?;
    let wanted = ask.query("artifactType");
    let refers = |manifest: &StoredManifest| {
        manifest.subject == Some(subject)
            && wanted.is_none_or(|wanted| manifest.artifact_type.as_deref() == Some(wanted))
    };
    let manifests: Vec<Value> = repository
        .document
        .manifests
        .iter()
        .filter(|(_, manifest)| refers(manifest))
        .map(|(digest, manifest)| descriptor(*digest, manifest))
        .collect();
    let index = json!({ "schemaVersion": 2, "mediaType": MediaType::Index.as_str(), "manifests": manifests });
    let mut answer = answer::json(StatusCode::OK, MediaType::Index.as_str(), &index);
    if wanted.is_some() {
        answer::set(&mut answer, HeaderName::from_static("oci-filters-applied"), "artifactType");
    }
    Ok(answer)
}

fn descriptor(digest: Digest, manifest: &StoredManifest) -> Value {
    let mut descriptor =
        json!({ "mediaType": manifest.media_type, "digest": digest.to_string(), "size": manifest.size });
    if let Some(kind) = &manifest.artifact_type {
        descriptor["artifactType"] = json!(kind);
    }
    if !manifest.annotations.is_empty() {
        descriptor["annotations"] = Value::Object(manifest.annotations.clone());
    }
    descriptor
}
