//! Finding and reading the build file.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::build_spec::BuildSpec;
use super::error::{Problem, SpecError};
use super::parse::{self, SIZE_LIMIT};
use super::resolve;
use super::source::{Place, Source};
use crate::ground::{FileError, files};

/// The names of a build file, the first that is there counts.
const FILE_NAMES: [&str; 2] = ["build.yaml", "dockless.yaml"];

/// What a build file is read with.
pub struct Inputs<'a> {
    /// The folder of the project, absolute.
    pub project: &'a Path,
    /// The build file, relative to the project or absolute; by default `build.yaml`, else `dockless.yaml`.
    pub file: Option<&'a Path>,
    /// Answers the variables that the file names, and `SOURCE_DATE_EPOCH`.
    pub environment: &'a dyn Fn(&str) -> Option<String>,
    /// What the command line says instead of the file.
    pub overrides: &'a Overrides,
}

/// Values of the command line that count instead of the file's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `--environment`: the environment that is laid over the file.
    pub environment: Option<String>,
    /// `--name`.
    pub name: Option<String>,
    /// `--tag`, each; if there are any, they replace all tags of the file.
    pub tags: Vec<String>,
    /// `--base`; a relative path is one of the project's folder, as in the file.
    pub base: Option<String>,
    /// `--platform`, each: one platform, or several with commas between them. If there are any, they replace those of
    /// the file.
    pub platforms: Vec<String>,
    /// `--cache-from`, each; added to those of the file.
    pub cache_from: Vec<String>,
    /// `--context`, each: a name and its folder, which count instead of or beside those of the file. See
    /// [`Overrides::add_context`].
    pub contexts: Vec<(String, String)>,
}

impl Overrides {
    /// Adds the value of a `--context`, `NAME=DIR`; a relative path is one of the project's folder, as in the file.
    ///
    /// # Errors
    /// When there is no `=`. Name and folder are checked by [`load`].
    pub fn add_context(&mut self, text: &str) -> Result<(), SpecError> {
        let Some((name, folder)) = text.split_once('=') else {
            let (message, hint) = (format!("`{text}` has no `=`"), "write it like `venv=/opt/venv`".to_owned());
            return Err(SpecError::Override { option: "--context", message, hint: Some(hint) });
        };
        self.contexts.push((name.to_owned(), folder.to_owned()));
        Ok(())
    }
}

/// Reads the build file of a project and resolves it: no variable, default or word is left open but the base's own
/// environment and working directory.
///
/// Sources of layers need not exist yet; those that do may not be symlinks.
///
/// # Errors
/// When there is no file, or something in it is not as the schema says; see [`SpecError`].
///
/// ```
/// # let project = tempfile::tempdir().expect("a folder");
/// # std::fs::write(project.path().join("build.yaml"), "version: 1\nbase: scratch\n").expect("written");
/// use dockless::spec::{self, Inputs, Overrides};
/// let inputs = Inputs {
///     project: project.path(),
///     file: None,
///     environment: &|name| std::env::var(name).ok(),
///     overrides: &Overrides::default(),
/// };
/// let build = spec::load(&inputs).expect("a build file");
/// assert_eq!(build.tags[0].as_str(), "latest");
/// ```
pub fn load(inputs: &Inputs<'_>) -> Result<BuildSpec, SpecError> {
    let (file, bytes) = read_build_file(inputs)?;
    let shown = file.strip_prefix(inputs.project).unwrap_or(&file).display().to_string();
    let source = source(&shown, bytes)?;
    resolve::build_spec(&source, &file, inputs)
}

/// Resolves a build file that is not written yet, as [`load`] would when it stands where `inputs` say.
///
/// # Errors
/// When something in it, or in what the command line says, is not as the schema says; see [`SpecError`].
pub fn load_text(inputs: &Inputs<'_>, text: &str) -> Result<BuildSpec, SpecError> {
    let name = inputs.file.unwrap_or(Path::new(FILE_NAMES[0]));
    let source = source(&name.display().to_string(), text.as_bytes().to_vec())?;
    resolve::build_spec(&source, &inputs.project.join(name), inputs)
}

fn read_build_file(inputs: &Inputs<'_>) -> Result<(PathBuf, Vec<u8>), SpecError> {
    if let Some(file) = inputs.file {
        let path = inputs.project.join(file);
        return Ok((path.clone(), read(&path)?));
    }
    for name in FILE_NAMES {
        let path = inputs.project.join(name);
        match read(&path) {
            Err(SpecError::File(error)) if error.is_not_found() => {}
            bytes => return Ok((path, bytes?)),
        }
    }
    Err(SpecError::NoBuildFile { project: inputs.project.to_owned() })
}

/// Reads a file of at most [`SIZE_LIMIT`] bytes.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, SpecError> {
    let file: File = files::open(path)?;
    let mut bytes = Vec::new();
    file.take(SIZE_LIMIT + 1).read_to_end(&mut bytes).map_err(FileError::on("read", path))?;
    if bytes.len() as u64 > SIZE_LIMIT {
        return Err(SpecError::TooLarge { path: path.to_owned(), limit: SIZE_LIMIT });
    }
    Ok(bytes)
}

/// Takes the bytes of a file for text.
pub(super) fn source(name: &str, bytes: Vec<u8>) -> Result<Source, SpecError> {
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Source::new(name, &text)),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let source = Source::new(name, &String::from_utf8_lossy(error.as_bytes()));
            let problem = Problem::new("the file is not UTF-8 text").hint("save it in UTF-8");
            Err(source.flaw(Place { start: at, end: at }, problem).into())
        }
    }
}

/// Parses a source, whose document may not be empty.
pub(super) fn document(source: &Source) -> Result<super::node::Node, SpecError> {
    parse::parse(source)?.ok_or_else(|| {
        let problem = Problem::new("the file is empty").hint("begin with `version: 1` and `base: scratch`");
        source.flaw(Place::default(), problem).into()
    })
}
