//! `dockless schema`.

use dockless::spec;

use super::{Done, Failure, write_stdout};
use crate::cli::args::SchemaArgs;
use crate::cli::exit;
use crate::cli::render;

/// Prints the JSON Schema of the build file or of the user configuration.
pub(super) fn run(args: &SchemaArgs) -> Result<Done, Failure> {
    let text = match (args.markdown, args.user_config) {
        (true, _) => spec::build_file_page(),
        (false, true) => render::json::render(&spec::user_config_schema()),
        (false, false) => render::json::render(&spec::build_file_schema()),
    };
    write_stdout(&text)?;
    Ok(Done { code: exit::DONE })
}
