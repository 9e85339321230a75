//! `dockless lock`.

use dockless::pipeline::{self, ErrorReport, LockReport};

use super::{Done, Failure, write_stdout};
use crate::cli::args::{Common, LockArgs};
use crate::cli::settings::Session;
use crate::cli::{exit, render, stderr};

/// Writes the lock, or checks it.
pub(super) async fn run(common: &Common, args: &LockArgs) -> Result<Done, Failure> {
    let session = Session::open(common, &[]).await?;
    let done = if args.check {
        pipeline::check_lock(&session.context)
    } else {
        pipeline::lock(&session.context, args.upgrade).await
    };
    session.close().await;
    let report = done?;
    tell(common, args, &report);
    let text = if common.json { render::json::render(&report) } else { format!("{}\n", report.lock.display()) };
    write_stdout(&text)?;
    Ok(Done { code: if args.check && report.stale.is_some() { exit::DIFFERENCE } else { exit::DONE } })
}

fn tell(common: &Common, args: &LockArgs, report: &LockReport) {
    let file = report.lock.file_name().unwrap_or_default().to_string_lossy();
    match &report.stale {
        Some(why) => {
            let error = ErrorReport {
                message: format!("the lock `{file}` is stale: {why}"),
                causes: Vec::new(),
                hint: Some("run `dockless lock`, and commit what it writes".to_owned()),
                exit_code: exit::DIFFERENCE,
            };
            stderr::tell(&render::error::shape(&error));
            super::annotate(&error);
        }
        None if common.quiet => {}
        None if args.check => stderr::tell(&format!("the lock `{file}` fits the build file\n")),
        None if report.changed => stderr::tell(&format!("wrote `{file}`\n")),
        None => stderr::tell(&format!("`{file}` stays as it is\n")),
    }
}
