//! An OCI image layout, checked twice: every digest, size and diff id is computed anew here, without the product, and by
//! the product's own `validate`.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use dockless::image::validate;
use dockless::oci::{Descriptor, Digest};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// A layout whose one image holds together.
#[derive(Debug)]
pub(crate) struct Checked {
    /// The digest of the image's manifest.
    pub(crate) digest: String,
    /// The manifest.
    pub(crate) manifest: Value,
    /// The config.
    pub(crate) config: Value,
}

/// Checks the layout in a folder, and everything that its one image refers to.
#[track_caller]
pub(crate) fn check(layout: &Path) -> Checked {
    let index = read_json(&layout.join("index.json"));
    let manifests = array(&index["manifests"]);
    assert_eq!(manifests.len(), 1, "one image in {index:#}");
    let manifest = read_json(&check_blob(layout, &manifests[0]));
    assert_eq!(manifest["schemaVersion"], 2);
    assert_eq!(manifest["mediaType"], "application/vnd.oci.image.manifest.v1+json");
    let config = read_json(&check_blob(layout, &manifest["config"]));
    let layers = array(&manifest["layers"]);
    let diff_ids = array(&config["rootfs"]["diff_ids"]);
    assert_eq!(layers.len(), diff_ids.len(), "a diff id for each layer");
    for (layer, diff_id) in layers.iter().zip(diff_ids) {
        let blob = check_blob(layout, layer);
        assert_eq!(hash(plain(&blob, text(&layer["mediaType"]))).0, text(diff_id), "diff id of {layer}");
    }
    if let Some(history) = config["history"].as_array() {
        let filled = history.iter().filter(|step| step["empty_layer"] != true).count();
        assert_eq!(filled, layers.len(), "a step of history for each layer");
    }
    let digest = text(&manifests[0]["digest"]);
    validates(layout, digest);
    Checked { digest: digest.to_owned(), manifest, config }
}

/// Fails the test unless the product, too, finds nothing wrong with the image.
#[track_caller]
fn validates(layout: &Path, digest: &str) {
    let digest: Digest = digest.parse().expect("a digest");
    let path = |digest: &Digest| layout.join("blobs/sha256").join(digest.hex());
    let open = |descriptor: &Descriptor| match File::open(path(&descriptor.digest)) {
        Ok(file) => Ok(Box::new(file) as Box<dyn Read + Send>),
        Err(error) => Err(error.into()),
    };
    let manifest = std::fs::read(path(&digest)).expect("the manifest was read before");
    let wrong: Vec<String> = validate(&manifest, Some(&digest), &open).iter().map(ToString::to_string).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The manifest of a layout's one image, with nothing checked.
#[track_caller]
pub(crate) fn manifest(layout: &Path) -> Value {
    let index = read_json(&layout.join("index.json"));
    read_json(&layout.join("blobs").join(text(&index["manifests"][0]["digest"]).replace(':', "/")))
}

/// Opens the layers of a checked layout's image, bottom to top, as plain tar.
#[track_caller]
pub(crate) fn layers(layout: &Path, image: &Checked) -> Vec<Box<dyn Read>> {
    let open = |layer: &Value| plain(&check_blob(layout, layer), text(&layer["mediaType"]));
    array(&image.manifest["layers"]).iter().map(open).collect()
}

/// Checks the blob of a descriptor and returns its file.
#[track_caller]
fn check_blob(layout: &Path, descriptor: &Value) -> PathBuf {
    let digest = text(&descriptor["digest"]);
    let path = layout.join("blobs").join(digest.replace(':', "/"));
    let file = File::open(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
    let (actual, size) = hash(Box::new(file));
    assert_eq!(actual, digest, "digest of {descriptor}");
    assert_eq!(Some(size), descriptor["size"].as_u64(), "size of {descriptor}");
    path
}

/// The uncompressed bytes of a layer.
fn plain(blob: &Path, media_type: &str) -> Box<dyn Read> {
    let file = File::open(blob).expect("the blob was read before");
    match media_type.rsplit_once('+') {
        Some((_, "gzip")) => Box::new(flate2::read::MultiGzDecoder::new(file)),
        Some((_, "zstd")) => Box::new(zstd::Decoder::new(file).expect("a zstd stream can be opened")),
        _ => Box::new(file),
    }
}

fn hash(mut content: Box<dyn Read>) -> (String, u64) {
    let (mut hasher, mut size) = (Sha256::new(), 0);
    let mut buffer = vec![0; 1 << 20];
    loop {
        let count = content.read(&mut buffer).expect("a blob can be read to its end");
        if count == 0 {
            break;
        }
        hasher.update(&buffer[..count]);
        size += count as u64;
    }
    let hex: String = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    (format!("sha256:{hex}"), size)
}

#[track_caller]
fn read_json(path: &Path) -> Value {
    let bytes = std::fs::read(path).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
    serde_json::from_slice(&bytes).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}

#[track_caller]
fn array(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap_or_else(|| panic!("no list: {value}"))
}

#[track_caller]
fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}
