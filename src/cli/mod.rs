//! Floor 8, the binary: terminal, flags, environment, exit codes.

mod args;
mod cleanup;
mod commands;
mod env;
mod exit;
mod places;
mod prompt;
mod render;
mod settings;
mod standin;

use std::process::ExitCode;

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

/// Runs the program: arguments, runtime, command, exit code.
pub(crate) fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|panic| eprint!("{}", render::error::internal(panic))));
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // A closed terminal must not turn into another error.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { exit::USAGE } else { exit::DONE });
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprint!("{}", render::error::render(&error, None));
            return ExitCode::from(exit::INTERNAL);
        }
    };
    let work = std::panic::AssertUnwindSafe(|| runtime.block_on(interruptible(cli)));
    let code = std::panic::catch_unwind(work).unwrap_or_else(|_| {
        render::screen::end(exit::INTERNAL);
        exit::INTERNAL
    });
    // Work that was cancelled may still hold a thread; what it staged is not trusted, so nothing waits for it long.
    runtime.shutdown_timeout(std::time::Duration::from_secs(5));
    ExitCode::from(code)
}

async fn interruptible(cli: Cli) -> u8 {
    // Signals are listened for before anything can be shown: whoever answers the first question with Ctrl-C is heard.
    let code = tokio::select! {
        biased;
        () = interrupted() => end_early(&cli).await,
        code = run(&cli) => code,
    };
    render::screen::end(code);
    code
}

/// Cleans up after a command that was dropped wherever it was.
async fn end_early(cli: &Cli) -> u8 {
    render::screen::settle();
    eprintln!("error: interrupted");
    cleanup::run().await.into_iter().for_each(|line| eprintln!("note: {line}"));
    stop(&cli.common.running).await;
    let hint = match cli.command {
        args::Command::Init(_) => "nothing was written; `dockless init --yes` asks nothing",
        _ => AFTER_AN_INTERRUPT,
    };
    eprintln!("hint: {hint}");
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
        eprintln!("note: the task `{arn}` is stopped");
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
            eprint!("{}", cleanup::redacted(&render::error::render(failure.shown(), hint.as_deref())));
            commands::broken_off(cli, render::error::report(failure.shown(), hint, code));
            code
        }
    }
}

#[cfg(test)]
mod tests;
