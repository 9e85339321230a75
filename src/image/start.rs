//! Whether an image can start: its first program, that program's interpreter, and its user.
//!
//! The runtime finds out only when a task is placed, and then says little: `exec format error`, `no such file`. The tree
//! of the finished image is known here, so it is said before anything is sent.

use std::io::Read;

use serde_json::{Map, Value};

use crate::ground::Hint;
use crate::guard::{Machine, Program};
use crate::oci::{ImagePath, Platform};
use crate::plan::{Content, Found, FoundKind, Placement, PlanError};
use crate::spec::{OwnerPart, OwnerSpec};
use crate::tree::TreeError;

/// Where programs are looked for when the image sets no PATH (containerd and runc: the same).
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// The bytes of a program that tell what it is.
const HEAD: u64 = 4096;

/// An image that cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The first program is nowhere.
    #[error("`{key}` starts `{program}`, which is not in the image{}", searched.as_ref().map(|path| format!(": not in `{path}`")).unwrap_or_default())]
    Missing {
        /// `entrypoint` or `cmd`.
        key: &'static str,
        /// The program as it is written.
        program: String,
        /// The PATH, if it was searched.
        searched: Option<String>,
    },
    /// The first program is no file that may be run.
    #[error("`{key}` starts `{path}`, which {why}")]
    NotExecutable {
        /// `entrypoint` or `cmd`.
        key: &'static str,
        /// Where it stands, symlinks followed.
        path: ImagePath,
        /// Why not: `is a folder`, `is not executable (mode 0644)`.
        why: String,
    },
    /// The first program is for another machine.
    #[error("`{key}` starts `{path}`, which is a program for {machine}, and the image is for {platform}")]
    OtherMachine {
        /// `entrypoint` or `cmd`.
        key: &'static str,
        /// Where it stands, symlinks followed.
        path: ImagePath,
        /// What it runs on.
        machine: Machine,
        /// What the image is for.
        platform: Platform,
    },
    /// The tree cannot be looked at.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The program cannot be read.
    #[error(transparent)]
    Tree(#[from] TreeError),
}

impl Hint for StartError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Missing { key, searched: Some(_), .. } => {
                format!(
                    "write the whole path in `config.{key}`, add its folder to `config.env.PATH`, or add a layer that holds it"
                )
            }
            Self::Missing { key, .. } => format!("correct `config.{key}`, or add a layer that holds it"),
            Self::NotExecutable { why, .. } if why.contains("folder") => "name a program in it".to_owned(),
            Self::NotExecutable { .. } => {
                "`chmod +x` it in the project, or give it `mode: \"0755\"` by a rule of `paths` or an entry of `files`"
                    .to_owned()
            }
            Self::OtherMachine { platform, .. } => {
                format!("build it for {platform}, or set `platforms` to what it is built for")
            }
            Self::Plan(error) => return error.hint(),
            Self::Tree(error) => return error.hint(),
        })
    }
}

/// Something that will stop an image from starting in most, but not all, environments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartWarning {
    /// The interpreter that the first program names is not there.
    Interpreter {
        /// The program.
        path: ImagePath,
        /// What it names, as it stands.
        interpreter: String,
        /// Whether it is the dynamic loader of an ELF program, and not that of a script.
        loader: bool,
    },
    /// The user is in no passwd.
    User {
        /// The user as it is written.
        user: String,
    },
}

/// How an image starts.
struct Start<'a> {
    placement: &'a Placement,
    settings: &'a Map<String, Value>,
    platform: &'a Platform,
}

/// Checks how an image with these settings (image-spec, config.md, `config`) and this tree starts.
///
/// Images of other systems than Linux are not looked at. Only the first word is: that of `Entrypoint`, else that of `Cmd`. What follows are arguments, and ECS may
/// give others.
///
/// # Errors
/// When it cannot start anywhere.
pub fn check_start(
    settings: &Map<String, Value>,
    platform: &Platform,
    placement: &Placement,
) -> Result<Vec<StartWarning>, StartError> {
    let start = Start { placement, settings, platform };
    let mut warnings = Vec::new();
    if platform.os != "linux" {
        return Ok(warnings);
    }
    // An entrypoint of one empty word is none (Docker resets it).
    let first = |key: &str| Some(start.list(key)).filter(|list| *list != [""])?.first().cloned();
    let program = first("Entrypoint").map(|it| ("entrypoint", it)).or_else(|| first("Cmd").map(|it| ("cmd", it)));
    if let Some((key, program)) = program {
        warnings.extend(start.program(key, &program)?);
    }
    warnings.extend(start.user()?);
    Ok(warnings)
}

