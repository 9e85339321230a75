//! The base: resolved to manifest and config, its missing layers fetched, its file system read once.

use std::io::Read;
use std::path::Path;

use tokio_util::io::SyncIoBridge;

use crate::base::{BaseImage, BaseLayer, Facts, FactsBuilder, Limits};
use crate::event::Event;
use crate::oci::{Config, Descriptor, Digest, HashingReader, Platform, Reference, Repository};
use crate::registry::{RegistryError, RepositoryClient, pull_image};
use crate::spec::BaseSource;
use crate::store::{Blob, LocalImage, LocalSource};

use super::bridge::blocking;
use super::{Context, Error};

/// The kind of record that keeps a base's facts.
const FACTS: &str = "facts";

/// A base whose layers can be opened.
#[derive(Clone)]
pub(crate) struct ResolvedBase {
    /// Manifest, config and layer descriptors.
    pub(crate) image: BaseImage,
    /// Where its layers are.
    origin: Origin,
}

#[derive(Clone)]
enum Origin {
    /// In files: one blob for each layer.
    Files(Vec<Blob>),
    /// In a registry.
    Registry(RepositoryClient),
}

/// The platform of an image when neither the build file nor the base decides: never this machine's.
fn default_platform() -> Platform {
    Platform::new("linux", "amd64")
}

/// Resolves the base of the build file. No layer byte is read.
pub(crate) async fn resolve(context: &Context) -> Result<ResolvedBase, Error> {
    let base = match &context.spec.images[0].base {
        BaseSource::Scratch => scratch(context),
        BaseSource::Registry(reference) => pull(context, reference).await?,
        BaseSource::Layout { path, tag } => {
            let (path, tag) = (path.clone(), tag.clone());
            let names = Names::of("oci", &path, tag.as_deref());
            local(context, names, move |_| LocalSource::layout(&path, tag.as_deref())).await?
        }
        BaseSource::OciArchive(path) => {
            let (names, path) = (Names::of("oci-archive", path, None), path.clone());
            local(context, names, move |store| LocalSource::oci_archive(&path, None, store)).await?
        }
        BaseSource::DockerArchive(path) => {
            let (names, path) = (Names::of("docker-archive", path, None), path.clone());
            local(context, names, move |store| LocalSource::docker_archive(&path, store)).await?
        }
    };
    if let (Some(base), Some(digest)) = (&base.image.name, base.image.digest) {
        context.observer.observe(Event::BaseResolved { base: base.clone(), digest });
    }
    Ok(base)
}

fn scratch(context: &Context) -> ResolvedBase {
    let platform = context.spec.images[0].platform.clone().unwrap_or_else(|| {
        let platform = default_platform();
        context.note(format!("the build file names no platform and scratch has none: building for {platform}"));
        platform
    });
    let image = BaseImage { name: None, digest: None, config: Config::scratch(&platform), layers: Vec::new() };
    ResolvedBase { image, origin: Origin::Files(Vec::new()) }
}

/// What a base in files is called.
struct Names {
    /// In messages: with its whole path.
    told: String,
    /// In the image: without the machine's path, so that the digest does not depend on it.
    written: String,
}

impl Names {
    fn of(form: &str, path: &Path, tag: Option<&str>) -> Self {
        let tag = tag.map(|tag| format!(":{tag}")).unwrap_or_default();
        let last = path.file_name().unwrap_or_default().to_string_lossy();
        Self { told: format!("{form}:{}{tag}", path.display()), written: format!("{form}:{last}{tag}") }
    }
}

/// Says once that the default platform was taken, or that there is no default.
fn choose(context: &Context, base: &str, platforms: Vec<Platform>) -> Result<Platform, Error> {
    match &platforms[..] {
        [only] => Ok(only.clone()),
        several => {
            let platform = default_platform();
            if !several.iter().any(|have| have.serves(&platform)) {
                return Err(Error::Platform { base: base.to_owned(), platforms });
            }
            context
                .note(format!("`{base}` has several platforms and the build file names none: building for {platform}"));
            Ok(platform)
        }
    }
}

async fn local(
    context: &Context,
    names: Names,
    open: impl FnOnce(&crate::store::Store) -> Result<LocalSource, crate::store::StoreError> + Send + 'static,
) -> Result<ResolvedBase, Error> {
    let store = context.store.clone();
    let failed = |source| Error::LocalBase { base: names.told.clone(), source };
    let source = blocking(move || open(&store)).await.map_err(failed)?;
    let source = std::sync::Arc::new(source);
    let platform = match &context.spec.images[0].platform {
        Some(platform) => platform.clone(),
        None => {
            let source = source.clone();
            choose(context, &names.told, blocking(move || source.platforms()).await.map_err(failed)?)?
        }
    };
    let image = blocking(move || source.image(Some(&platform))).await.map_err(failed)?;
    Ok(from_files(names.written, image))
}

fn from_files(name: String, image: LocalImage) -> ResolvedBase {
    let layer = |layer: &crate::store::LocalLayer| BaseLayer { blob: layer.descriptor.clone(), diff_id: layer.diff_id };
    let base = BaseImage {
        name: Some(name),
        digest: image.manifest.as_ref().map(|manifest| manifest.digest),
        layers: image.layers.iter().map(layer).collect(),
        config: image.config,
    };
    ResolvedBase { image: base, origin: Origin::Files(image.layers.into_iter().map(|layer| layer.blob).collect()) }
}

