//! The files that programs get results in: `--digest-file`, `--dotenv`, `--summary`, and those of CI systems.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use dockless::deploy::ServiceReport;
use dockless::ground::{FileError, files};
use dockless::pipeline::Report;

use super::args::Common;
use super::{env, render, stderr};

/// What a command came to.
pub(crate) struct Results<'a> {
    /// One report for each build.
    pub(crate) builds: &'a [Report],
    /// What stands for all: the report itself, of one build.
    pub(crate) whole: &'a Report,
    /// Every service, once.
    pub(crate) services: &'a [ServiceReport],
}

/// Looks whether the files that are asked for can be written, before anything is done that they should tell of.
pub(crate) fn check(common: &Common) -> Result<(), FileError> {
    [&common.digest_file, &common.dotenv, &common.summary].into_iter().flatten().try_for_each(|path| writable(path))
}

fn writable(path: &Path) -> Result<(), FileError> {
    use rustix::fs::{Access, access};
    let denied = |error: rustix::io::Errno| FileError::on("write", path)(error.into());
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => {
            Err(FileError::on("write", path)(std::io::Error::from(std::io::ErrorKind::IsADirectory)))
        }
        Ok(_) => access(path, Access::WRITE_OK).map_err(denied),
        Err(_) => {
            files::create_dir_all(files::folder_of(path))?;
            access(files::folder_of(path), Access::WRITE_OK | Access::EXEC_OK).map_err(denied)
        }
    }
}

/// Hands the results to whoever asked for them. All are tried; the first failure is returned.
pub(crate) fn hand_on(common: &Common, results: &Results<'_>) -> Result<(), FileError> {
    let page = render::page::render(results.builds, results.services, results.whole.error.as_ref());
    let digest = results.whole.digest.map(|digest| format!("{digest}\n"));
    let files = [
        common.digest_file.as_ref().zip(digest).map(|(path, digest)| write(path, &digest)),
        common.dotenv.as_ref().map(|path| write(path, &render::outputs::dotenv(results.whole))),
        common.summary.as_ref().filter(|_| !page.is_empty()).map(|path| append(path, &page)),
    ];
    // What a CI system asked for by itself is no reason to fail.
    let outputs = render::outputs::github(results.whole);
    let asked = [("GITHUB_OUTPUT", env::step_output(), outputs), ("GITHUB_STEP_SUMMARY", env::step_summary(), page)];
    for (variable, path, text) in asked {
        if let Some(path) = path.filter(|_| !text.is_empty())
            && let Err(error) = append(&path, &text)
            && !common.quiet
        {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
            stderr::tell(&format!("warning: what {variable} asks for is missing: {error}{cause}\n"));
        }
    }
    files.into_iter().flatten().collect()
}

/// Writes a file whole. What is no plain file, such as a device, a pipe or a link to one, is written to and stays.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), FileError> {
    if path == Path::new("/dev/stderr") {
        stderr::tell(text);
        return Ok(());
    }
    let is_plain = fs::symlink_metadata(path).map_or(true, |metadata| metadata.is_file());
    if is_plain {
        return files::write_atomic(path, text.as_bytes());
    }
    let keeps = fs::metadata(path).is_ok_and(|metadata| !metadata.is_file());
    let file = OpenOptions::new().write(true).create(true).truncate(!keeps).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(FileError::on("write", path))
}

fn append(path: &Path, text: &str) -> Result<(), FileError> {
    let file = OpenOptions::new().create(true).append(true).open(path);
    let mut file = file.map_err(FileError::on("open", path))?;
    file.write_all(text.as_bytes()).map_err(FileError::on("write", path))
}
