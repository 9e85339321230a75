//! Everything that a manifest says of an image, computed again from the bytes.

use std::collections::HashSet;
use std::error::Error;
use std::io::{self, BufReader, Cursor, Read};

use serde_json::Value;

use super::Mismatch;
use super::history::has_layer;
use crate::base::{FactsError, Limits, Member, read_layer};
use crate::oci::{
    Config, Descriptor, DiffId, Digest, Document, HashingReader, ImagePath, Index, LAYER, LayerCodec, Manifest,
    MediaType,
};

/// Opens the stored bytes of a descriptor.
pub type OpenBlob<'a> = dyn Fn(&Descriptor) -> Result<Box<dyn Read + Send>, Box<dyn Error + Send + Sync>> + 'a;

/// The largest config or manifest that is read, in bytes.
const DOCUMENT_LIMIT: u64 = 8 << 20;

/// Recomputes everything: the digests and sizes of manifest, config and layers, diff ids, history, media types. Of an
/// index that of each image in it, and that it is for the platform that the index says; of what else an index holds, such
/// as attestations, digest and size.
///
/// Layers that dockless made (their descriptor carries `dev.dockless.layer`) are also read entry by entry: no path
/// twice, none that is the root. Returns everything that is wrong; nothing means that the image is what it says.
pub fn validate(manifest: &[u8], expected: Option<&Digest>, open: &OpenBlob<'_>) -> Vec<Mismatch> {
    let mut found = Vec::new();
    if let Some(expected) = expected.filter(|expected| **expected != Digest::of(manifest)) {
        found.push(Mismatch::ManifestDigest { expected: *expected, found: Digest::of(manifest) });
    }
    match Document::parse(manifest.to_vec(), None) {
        Ok(Document::Manifest(manifest)) => drop(check_manifest(&manifest, open, &mut found)),
        Ok(Document::Index(index)) => check_index(&index, open, &mut found),
        Err(error) => found.push(Mismatch::Manifest(one_line(&error))),
    }
    found
}

/// Checks an image and returns its config.
fn check_manifest(manifest: &Manifest, open: &OpenBlob<'_>, found: &mut Vec<Mismatch>) -> Option<Config> {
    check_head(&manifest.raw(), MediaType::Manifest, found);
    check_members(manifest, found);
    let config = check_config(manifest, open, found);
    let diff_ids = config.as_ref().map(Config::diff_ids).unwrap_or_default();
    for (index, layer) in manifest.layers.iter().enumerate() {
        check_layer(layer, diff_ids.get(index), open, found);
    }
    config
}

fn check_index(index: &Index, open: &OpenBlob<'_>, found: &mut Vec<Mismatch>) {
    check_head(&serde_json::from_slice(&index.bytes).unwrap_or_default(), MediaType::Index, found);
    if index.images().next().is_none() {
        found.push(Mismatch::NoImage);
    }
    let images: HashSet<Digest> = index.images().map(|child| child.digest).collect();
    for child in &index.manifests {
        let Some(bytes) = read_whole(child, open, found) else { continue };
        if !images.contains(&child.digest) {
            continue;
        }
        match Document::parse(bytes, Some(&child.media_type)) {
            Ok(Document::Manifest(manifest)) => {
                let config = check_manifest(&manifest, open, found);
                check_platform(child, config.as_ref(), found);
            }
            Ok(Document::Index(_)) => {
                found.push(Mismatch::Manifest(format!("{} is an index in an index", child.digest)))
            }
            Err(error) => found.push(Mismatch::Manifest(format!("{}: {}", child.digest, one_line(&error)))),
        }
    }
}

/// What the index says is how a runtime chooses; a missing word of it says nothing wrong.
fn check_platform(child: &Descriptor, config: Option<&Config>, found: &mut Vec<Mismatch>) {
    let Some(is) = config.map(Config::platform) else { return };
    if !child.platform.as_ref().is_some_and(|said| is.serves(said)) {
        let said = child.platform.as_ref().map_or_else(|| "nothing".to_owned(), ToString::to_string);
        found.push(Mismatch::Platform { digest: child.digest, said, found: is.to_string() });
    }
}

/// Checks what every manifest and index begins with.
fn check_head(raw: &Value, wanted: MediaType, found: &mut Vec<Mismatch>) {
    let mut wrong = |member, expected| {
        found.push(Mismatch::Member { member, expected, found: raw[member].to_string() });
    };
    if raw["schemaVersion"] != 2 {
        wrong("schemaVersion", "2");
    }
    if raw["mediaType"].as_str().and_then(MediaType::parse) != Some(wanted) {
        wrong("mediaType", if wanted == MediaType::Index { "that of an index" } else { "that of an image manifest" });
    }
}

fn check_members(manifest: &Manifest, found: &mut Vec<Mismatch>) {
    let is_docker = |text: &str| text.starts_with("application/vnd.docker.");
    let docker_manifest = manifest.raw()["mediaType"].as_str().is_some_and(is_docker);
    let blobs = || std::iter::once(&manifest.config).chain(&manifest.layers);
    for blob in blobs().filter(|blob| is_docker(&blob.media_type) != docker_manifest) {
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

/// Reads a config or a manifest whole, and checks that it has the bytes of its descriptor.
fn read_whole(blob: &Descriptor, open: &OpenBlob<'_>, found: &mut Vec<Mismatch>) -> Option<Vec<u8>> {
    let read = || -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
        let mut bytes = Vec::new();
        open(blob)?.take(DOCUMENT_LIMIT).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    match read() {
        Ok(bytes) => {
            check_bytes(blob, Digest::of(&bytes), bytes.len() as u64, found);
            Some(bytes)
        }
        Err(error) => {
            found.push(Mismatch::Unreadable { digest: blob.digest, reason: one_line(&*error) });
            None
        }
    }
}

fn check_config(manifest: &Manifest, open: &OpenBlob<'_>, found: &mut Vec<Mismatch>) -> Option<Config> {
    let bytes = read_whole(&manifest.config, open, found)?;
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
    let mut check = |member: &Member| {
        let printed = || String::from_utf8_lossy(&member.path).into_owned();
        match ImagePath::parse(&member.path) {
            Some(path) if !path.is_root() => {
                if !seen.insert(Digest::of(path.as_bytes())) {
                    found.push(Mismatch::Duplicate { digest, path: printed() });
                }
            }
            _ => found.push(Mismatch::Path { digest, path: printed() }),
        }
    };
    // Not the `tar` crate's iterator, which takes a line feed within a name or an attribute for the end of a record.
    let mut budget = u64::MAX;
    let entries = read_layer(plain, &Limits::default(), 1, &mut budget, |member, _| {
        check(member);
        Ok::<_, FactsError>(())
    });
    entries.map_err(|error| io::Error::other(one_line(&error)))
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
