//! An image written to files: OCI image layout, oci-archive, docker-archive.
//!
//! Every blob is hashed while it is copied, and an output gets its name only when all of it is written.

mod archives;
mod layout;
mod tape;

use std::fs;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

use serde_json::{Map, Value, json};

pub use archives::{to_docker_archive, to_oci_archive};
pub use layout::to_layout;

use super::index::described;
use super::{Image, ImageError};
use crate::ground::{FileError, files};
use crate::oci::{
    Annotations, CONTAINERD_NAME, Descriptor, Digest, HashingReader, Index, MediaType, REF_NAME, Repository, Tag, json,
};
use crate::store::{Blob, StoreError};

/// What is written: the image of one platform, or of several.
#[derive(Clone, Copy, Debug)]
pub enum Exported<'a> {
    /// One image.
    Image(&'a Image),
    /// An index with the images that it names.
    Index(&'a Index, &'a [&'a Image]),
    /// An image of others as it came: the descriptor of its manifest or index, and all blobs, these documents included.
    Foreign(&'a Descriptor, &'a [Blob]),
}

/// An image with all that is needed to write it.
#[derive(Clone, Copy)]
pub struct Export<'a> {
    /// The image, or index of images.
    pub image: Exported<'a>,
    /// Finds the bytes of a layer; called once for each, also for one that several images share.
    pub blobs: &'a dyn Fn(&Digest) -> Result<Blob, StoreError>,
    /// The name that readers give to the image; tags alone make no name.
    pub repository: Option<&'a Repository>,
    /// The tags. Without any the image has no name in the output.
    pub tags: &'a [Tag],
}

/// One blob of an output, with the digest and size that its bytes must have.
struct Part {
    digest: Digest,
    size: u64,
    blob: Blob,
    /// Whether the bytes are what the zstd blob unpacks to.
    unpack: bool,
}

impl Exported<'_> {
    /// Returns the images, one a platform.
    fn images(&self) -> &[&Image] {
        match self {
            Self::Image(image) => std::slice::from_ref(image),
            Self::Index(_, images) => images,
            Self::Foreign(..) => &[],
        }
    }

    /// Returns what a layout's `index.json` says of it.
    fn descriptor(&self) -> Descriptor {
        match self {
            Self::Image(image) => described(image),
            Self::Index(index, _) => Descriptor::new(MediaType::Index, index.digest, index.bytes.len() as u64),
            Self::Foreign(root, _) => (*root).clone(),
        }
    }
}

impl Export<'_> {
    /// Returns the layers of all images, each once, sorted by digest.
    fn layers(&self) -> Result<Vec<Part>, ImageError> {
        let layers = self.image.images().iter().flat_map(|image| &image.layers);
        let mut descriptors: Vec<_> = layers.map(|layer| &layer.descriptor).collect();
        descriptors.sort_by_key(|descriptor| descriptor.digest);
        descriptors.dedup_by_key(|descriptor| descriptor.digest);
        let part = |descriptor: &Descriptor| {
            let Descriptor { digest, size, .. } = *descriptor;
            Ok(Part { digest, size, blob: (self.blobs)(&digest)?, unpack: false })
        };
        descriptors.into_iter().map(part).collect()
    }

    /// Returns every blob of the layout, sorted by digest.
    fn parts(&self) -> Result<Vec<Part>, ImageError> {
        let mut parts = self.layers()?;
        for image in self.image.images() {
            parts.extend([&image.config, &image.manifest].map(Part::of));
        }
        if let Exported::Index(index, _) = self.image {
            parts.push(Part::of(&Blob::of_bytes(index.bytes.clone())));
        }
        if let Exported::Foreign(_, blobs) = self.image {
            parts.extend(blobs.iter().map(Part::of));
        }
        parts.sort_by_key(|part| part.digest);
        parts.dedup_by_key(|part| part.digest);
        Ok(parts)
    }

    /// Returns the image's full names.
    fn names(&self) -> Option<Vec<String>> {
        let repository = self.repository?;
        Some(self.tags.iter().map(|tag| format!("{repository}:{tag}")).collect())
    }

    /// Returns `index.json` with the image in it: beside what `existing` holds, in place of what has one of its tags.
    fn index(&self, existing: Option<Map<String, Value>>) -> Option<Vec<u8>> {
        let mut index = existing.unwrap_or_default();
        let mut manifests = match index.remove("manifests") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(manifests)) => manifests,
            Some(_) => return None,
        };
        let digest = self.image.descriptor().digest.to_string();
        manifests.retain(|manifest| match manifest["annotations"][REF_NAME].as_str() {
            Some(name) => !self.tags.iter().any(|tag| tag.as_str() == name),
            None => manifest["digest"].as_str() != Some(&digest),
        });
        manifests.extend(self.descriptors().iter().map(|descriptor| json!(descriptor)));
        index.insert("manifests".to_owned(), manifests.into());
        index.insert("mediaType".to_owned(), MediaType::Index.as_str().into());
        index.insert("schemaVersion".to_owned(), 2.into());
        Some(json::to_bytes(&index))
    }

    /// Returns a descriptor of the manifest or index for each tag, or one without a name.
    fn descriptors(&self) -> Vec<Descriptor> {
        let descriptor = self.image.descriptor();
        if self.tags.is_empty() {
            return vec![descriptor];
        }
        let named = |tag: &Tag| {
            let mut annotations = Annotations::from([(REF_NAME.to_owned(), tag.to_string())]);
            if let Some(repository) = self.repository {
                annotations.insert(CONTAINERD_NAME.to_owned(), format!("{repository}:{tag}"));
            }
            Descriptor { annotations, ..descriptor.clone() }
        };
        self.tags.iter().map(named).collect()
    }
}

