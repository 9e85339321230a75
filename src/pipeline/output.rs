//! Outputs of `build`: an image layout, or an archive.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::image::export::{Export, Exported, to_docker_archive, to_file, to_layout, to_oci_archive};
use crate::image::{Image, ImageError};
use crate::oci::Digest;
use crate::store::{Blob, StoreError};

use super::bridge::blocking;
use super::build::Built;
use super::{Context, Error};

/// Where an image is written. An archive without a file goes to the writer that the caller hands in for stdout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// An OCI image layout in a folder.
    Layout(PathBuf),
    /// A tar of an OCI image layout; `None` is stdout.
    OciArchive(Option<PathBuf>),
    /// A tar that `docker load` and `podman load` take; `None` is stdout.
    DockerArchive(Option<PathBuf>),
}

impl Output {
    /// Returns the path, or `None` for stdout.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Layout(path) => Some(path),
            Self::OciArchive(path) | Self::DockerArchive(path) => path.as_deref(),
        }
    }

    fn shown(&self) -> String {
        let path = self.path().map_or_else(|| "-".to_owned(), |path| path.display().to_string());
        let form = match self {
            Self::Layout(_) => "oci",
            Self::OciArchive(_) => "oci-archive",
            Self::DockerArchive(_) => "docker-archive",
        };
        format!("{form}:{path}")
    }
}

/// Writes an image to an output: whole, or not at all.
pub(crate) async fn write(context: &Context, built: &Built, output: &Output) -> Result<(), Error> {
    let mut blobs: BTreeMap<Digest, Blob> =
        built.images.iter().flat_map(|image| &image.own).map(|blob| (blob.digest, blob.clone())).collect();
    for base in built.images.iter().map(|image| &image.base) {
        for (index, layer) in base.image.layers.iter().enumerate() {
            if let Entry::Vacant(open) = blobs.entry(layer.blob.digest) {
                open.insert(base.layer_blob(context, index).await?);
            }
        }
    }
    let (built, spec) = (built.clone(), context.spec.clone());
    let (wanted, stdout) = (output.clone(), context.stdout.clone());
    let written = blocking(move || {
        let find = |digest: &Digest| -> Result<Blob, StoreError> {
            Ok(blobs.get(digest).expect("a blob for each layer was put there above").clone())
        };
        let images: Vec<&Image> = built.images.iter().map(|built| &built.image).collect();
        let image = match &built.index {
            Some(index) => Exported::Index(index, &images),
            None => Exported::Image(images[0]),
        };
        let export = Export { image, blobs: &find, repository: spec.name.as_ref(), tags: &spec.tags };
        let archive = |path: &Option<PathBuf>, write: &dyn Fn(&mut dyn Write) -> Result<(), ImageError>| match path {
            Some(path) => to_file(path, |out| write(out)),
            None => write(&mut *stdout.lock().unwrap_or_else(std::sync::PoisonError::into_inner)),
        };
        match &wanted {
            Output::Layout(folder) => to_layout(&export, folder),
            Output::OciArchive(path) => archive(path, &|out| to_oci_archive(&export, out)),
            Output::DockerArchive(path) => archive(path, &|out| to_docker_archive(&export, out)),
        }
    })
    .await;
    written.map_err(|source| Error::Output { output: output.shown(), source })
}
