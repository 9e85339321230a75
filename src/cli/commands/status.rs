//! `dockless status`.

use std::fmt::Write;

use dockless::deploy::{DeployReport, DeploymentStatus, ServiceStatus};
use dockless::ground::Hint;
use dockless::pipeline;
use serde_json::json;

use super::{Done, Failure, write_stdout};
use crate::cli::args::{Common, StatusArgs};
use crate::cli::settings::Session;
use crate::cli::{exit, render, stderr};

/// Shows how the services stand.
pub(super) async fn run(common: &Common, args: &StatusArgs) -> Result<Done, Failure> {
    let session = Session::open(common, &[]).await?;
    let deploy = session.deploy_context(true).await;
    let answer = pipeline::status(&session.context, &deploy, &args.services, args.wait).await;
    session.close().await;
    let (services, awaited) = answer?;
    let text = if common.json {
        let verdict = awaited.as_ref().map(|report| report.verdict);
        let awaited = awaited.as_ref().map(|report| &report.services);
        render::json::render(&json!({ "schema": 1, "services": services, "verdict": verdict, "awaited": awaited }))
    } else {
        services.iter().map(show).collect()
    };
    write_stdout(&text)?;
    let Some(report) = awaited else { return Ok(Done { code: exit::DONE }) };
    tell(&report);
    Ok(Done { code: report.exit_code() })
}

fn tell(report: &DeployReport) {
    for service in report.services.iter().filter(|service| service.verdict.exit_code() == 0) {
        stderr::tell(&format!("note: service `{}`: {}\n", service.name, service.verdict.as_str()));
    }
    for failure in report.failures() {
        let error = render::error::report(&failure, failure.hint(), report.exit_code());
        stderr::tell(&render::error::shape(&error));
        super::annotate(&error);
    }
}

/// Writes a service for people: what it runs, then its deployments, newest first.
fn show(service: &ServiceStatus) -> String {
    let ServiceStatus { name, desired, running, pending, .. } = service;
    let since = service.since.as_ref().map(|since| format!(" since {since}")).unwrap_or_default();
    let starting = if *pending > 0 { format!(", {pending} start") } else { String::new() };
    let definition = last_part(&service.task_definition_arn);
    // Writing to a string cannot fail.
    let mut text = format!("{name}: {definition}{since}, {running} of {desired} tasks run{starting}\n");
    if let Some(url) = &service.url {
        let _ = writeln!(text, "  {url}");
    }
    for image in &service.images {
        let _ = writeln!(text, "  {}: {}", image.container, image.image);
        let digest = image.digest.as_deref().unwrap_or("digest not reported");
        if !image.image.ends_with(digest) {
            let _ = writeln!(text, "    runs {digest}");
        }
    }
    for deployment in &service.deployments {
        let _ = writeln!(text, "  {}", line(deployment));
    }
    text
}

fn line(deployment: &DeploymentStatus) -> String {
    let at = deployment.finished_at.as_deref().or(deployment.created_at.as_deref()).unwrap_or("-");
    let what = deployment.verdict.map_or(deployment.status.as_str(), |verdict| verdict.as_str());
    let definition = deployment.task_definition_arn.as_deref().map_or("-", last_part);
    let hooks = deployment.hooks.iter().map(|hook| format!(" (hook `{hook}`: answer it with `dockless continue`)"));
    let reason = deployment.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    let reason = render::printable::line(&reason);
    format!("{at}  {definition}  {what}{}{reason}", hooks.collect::<String>())
}

fn last_part(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}
