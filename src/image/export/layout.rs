//! An image in an OCI image layout (image-spec, image-layout.md), new or existing.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::{Export, Part};
use crate::ground::{FileError, files};
use crate::image::ImageError;
use crate::oci::{HashingReader, json};

/// Writes an image into a layout.
///
/// A folder that is not there is filled under another name and renamed. An empty folder or a layout is added to:
/// `index.json` comes last and decides, and what was added is removed when something fails. A tag that the layout has is
/// moved; blobs of the image that had it stay, since others may share them.
///
/// # Errors
/// When the folder holds anything else, a blob is missing or damaged, or a file cannot be written.
pub fn to_layout(export: &Export<'_>, folder: &Path) -> Result<(), ImageError> {
    let parts = export.parts()?;
    match fs::read_dir(folder) {
        Ok(mut entries) => {
            if entries.next().is_some() && !folder.join("oci-layout").is_file() {
                return Err(ImageError::NotALayout(folder.to_owned()));
            }
            let mut added = Added::default();
            fill(export, &parts, folder, &mut added)?;
            added.keep();
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => create(export, &parts, folder),
        Err(error) => Err(FileError::on("open", folder)(error).into()),
    }
}

fn create(export: &Export<'_>, parts: &[Part], folder: &Path) -> Result<(), ImageError> {
    let parent = files::folder_of(folder);
    files::create_dir_all(parent)?;
    let staged = tempfile::Builder::new()
        .prefix(".dockless-")
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777))
        .tempdir_in(parent)
        .map_err(FileError::on("create a folder in", parent))?;
    let mut added = Added::default();
    fill(export, parts, staged.path(), &mut added)?;
    added.keep();
    fs::rename(staged.path(), folder).map_err(FileError::on("create", folder))?;
    // The folder has another name now; there is nothing left to remove.
    let _ = staged.keep();
    Ok(())
}

fn fill(export: &Export<'_>, parts: &[Part], folder: &Path, added: &mut Added) -> Result<(), ImageError> {
    // Before anything is written: an index that cannot be extended changes nothing.
    let index = index(export, &folder.join("index.json"))?;
    for below in ["blobs", "blobs/sha256"] {
        added.folder(&folder.join(below))?;
    }
    for part in parts {
        let path = folder.join("blobs/sha256").join(part.digest.hex());
        if !holds(&path, part)? {
            added.file(&path, |file| part.copy(|reader| io::copy(reader, file).map(drop)))?;
        }
    }
    let marker = folder.join("oci-layout");
    if !marker.exists() {
        let bytes = json::to_bytes(&json!({"imageLayoutVersion": "1.0.0"}));
        added.file(&marker, |file| copy_bytes(&bytes, &marker, file))?;
    }
    Ok(files::write_atomic(&folder.join("index.json"), &index)?)
}

fn index(export: &Export<'_>, path: &Path) -> Result<Vec<u8>, ImageError> {
    let refused = |source| ImageError::Index { path: files::folder_of(path).to_owned(), source };
    let existing: Option<Map<String, Value>> = match files::read_if_present(path)? {
        Some(bytes) => Some(serde_json::from_slice(&bytes).map_err(|error| refused(Some(error)))?),
        None => None,
    };
    export.index(existing).ok_or_else(|| refused(None))
}

/// Returns whether a file has the bytes of a blob already. One that has others is written anew.
fn holds(path: &Path, part: &Part) -> Result<bool, ImageError> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() && metadata.len() == part.size => {
            let read = HashingReader::new(files::open(path)?).finish().map_err(FileError::on("read", path))?;
            Ok(read.0 == part.digest)
        }
        _ => Ok(false),
    }
}

fn copy_bytes(bytes: &[u8], path: &Path, file: &mut fs::File) -> Result<(), ImageError> {
    io::Write::write_all(file, bytes).map_err(|error| FileError::on("write", path)(error).into())
}

/// What was added to a folder; it is removed again unless all went well.
#[derive(Default)]
struct Added {
    files: Vec<PathBuf>,
    folders: Vec<PathBuf>,
}

impl Added {
    fn folder(&mut self, path: &Path) -> Result<(), FileError> {
        match fs::create_dir(path) {
            Ok(()) => self.folders.push(path.to_owned()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(FileError::on("create", path)(error)),
        }
        Ok(())
    }

    fn file(
        &mut self,
        path: &Path,
        write: impl FnOnce(&mut fs::File) -> Result<(), ImageError>,
    ) -> Result<(), ImageError> {
        let mut file = files::temporary_in(files::folder_of(path))?;
        write(file.as_file_mut())?;
        let is_new = !path.exists();
        file.persist(path).map_err(|error| FileError::on("write", path)(error.error))?;
        if is_new {
            self.files.push(path.to_owned());
        }
        Ok(())
    }

    fn keep(mut self) {
        self.files.clear();
        self.folders.clear();
    }
}

impl Drop for Added {
    fn drop(&mut self) {
        for file in &self.files {
            let _ = fs::remove_file(file);
        }
        for folder in self.folders.iter().rev() {
            let _ = fs::remove_dir(folder);
        }
    }
}
