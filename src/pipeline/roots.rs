//! Whatever layers take files from, opened: the project, contexts, other images.

use std::collections::HashMap;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;

use crate::base::{Facts, Limits};
use crate::image_source::ImageFiles;
use crate::layer::Fingerprint;
use crate::oci::{Digest, Hasher, Platform};
use crate::plan::Roots;
use crate::spec::{BaseSource, ImageSpec, LayerOrigin};
use crate::store::{Blob, Store};
use crate::tree::{DiskSources, Sources, Spool, TreeError};

use super::base::resolve_layer_image;
use super::bridge::blocking;
use super::lock::Lookup;
use super::{Context, Error};

/// Opens the origins of an image's layers.
pub(crate) async fn open(
    context: &Context,
    image: &ImageSpec,
    platform: &Platform,
    lock: &Lookup,
) -> Result<Roots, Error> {
    let mut others: HashMap<LayerOrigin, Arc<dyn Sources>> = HashMap::new();
    for source in image.layers.iter().filter_map(|layer| layer.source.as_ref()) {
        if others.contains_key(&source.origin) {
            continue;
        }
        let opened: Arc<dyn Sources> = match &source.origin {
            LayerOrigin::Project => continue,
            LayerOrigin::Context { name, folder } => {
                let failed = |source| Error::Context { name: name.clone(), source };
                disk(folder.clone()).await.map_err(failed)?
            }
            LayerOrigin::Image { name, source: from } => {
                let wanted = wanted(image, &source.origin);
                Arc::new(image_files(context, name, from, platform, wanted, lock).await?)
            }
        };
        others.insert(source.origin.clone(), opened);
    }
    Ok(Roots { project: disk(context.spec.project.clone()).await?, others })
}

async fn disk(folder: PathBuf) -> Result<Arc<dyn Sources>, TreeError> {
    Ok(Arc::new(blocking(move || DiskSources::open(&folder)).await?))
}

/// Returns all paths that layers take of one origin.
fn wanted(image: &ImageSpec, origin: &LayerOrigin) -> Vec<PathBuf> {
    let sources = image.layers.iter().filter_map(|layer| layer.source.as_ref());
    sources.filter(|source| source.origin == *origin).map(|source| source.from.clone()).collect()
}

/// Reads the wanted files of another image. Its layers are downloaded unless they are in the store.
async fn image_files(
    context: &Context,
    name: &str,
    source: &BaseSource,
    platform: &Platform,
    wanted: Vec<PathBuf>,
    lock: &Lookup,
) -> Result<ImageFiles, Error> {
    let image = resolve_layer_image(context, name, source, platform, lock).await?;
    let mut blobs = Vec::new();
    for index in 0..image.image.layers.len() {
        blobs.push(image.layer_blob(context, index).await?);
    }
    let facts = image.facts(context).await?;
    let mut identity = Hasher::default();
    blobs.iter().for_each(|blob| identity.update(blob.digest.as_bytes()));
    let identity = identity.finish();
    let reading = Reading { name: name.to_owned(), facts, blobs, wanted, store: Arc::clone(&context.store) };
    let use_cache = context.use_cache;
    let files = blocking(move || Arc::new(reading).files(&identity, use_cache)).await?;
    Ok(files.identified(identity))
}

/// The kind of record that keeps what was found in an image.
const TAKEN: &str = "taken";

/// All that it takes to read the files of an image.
struct Reading {
    name: String,
    facts: Facts,
    blobs: Vec<Blob>,
    wanted: Vec<PathBuf>,
    store: Arc<Store>,
}

impl Reading {
    /// Returns the files: those of a record, if there is one, and then the layers are read only when bytes are wanted.
    fn files(self: &Arc<Self>, identity: &Digest, use_cache: bool) -> Result<ImageFiles, Error> {
        if !use_cache {
            return self.read();
        }
        let key = self.key(identity);
        if let Some(record) = self.store.record(TAKEN, &key)?
            && let Some(files) = ImageFiles::from_record(&self.name, &record, self.later(key.clone(), record.clone()))
        {
            return Ok(files);
        }
        let files = self.read()?;
        if let Some(record) = files.to_record() {
            self.store.set_record(TAKEN, &key, &record)?;
        }
        Ok(files)
    }

    /// Returns the bytes of the files of a record, read when they are wanted.
    fn later(self: &Arc<Self>, key: String, record: Vec<u8>) -> Spool {
        let reading = Arc::clone(self);
        Spool::unfilled(move || {
            let files = reading.read().map_err(io::Error::other)?;
            // The same blobs give the same files: a record that says otherwise is nobody's work but a forger's.
            match files.to_record() {
                Some(found) if found == record => files.into_spool(),
                found => {
                    let kept = reading.store.set_record(TAKEN, &key, &found.unwrap_or_default());
                    kept.map_err(io::Error::other)?;
                    Err(io::Error::other("a record of the cache was wrong and is corrected: build again"))
                }
            }
        })
    }

    fn read(&self) -> Result<ImageFiles, Error> {
        let Self { name, facts, blobs, wanted, store } = self;
        let open = |index: usize| Verified::open(&blobs[index]);
        let (spool, limits) = (store.spool()?, Limits::default());
        ImageFiles::read_with_facts(name, facts, blobs.len(), &open, wanted, spool, &limits).map_err(Error::LayerImage)
    }

    /// Names all that decides what is found.
    fn key(&self, identity: &Digest) -> String {
        let mut key = Fingerprint::default();
        key.text(env!("CARGO_PKG_VERSION").as_bytes());
        key.text(identity.as_bytes());
        self.wanted.iter().for_each(|path| key.text(path.as_os_str().as_encoded_bytes()));
        key.finish().map(|digest| digest.to_string()).unwrap_or_default()
    }
}

/// A blob that is held against its digest when its last byte was read.
struct Verified {
    bytes: Box<dyn Read + Send>,
    hasher: Hasher,
    expected: Digest,
}

impl Verified {
    fn open(blob: &Blob) -> io::Result<Self> {
        let bytes = blob.open().map_err(io::Error::other)?;
        Ok(Self { bytes: Box::new(bytes), hasher: Hasher::default(), expected: blob.digest })
    }
}

impl Read for Verified {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.bytes.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        if count == 0 && !buffer.is_empty() {
            let found = std::mem::take(&mut self.hasher).finish();
            if found != self.expected {
                let message = format!("its bytes are {found} and not {}", self.expected);
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
            // Whoever asks once more gets the same answer.
            self.bytes = Box::new(io::empty());
            self.expected = Hasher::default().finish();
        }
        Ok(count)
    }
}
