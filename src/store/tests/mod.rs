//! What the store and the readers promise, on the smallest inputs that show it.

mod archives;
mod content;
mod layouts;
mod sweep;
mod verified;

use std::fs;
use std::io::Read;
use std::path::Path;

use serde_json::{Value, json};

use super::{Blob, LocalImage, Store, StoreError};
use crate::oci::{Digest, MediaType};

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn store() -> Store {
    Store::temporary(&std::env::temp_dir()).expect("a store")
}

fn bytes_of(blob: &Blob) -> Vec<u8> {
    let mut bytes = Vec::new();
    blob.open().expect("a blob").read_to_end(&mut bytes).expect("its bytes");
    bytes
}

fn tar_of(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in members {
        let mut header = tar::Header::new_ustar();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(content.len() as u64);
        header.set_entry_type(tar::EntryType::Regular);
        header.set_cksum();
        builder.append(&header, *content).expect("memory takes it");
    }
    builder.into_inner().expect("memory takes it")
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, bytes).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

/// The files of a layout, by name.
#[derive(Default)]
struct Files(Vec<(String, Vec<u8>)>);

impl Files {
    fn blob(&mut self, media_type: &str, bytes: Vec<u8>) -> Value {
        let digest = Digest::of(&bytes);
        let descriptor = json!({"mediaType": media_type, "digest": digest.to_string(), "size": bytes.len()});
        self.0.push((format!("blobs/sha256/{}", digest.hex()), bytes));
        descriptor
    }

    /// Adds an image of one gzip layer, with Docker's media types.
    fn image(&mut self, architecture: &str) -> Value {
        self.image_of("linux", architecture)
    }

    fn image_of(&mut self, os: &str, architecture: &str) -> Value {
        let tar = tar_of(&[("etc/arch", architecture.as_bytes())]);
        let config = json!({"os": os, "architecture": architecture, "x": 1,
            "rootfs": {"type": "layers", "diff_ids": [Digest::of(&tar).to_string()]}});
        let layer = self.blob("application/vnd.docker.image.rootfs.diff.tar.gzip", gzip(&tar));
        let config = self.blob("application/vnd.docker.container.image.v1+json", config.to_string().into_bytes());
        let docker = "application/vnd.docker.distribution.manifest.v2+json";
        let manifest = json!({"schemaVersion": 2, "mediaType": docker, "config": config, "layers": [layer]});
        self.blob(docker, manifest.to_string().into_bytes())
    }

    fn index(&mut self, manifests: &[Value]) -> Value {
        self.blob(MediaType::Index.as_str(), json!({"schemaVersion": 2, "manifests": manifests}).to_string().into())
    }

    fn finish(&mut self, manifests: &[Value]) {
        self.0.push(("oci-layout".into(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec()));
        self.0.push(("index.json".into(), json!({"schemaVersion": 2, "manifests": manifests}).to_string().into()));
    }

    fn write(&self, folder: &Path) {
        fs::create_dir_all(folder.join("blobs/sha256")).expect("a folder");
        for (name, bytes) in &self.0 {
            fs::write(folder.join(name), bytes).expect("a file");
        }
    }

    fn tar(&self) -> Vec<u8> {
        tar_of(&self.0.iter().map(|(name, bytes)| (name.as_str(), &bytes[..])).collect::<Vec<_>>())
    }
}

fn tagged(mut descriptor: Value, tag: &str) -> Value {
    descriptor["annotations"] = json!({"org.opencontainers.image.ref.name": tag});
    descriptor
}

fn for_platform(mut descriptor: Value, architecture: &str) -> Value {
    descriptor["platform"] = json!({"os": "linux", "architecture": architecture});
    descriptor
}

/// Returns the architecture that an image's layer says, after its blob was verified.
#[track_caller]
fn architecture(image: Result<LocalImage, StoreError>) -> String {
    let image = image.expect("an image");
    let layer = &image.layers[0];
    assert_eq!(layer.descriptor.media_type, MediaType::Layer(crate::oci::LayerCodec::Gzip).as_str());
    assert_eq!(Digest::of(&bytes_of(&layer.blob)), layer.blob.digest);
    assert_eq!(layer.descriptor.digest, layer.blob.digest);
    image.config.platform().architecture
}
