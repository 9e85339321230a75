//! `dockless completions`.

use clap::CommandFactory;

use super::{Done, Failure, write_bytes};
use crate::cli::args::{Cli, CompletionsArgs};
use crate::cli::exit;

/// Prints the script that makes a shell complete the command line.
pub(super) fn run(args: &CompletionsArgs) -> Result<Done, Failure> {
    // Into memory first: the generator ends the process on a closed stdout.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "dockless", &mut script);
    write_bytes(&script)?;
    Ok(Done { code: exit::DONE })
}
