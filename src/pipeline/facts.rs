//! What is known of an image before it runs, for the preflight.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::deploy::ImageFacts;
use crate::oci::{Config, Document, Manifest};
use crate::registry::{RegistryError, RepositoryClient, TagOrDigest};

use super::build::Built;

/// The largest config that is read, in bytes: real ones have a few KiB.
const LARGEST_CONFIG: u64 = 4 << 20;

/// Returns what is known of images that were built.
pub(crate) fn of_built(built: &Built) -> ImageFacts {
    let mut facts = ImageFacts::default();
    for image in &built.images {
        // A config is made in memory, and by ourselves.
        let config = image.image.config.in_memory().and_then(|bytes| Config::parse(bytes).ok());
        let size = image.image.layers.iter().map(|layer| layer.descriptor.size).sum();
        add(&mut facts, config.as_ref(), size);
    }
    facts
}

/// Returns what a registry knows of an image.
///
/// # Errors
/// When one of its manifests or configs cannot be had.
pub(crate) async fn of_pushed(client: &RepositoryClient, document: &Document) -> Result<ImageFacts, RegistryError> {
    let mut facts = ImageFacts::default();
    match document {
        Document::Manifest(manifest) => add_pushed(&mut facts, client, manifest).await?,
        Document::Index(index) => {
            for child in index.images() {
                if let Document::Manifest(manifest) = client.manifest(&TagOrDigest::Digest(child.digest)).await? {
                    add_pushed(&mut facts, client, &manifest).await?;
                }
            }
        }
    }
    Ok(facts)
}

async fn add_pushed(
    facts: &mut ImageFacts,
    client: &RepositoryClient,
    manifest: &Manifest,
) -> Result<(), RegistryError> {
    let descriptor = &manifest.config;
    let mut bytes = Vec::new();
    if descriptor.size <= LARGEST_CONFIG {
        let mut stream = client.blob(&descriptor.digest, descriptor.size);
        while let Some(chunk) = stream.chunk().await? {
            bytes.extend_from_slice(&chunk);
        }
    }
    let size = manifest.layers.iter().map(|layer| layer.size).sum();
    add(facts, Config::parse(&bytes).ok().as_ref(), size);
    Ok(())
}

fn add(facts: &mut ImageFacts, config: Option<&Config>, size: u64) {
    facts.size = facts.size.max(size);
    let Some(config) = config else { return };
    facts.architectures.insert(config.platform().architecture);
    facts.env.extend(config.env().into_iter().map(|(name, _)| name));
    facts.ports.extend(config.settings().map(ports).unwrap_or_default());
}

/// Returns the ports of TCP; those of UDP have no health check and seldom a mapping of their own.
fn ports(settings: &Map<String, Value>) -> BTreeSet<u16> {
    let exposed = settings.get("ExposedPorts").and_then(Value::as_object).into_iter().flatten();
    exposed.filter_map(|(port, _)| port.strip_suffix("/tcp").unwrap_or(port).parse().ok()).collect()
}
