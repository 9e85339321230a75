//! Everything that a manifest says of an image, computed again from the bytes.

use std::collections::HashSet;
use std::error::Error;
use std::io::{self, BufReader, Cursor, Read};

use serde_json::Value;

use super::history::has_layer;
use crate::oci::{
    Config, Descriptor, DiffId, Digest, Document, HashingReader, ImagePath, LAYER, LayerCodec, Manifest, MediaType,
};

/// Opens the stored bytes of a descriptor.
pub type OpenBlob<'a> = dyn Fn(&Descriptor) -> Result<Box<dyn Read + Send>, Box<dyn Error + Send + Sync>> + 'a;

/// The largest config that is read, in bytes.
const CONFIG_LIMIT: u64 = 8 << 20;

/// One way in which an image is not what it says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// The manifest has another digest than it was asked for by.
    #[error("the manifest is {found}, not {expected}")]
    ManifestDigest {
        /// The digest it was asked for by.
        expected: Digest,
        /// That of its bytes.
        found: Digest,
    },
    /// The manifest cannot be read.
    #[error("the manifest cannot be used: {0}")]
    Manifest(String),
    /// A member of the manifest is not what the specification wants.
    #[error("the manifest's `{member}` is {found}, not {expected}")]
    Member {
        /// The member.
        member: &'static str,
        /// What it should be.
        expected: &'static str,
        /// What it is, as JSON.
        found: String,
    },
    /// Docker's and OCI's media types in one manifest; some registries refuse it.
    #[error("the media types of OCI and of Docker are mixed: `{0}`")]
    MixedTypes(String),
    /// A config or layer has a media type that is none.
    #[error("{digest} has the media type `{media_type}`, which names no {role}")]
    MediaType {
        /// The blob.
        digest: Digest,
        /// Its media type.
        media_type: String,
        /// What it stands for.
        role: &'static str,
    },
    /// A blob cannot be opened or read to its end.
    #[error("{digest} cannot be read: {reason}")]
    Unreadable {
        /// The blob.
        digest: Digest,
        /// Why, in one line.
        reason: String,
    },
    /// A blob has other bytes.
    #[error("{digest} of {size} bytes is in truth {found} of {length} bytes")]
    Bytes {
        /// The digest in the manifest.
        digest: Digest,
        /// The size in the manifest.
        size: u64,
        /// That of the bytes.
        found: Digest,
        /// Their count.
        length: u64,
    },
    /// The config cannot be used.
    #[error("the config cannot be used: {0}")]
    Config(String),
    /// The config lists another number of diff ids than there are layers.
    #[error("there are {layers} layers but {diff_ids} diff ids")]
    DiffIdCount {
        /// Layers of the manifest.
        layers: usize,
        /// Diff ids of the config.
        diff_ids: usize,
    },
    /// The history names another number of layers than there are.
    #[error("there are {layers} layers but the history names {named}")]
    History {
        /// Layers of the manifest.
        layers: usize,
        /// Entries of the history that are not empty.
        named: usize,
    },
    /// A layer's uncompressed bytes have another digest.
    #[error("layer {digest} unpacks to {found}, not to the diff id {expected}")]
    DiffId {
        /// The layer.
        digest: Digest,
        /// The diff id in the config.
        expected: DiffId,
        /// That of the bytes.
        found: DiffId,
    },
    /// A layer is compressed in another way than its media type says.
    #[error("layer {digest} is `{media_type}` but its bytes are {found:?}")]
    Codec {
        /// The layer.
        digest: Digest,
        /// Its media type.
        media_type: String,
        /// The codec that its first bytes show.
        found: LayerCodec,
    },
    /// A path occurs twice in a layer of ours.
    #[error("layer {digest} has `{path}` twice")]
    Duplicate {
        /// The layer.
        digest: Digest,
        /// The path.
        path: String,
    },
    /// A layer of ours has an entry that would change the root or lead out of it.
    #[error("layer {digest} has an entry `{path}`, which is no path below the root")]
    Path {
        /// The layer.
        digest: Digest,
        /// The name as it stands.
        path: String,
    },
}

/// Recomputes everything: the digests and sizes of manifest, config and layers, diff ids, history, media types.
///
/// Layers that dockless made (their descriptor carries `dev.dockless.layer`) are also read entry by entry: no path
/// twice, none that is the root. Returns everything that is wrong; nothing means that the image is what it says.
pub fn validate(manifest: &[u8], expected: Option<&Digest>, open: &OpenBlob<'_>) -> Vec<Mismatch> {
    let mut found = Vec::new();
    if let Some(expected) = expected.filter(|expected| **expected != Digest::of(manifest)) {
        found.push(Mismatch::ManifestDigest { expected: *expected, found: Digest::of(manifest) });
    }
    let manifest = match Document::parse(manifest.to_vec(), None) {
        Ok(Document::Manifest(manifest)) => manifest,
        Ok(Document::Index(_)) => {
            found.push(Mismatch::Manifest("it is an index".to_owned()));
            return found;
        }
        Err(error) => {
            found.push(Mismatch::Manifest(one_line(&error)));
            return found;
        }
    };
    check_members(&manifest, &mut found);
    let config = check_config(&manifest, open, &mut found);
    let diff_ids = config.as_ref().map(Config::diff_ids).unwrap_or_default();
    for (index, layer) in manifest.layers.iter().enumerate() {
        check_layer(layer, diff_ids.get(index), open, &mut found);
    }
    found
}

