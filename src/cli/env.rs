//! Every environment variable that dockless reads, in one place.
//!
//! Exceptions, inside libraries: the AWS credential chain (`AWS_*`), and the proxy and `SSL_CERT_FILE` variables, which
//! the HTTP connector reads.

use std::ffi::OsString;
use std::path::PathBuf;

/// The folder of the cache.
const CACHE_DIR: &str = "DOCKLESS_CACHE_DIR";
/// The user configuration.
const CONFIG: &str = "DOCKLESS_CONFIG";

/// What the environment says; a build file may name any other variable.
#[derive(Debug, Default)]
pub(crate) struct Environment {
    pub(crate) cache_dir: Option<PathBuf>,
    pub(crate) config: Option<PathBuf>,
    pub(crate) ca_bundle: Option<PathBuf>,
    pub(crate) ssl_cert_file: Option<PathBuf>,
    pub(crate) home: Option<PathBuf>,
}

impl Environment {
    /// Reads the environment.
    pub(crate) fn read() -> Self {
        let home = path("HOME");
        let config_home = path("XDG_CONFIG_HOME").or_else(|| home.as_ref().map(|home| home.join(".config")));
        let cache_home = path("XDG_CACHE_HOME").or_else(|| home.as_ref().map(|home| home.join(".cache")));
        Self {
            cache_dir: path(CACHE_DIR).or_else(|| cache_home.map(|dir| dir.join("dockless"))),
            config: path(CONFIG).or_else(|| config_home.as_ref().map(|dir| dir.join("dockless/config.yaml"))),
            ca_bundle: path("AWS_CA_BUNDLE"),
            ssl_cert_file: path("SSL_CERT_FILE"),
            home,
        }
    }
}

/// Returns a variable that a build file names; one that is set but empty counts as set.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Returns the file that GitHub shows on the page of a job.
pub(crate) fn step_summary() -> Option<PathBuf> {
    path("GITHUB_STEP_SUMMARY")
}

/// Returns the file that takes the outputs of a step on GitHub.
pub(crate) fn step_output() -> Option<PathBuf> {
    path("GITHUB_OUTPUT")
}

/// Returns whether this is a job of GitHub Actions.
pub(crate) fn github_actions() -> bool {
    text("GITHUB_ACTIONS").is_some_and(|value| value == "true")
}

/// Returns the checkout that GitHub's annotations are about.
pub(crate) fn workspace() -> Option<PathBuf> {
    path("GITHUB_WORKSPACE")
}

/// Returns a variable about the terminal; an empty one counts as not set.
pub(crate) fn text(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Returns a variable that tools of the field read for credentials.
pub(crate) fn raw(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

fn path(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}
