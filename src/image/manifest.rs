//! Manifests and descriptors as we write them, through the types of the image specification.

use std::collections::HashMap;
use std::str::FromStr;

use oci_spec::image::{
    Descriptor as WireDescriptor, DescriptorBuilder, Digest as WireDigest, ImageManifestBuilder,
    MediaType as WireMediaType, SCHEMA_VERSION,
};

use crate::oci::{Annotations, Descriptor, MediaType, json};
use crate::store::Blob;

/// Why the builders of the types cannot fail here.
const COMPLETE: &str = "every required member is set";

/// Writes the manifest of an image. Its media type is explicit: ECR refuses a manifest without.
pub(super) fn write_manifest<'a>(
    config: &Blob,
    layers: impl Iterator<Item = &'a Descriptor>,
    annotations: &Annotations,
) -> Vec<u8> {
    let config = Descriptor::new(MediaType::Config, config.digest, config.size);
    let mut builder = ImageManifestBuilder::default()
        .schema_version(SCHEMA_VERSION)
        .media_type(WireMediaType::ImageManifest)
        .config(wire(&config))
        .layers(layers.map(wire).collect::<Vec<_>>());
    if !annotations.is_empty() {
        builder = builder.annotations(unordered(annotations));
    }
    json::to_bytes(&builder.build().expect(COMPLETE))
}

/// Returns a layer's descriptor with the OCI spelling of its media type; the bytes are the same in either.
pub(super) fn layer_descriptor(descriptor: &Descriptor) -> Descriptor {
    let media_type = match MediaType::parse(&descriptor.media_type) {
        Some(known) => known.as_str().to_owned(),
        None => descriptor.media_type.clone(),
    };
    Descriptor { media_type, platform: None, ..descriptor.clone() }
}

/// The types want a map without order; [`json::to_bytes`] sorts what they give.
fn unordered(annotations: &Annotations) -> HashMap<String, String> {
    annotations.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// Converts a descriptor of a config or layer to the form that is written.
fn wire(descriptor: &Descriptor) -> WireDescriptor {
    let digest = WireDigest::from_str(&descriptor.digest.to_string()).expect("a SHA-256 digest in its usual form");
    let mut builder = DescriptorBuilder::default()
        .media_type(WireMediaType::from(descriptor.media_type.as_str()))
        .digest(digest)
        .size(descriptor.size);
    if !descriptor.annotations.is_empty() {
        builder = builder.annotations(unordered(&descriptor.annotations));
    }
    builder.build().expect(COMPLETE)
}
