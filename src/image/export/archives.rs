//! An image as one tar: an OCI image layout, or what `docker load` and `podman load` take.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::json;

use super::tape::Tape;
use super::{Export, Exported, Part};
use crate::image::{ImageError, ImageLayer};
use crate::oci::{LayerCodec, MediaType, json};

/// Writes a tar of an OCI image layout (image-spec, image-layout.md), with sorted names.
///
/// # Errors
/// When a blob is missing or damaged, or `out` takes no more. What was written is then no whole archive; hand the
/// function to [`super::to_file`] to leave nothing behind.
pub fn to_oci_archive(export: &Export<'_>, out: &mut dyn Write) -> Result<(), ImageError> {
    let failed = |source| ImageError::Write { what: "the OCI archive".to_owned(), source };
    let mut tape = Tape::new(out);
    tape.folder("blobs/").and_then(|()| tape.folder("blobs/sha256/")).map_err(failed)?;
    for part in export.parts()? {
        append(&mut tape, &format!("blobs/sha256/{}", part.digest.hex()), &part)?;
    }
    let index = export.index(None).expect("an index is made from nothing");
    let marker = json::to_bytes(&json!({"imageLayoutVersion": "1.0.0"}));
    append_bytes(&mut tape, "index.json", &index).map_err(failed)?;
    append_bytes(&mut tape, "oci-layout", &marker).map_err(failed)?;
    tape.finish().and_then(Write::flush).map_err(failed)
}

/// Writes an archive as `docker save` does (Docker image spec v1.2): `HEX.json`, `HEX.tar` for each layer,
/// `manifest.json`.
///
/// gzip layers stay as they are; zstd ones are unpacked, since Docker 20.10's `docker load` takes them for broken tars.
/// Without a repository the image has no name; the tags are then not written.
///
/// # Errors
/// As [`to_oci_archive`]; and for an index, since the form has one image for one platform.
pub fn to_docker_archive(export: &Export<'_>, out: &mut dyn Write) -> Result<(), ImageError> {
    let failed = |source| ImageError::Write { what: "the docker-archive".to_owned(), source };
    let image = match export.image {
        Exported::Image(image) => image,
        Exported::Index(_, images) => {
            let platforms = images.iter().map(|image| image.platform.clone()).collect();
            return Err(ImageError::SeveralPlatforms { platforms });
        }
        Exported::Foreign(..) => return Err(ImageError::NotForDocker),
    };
    let config = Part::of(&image.config);
    let config_name = format!("{}.json", config.digest.hex());
    let mut members = BTreeMap::from([(config_name.clone(), config)]);
    for part in export.layers()? {
        let layer =
            image.layers.iter().find(|layer| layer.descriptor.digest == part.digest).expect("a part is of a layer");
        let part = if is_zstd(layer) { part.unpacked(layer.diff_id.0)? } else { part };
        members.insert(layer_name(layer), part);
    }
    let mut tape = Tape::new(out);
    for (name, part) in &members {
        append(&mut tape, name, part)?;
    }
    let layers: Vec<_> = image.layers.iter().map(layer_name).collect();
    let manifest = json!([{"Config": config_name, "Layers": layers, "RepoTags": export.names()}]);
    append_bytes(&mut tape, "manifest.json", &json::to_bytes(&manifest)).map_err(failed)?;
    tape.finish().and_then(Write::flush).map_err(failed)
}

fn is_zstd(layer: &ImageLayer) -> bool {
    MediaType::parse(&layer.descriptor.media_type) == Some(MediaType::Layer(LayerCodec::Zstd))
}

/// The name of a layer in a docker-archive: the digest of the bytes that stand there.
fn layer_name(layer: &ImageLayer) -> String {
    let digest = if is_zstd(layer) { layer.diff_id.0 } else { layer.descriptor.digest };
    format!("{}.tar", digest.hex())
}

fn append(tape: &mut Tape<&mut dyn Write>, name: &str, part: &Part) -> Result<(), ImageError> {
    part.copy(|reader| tape.file(name, part.size, reader))
}

fn append_bytes(tape: &mut Tape<&mut dyn Write>, name: &str, bytes: &[u8]) -> io::Result<()> {
    tape.file(name, bytes.len() as u64, bytes)
}
