//! `plan`, `push`, `deploy` and `ship` of several build files as one run.

use dockless::pipeline::{self, ErrorReport, Report, SeveralReport};
use serde::Serialize;
use serde_json::json;

use super::{Done, End, Failure, write_stdout};
use crate::cli::args::{Command, Common, DeployArgs, Progress, ShipArgs};
use crate::cli::results::Results;
use crate::cli::settings::Sessions;
use crate::cli::{exit, render, stderr};

/// Returns whether there are several build files.
pub(super) fn is_meant(common: &Common) -> bool {
    common.files.len() > 1
}

/// Runs a command on all build files.
pub(super) async fn run(common: &Common, command: &Command) -> Result<Done, Failure> {
    check(common, command)?;
    if let Command::Plan(args) = command {
        return super::plan::run_all(common, args).await;
    }
    let sessions = Sessions::open(common).await?;
    let wait = !matches!(
        command,
        Command::Deploy(DeployArgs { no_wait: true, .. }) | Command::Ship(ShipArgs { no_wait: true })
    );
    let parts = sessions.parts(common, wait).await;
    if matches!(command, Command::Deploy(DeployArgs { dry_run: true, .. })) {
        let plans = pipeline::deploy_all_plan(&parts).await;
        sessions.close().await;
        return print(common, &plans?);
    }
    let report = match command {
        Command::Push => pipeline::push_all(&parts).await,
        Command::Deploy(_) => pipeline::deploy_all(&parts).await,
        _ => pipeline::ship_all(&parts).await,
    };
    sessions.close().await;
    Ok(finish(common, &report?))
}

/// Refuses what is said of one build.
fn check(common: &Common, command: &Command) -> Result<(), Failure> {
    let usage = |message: &str, hint: &str| Failure::Usage { message: message.to_owned(), hint: Some(hint.to_owned()) };
    let hint = "give `-f` once, or leave it away";
    match command {
        Command::Plan(_) | Command::Push | Command::Ship(_) => {}
        Command::Deploy(args) if args.images.is_empty() => {}
        Command::Deploy(_) => return Err(usage("`--image` is the image of one build file", hint)),
        _ => return Err(usage("only plan, push, deploy and ship take several build files", hint)),
    }
    if common.name.is_some() || common.digest_file.is_some() || common.base.is_some() {
        return Err(usage("`--name`, `--base` and `--digest-file` are of one build file", hint));
    }
    Ok(())
}

fn print(common: &Common, plans: &[dockless::deploy::DeployPlan]) -> Result<Done, Failure> {
    let targets = || plans.iter().flat_map(|plan| &plan.targets);
    let text = if common.json {
        let steps: Vec<String> = plans.iter().flat_map(dockless::deploy::DeployPlan::steps).collect();
        let images: Vec<_> =
            targets().map(|target| json!({ "image": target.reference, "digest": target.digest })).collect();
        let changes = plans.iter().any(dockless::deploy::DeployPlan::changes_anything);
        render::json::render(&json!({ "schema": 1, "builds": images, "changes": changes, "steps": steps }))
    } else {
        let images = targets().map(|target| format!("{}\n", target.reference));
        plans.iter().map(ToString::to_string).chain(images).collect()
    };
    write_stdout(&text)?;
    Ok(Done { code: exit::DONE })
}

/// Prints what a command ends with: the references, or the report as one document.
fn finish(common: &Common, report: &SeveralReport) -> Done {
    let closing = render::summary::several(report);
    if !common.quiet && common.progress != Progress::None {
        stderr::tell(&closing);
    }
    let images: Vec<&str> = report.builds.iter().filter_map(|build| build.image.as_deref()).collect();
    // What stands for all is what all share; of images, all together.
    let whole = Report {
        image: (!images.is_empty()).then(|| images.join(" ")),
        registered: report.registered,
        task_definition_arn: report.task_definition_arn.clone(),
        deployment_arn: report.deployment_arn.clone(),
        verdict: report.verdict,
        url: report.url.clone(),
        ..Report::default()
    };
    let results = Results { builds: &report.builds, whole: &whole, services: &report.services };
    let end = End { code: report.exit_code(), failures: &report.failures, stdout_is_taken: false };
    end.tell(common, &results, |error| match common.json {
        true => render::json::render(&WithError { report, error }),
        false => images.iter().map(|image| format!("{image}\n")).collect(),
    })
}

/// The report with the error that came after it, such as a file of results that cannot be written.
#[derive(Serialize)]
struct WithError<'a> {
    #[serde(flatten)]
    report: &'a SeveralReport,
    error: Option<ErrorReport>,
}
