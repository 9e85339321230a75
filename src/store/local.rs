//! Images in files: one front for the three forms that a base can have on this machine.

use std::path::Path;

use super::docker_archive::DockerArchive;
use super::files::Files;
use super::layout::Layout;
use super::{Blob, Store, StoreError};
use crate::oci::{Config, Descriptor, DiffId, LayerCodec, Manifest, MediaType, Platform};

/// An image layout, a tar of one, or an archive as `docker save` writes it.
#[derive(Debug)]
pub struct LocalSource(Form);

#[derive(Debug)]
enum Form {
    Layout(Layout),
    Docker(Box<DockerArchive>),
}

/// An image for one platform, read from files. Manifest and config are verified; a layer's bytes are verified by whoever
/// reads them, against the digest and size of its blob.
#[derive(Clone, Debug)]
pub struct LocalImage {
    /// The manifest as it came. A docker-archive has none: no digest names such an image in any registry, so none is
    /// made up, and an image built on it gets no `org.opencontainers.image.base.digest`.
    pub manifest: Option<Manifest>,
    /// The config.
    pub config: Config,
    /// The config's bytes as they came.
    pub config_bytes: Vec<u8>,
    /// The layers, lowest first.
    pub layers: Vec<LocalLayer>,
}

/// A layer of an image in files.
#[derive(Clone, Debug)]
pub struct LocalLayer {
    /// What the manifest says, with the OCI media type.
    pub descriptor: Descriptor,
    /// Its stored bytes.
    pub blob: Blob,
    /// The digest of the uncompressed tar.
    pub diff_id: DiffId,
}

impl LocalSource {
    /// Opens an OCI image layout; without a tag its only image.
    ///
    /// # Errors
    /// When it is no layout, or has no such tag.
    pub fn layout(folder: &Path, tag: Option<&str>) -> Result<Self, StoreError> {
        Ok(Self(Form::Layout(Layout::open(Files::folder(folder)?, tag)?)))
    }

    /// Opens a tar of an OCI image layout; without a tag its only image. A compressed tar is unpacked into the store.
    ///
    /// # Errors
    /// When it is no such tar, or has no such tag.
    pub fn oci_archive(file: &Path, tag: Option<&str>, store: &Store) -> Result<Self, StoreError> {
        let archive = super::archive::Archive::open(file, "OCI archive", store)?;
        Ok(Self(Form::Layout(Layout::open(Files::Archive(archive), tag)?)))
    }

    /// Opens a tar as `docker save` writes it, of one image. A compressed tar is unpacked into the store.
    ///
    /// # Errors
    /// When it is no such tar, or holds several images.
    pub fn docker_archive(file: &Path, store: &Store) -> Result<Self, StoreError> {
        let archive = super::archive::Archive::open(file, "docker-archive", store)?;
        Ok(Self(Form::Docker(Box::new(DockerArchive::open(archive)?))))
    }

    /// Returns what `index.json` names of the image: one entry, or several that are one image for several platforms.
    /// `None` for a docker-archive, which has no manifests.
    pub fn entries(&self) -> Option<&[Descriptor]> {
        match &self.0 {
            Form::Layout(layout) => Some(layout.entries()),
            Form::Docker(_) => None,
        }
    }

    /// Returns the bytes of a manifest or another small document of a layout, verified.
    ///
    /// # Errors
    /// When it is not there, or is not what the descriptor says.
    pub fn document(&self, descriptor: &Descriptor) -> Result<Vec<u8>, StoreError> {
        match &self.0 {
            Form::Layout(layout) => layout.files().verified(descriptor),
            Form::Docker(archive) => Err(archive.no_blob(descriptor)),
        }
    }

    /// Returns a blob of a layout. Its size is right; its bytes are verified by whoever reads them.
    ///
    /// # Errors
    /// When it is not there, or has another size.
    pub fn blob(&self, descriptor: &Descriptor) -> Result<Blob, StoreError> {
        match &self.0 {
            Form::Layout(layout) => layout.files().blob(&descriptor.digest, descriptor.size),
            Form::Docker(archive) => Err(archive.no_blob(descriptor)),
        }
    }

    /// Returns the platforms there are images for, sorted; never empty.
    ///
    /// # Errors
    /// When a manifest or config cannot be used.
    pub fn platforms(&self) -> Result<Vec<Platform>, StoreError> {
        match &self.0 {
            Form::Layout(layout) => layout.platforms(),
            Form::Docker(archive) => Ok(vec![archive.platform()]),
        }
    }

    /// Returns the image for a platform; without one the only image there is.
    ///
    /// # Errors
    /// When there is none for it, when there are several and none is wanted, or when what there is cannot be used.
    pub fn image(&self, platform: Option<&Platform>) -> Result<LocalImage, StoreError> {
        match &self.0 {
            Form::Layout(layout) => layout.image(platform),
            Form::Docker(archive) => archive.image(platform),
        }
    }
}

/// Returns an error unless an image of `config` serves the wanted platform, and is one that can be built on.
pub(super) fn check_platform(config: &Config, wanted: Option<&Platform>, place: &Path) -> Result<(), StoreError> {
    let platform = config.platform();
    if platform.os == "windows" {
        // Its layers have a tree within the tree: `Files/` and `Hives/`.
        return Err(StoreError::Windows { place: place.to_owned() });
    }
    match wanted {
        Some(wanted) if !platform.serves(wanted) => Err(StoreError::NoPlatform {
            place: place.to_owned(),
            wanted: Box::new(wanted.clone()),
            have: vec![platform],
        }),
        _ => Ok(()),
    }
}

/// Returns an error unless there is a diff id for each layer.
pub(super) fn check_layers(config: &Config, layers: usize, place: &Path) -> Result<(), StoreError> {
    let diff_ids = config.diff_ids().len();
    if diff_ids == layers { Ok(()) } else { Err(StoreError::LayerCount { place: place.to_owned(), layers, diff_ids }) }
}

/// Returns the codec of a layer that may be built on: not one that must not be distributed.
pub(super) fn layer_codec(descriptor: &Descriptor, place: &Path) -> Result<LayerCodec, StoreError> {
    match MediaType::parse(&descriptor.media_type) {
        Some(MediaType::Layer(codec)) => Ok(codec),
        _ => Err(StoreError::MediaType {
            place: place.to_owned(),
            digest: descriptor.digest,
            media_type: descriptor.media_type.clone(),
        }),
    }
}
