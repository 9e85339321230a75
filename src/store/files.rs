//! The files of an image layout, wherever it is: a folder, or the members of a tar.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::archive::{Archive, Found};
use super::{Blob, BlobBytes, StoreError};
use crate::ground::FileError;
use crate::oci::{Descriptor, Digest};

/// The largest manifest, index or config that is read, in bytes: twice what registries take.
const DOCUMENT_LIMIT: u64 = 8 << 20;

/// A folder or an archive.
#[derive(Debug)]
pub(super) enum Files {
    /// A folder: as it was named, and with every symlink resolved.
    Folder { named: PathBuf, real: PathBuf },
    /// A tar.
    Archive(Archive),
}

impl Files {
    /// Opens a folder.
    pub(super) fn folder(named: &Path) -> Result<Self, StoreError> {
        let real = fs::canonicalize(named).map_err(FileError::on("open", named))?;
        if !real.is_dir() {
            let why = "it is not a folder".to_owned();
            return Err(StoreError::Form { place: named.to_owned(), form: "OCI image layout", why });
        }
        Ok(Self::Folder { named: named.to_owned(), real })
    }

    /// Returns the folder or archive as it was named.
    pub(super) fn place(&self) -> &Path {
        match self {
            Self::Folder { named, .. } => named,
            Self::Archive(archive) => &archive.place,
        }
    }

    /// Returns where a file is. It is a regular file inside the folder or archive: a symlink out of it is an error.
    pub(super) fn locate(&self, name: &str) -> Result<Option<Found>, StoreError> {
        let (named, real) = match self {
            Self::Archive(archive) => return archive.locate(name),
            Self::Folder { named, real } => (named, real),
        };
        let path = match fs::canonicalize(real.join(name)) {
            Ok(path) => path,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(FileError::on("open", &named.join(name))(error).into()),
        };
        let metadata = fs::metadata(&path).map_err(FileError::on("open", &path))?;
        if !path.starts_with(real) || !metadata.is_file() {
            return Err(StoreError::Escape { place: named.clone(), member: name.to_owned() });
        }
        Ok(Some(Found { path, offset: 0, size: metadata.len() }))
    }

    /// Reads a small file.
    pub(super) fn document(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(found) = self.locate(name)? else { return Ok(None) };
        if found.size > DOCUMENT_LIMIT {
            return Err(self.too_large(name, found.size));
        }
        let blob = Blob { digest: Digest::of(b""), size: found.size, bytes: found.bytes() };
        let mut bytes = Vec::new();
        blob.open()?.read_to_end(&mut bytes).map_err(FileError::on("read", &found.path))?;
        Ok(Some(bytes))
    }

    /// Reads the manifest, index or config of a descriptor, and verifies it.
    pub(super) fn verified(&self, descriptor: &Descriptor) -> Result<Vec<u8>, StoreError> {
        let Descriptor { digest, size, .. } = descriptor;
        if *size > DOCUMENT_LIMIT {
            return Err(self.too_large(&digest.to_string(), *size));
        }
        let bytes = self.document(&blob_name(digest))?.ok_or_else(|| self.missing(digest))?;
        let (found, length) = (Digest::of(&bytes), bytes.len() as u64);
        if found != *digest || length != *size {
            let what = format!("`{}`", self.place().join(blob_name(digest)).display());
            return Err(StoreError::Mismatch { what, expected: *digest, size: *size, found, length });
        }
        Ok(bytes)
    }

    /// Returns the blob of a descriptor. Its size is checked here, its bytes by whoever reads them.
    pub(super) fn blob(&self, digest: &Digest, size: u64) -> Result<Blob, StoreError> {
        let found = self.locate(&blob_name(digest))?.ok_or_else(|| self.missing(digest))?;
        if found.size != size {
            return Err(StoreError::Size { digest: *digest, size, length: found.size });
        }
        Ok(Blob { digest: *digest, size, bytes: BlobBytes::File { path: found.path, offset: found.offset } })
    }

    fn missing(&self, digest: &Digest) -> StoreError {
        StoreError::Missing { digest: *digest, place: self.place().to_owned() }
    }

    fn too_large(&self, member: &str, size: u64) -> StoreError {
        let place = self.place().to_owned();
        StoreError::TooLarge { place, member: member.to_owned(), size, limit: DOCUMENT_LIMIT }
    }
}

/// The name of a blob in a layout (image-spec, image-layout.md).
fn blob_name(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}
