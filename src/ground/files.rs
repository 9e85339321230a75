//! The only door to files: each error names its path and what was tried.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// A file operation that failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} `{}`", path.display())]
pub struct FileError {
    /// The verb of what was tried: `read`, `write`, `create`, ...
    pub action: &'static str,
    /// The path it was tried on.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

impl FileError {
    /// Returns a function that names the action and the path of an I/O error, for `map_err`.
    pub fn on(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self { action, path, source }
    }

    /// Returns whether the path does not exist.
    pub fn is_not_found(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }
}

impl crate::ground::Hint for FileError {
    fn hint(&self) -> Option<String> {
        match self.source.kind() {
            io::ErrorKind::PermissionDenied => {
                Some(format!("run as a user who may {} it, or change its mode", self.action))
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Some("free some space, or set DOCKLESS_CACHE_DIR to a folder on another disk".to_owned())
            }
            io::ErrorKind::IsADirectory => Some("that is a folder: name a file".to_owned()),
            io::ErrorKind::NotADirectory => Some("check the path: a file stands where a folder should".to_owned()),
            io::ErrorKind::ReadOnlyFilesystem => Some("choose a path that can be written".to_owned()),
            _ => None,
        }
    }
}

/// Opens a file for reading.
pub fn open(path: &Path) -> Result<File, FileError> {
    File::open(path).map_err(FileError::on("open", path))
}

/// Reads a whole file; only for files of a size known to be small.
pub fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    fs::read(path).map_err(FileError::on("read", path))
}

/// Reads a whole file of text.
pub fn read_to_string(path: &Path) -> Result<String, FileError> {
    fs::read_to_string(path).map_err(FileError::on("read", path))
}

/// Reads a file if there is one.
pub fn read_if_present(path: &Path) -> Result<Option<Vec<u8>>, FileError> {
    match read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Creates a folder and its parents.
pub fn create_dir_all(path: &Path) -> Result<(), FileError> {
    fs::create_dir_all(path).map_err(FileError::on("create", path))
}

/// Removes a file; one that is not there is no error.
pub fn remove_if_present(path: &Path) -> Result<(), FileError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(FileError::on("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Makes an unnamed-until-persisted file in a folder, with the mode that any new file gets there (0666 less the umask).
pub fn temporary_in(folder: &Path) -> Result<NamedTempFile, FileError> {
    let mode = fs::Permissions::from_mode(0o666);
    let builder = tempfile::Builder::new().prefix(".dockless-").permissions(mode).tempfile_in(folder);
    builder.map_err(FileError::on("create a file in", folder))
}

/// Makes a temporary file that whoever cleans its folder leaves alone: it is locked as long as it is open.
///
/// On a file system without locks it is not locked, and nobody can clean there either.
pub fn locked_temporary_in(folder: &Path) -> Result<NamedTempFile, FileError> {
    loop {
        let file = temporary_in(folder)?;
        let _ = file.as_file().lock();
        // A cleaner that was faster took it for a file whose owner died.
        if file.path().exists() {
            return Ok(file);
        }
    }
}

/// Returns the folder that holds a path; `.` for a bare name.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Writes a file under its final name only when all of it is written: readers see the old file or the new one.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let folder = folder_of(path);
    create_dir_all(folder)?;
    let mut file = locked_temporary_in(folder)?;
    file.write_all(bytes).map_err(FileError::on("write", path))?;
    file.persist(path).map_err(|error| FileError::on("write", path)(error.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_written_whole_has_the_mode_of_any_new_file() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (whole, plain) = (folder.path().join("below/whole"), folder.path().join("plain"));
        write_atomic(&whole, b"x").expect("written");
        fs::write(&plain, b"x").expect("written");
        let mode = |path: &Path| fs::metadata(path).expect("a file").permissions().mode();
        assert_eq!(mode(&whole), mode(&plain));
    }
}
