//! A base image from a registry: its manifest for one platform and its config, without its layers.

use super::{RegistryError, RepositoryClient, TagOrDigest};
use crate::base::{BaseImage, BaseLayer};
use crate::event::Event;
use crate::oci::{Config, Descriptor, DiffId, Digest, Document, Index, Manifest, MediaType, Platform, Reference};

/// The longest config that is read, in bytes.
const CONFIG_LIMIT: u64 = 16 * 1024 * 1024;

/// A base image, as a registry has it.
#[derive(Clone)]
pub struct PulledImage {
    /// The manifest of the platform, with its bytes.
    pub manifest: Manifest,
    /// The config's bytes, as they came.
    pub config: Vec<u8>,
    /// The digest that the reference names: of the index where there is one, else of the manifest.
    pub digest: Digest,
    /// The platforms that the reference offers.
    pub platforms: Vec<Platform>,
    /// What is built on; named as the reference is written out.
    pub base: BaseImage,
    /// The repository that answered: where the layers are to be had.
    pub source: RepositoryClient,
}

/// Resolves a reference to the image of one platform and reads its manifest and config.
///
/// Without a wanted platform an image for one platform is taken as it is. Mirrors of the host are asked first; one that
/// does not have the image, or does not answer, is passed over.
///
/// # Errors
/// When there is no such image or no such platform ([`RegistryError::PlatformOpen`] and
/// [`RegistryError::PlatformMissing`] list what there is), or when it cannot be a base: Windows, layers that must not be
/// distributed, media types that are not known.
pub async fn pull_image(
    client: &RepositoryClient,
    reference: &Reference,
    platform: Option<&Platform>,
) -> Result<PulledImage, RegistryError> {
    for mirror in client.mirrors()? {
        match pull_from(&mirror, reference, platform).await {
            Err(error @ (RegistryError::Response(_) | RegistryError::Transport(_))) => {
                let message = format!("mirror `{}` is passed over: {error}", mirror.repository());
                client.shared.observer.observe(Event::Note { message });
            }
            other => return other,
        }
    }
    pull_from(client, reference, platform).await
}

async fn pull_from(
    client: &RepositoryClient,
    reference: &Reference,
    platform: Option<&Platform>,
) -> Result<PulledImage, RegistryError> {
    let name = reference.to_string();
    let (digest, platforms, manifest) = match client.manifest(&TagOrDigest::of(reference)).await? {
        Document::Manifest(manifest) => (manifest.digest, None, manifest),
        Document::Index(index) => {
            let child = choose(&index, platform, &name)?;
            let Document::Manifest(manifest) = client.manifest(&child.digest.into()).await? else {
                return Err(unsuited(&name, format!("`{}` in its index is an index again", child.digest)));
            };
            (index.digest, Some(index.images().filter_map(|image| image.platform.clone()).collect()), manifest)
        }
    };
    let bytes = read_config(client, &manifest, &name).await?;
    let config = Config::parse(&bytes).map_err(|source| RegistryError::Config { reference: name.clone(), source })?;
    let own = config.platform();
    if let Some(wanted) = platform.filter(|wanted| platforms.is_none() && !own.serves(wanted)) {
        return Err(RegistryError::PlatformMissing {
            reference: name,
            wanted: Box::new(wanted.clone()),
            present: vec![own],
        });
    }
    let base = assemble(&name, &manifest, config)?;
    let platforms = platforms.unwrap_or_else(|| vec![own]);
    Ok(PulledImage { manifest, config: bytes, digest, platforms, base, source: client.clone() })
}

fn choose<'a>(index: &'a Index, platform: Option<&Platform>, name: &str) -> Result<&'a Descriptor, RegistryError> {
    let present = || index.images().filter_map(|image| image.platform.clone()).collect();
    let reference = name.to_owned();
    match platform {
        Some(wanted) => index.find(wanted).ok_or_else(|| RegistryError::PlatformMissing {
            reference,
            wanted: Box::new(wanted.clone()),
            present: present(),
        }),
        None => {
            let mut images = index.images();
            match (images.next(), images.next()) {
                (Some(only), None) => Ok(only),
                (Some(_), Some(_)) => Err(RegistryError::PlatformOpen { reference, present: present() }),
                (None, _) => Err(unsuited(name, "its index has no image".to_owned())),
            }
        }
    }
}

async fn read_config(client: &RepositoryClient, manifest: &Manifest, name: &str) -> Result<Vec<u8>, RegistryError> {
    let descriptor = &manifest.config;
    if MediaType::parse(&descriptor.media_type) != Some(MediaType::Config) {
        return Err(unsuited(name, format!("it is no image: its config is `{}`", descriptor.media_type)));
    }
    if descriptor.size > CONFIG_LIMIT {
        return Err(unsuited(name, format!("its config has {} bytes", descriptor.size)));
    }
    let mut stream = client.blob(&descriptor.digest, descriptor.size);
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.chunk().await? {
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Lays manifest and config side by side; media types become OCI's.
fn assemble(name: &str, manifest: &Manifest, config: Config) -> Result<BaseImage, RegistryError> {
    if config.platform().os == "windows" {
        return Err(unsuited(name, "it is a Windows image; dockless builds on Linux images".to_owned()));
    }
    let (layers, diff_ids) = (&manifest.layers, config.diff_ids());
    if layers.len() != diff_ids.len() {
        let why = format!("its manifest has {} layers and its config {}", layers.len(), diff_ids.len());
        return Err(unsuited(name, why));
    }
    let layers =
        layers.iter().zip(diff_ids).map(|(layer, id)| base_layer(name, layer, *id)).collect::<Result<_, _>>()?;
    Ok(BaseImage { name: Some(name.to_owned()), digest: Some(manifest.digest), config, layers })
}

fn base_layer(name: &str, layer: &Descriptor, diff_id: DiffId) -> Result<BaseLayer, RegistryError> {
    match MediaType::parse(&layer.media_type) {
        Some(known @ MediaType::Layer(_)) => {
            Ok(BaseLayer { blob: Descriptor { media_type: known.as_str().to_owned(), ..layer.clone() }, diff_id })
        }
        Some(MediaType::ForeignLayer(_)) => {
            Err(unsuited(name, format!("layer `{}` must not be distributed, so it cannot be pushed", layer.digest)))
        }
        _ => Err(unsuited(name, format!("layer `{}` is of the unknown type `{}`", layer.digest, layer.media_type))),
    }
}

fn unsuited(name: &str, why: String) -> RegistryError {
    RegistryError::Unsuited { reference: name.to_owned(), why }
}