async fn pull(context: &Context, reference: &Reference) -> Result<ResolvedBase, Error> {
    let failed = |source| Error::Base { base: reference.to_string(), source };
    let client = context.registry.repository(&reference.repository).map_err(failed)?;
    let pulled = match pull_image(&client, reference, context.spec.images[0].platform.as_ref()).await {
        Err(RegistryError::PlatformOpen { reference: name, present }) => {
            let platform = choose(context, &name, present)?;
            pull_image(&client, reference, Some(&platform)).await
        }
        pulled => pulled,
    }
    .map_err(failed)?;
    Ok(ResolvedBase { image: pulled.base, origin: Origin::Registry(pulled.source) })
}

/// Returns a blob of a registry as a reader for synchronous work, which runs on a thread that may wait.
fn readable(client: &RepositoryClient, descriptor: &Descriptor) -> impl Read + Send + 'static {
    SyncIoBridge::new(Box::pin(client.blob(&descriptor.digest, descriptor.size).into_reader()))
}

impl ResolvedBase {
    /// Returns the repository that holds the base's layers, if a registry does: a place to mount them from.
    pub(crate) fn repository(&self) -> Option<&Repository> {
        match &self.origin {
            Origin::Files(_) => None,
            Origin::Registry(client) => Some(client.repository()),
        }
    }

    fn shown(&self) -> String {
        self.image.name.clone().unwrap_or_default()
    }

    /// Returns a layer's blob in files: where the base is, or our store, into which it is downloaded if it is missing.
    pub(crate) async fn layer_blob(&self, context: &Context, index: usize) -> Result<Blob, Error> {
        let descriptor = &self.image.layers[index].blob;
        let client = match &self.origin {
            Origin::Files(blobs) => return Ok(blobs[index].clone()),
            Origin::Registry(client) => client,
        };
        if let Some(blob) = context.store.find(&descriptor.digest, descriptor.size)? {
            return Ok(blob);
        }
        let mut received = context.store.receive(descriptor.digest, descriptor.size)?;
        let mut reader = readable(client, descriptor);
        let copied = blocking(move || std::io::copy(&mut reader, &mut received).map(|_| received)).await;
        let received =
            copied.map_err(|source| Error::Download { base: self.shown(), digest: descriptor.digest, source })?;
        Ok(received.commit()?)
    }

    /// Returns the facts of the base's file system: kept from an earlier run, or by reading each layer once.
    pub(crate) async fn facts(&self, context: &Context) -> Result<Facts, Error> {
        if self.image.layers.is_empty() {
            return Ok(Facts::empty());
        }
        let path = context.store.record_file(FACTS, &self.facts_key());
        let known = path.clone();
        if context.use_cache
            && let Ok(facts) = blocking(move || Facts::open(&known)).await
        {
            return Ok(facts);
        }
        let facts = self.scan(context).await?;
        let kept = blocking(move || facts.finish().and_then(|mut facts| facts.persist(&path).map(|()| facts))).await;
        kept.map_err(|source| Error::Facts { base: self.shown(), source })
    }

    /// Facts depend on the layers alone, so bases that share them share the record.
    fn facts_key(&self) -> String {
        let mut hasher = crate::oci::Hasher::default();
        for layer in &self.image.layers {
            hasher.update(layer.diff_id.0.as_bytes());
        }
        hasher.finish().hex()
    }

    async fn scan(&self, context: &Context) -> Result<FactsBuilder, Error> {
        let mut builder = FactsBuilder::new(Limits::default(), &context.store.scratch());
        for (index, layer) in self.image.layers.iter().enumerate() {
            let reader = self.layer_reader(context, index).await?;
            let (scanned, found) = blocking(move || {
                let mut reader = HashingReader::new(reader);
                let result = builder.add_layer(&mut reader);
                let found = reader.finish();
                (result.map(|()| builder), found)
            })
            .await;
            // A layer that is not what the manifest names explains a tar that cannot be read, so it is told first.
            self.check(index, found)?;
            builder = scanned.map_err(|source| Error::Facts { base: self.shown(), source })?;
            context.observer.observe(Event::BaseLayerScanned { digest: layer.blob.digest, size: layer.blob.size });
        }
        Ok(builder)
    }

    fn check(&self, index: usize, found: std::io::Result<(Digest, u64)>) -> Result<(), Error> {
        let expected = self.image.layers[index].blob.digest;
        match found {
            Ok((found, _)) if found == expected => Ok(()),
            Ok((found, _)) => Err(Error::BaseLayer { base: self.shown(), expected, found }),
            Err(source) => Err(Error::Download { base: self.shown(), digest: expected, source }),
        }
    }

    async fn layer_reader(&self, context: &Context, index: usize) -> Result<Box<dyn Read + Send>, Error> {
        let descriptor = &self.image.layers[index].blob;
        match &self.origin {
            Origin::Files(blobs) => Ok(blobs[index].open()?),
            Origin::Registry(client) => {
                if let Some(blob) = context.store.find(&descriptor.digest, descriptor.size)? {
                    return Ok(blob.open()?);
                }
                Ok(Box::new(readable(client, descriptor)))
            }
        }
    }
}
