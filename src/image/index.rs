//! One image for several platforms: an index of their manifests. Pure: same input, same bytes.

use serde_json::json;

use super::Image;
use crate::oci::{Annotations, Descriptor, Digest, Index, MediaType, json};

/// Puts the images of several platforms together, in the order given; each is known by its manifest's digest.
///
/// A child's platform is what its config says, with variant, version and features (image-spec, image-index.md). The media
/// type is explicit, as in the manifests: ECR refuses what has none.
///
/// # Panics
/// When there is no image at all.
pub fn assemble_index(children: &[&Image], annotations: &Annotations) -> Index {
    assert!(!children.is_empty(), "an index is made of images");
    let manifests: Vec<Descriptor> = children.iter().map(|image| described(image)).collect();
    let mut document = json!({
        "manifests": manifests,
        "mediaType": MediaType::Index.as_str(),
        "schemaVersion": 2,
    });
    if !annotations.is_empty() {
        document["annotations"] = json!(annotations);
    }
    let bytes = json::to_bytes(&document);
    Index { digest: Digest::of(&bytes), bytes, manifests }
}

/// Returns the descriptor by which an index, also that of a layout, names an image.
pub(super) fn described(image: &Image) -> Descriptor {
    let mut descriptor = Descriptor::new(MediaType::Manifest, image.manifest.digest, image.manifest.size);
    descriptor.platform = Some(image.platform.clone());
    descriptor
}
