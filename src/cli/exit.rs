//! Exit codes: the one table, and the one mapping from errors to it.

use dockless::pipeline::{Class, Error};

/// Done, also "nothing to do".
pub(crate) const DONE: u8 = 0;
/// An internal error.
pub(crate) const INTERNAL: u8 = 1;
/// A command line that cannot be meant.
pub(crate) const USAGE: u8 = 2;
/// The build file.
pub(crate) const BUILD_FILE: u8 = 3;
/// The build.
pub(crate) const BUILD: u8 = 4;
/// A registry.
pub(crate) const REGISTRY: u8 = 5;
/// A deployment that failed or was left half-way.
pub(crate) const DEPLOY_FAILED: u8 = 7;
/// A difference: a stale lock, a plan that changes something.
pub(crate) const DIFFERENCE: u8 = 11;
/// Refused, nothing changed.
pub(crate) const REFUSED: u8 = 12;
/// A one-off task before failed.
pub(crate) const BEFORE_FAILED: u8 = 13;
/// Interrupted.
pub(crate) const INTERRUPTED: u8 = 130;

/// Returns the exit code of an error. Verdicts bring their own.
pub(crate) fn code(error: &Error) -> u8 {
    match error.class() {
        Class::BuildFile => BUILD_FILE,
        Class::Build => BUILD,
        Class::Registry => REGISTRY,
        Class::DeployFailed => DEPLOY_FAILED,
        Class::Refused => REFUSED,
        Class::BeforeFailed => BEFORE_FAILED,
    }
}
