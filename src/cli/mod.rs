//! Floor 8, the binary: terminal, flags, environment, exit codes.

mod args;
mod cleanup;
mod commands;
mod env;
mod exit;
mod places;
mod prompt;
mod render;
mod results;
mod settings;
mod standin;
mod stderr;

use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use clap::Parser;
use dockless::deploy::RunningTasks;
use dockless::ground::Hint;
use dockless::pipeline::ErrorReport;

use args::Cli;
use commands::Done;

/// How long an interrupted process may take to stop what it started.
const STOPPING: std::time::Duration = std::time::Duration::from_secs(10);

/// What can be done after an interrupt.
const AFTER_AN_INTERRUPT: &str = "run the same command again; what was pushed is not pushed twice, and a deployment that \
    was started goes on: `dockless status --wait` awaits it";

/// What went wrong inside, for those who are told last.
static BROKEN: Mutex<Option<ErrorReport>> = Mutex::new(None);

/// Runs the program: arguments, runtime, command, exit code.
pub(crate) fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|panic| {
        let error = render::error::internal(panic);
        stderr::tell(&render::error::shape(&error));
        BROKEN.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }));
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return ExitCode::from(not_begun(&error)),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let error = render::error::report(&error, None, exit::INTERNAL);
            stderr::tell(&render::error::shape(&error));
            commands::broken_off(&cli, error);
            return ExitCode::from(exit::INTERNAL);
        }
    };
    let work = std::panic::AssertUnwindSafe(|| runtime.block_on(interruptible(&cli)));
    let code = std::panic::catch_unwind(work).unwrap_or_else(|_| broken(&cli));
    // Work that was cancelled may still hold a thread; what it staged is not trusted, so nothing waits for it long.
    runtime.shutdown_timeout(std::time::Duration::from_secs(5));
    ExitCode::from(code)
}

/// Answers what is no command line to work on: help that was asked for, or a mistake.
fn not_begun(error: &clap::Error) -> u8 {
    if !error.use_stderr() {
        // A closed terminal must not turn into another error.
        let _ = error.print();
        return exit::DONE;
    }
    let arguments = std::env::args_os().take_while(|argument| argument != "--");
    let arguments: Vec<String> = arguments.map(|argument| argument.to_string_lossy().into_owned()).collect();
    let report = render::usage::report(error, &arguments);
    if error.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        let _ = error.print();
    } else {
        stderr::tell(&render::error::shape(&report));
    }
    commands::not_begun(report, arguments.iter().any(|argument| argument == "--json"));
    exit::USAGE
}

/// Ends after a bug of ours, which was told where it happened.
fn broken(cli: &Cli) -> u8 {
    render::screen::settle();
    if let Some(error) = BROKEN.lock().unwrap_or_else(PoisonError::into_inner).take() {
        commands::broken_off(cli, error);
    }
    render::screen::end(exit::INTERNAL);
    exit::INTERNAL
}

async fn interruptible(cli: &Cli) -> u8 {
    // Signals are listened for before anything can be shown: whoever answers the first question with Ctrl-C is heard.
    let code = tokio::select! {
        biased;
        () = interrupted() => end_early(cli).await,
        code = run(cli) => code,
    };
    render::screen::end(code);
    code
}

/// Cleans up after a command that was dropped wherever it was.
async fn end_early(cli: &Cli) -> u8 {
    render::screen::settle();
    stderr::tell("error: interrupted\n");
    let clean = async {
        cleanup::run().await.into_iter().for_each(|line| stderr::tell(&format!("note: {line}\n")));
        stop(&cli.common.running).await;
    };
    tokio::select! {
        () = clean => {}
        () = interrupted() => stderr::tell("note: interrupted again: what was started is left as it is\n"),
    }
    let hint = match cli.command {
        args::Command::Init(_) => "nothing was written; `dockless init --yes` asks nothing",
        _ => AFTER_AN_INTERRUPT,
    };
    stderr::tell(&format!("hint: {hint}\n"));
    let hint = Some(hint.to_owned());
    let error =
        ErrorReport { message: "interrupted".to_owned(), causes: Vec::new(), hint, exit_code: exit::INTERRUPTED };
    commands::broken_off(cli, error);
    exit::INTERRUPTED
}

/// Stops one-off tasks: nobody would be there to see how they end.
async fn stop(running: &RunningTasks) {
    if running.is_empty() {
        return;
    }
    let stopped = tokio::time::timeout(STOPPING, running.stop_all("dockless was interrupted")).await;
    for arn in stopped.unwrap_or_default() {
        stderr::tell(&format!("note: the task `{arn}` is stopped\n"));
    }
}

/// Waits for Ctrl-C, or for the signal that CI systems end jobs with.
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return std::future::pending().await };
    tokio::select! {
        result = tokio::signal::ctrl_c() => if result.is_err() { std::future::pending::<()>().await },
        _ = terminate.recv() => {}
    }
}

async fn run(cli: &Cli) -> u8 {
    match commands::run(cli).await {
        Ok(Done { code }) => code,
        Err(failure) => {
            render::screen::settle();
            let (hint, code) = (failure.hint(), failure.code());
            let error = render::error::report(failure.shown(), hint, code);
            stderr::tell(&render::error::shape(&error));
            commands::broken_off(cli, error);
            code
        }
    }
}

#[cfg(test)]
mod tests;
