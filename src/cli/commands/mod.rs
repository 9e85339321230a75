//! The commands, one file each.

mod answer;
mod build;
mod cache;
mod completions;
mod copy;
mod deploy;
mod init;
mod inspect;
mod lock;
mod man;
mod plan;
mod push;
mod rollback;
mod sandbox;
mod schema;
mod several;
mod ship;
mod status;

use std::io::Write;
use std::path::Path;

use dockless::deploy::ServiceReport;
use dockless::ground::{FileError, Hint, files};
use dockless::net::NetError;
use dockless::pipeline::{Error, ErrorReport, Report};
use dockless::sandbox::SandboxError;

use super::args::{Cli, Command, Common, Progress};
use super::cleanup;
use super::env;
use super::exit;
use super::render;

/// A command that came to its end, with the exit code of its verdict.
pub(crate) struct Done {
    pub(crate) code: u8,
}

pub(super) use init::{InitFailure, cluster_and_service, name_fault};

/// A command that failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The command line contradicts itself.
    #[error("{message}")]
    Usage { message: String, hint: Option<String> },
    /// The use case failed.
    #[error(transparent)]
    Pipeline(#[from] Error),
    /// The stand-in cannot run.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// No first build file could be written.
    #[error(transparent)]
    Init(#[from] init::InitFailure),
    /// The network cannot be set up.
    #[error(transparent)]
    Net(#[from] NetError),
    /// A file of the command itself cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// stdout is closed.
    #[error("cannot write to stdout")]
    Stdout(#[source] std::io::Error),
}

impl Failure {
    /// Returns the error that is shown: what is transparent here shows itself.
    pub(crate) fn shown(&self) -> &dyn std::error::Error {
        self
    }

    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Usage { .. } => exit::USAGE,
            Self::Pipeline(error) => exit::code(error),
            Self::Init(error) => error.code(),
            Self::Sandbox(_) | Self::Stdout(_) => exit::INTERNAL,
            Self::Net(_) => exit::REGISTRY,
            Self::File(_) => exit::BUILD,
        }
    }
}

impl Hint for Failure {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Usage { hint, .. } => hint.clone(),
            Self::Pipeline(error) => error.hint(),
            Self::Sandbox(error) => error.hint(),
            Self::Init(error) => error.hint(),
            Self::Net(error) => error.hint(),
            Self::File(error) => error.hint(),
            Self::Stdout(_) => None,
        }
    }
}

/// Runs the command.
pub(crate) async fn run(cli: &Cli) -> Result<Done, Failure> {
    if several::is_meant(&cli.common) {
        return several::run(&cli.common, &cli.command).await;
    }
    match &cli.command {
        Command::Init(args) => init::run(&cli.common, args).await,
        Command::Plan(args) => plan::run(&cli.common, args).await,
        Command::Build(args) => build::run(&cli.common, args).await,
        Command::Push => push::run(&cli.common).await,
        Command::Deploy(args) => deploy::run(&cli.common, args).await,
        Command::Ship(args) => ship::run(&cli.common, args).await,
        Command::Status(args) => status::run(&cli.common, args).await,
        Command::Rollback(args) => rollback::run(&cli.common, args).await,
        Command::Continue(args) => answer::run(&cli.common, args).await,
        Command::Lock(args) => lock::run(&cli.common, args).await,
        Command::Cache(args) => cache::run(&cli.common, args),
        Command::Copy(args) => copy::run(&cli.common, args).await,
        Command::Inspect(args) => inspect::run(&cli.common, args).await,
        Command::Sandbox(args) => sandbox::run(&cli.common, args).await,
        Command::Schema(args) => schema::run(args),
        Command::Completions(args) => completions::run(args),
        Command::Man(args) => man::run(args),
    }
}

/// Prints what a command ends with: the reference as the last line of stdout, or the report; and the files of results.
fn finish(common: &Common, report: &Report, stdout_is_taken: bool) -> Result<Done, Failure> {
    if let (Some(path), Some(digest)) = (&common.digest_file, &report.digest) {
        files::write_atomic(path, format!("{digest}\n").as_bytes())?;
    }
    hand_on(common, report)?;
    if !common.quiet && common.progress != Progress::None {
        eprint!("{}", render::summary::render(report));
    }
    let text = if common.json {
        render::json::render(report)
    } else {
        report.image.iter().map(|image| format!("{image}\n")).collect()
    };
    if stdout_is_taken {
        eprint!("{text}");
    } else {
        write_stdout(&text)?;
    }
    write_summary(common, report.image.as_deref(), &report.services)?;
    dossiers(&report.services);
    for failure in &report.failures {
        eprint!("{}", render::error::render(failure, failure.hint().as_deref()));
        annotate(&render::error::report(failure, failure.hint(), report.exit_code()));
    }
    Ok(Done { code: report.exit_code() })
}

fn dossiers(services: &[ServiceReport]) {
    for service in services {
        if let Some(dossier) = &service.dossier {
            eprint!("{}", render::dossier::render(&service.name, dossier));
        }
    }
}

/// Tells programs why a command broke off, and what was done until then.
pub(crate) fn broken_off(cli: &Cli, error: ErrorReport) {
    annotate(&error);
    let report = render::tally::broken_off(error);
    if let Err(error) = hand_on(&cli.common, &report) {
        // There is an error already; this one is of less interest.
        eprintln!("warning: {error}");
    }
    if !cli.common.json {
        return;
    }
    let text = cleanup::redacted(&render::json::render(&report));
    if cli.command.takes_stdout() {
        eprint!("{text}");
    } else {
        // A closed stdout cannot be told of anything.
        let _ = write_stdout(&text);
    }
}

/// Shows an error on the page of a job.
fn annotate(error: &ErrorReport) {
    if env::github_actions() {
        eprint!("{}", render::github::error(error));
    }
}

/// Hands the results to the next step of a job.
fn hand_on(common: &Common, report: &Report) -> Result<(), Failure> {
    if let Some(path) = &common.dotenv {
        files::write_atomic(path, render::outputs::dotenv(report).as_bytes())?;
    }
    let outputs = render::outputs::github(report);
    if let Some(path) = env::step_output().filter(|_| !outputs.is_empty())
        && let Err(error) = append(&path, &outputs)
    {
        eprintln!("warning: {error}");
    }
    Ok(())
}

/// Adds the summary of a deployment to the file that was named, and to the CI system's own page.
fn write_summary(common: &Common, image: Option<&str>, services: &[ServiceReport]) -> Result<(), Failure> {
    if services.is_empty() {
        return Ok(());
    }
    let text = dockless::deploy::summary(image, services);
    if let Some(path) = &common.summary {
        append(path, &text)?;
    }
    if let Some(path) = env::step_summary()
        && let Err(error) = append(&path, &text)
    {
        // The page of a CI system is no reason to fail.
        eprintln!("warning: {error}");
    }
    Ok(())
}

fn append(path: &Path, text: &str) -> Result<(), FileError> {
    let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
    let mut file = file.map_err(FileError::on("open", path))?;
    file.write_all(text.as_bytes()).map_err(FileError::on("write", path))
}

fn write_stdout(text: &str) -> Result<(), Failure> {
    write_bytes(text.as_bytes())
}

fn write_bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(Failure::Stdout)
}