impl Part {
    /// Makes a part of a blob whose digest is known to be right.
    fn of(blob: &Blob) -> Self {
        Self { digest: blob.digest, size: blob.size, blob: blob.clone(), unpack: false }
    }

    /// Makes a part of what a zstd blob unpacks to, which is known by the digest `unpacked`.
    ///
    /// The blob is read once for the size, since a tar says it before the bytes.
    fn unpacked(self, unpacked: Digest) -> Result<Self, ImageError> {
        let mut size = 0;
        self.copy(|reader| {
            size = io::copy(&mut zstd::Decoder::new(reader)?, &mut io::sink())?;
            Ok(())
        })?;
        Ok(Self { digest: unpacked, size, unpack: true, ..self })
    }

    /// Hands a reader of the bytes to `write`, and fails unless what it read is what the manifest says.
    fn copy(&self, write: impl FnOnce(&mut dyn Read) -> io::Result<()>) -> Result<(), ImageError> {
        let Self { digest, size, blob, unpack } = self;
        let failed = |source| ImageError::Write { what: format!("blob {digest}"), source };
        // One byte more than announced tells a blob that is too long without reading all of it.
        let stored = blob.open()?;
        let bytes: Box<dyn Read> = if *unpack { Box::new(zstd::Decoder::new(stored).map_err(failed)?) } else { stored };
        let mut reader = HashingReader::new(bytes.take(size.saturating_add(1)));
        write(&mut reader).map_err(failed)?;
        let (found, length) = reader.finish().map_err(failed)?;
        if found == *digest && length == *size {
            return Ok(());
        }
        Err(ImageError::Corrupt { digest: *digest, size: *size, found, length })
    }
}

/// Writes a file such that it is there whole or not at all.
///
/// A path that is no regular file (`/dev/null`, a pipe) is written as it stands.
///
/// # Errors
/// Whatever `write` returns, and what the file system says. An old file then stands as it was.
pub fn to_file(path: &Path, write: impl FnOnce(&mut dyn Write) -> Result<(), ImageError>) -> Result<(), ImageError> {
    let special = fs::metadata(path).is_ok_and(|metadata| !metadata.is_file());
    if special {
        let file = fs::OpenOptions::new().write(true).open(path).map_err(FileError::on("write", path))?;
        return buffered(path, file, write).map(drop);
    }
    // A symlink stays one: what it points to is replaced.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = files::folder_of(&target);
    files::create_dir_all(folder)?;
    let file = buffered(path, files::temporary_in(folder)?, write)?;
    file.persist(&target).map_err(|error| FileError::on("write", path)(error.error))?;
    Ok(())
}

fn buffered<W: Write>(
    path: &Path,
    file: W,
    write: impl FnOnce(&mut dyn Write) -> Result<(), ImageError>,
) -> Result<W, ImageError> {
    let mut file = BufWriter::with_capacity(1 << 18, file);
    write(&mut file)?;
    file.into_inner().map_err(|error| FileError::on("write", path)(error.into_error()).into())
}
