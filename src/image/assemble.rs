//! An image as data: own layers and settings laid over a base. Pure: same input, same bytes.

use serde_json::{Map, Value, json};

use super::ImageError;
use super::history;
use super::manifest::{layer_descriptor, write_manifest};
use super::settings::settings;
use crate::base::BaseImage;
use crate::ground::Timestamp;
use crate::oci::{Annotations, BASE_DIGEST, BASE_NAME, Descriptor, DiffId, Digest, ImagePath, LAYER, Platform, json};
use crate::spec::{Compression, ConfigSpec, Format};
use crate::store::Blob;

/// Layers that containerd and Docker's overlay driver mount at most.
pub const LAYER_LIMIT: usize = 127;

/// What an image is made of.
#[derive(Clone, Copy, Debug)]
pub struct Assembly<'a> {
    /// What is built on; for `scratch` a base without layers.
    pub base: &'a BaseImage,
    /// The own layers, bottom to top.
    pub own: &'a [OwnLayer],
    /// What is laid over the base's config. Its `env` is not looked at.
    pub config: &'a ConfigSpec,
    /// The environment with every variable replaced, in the order of the build file; `None` removes an inherited one.
    pub env: &'a [(String, Option<String>)],
    /// Annotations of the manifest; they win over the base's name and digest.
    pub annotations: &'a Annotations,
    /// The time of the config and of our history entries.
    pub created: Timestamp,
}

/// A layer of the build file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnLayer {
    /// Its name in the build file; several blobs of one `split` layer share it.
    pub name: String,
    /// The folder that a part of a `split` layer begins with; `None` for the first part, and for a whole layer.
    pub start: Option<ImagePath>,
    /// Its blob, or `None` where it has no entries: then only the history names it.
    pub blob: Option<LayerBlob>,
}

/// The stored bytes of an own layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerBlob {
    /// Media type, digest and size.
    pub descriptor: Descriptor,
    /// The digest of the uncompressed tar.
    pub diff_id: DiffId,
    /// How it was made, see [`layer_method`].
    pub method: String,
}

/// Returns how a layer is made, as its annotation `dev.dockless.layer` says it: `1;gzip:6`.
///
/// A blob of another machine may be taken over only if this text and the diff id are equal.
pub fn layer_method(format: Format, compression: Compression) -> String {
    let Format::V1 = format;
    format!("1;{compression}")
}

/// An image: the bytes of its manifest and config, and what its layers are.
#[derive(Clone, Debug)]
pub struct Image {
    /// The config.
    pub config: Blob,
    /// The manifest; its digest is the image's.
    pub manifest: Blob,
    /// The layers, lowest first.
    pub layers: Vec<ImageLayer>,
    /// What it runs on, from the base.
    pub platform: Platform,
}

/// A layer of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageLayer {
    /// The descriptor, as it stands in the manifest.
    pub descriptor: Descriptor,
    /// The digest of the uncompressed tar.
    pub diff_id: DiffId,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where a layer comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The base.
    Base,
    /// The build file's layer of this name.
    Own(String),
}

impl Image {
    /// Returns the digest that names the image.
    pub fn digest(&self) -> Digest {
        self.manifest.digest
    }
}

/// Puts an image together.
///
/// The config is the base's document with `created`, `rootfs`, `history` and the settings replaced and every other key
/// kept, also those that no specification knows. Descriptors of base layers are kept with their annotations, which
/// describe their bytes; the base manifest's own annotations are dropped, since they speak of another image.
///
/// # Errors
/// When the image would have no layer at all, or more than runtimes take.
pub fn assemble(assembly: &Assembly<'_>) -> Result<Image, ImageError> {
    let layers = layers(assembly)?;
    let config = Blob::of_bytes(json::to_bytes(&config(assembly, &layers)));
    let manifest = write_manifest(&config, layers.iter().map(|layer| &layer.descriptor), &annotations(assembly));
    let platform = assembly.base.config.platform();
    Ok(Image { config, manifest: Blob::of_bytes(manifest), layers, platform })
}

fn layers(assembly: &Assembly<'_>) -> Result<Vec<ImageLayer>, ImageError> {
    let base = assembly.base.layers.iter().map(|layer| ImageLayer {
        descriptor: layer_descriptor(&layer.blob),
        diff_id: layer.diff_id,
        origin: Origin::Base,
    });
    let own = assembly.own.iter().filter_map(|layer| Some((&layer.name, layer.blob.as_ref()?))).map(|(name, blob)| {
        let mut descriptor = layer_descriptor(&blob.descriptor);
        // A blob that was taken over from another image brings nothing but its bytes.
        descriptor.annotations = Annotations::from([(LAYER.to_owned(), blob.method.clone())]);
        ImageLayer { descriptor, diff_id: blob.diff_id, origin: Origin::Own(name.clone()) }
    });
    let layers: Vec<_> = base.chain(own).collect();
    let base = assembly.base.layers.len();
    match layers.len() {
        0 => Err(ImageError::NoLayers),
        count if count > LAYER_LIMIT => Err(ImageError::TooManyLayers { base, own: count - base, limit: LAYER_LIMIT }),
        _ => Ok(layers),
    }
}

fn config(assembly: &Assembly<'_>, layers: &[ImageLayer]) -> Map<String, Value> {
    let base = &assembly.base.config;
    let mut document = base.document().clone();
    let settings = settings(base, assembly.config, assembly.env);
    let created = assembly.created.rfc3339();
    let mut history = history::repaired(base.history(), assembly.base.layers.len());
    history.extend(assembly.own.iter().map(|layer| history::entry(&created, &created_by(layer), layer.blob.is_none())));
    if assembly.own.is_empty() && Some(&settings) != base.settings().or(Some(&Map::new())) {
        history.push(history::entry(&created, "dockless config", true));
    }
    let diff_ids: Vec<String> = layers.iter().map(|layer| layer.diff_id.to_string()).collect();
    document.insert("config".to_owned(), Value::Object(settings));
    document.insert("created".to_owned(), created.into());
    document.insert("history".to_owned(), history.into());
    document.insert("rootfs".to_owned(), json!({"type": "layers", "diff_ids": diff_ids}));
    document
}

/// Returns what the history says of a layer. A part is named by what it begins with and not by a number, so that one part
/// more changes no other's entry.
fn created_by(layer: &OwnLayer) -> String {
    match &layer.start {
        Some(start) => format!("dockless layer {} from {start}", layer.name),
        None => format!("dockless layer {}", layer.name),
    }
}

fn annotations(assembly: &Assembly<'_>) -> Annotations {
    let mut annotations = Annotations::new();
    if let Some(name) = &assembly.base.name {
        annotations.insert(BASE_NAME.to_owned(), name.clone());
    }
    if let Some(digest) = &assembly.base.digest {
        annotations.insert(BASE_DIGEST.to_owned(), digest.to_string());
    }
    annotations.extend(assembly.annotations.clone());
    annotations
}
