//! Claims about build files: fixtures with their pinned outcome, and rules that need more than a file.

mod environments;
mod fixtures;
mod git;
mod platforms;
mod properties;
mod rules;
mod user_config;

use tempfile::TempDir;

use super::{BuildSpec, Inputs, Overrides, SpecError, load};
use crate::ground::Hint;

/// A project with two symlinks: `link` to `vendor`, and `away` out of it.
fn project() -> TempDir {
    let project = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(project.path().join("vendor")).expect("a folder");
    std::os::unix::fs::symlink("vendor", project.path().join("link")).expect("a link");
    std::os::unix::fs::symlink("/etc", project.path().join("away")).expect("a link");
    project
}

/// The environment of all tests.
fn environment(name: &str) -> Option<String> {
    let value = match name {
        "VERSION" => "1.4",
        "EMPTY" => "",
        "BRANCH" => "feature/x",
        "TARGETARCH" => "from-the-environment",
        "SOURCE_DATE_EPOCH" => "1700000000",
        _ => return None,
    };
    Some(value.to_owned())
}

fn load_with(
    text: &str,
    environment: &dyn Fn(&str) -> Option<String>,
    overrides: &Overrides,
) -> Result<BuildSpec, SpecError> {
    let project = project();
    std::fs::write(project.path().join("build.yaml"), text).expect("written");
    load(&Inputs { project: project.path(), file: None, environment, overrides })
}

fn load_text(text: &str) -> Result<BuildSpec, SpecError> {
    load_with(text, &environment, &Overrides::default())
}

/// Returns an error as the command line shows it.
fn shown(error: &SpecError) -> String {
    let mut text = format!("error: {error}\n");
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(&format!("  caused by: {cause}\n"));
        source = cause.source();
    }
    error.hint().iter().for_each(|hint| text.push_str(&format!("hint: {hint}\n")));
    text
}
