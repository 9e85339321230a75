//! Inspect: what an image is made of, as it stands in a registry, a layout or an archive. No layer is read.

use serde::Serialize;
use serde_json::Value;

use super::copy::{CONFIG_LIMIT, CopyContext, Source, bytes, media_type};
use super::{Error, FormVersion, Place};
use crate::oci::{Annotations, Config, Descriptor, DiffId, Digest, Document, Manifest, MediaType, Platform};

/// What an image is made of: report schema 1 of `inspect`.
#[derive(Clone, Debug, Serialize)]
pub struct Inspection {
    /// The version of this form.
    pub schema: FormVersion,
    /// The image as it was asked for, with its digest.
    pub image: String,
    /// The digest of the manifest or index.
    pub digest: Digest,
    /// The media type of it.
    pub media_type: String,
    /// Its bytes.
    pub size: u64,
    /// The platforms there are images for, in the index's order.
    pub platforms: Vec<String>,
    /// The images, one a platform.
    pub images: Vec<InspectedImage>,
    /// What the index names beside images, such as attestations.
    pub others: Vec<Descriptor>,
    /// The annotations of the index.
    #[serde(skip_serializing_if = "Annotations::is_empty")]
    pub annotations: Annotations,
    /// The manifest or index as it came.
    #[serde(skip)]
    pub raw: Vec<u8>,
}

/// An image for one platform.
#[derive(Clone, Debug, Serialize)]
pub struct InspectedImage {
    /// What it runs on.
    pub platform: String,
    /// The digest of its manifest.
    pub digest: Digest,
    /// The media type of its manifest.
    pub media_type: String,
    /// The count of bytes of manifest, config and layers: what a first pull moves.
    pub total_size: u64,
    /// Its layers, lowest first.
    pub layers: Vec<InspectedLayer>,
    /// Its manifest, as a document.
    pub manifest: Value,
    /// Its config, as a document.
    pub config: Value,
}

/// A layer.
#[derive(Clone, Debug, Serialize)]
pub struct InspectedLayer {
    /// The digest of the stored bytes.
    pub digest: Digest,
    /// The count of the stored bytes.
    pub size: u64,
    /// The media type.
    pub media_type: String,
    /// The digest of the uncompressed tar, where the config says it.
    pub diff_id: Option<DiffId>,
    /// What made it, as the config's history says.
    pub created_by: Option<String>,
    /// Its annotations.
    #[serde(skip_serializing_if = "Annotations::is_empty")]
    pub annotations: Annotations,
}

/// Looks at an image; of several platforms at the one that is asked for, else at all.
///
/// # Errors
/// When the image cannot be read.
pub async fn inspect(context: &CopyContext, place: &Place, platform: Option<&Platform>) -> Result<Inspection, Error> {
    let mut source = Source::open(context, place).await?;
    if let Some(platform) = platform {
        source = source.narrowed(platform).await?;
    }
    let root = &source.root;
    let digest = root.digest();
    let image = match place {
        Place::Registry(reference) => crate::oci::Reference { digest: Some(digest), ..reference.clone() }.to_string(),
        other => format!("{other}@{digest}"),
    };
    let (images, others, annotations) = images(&source).await?;
    Ok(Inspection {
        schema: FormVersion::default(),
        image,
        digest,
        media_type: media_type(root),
        size: bytes(root).len() as u64,
        platforms: images.iter().map(|image| image.platform.clone()).collect(),
        images,
        others,
        annotations,
        raw: bytes(root).to_vec(),
    })
}

async fn images(source: &Source) -> Result<(Vec<InspectedImage>, Vec<Descriptor>, Annotations), Error> {
    let index = match &source.root {
        Document::Manifest(manifest) => {
            return Ok((vec![image(source, manifest, None).await?], Vec::new(), Annotations::new()));
        }
        Document::Index(index) => index,
    };
    let mut images = Vec::new();
    let mut others: Vec<Descriptor> = Vec::new();
    let wanted: Vec<Digest> = index.images().map(|child| child.digest).collect();
    for child in &index.manifests {
        if !wanted.contains(&child.digest) {
            others.push(child.clone());
            continue;
        }
        match source.document(child).await? {
            Document::Manifest(manifest) => images.push(image(source, &manifest, child.platform.as_ref()).await?),
            Document::Index(_) => others.push(child.clone()),
        }
    }
    let said: Value = serde_json::from_slice(&index.bytes).unwrap_or_default();
    let annotations = serde_json::from_value(said["annotations"].clone()).unwrap_or_default();
    Ok((images, others, annotations))
}

async fn image(source: &Source, manifest: &Manifest, said: Option<&Platform>) -> Result<InspectedImage, Error> {
    // What is no image (a signature, a chart) has a config of another kind, and may have none at all.
    let is_image = MediaType::parse(&manifest.config.media_type) == Some(MediaType::Config);
    let bytes = if is_image { source.small_blob(&manifest.config, CONFIG_LIMIT).await? } else { Vec::new() };
    let config = Config::parse(&bytes).ok();
    let platform = said.cloned().or_else(|| config.as_ref().map(Config::platform));
    let document: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let layers = layers(manifest, config.as_ref(), &document);
    let total = layers.iter().map(|layer| layer.size).sum::<u64>() + manifest.config.size + manifest.bytes.len() as u64;
    Ok(InspectedImage {
        platform: platform.map_or_else(|| "unknown/unknown".to_owned(), |platform| platform.to_string()),
        digest: manifest.digest,
        media_type: manifest.media_type.clone(),
        total_size: total,
        layers,
        manifest: manifest.raw(),
        config: document,
    })
}

fn layers(manifest: &Manifest, config: Option<&Config>, document: &Value) -> Vec<InspectedLayer> {
    let history = document["history"].as_array().map_or(&[][..], Vec::as_slice);
    let made = history.iter().filter(|entry| entry["empty_layer"].as_bool() != Some(true));
    let mut made = made.map(|entry| entry["created_by"].as_str().filter(|words| !words.is_empty()).map(str::to_owned));
    let diff_ids = config.map_or(&[][..], Config::diff_ids);
    let layer = |(number, layer): (usize, &Descriptor)| InspectedLayer {
        digest: layer.digest,
        size: layer.size,
        media_type: layer.media_type.clone(),
        diff_id: diff_ids.get(number).copied(),
        created_by: made.next().flatten(),
        annotations: layer.annotations.clone(),
    };
    manifest.layers.iter().enumerate().map(layer).collect()
}
