//! Places and platforms on the command line, for commands that need no build file.

use std::path::Path;

use dockless::oci::Platform;
use dockless::pipeline::Place;

use super::args::Common;
use super::commands::Failure;

/// Reads a place of an image.
pub(crate) fn place(text: &str, folder: &Path) -> Result<Place, Failure> {
    Place::parse(text, folder)
        .map_err(|error| Failure::Usage { message: error.to_string(), hint: Some(error.hint.clone()) })
}

/// Reads the platform, of which there may be one.
pub(crate) fn one_platform(common: &Common) -> Result<Option<Platform>, Failure> {
    let usage = |message: String, hint: &str| Failure::Usage { message, hint: Some(hint.to_owned()) };
    match &common.platforms[..] {
        [] => Ok(None),
        [one] => match one.parse() {
            Ok(platform) => Ok(Some(platform)),
            Err(_) => Err(usage(format!("`{one}` is no platform"), "write it like `linux/arm64`")),
        },
        _ => Err(usage(
            "--platform is given more than once".to_owned(),
            "name one platform, or none for all of them as they are",
        )),
    }
}