fn check_members(manifest: &Manifest, found: &mut Vec<Mismatch>) {
    let raw = manifest.raw();
    if raw["schemaVersion"] != 2 {
        found.push(Mismatch::Member {
            member: "schemaVersion",
            expected: "2",
            found: raw["schemaVersion"].to_string(),
        });
    }
    let media_type = raw["mediaType"].as_str();
    if media_type.and_then(MediaType::parse) != Some(MediaType::Manifest) {
        let expected = "that of an image manifest";
        found.push(Mismatch::Member { member: "mediaType", expected, found: raw["mediaType"].to_string() });
    }
    let is_docker = |text: &str| text.starts_with("application/vnd.docker.");
    let blobs = || std::iter::once(&manifest.config).chain(&manifest.layers);
    for blob in blobs().filter(|blob| is_docker(&blob.media_type) != media_type.is_some_and(is_docker)) {
        found.push(Mismatch::MixedTypes(blob.media_type.clone()));
    }
    let roles = std::iter::once("config").chain(std::iter::repeat("layer"));
    for (blob, role) in blobs().zip(roles) {
        let known = match MediaType::parse(&blob.media_type) {
            Some(MediaType::Config) => role == "config",
            Some(MediaType::Layer(_) | MediaType::ForeignLayer(_)) => role == "layer",
            _ => false,
        };
        if !known {
            let Descriptor { digest, media_type, .. } = blob.clone();
            found.push(Mismatch::MediaType { digest, media_type, role });
        }
    }
}

fn check_config(manifest: &Manifest, open: &OpenBlob<'_>, found: &mut Vec<Mismatch>) -> Option<Config> {
    let digest = manifest.config.digest;
    let read = || -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
        let mut bytes = Vec::new();
        open(&manifest.config)?.take(CONFIG_LIMIT).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = match read() {
        Ok(bytes) => bytes,
        Err(error) => {
            found.push(Mismatch::Unreadable { digest, reason: one_line(&*error) });
            return None;
        }
    };
    check_bytes(&manifest.config, Digest::of(&bytes), bytes.len() as u64, found);
    let config = Config::parse(&bytes).map_err(|error| found.push(Mismatch::Config(one_line(&error)))).ok()?;
    let (layers, diff_ids) = (manifest.layers.len(), config.diff_ids().len());
    if layers != diff_ids {
        found.push(Mismatch::DiffIdCount { layers, diff_ids });
    }
    let named = config.history().iter().filter(|entry: &&Value| has_layer(entry)).count();
    if !config.history().is_empty() && named != layers {
        found.push(Mismatch::History { layers, named });
    }
    Some(config)
}

fn check_bytes(blob: &Descriptor, found: Digest, length: u64, mismatches: &mut Vec<Mismatch>) {
    if blob.digest != found || blob.size != length {
        mismatches.push(Mismatch::Bytes { digest: blob.digest, size: blob.size, found, length });
    }
}

/// One pass: stored bytes, uncompressed bytes and entries are looked at as they flow by.
fn check_layer(layer: &Descriptor, diff_id: Option<&DiffId>, open: &OpenBlob<'_>, found: &mut Vec<Mismatch>) {
    let digest = layer.digest;
    let unreadable = |reason: String| Mismatch::Unreadable { digest, reason };
    let mut stored = match open(layer) {
        Ok(reader) => HashingReader::new(reader),
        Err(error) => return found.push(unreadable(one_line(&*error))),
    };
    match unpack(&mut stored, layer, found) {
        Ok(unpacked) => {
            if let Some(expected) = diff_id.filter(|expected| expected.0 != unpacked) {
                found.push(Mismatch::DiffId { digest, expected: *expected, found: DiffId(unpacked) });
            }
        }
        Err(error) => found.push(unreadable(one_line(&error))),
    }
    match stored.finish() {
        Ok((read, length)) => check_bytes(layer, read, length, found),
        Err(error) => found.push(unreadable(one_line(&error))),
    }
}

/// Unpacks a layer and returns the digest of its uncompressed bytes.
fn unpack(stored: &mut dyn Read, layer: &Descriptor, found: &mut Vec<Mismatch>) -> io::Result<Digest> {
    let mut magic = Vec::new();
    stored.take(4).read_to_end(&mut magic)?;
    let codec = LayerCodec::of_magic(&magic);
    let said = MediaType::parse(&layer.media_type);
    if !matches!(said, Some(MediaType::Layer(said) | MediaType::ForeignLayer(said)) if said == codec) {
        let media_type = layer.media_type.clone();
        found.push(Mismatch::Codec { digest: layer.digest, media_type, found: codec });
    }
    let input = BufReader::with_capacity(1 << 16, Cursor::new(magic).chain(stored));
    let plain: Box<dyn Read + '_> = match codec {
        LayerCodec::None => Box::new(input),
        LayerCodec::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(input)),
        LayerCodec::Zstd => Box::new(zstd::Decoder::with_buffer(input)?),
    };
    let mut plain = HashingReader::new(plain);
    if layer.annotations.contains_key(LAYER) {
        check_entries(&mut plain, layer.digest, found)?;
    }
    Ok(plain.finish()?.0)
}

fn check_entries(plain: &mut dyn Read, digest: Digest, found: &mut Vec<Mismatch>) -> io::Result<()> {
    // Digests, not names: the memory for a layer of a hundred thousand entries stays small.
    let mut seen = HashSet::new();
    for entry in tar::Archive::new(plain).entries()? {
        let entry = entry?;
        let name = entry.path_bytes();
        let printed = || String::from_utf8_lossy(&name).into_owned();
        match ImagePath::parse(&name) {
            Some(path) if !path.is_root() => {
                if !seen.insert(Digest::of(path.as_bytes())) {
                    found.push(Mismatch::Duplicate { digest, path: printed() });
                }
            }
            _ => found.push(Mismatch::Path { digest, path: printed() }),
        }
    }
    Ok(())
}

/// Joins an error with its causes.
fn one_line(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
