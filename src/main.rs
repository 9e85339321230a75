//! dockless, images to ECS: the command line over the library.

// The futures of the AWS SDK nest deeply; the default of 128 is too shallow to lay them out.
#![recursion_limit = "256"]

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
