//! What variables stand for: the environment, git, the platform.

use std::cell::{OnceCell, RefCell};
use std::error::Error;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use super::error::Problem;
use super::git::{self, Head, NoHead};
use crate::oci::Platform;

/// The names that the platform answers, as in Docker's build files.
const PLATFORM_NAMES: [&str; 3] = ["TARGETOS", "TARGETARCH", "TARGETVARIANT"];

/// Where the values of variables come from. git is asked when a name of its is used, and once.
pub(super) struct Variables<'a> {
    environment: &'a dyn Fn(&str) -> Option<String>,
    project: &'a Path,
    platform: RefCell<PlatformState>,
    head: OnceCell<Result<Head, NoHead>>,
}

#[derive(Clone)]
enum PlatformState {
    /// `platforms` itself is being read.
    Unknown,
    /// The file leaves it to the base.
    Unset,
    Known(Platform),
    /// What is being read is common to several.
    Several,
}

/// What a variable stands for.
pub(super) enum Answer {
    Value(String),
    /// Nothing: a default counts, or this is the error.
    Unset(Problem),
    /// The base's environment answers, under this name.
    Base(String),
    /// An error whether there is a default or not.
    Wrong(Problem),
    /// As [`Answer::Wrong`], with the cause.
    Broken(Problem, Cause),
}

/// A cause that several errors can share.
#[derive(Clone, Debug)]
pub(super) struct Cause(Arc<str>);

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Cause {}

impl<'a> Variables<'a> {
    pub(super) fn new(project: &'a Path, environment: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { environment, project, platform: RefCell::new(PlatformState::Unknown), head: OnceCell::new() }
    }

    /// Says which platforms the values that are read from now on count for; before this, and for several, names of the
    /// platform are errors.
    pub(super) fn set_platforms(&self, platforms: &[Platform]) {
        *self.platform.borrow_mut() = match platforms {
            [] => PlatformState::Unset,
            [platform] => PlatformState::Known(platform.clone()),
            _ => PlatformState::Several,
        };
    }

    /// Returns what a name stands for.
    pub(super) fn answer(&self, name: &str) -> Answer {
        if let Some(base_name) = name.strip_prefix("base.").filter(|base_name| !base_name.is_empty()) {
            return Answer::Base(base_name.to_owned());
        }
        if git::NAMES.contains(&name) {
            return self.git(name);
        }
        if name.contains('.') {
            let problem = Problem::new(format!("`{name}` is no name of dockless's"));
            let candidates = git::NAMES.into_iter().chain(["base.PATH"]).collect::<Vec<_>>();
            return Answer::Wrong(problem.one_of(name, &candidates));
        }
        if PLATFORM_NAMES.contains(&name) {
            return self.platform(name);
        }
        (self.environment)(name).map_or_else(|| Answer::Unset(unset(name)), Answer::Value)
    }

    fn platform(&self, name: &str) -> Answer {
        let platform = self.platform.borrow();
        match &*platform {
            PlatformState::Unknown => {
                let problem = Problem::new(format!("`{name}` follows from `platforms` and cannot stand in it"));
                Answer::Wrong(problem.hint("write the platform itself, or use a variable of another name"))
            }
            PlatformState::Unset => {
                let problem = Problem::new(format!("`{name}` is not known: the file does not say its platform"));
                Answer::Wrong(problem.hint("add `platforms: [linux/amd64]`, or use `--platform linux/amd64`"))
            }
            PlatformState::Several => {
                let problem = Problem::new(format!("`{name}` differs between the platforms and cannot stand here"));
                Answer::Wrong(problem.hint("use it in `base`, `contexts`, `layers` or `config`"))
            }
            PlatformState::Known(platform) => match name {
                "TARGETOS" => Answer::Value(platform.os.clone()),
                "TARGETARCH" => Answer::Value(platform.architecture.clone()),
                _ => platform.variant.clone().map_or_else(
                    || {
                        let problem = Problem::new(format!("the platform `{platform}` has no variant"));
                        Answer::Unset(problem.hint("give a default: `${TARGETVARIANT:-}`"))
                    },
                    Answer::Value,
                ),
            },
        }
    }

    fn git(&self, name: &str) -> Answer {
        match self.head.get_or_init(|| Head::read(self.project)) {
            Ok(head) => head.answer(name).map_or_else(Answer::Unset, Answer::Value),
            Err(NoHead::Absent(problem)) => {
                let message = format!("`{name}` is not known: {}", problem.message);
                Answer::Unset(Problem { message, ..problem.clone() })
            }
            Err(NoHead::Broken(source)) => {
                let problem = Problem::new(format!("`{name}` is not known: the git repository cannot be read"));
                Answer::Broken(problem.hint("`git fsck` says more"), Cause(source.to_string().into()))
            }
        }
    }
}

fn unset(name: &str) -> Problem {
    Problem::new(format!("`{name}` is not set in the environment")).hint(format!(
        "set `{name}`, give a default with `${{{name}:-default}}`, or write `$${{{name}}}` for the characters themselves"
    ))
}
