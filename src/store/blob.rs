//! A blob whose bytes can be opened again, as often as a retry needs them.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::ground::{FileError, files};
use crate::oci::Digest;

/// Bytes that are named by their digest and can be opened again.
#[derive(Clone, Debug)]
pub struct Blob {
    /// The digest of the bytes.
    pub digest: Digest,
    /// The count of the bytes.
    pub size: u64,
    /// Where they are.
    pub bytes: BlobBytes,
}

/// Where the bytes of a blob are.
#[derive(Clone, Debug)]
pub enum BlobBytes {
    /// In memory: configs and manifests.
    Memory(Arc<[u8]>),
    /// In a file, from `offset` on: a store, a layout, or a member of an uncompressed archive.
    File {
        /// The file.
        path: PathBuf,
        /// Where the blob begins in it.
        offset: u64,
    },
    /// Elsewhere, such as in a registry: each opening fetches them anew.
    Remote(RemoteBytes),
}

/// Opens bytes that are elsewhere, from an offset on. It is called, and read from, on a thread that may wait.
#[derive(Clone)]
pub struct RemoteBytes(Arc<dyn Fn(u64) -> Box<dyn Read + Send> + Send + Sync>);

impl RemoteBytes {
    /// Wraps the way to the bytes.
    pub fn new(open: impl Fn(u64) -> Box<dyn Read + Send> + Send + Sync + 'static) -> Self {
        Self(Arc::new(open))
    }

    /// Opens the bytes from an offset on.
    pub fn open(&self, offset: u64) -> Box<dyn Read + Send> {
        (self.0)(offset)
    }
}

impl std::fmt::Debug for RemoteBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RemoteBytes")
    }
}

impl Blob {
    /// Makes a blob of bytes in memory.
    pub fn of_bytes(bytes: Vec<u8>) -> Self {
        Self { digest: Digest::of(&bytes), size: bytes.len() as u64, bytes: BlobBytes::Memory(bytes.into()) }
    }

    /// Returns the bytes if they are in memory.
    pub fn in_memory(&self) -> Option<&[u8]> {
        match &self.bytes {
            BlobBytes::Memory(bytes) => Some(bytes),
            BlobBytes::File { .. } | BlobBytes::Remote(_) => None,
        }
    }

    /// Opens the bytes from the start. Nothing is verified: a reader that must know hashes what it reads.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn open(&self) -> Result<Box<dyn Read + Send>, FileError> {
        match &self.bytes {
            BlobBytes::Memory(bytes) => Ok(Box::new(Cursor::new(Arc::clone(bytes)))),
            BlobBytes::Remote(bytes) => Ok(Box::new(bytes.open(0).take(self.size))),
            BlobBytes::File { path, offset } => {
                let mut file = files::open(path)?;
                seek(&mut file, *offset).map_err(FileError::on("read", path))?;
                Ok(Box::new(file.take(self.size)))
            }
        }
    }

    /// Reads a part of the bytes. Nothing is verified.
    ///
    /// # Errors
    /// When the file cannot be opened or read, or the blob is shorter.
    pub fn read_at(&self, offset: u64, length: usize) -> Result<Vec<u8>, FileError> {
        let mut part = vec![0; length];
        match &self.bytes {
            BlobBytes::Memory(bytes) => {
                let mut rest = Cursor::new(bytes);
                rest.set_position(offset);
                rest.read_exact(&mut part).map_err(FileError::on("read", "a blob in memory".as_ref()))?;
            }
            BlobBytes::Remote(bytes) => {
                bytes.open(offset).read_exact(&mut part).map_err(FileError::on("read", "a remote blob".as_ref()))?;
            }
            BlobBytes::File { path, offset: start } => {
                files::open(path)?.read_exact_at(&mut part, start + offset).map_err(FileError::on("read", path))?;
            }
        }
        Ok(part)
    }
}

fn seek(file: &mut File, offset: u64) -> io::Result<()> {
    if offset > 0 {
        file.seek(SeekFrom::Start(offset))?;
    }
    Ok(())
}
