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

use dockless::deploy::{BadVerdict, ServiceReport};
use dockless::ground::{FileError, Hint};
use dockless::net::NetError;
use dockless::pipeline::{Error, ErrorReport, Report};
use dockless::sandbox::SandboxError;

use super::args::{Cli, Command, Common, Progress};
use super::cleanup;
use super::env;
use super::exit;
use super::render;
use super::results::{self, Results};
use super::settings;
use super::stderr;

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
            Self::Sandbox(_) => exit::INTERNAL,
            Self::Net(_) => exit::REGISTRY,
            Self::File(_) | Self::Stdout(_) => exit::BUILD,
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
            Self::Stdout(_) => Some("free some space where stdout goes, or send it elsewhere".to_owned()),
        }
    }
}

/// Runs the command.
pub(crate) async fn run(cli: &Cli) -> Result<Done, Failure> {
    // First: whoever watches is told also of what goes wrong before anything is done.
    settings::open_screen(&cli.common)?;
    results::check(&cli.common)?;
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
fn finish(common: &Common, report: &Report, stdout_is_taken: bool) -> Done {
    if !common.quiet && common.progress != Progress::None {
        stderr::tell(&render::summary::render(report));
    }
    let text = |report: &Report| match common.json {
        true => render::json::render(report),
        false => report.image.iter().map(|image| format!("{image}\n")).collect(),
    };
    let results = Results { builds: std::slice::from_ref(report), whole: report, services: &report.services };
    let code = report.exit_code();
    let end = End { code, failures: &report.failures, stdout_is_taken };
    end.tell(common, &results, |error| match error {
        None => text(report),
        Some(error) => text(&Report { error: Some(error), ..report.clone() }),
    })
}

/// How a command ends that came to its end.
struct End<'a> {
    /// The exit code of the verdict.
    code: u8,
    /// The services that ended badly.
    failures: &'a [BadVerdict],
    /// An archive goes to stdout.
    stdout_is_taken: bool,
}

impl End<'_> {
    /// Tells everyone, each exactly once, whatever of it fails: programs, people, the CI system.
    fn tell(&self, common: &Common, results: &Results<'_>, text: impl FnOnce(Option<ErrorReport>) -> String) -> Done {
        let unwritten = results::hand_on(common, results).map_err(Failure::File).err();
        let failed = |failure: &Failure| {
            let code = if self.code == exit::DONE { failure.code() } else { self.code };
            render::error::report(failure.shown(), failure.hint(), code)
        };
        let mut errors: Vec<ErrorReport> = unwritten.iter().map(failed).collect();
        let text = text(errors.first().cloned());
        if self.stdout_is_taken {
            stderr::tell(&text);
        } else if let Err(failure) = write_stdout(&text) {
            errors.push(failed(&failure));
        }
        dossiers(results.services);
        let verdicts = self.failures.iter().map(|failure| render::error::report(failure, failure.hint(), self.code));
        let errors: Vec<ErrorReport> = verdicts.chain(errors).collect();
        for error in &errors {
            stderr::tell(&render::error::shape(error));
            annotate(error);
        }
        Done { code: errors.first().map_or(self.code, |error| error.exit_code) }
    }
}

fn dossiers(services: &[ServiceReport]) {
    for service in services {
        if let Some(dossier) = &service.dossier {
            stderr::tell(&render::dossier::render(&service.name, dossier));
        }
    }
}

/// Tells programs why a command broke off, and what was done until then.
pub(crate) fn broken_off(cli: &Cli, error: ErrorReport) {
    annotate_in(Some(&cli.common.project), &error);
    let report = render::tally::broken_off(error);
    let results = Results { builds: std::slice::from_ref(&report), whole: &report, services: &[] };
    if let Err(error) = results::hand_on(&cli.common, &results)
        && results.whole.error.as_ref().is_none_or(|first| first.message != error.to_string())
    {
        // There is an error already; this one is of less interest.
        stderr::tell(&format!("warning: {error}\n"));
    }
    if cli.common.json {
        tell_programs(&report, cli.command.takes_stdout());
    }
}

/// Tells programs that a command line cannot be meant.
pub(crate) fn not_begun(error: ErrorReport, json: bool) {
    annotate(&error);
    if json {
        tell_programs(&Report { error: Some(error), ..Report::default() }, false);
    }
}

fn tell_programs(report: &Report, stdout_is_taken: bool) {
    let text = cleanup::redacted(&render::json::render(report));
    if stdout_is_taken {
        stderr::tell(&text);
    } else {
        // A closed stdout cannot be told of anything.
        let _ = write_stdout(&text);
    }
}

/// Shows an error on the page of a job, and keeps it for the end of the events.
fn annotate(error: &ErrorReport) {
    annotate_in(None, error);
}

/// The same, beside the line of the project's file that the error names.
fn annotate_in(project: Option<&Path>, error: &ErrorReport) {
    render::ndjson::keep(error);
    if env::github_actions() {
        stderr::command(&render::github::error(error, |file| in_workspace(project?, file)));
    }
}

/// Returns the path that a file of the project has in the checkout, if it is there.
fn in_workspace(project: &Path, file: &str) -> Option<String> {
    let file = std::fs::canonicalize(project.join(file)).ok()?;
    let workspace = std::fs::canonicalize(env::workspace()?).ok()?;
    Some(file.strip_prefix(workspace).ok()?.to_str()?.to_owned())
}

/// Writes words and documents; what strangers put into them moves no cursor.
fn write_stdout(text: &str) -> Result<(), Failure> {
    write_bytes(render::printable::lines(text).as_bytes())
}

fn write_bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        // Whoever read has read enough; the work is done.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(Failure::Stdout),
    }
}
