//! What images promise: their bytes, their outputs, and what validation finds.

mod assembly;
mod exports;
mod indexes;
mod validation;

use std::collections::BTreeMap;
use std::io::Write;

use serde_json::{Value, json};

use super::{Assembly, Image, ImageError, LayerBlob, OwnLayer, assemble, layer_method};
use crate::base::{BaseImage, BaseLayer};
use crate::ground::Timestamp;
use crate::oci::{Annotations, Config, Descriptor, DiffId, Digest, LayerCodec, MediaType, Platform};
use crate::spec::{Compression, ConfigSpec, Format};
use crate::store::{Blob, StoreError};

/// The blobs of a test, by digest.
type Blobs = BTreeMap<Digest, Blob>;

fn find(blobs: &Blobs) -> impl Fn(&Digest) -> Result<Blob, StoreError> + '_ {
    |digest| {
        let missing = || StoreError::Missing { digest: *digest, place: "the test".into() };
        blobs.get(digest).cloned().ok_or_else(missing)
    }
}

fn tar_of(names: &[&str]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for name in names {
        let mut header = tar::Header::new_ustar();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(1);
        header.set_cksum();
        builder.append(&header, &b"x"[..]).expect("memory takes it");
    }
    builder.into_inner().expect("memory takes it")
}

fn compress(codec: LayerCodec, bytes: &[u8]) -> Vec<u8> {
    match codec {
        LayerCodec::None => bytes.to_vec(),
        LayerCodec::Zstd => zstd::encode_all(bytes, 1).expect("memory takes it"),
        LayerCodec::Gzip => {
            // Two members: readers must go on after the first.
            let (first, second) = bytes.split_at(bytes.len() / 2);
            let member = |part: &[u8]| {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(part).expect("memory takes it");
                encoder.finish().expect("memory takes it")
            };
            [member(first), member(second)].concat()
        }
    }
}

/// Makes a layer and keeps its bytes.
fn layer(blobs: &mut Blobs, codec: LayerCodec, names: &[&str]) -> (Descriptor, DiffId) {
    let tar = tar_of(names);
    let blob = Blob::of_bytes(compress(codec, &tar));
    let descriptor = Descriptor::new(MediaType::Layer(codec), blob.digest, blob.size);
    blobs.insert(blob.digest, blob);
    (descriptor, DiffId(Digest::of(&tar)))
}

fn own(blobs: &mut Blobs, name: &str, names: &[&str]) -> OwnLayer {
    let (descriptor, diff_id) = layer(blobs, LayerCodec::Gzip, names);
    let method = layer_method(Format::V1, Compression::Gzip(6));
    OwnLayer { name: name.to_owned(), start: None, blob: Some(LayerBlob { descriptor, diff_id, method }) }
}

fn base(config: Value, layers: Vec<(Descriptor, DiffId)>) -> BaseImage {
    let mut config = config;
    config["os"] = "linux".into();
    config["architecture"] = "arm64".into();
    let diff_ids: Vec<_> = layers.iter().map(|layer| layer.1.to_string()).collect();
    config["rootfs"] = json!({"type": "layers", "diff_ids": diff_ids});
    BaseImage {
        name: Some("example.com/base:1".to_owned()),
        digest: Some(Digest::of(b"base")),
        config: Config::parse(config.to_string().as_bytes()).expect("a config"),
        layers: layers.into_iter().map(|(blob, diff_id)| BaseLayer { blob, diff_id }).collect(),
    }
}

fn scratch() -> BaseImage {
    let config = Config::scratch(&Platform::new("linux", "amd64"));
    BaseImage { name: None, digest: None, config, layers: Vec::new() }
}

fn put_together(
    base: &BaseImage,
    own: &[OwnLayer],
    config: &ConfigSpec,
    env: &[(&str, Option<&str>)],
) -> Result<Image, ImageError> {
    let env: Vec<_> = env.iter().map(|(name, value)| ((*name).to_owned(), value.map(str::to_owned))).collect();
    let annotations = Annotations::from([("a".to_owned(), "b".to_owned())]);
    let created = Timestamp::from_seconds(1);
    assemble(&Assembly { base, own, config, env: &env, annotations: &annotations, created })
}

fn document(blob: &Blob) -> Value {
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut blob.open().expect("memory"), &mut bytes).expect("memory");
    serde_json::from_slice(&bytes).expect("JSON")
}

/// An image of a base with a plain, a gzip and a zstd layer in Docker's words, and two own layers.
fn sample(blobs: &mut Blobs) -> Image {
    let codecs = [LayerCodec::None, LayerCodec::Gzip, LayerCodec::Zstd];
    let mut layers: Vec<_> = codecs.iter().map(|codec| layer(blobs, *codec, &[&format!("{codec:?}")])).collect();
    layers[0].0.media_type = "application/vnd.docker.image.rootfs.diff.tar".to_owned();
    layers[1].0.media_type = "application/vnd.docker.image.rootfs.diff.tar.gzip".to_owned();
    let own = [own(blobs, "vendor", &["app/vendor/x"]), own(blobs, "app", &["app/x", "app/y"])];
    put_together(&base(json!({}), layers), &own, &ConfigSpec::default(), &[]).expect("an image")
}
