//! `dockless man`: the command line as manual pages, and as the reference page of the documents.

use std::path::Path;

use clap::{Command, CommandFactory};
use clap_mangen::Man;
use dockless::ground::{FileError, files};

use super::{Done, Failure, write_bytes, write_stdout};
use crate::cli::args::{Cli, ManArgs};
use crate::cli::exit;
use crate::cli::render;

/// Prints the manual page of the program, or writes those of all commands into a folder.
pub(super) fn run(args: &ManArgs) -> Result<Done, Failure> {
    let mut program = Cli::command();
    program.build();
    if args.markdown {
        write_stdout(&render::reference::page(&program))?;
    } else if let Some(folder) = &args.dir {
        write_pages(&program, "dockless", folder)?;
    } else {
        write_bytes(&page(&program, Path::new("-"))?)?;
    }
    Ok(Done { code: exit::DONE })
}

/// Writes the page of a command and of those within it, as `dockless-cache-prune.1`.
fn write_pages(command: &Command, name: &str, folder: &Path) -> Result<(), Failure> {
    let path = folder.join(format!("{name}.1"));
    files::write_atomic(&path, &page(command, &path)?)?;
    for within in command.get_subcommands() {
        write_pages(within, &format!("{name}-{}", within.get_name()), folder)?;
    }
    Ok(())
}

fn page(command: &Command, path: &Path) -> Result<Vec<u8>, Failure> {
    let mut page = Vec::new();
    // Named `dockless-cache-prune` by `Command::build`. Without a date: the same program writes the same pages.
    let man = Man::new(command.clone()).date("");
    man.render(&mut page).map_err(FileError::on("write", path))?;
    Ok(page)
}