impl Start<'_> {
    fn list(&self, key: &str) -> Vec<String> {
        let items = self.settings.get(key).and_then(Value::as_array).into_iter().flatten();
        items.filter_map(Value::as_str).map(str::to_owned).collect()
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.settings.get(key).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    fn program(&self, key: &'static str, program: &str) -> Result<Option<StartWarning>, StartError> {
        let Found { path, what } = self.search(key, program)?;
        let not_executable = |why: String| Err(StartError::NotExecutable { key, path: path.clone(), why });
        let (mode, content) = match what {
            FoundKind::Folder => return not_executable("is a folder".to_owned()),
            FoundKind::OfBase(mode) => (mode, None),
            FoundKind::Own { mode, content } => (mode, Some(content)),
        };
        if mode & 0o111 == 0 {
            return not_executable(format!("is not executable (mode {mode:04o})"));
        }
        let Some(head) = content.map(|content| head(&content)).transpose()? else { return Ok(None) };
        match Program::of(&head) {
            Some(Program::Elf { machine, .. }) if !machine.fits(self.platform) => {
                Err(StartError::OtherMachine { key, path, machine, platform: self.platform.clone() })
            }
            Some(Program::Elf { interpreter: Some(interpreter), .. }) => self.interpreter(path, &interpreter, true),
            Some(Program::Script { interpreter, .. }) => self.interpreter(path, &interpreter, false),
            _ => Ok(None),
        }
    }

    /// Finds the program as the runtime does: a path from the working directory, or a name in PATH. There, what cannot be
    /// run is passed over (Go's `exec.LookPath`, which runc uses).
    fn search(&self, key: &'static str, program: &str) -> Result<Found, StartError> {
        let missing = |searched| StartError::Missing { key, program: program.to_owned(), searched };
        if program.contains('/') {
            let folder = if program.starts_with('/') { "" } else { self.text("WorkingDir").unwrap_or_default() };
            return self.at(&format!("{folder}/{program}"))?.ok_or_else(|| missing(None));
        }
        let variables = self.list("Env");
        let path = variables.iter().rev().find_map(|variable| variable.strip_prefix("PATH=")).unwrap_or(DEFAULT_PATH);
        let mut unusable = None;
        for folder in path.split(':') {
            let above = if folder.starts_with('/') { "" } else { self.text("WorkingDir").unwrap_or_default() };
            match self.at(&format!("{above}/{folder}/{program}"))? {
                Some(found) if found.may_run() => return Ok(found),
                Some(Found { what: FoundKind::Folder, .. }) | None => {}
                Some(found) => drop(unusable.get_or_insert(found)),
            }
        }
        unusable.ok_or_else(|| missing(Some(path.to_owned())))
    }

    /// Returns what a path of the running image leads to, `..` as the kernel takes it: after the symlinks before it.
    fn at(&self, path: &str) -> Result<Option<Found>, StartError> {
        let mut at = ImagePath::ROOT;
        for name in path.split('/') {
            match name {
                "" | "." => {}
                ".." => match self.placement.find(&at)? {
                    Some(Found { path, what: FoundKind::Folder }) => at = path.parent().unwrap_or_default(),
                    _ => return Ok(None),
                },
                name => at = at.join(name.as_bytes()),
            }
        }
        Ok(self.placement.find(&at)?)
    }

    fn interpreter(&self, path: ImagePath, name: &[u8], loader: bool) -> Result<Option<StartWarning>, StartError> {
        let interpreter = String::from_utf8_lossy(name).into_owned();
        if interpreter.starts_with('/') && self.at(&interpreter)?.is_some() {
            return Ok(None);
        }
        Ok(Some(StartWarning::Interpreter { path, interpreter, loader }))
    }

    fn user(&self) -> Result<Option<StartWarning>, StartError> {
        let Some(user) = self.text("User") else { return Ok(None) };
        let part = |text: &str| text.parse().map_or_else(|_| OwnerPart::Name(text.to_owned()), OwnerPart::Id);
        let (name, group) = user.split_once(':').map_or((user, None), |(name, group)| (name, Some(group)));
        let owner = OwnerSpec { user: part(name), group: group.filter(|group| !group.is_empty()).map(part) };
        let known = self.placement.knows_owner(&owner)?;
        Ok((!known).then(|| StartWarning::User { user: user.to_owned() }))
    }
}

/// Reads the first bytes of a program of an own layer.
fn head(content: &Content) -> Result<Vec<u8>, StartError> {
    match content {
        Content::Bytes(bytes) => Ok(bytes.iter().copied().take(HEAD as usize).collect()),
        Content::File(file) => {
            let mut head = Vec::new();
            let read = file.open()?.take(HEAD).read_to_end(&mut head);
            read.map_err(crate::ground::FileError::on("read", &file.display())).map_err(TreeError::from)?;
            Ok(head)
        }
    }
}

impl StartWarning {
    /// Returns what is wrong, and what to do about it.
    pub fn words(&self) -> (String, String) {
        match self {
            Self::Interpreter { path, interpreter, loader: true } => (
                format!("`{path}` needs the loader `{interpreter}`, which is not in the image: it will not start"),
                "link it statically, or build on a base with the C library that it was linked with".to_owned(),
            ),
            Self::Interpreter { path, interpreter, .. } if interpreter.ends_with('\r') => (
                format!("the first line of `{path}` ends with a carriage return: it will not start"),
                "save the file with Unix line ends".to_owned(),
            ),
            Self::Interpreter { path, interpreter, .. } => (
                format!("`{path}` is run by `{interpreter}`, which is not in the image: it will not start"),
                "add a layer or a base that holds it, or correct the first line".to_owned(),
            ),
            Self::User { user } => (
                format!("`config.user` is `{user}`, which is in no `/etc/passwd` or `/etc/group` of the image"),
                "write numbers, such as `user: \"1000:1000\"`, or add the user to the base".to_owned(),
            ),
        }
    }
}
