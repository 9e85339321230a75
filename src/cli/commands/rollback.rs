//! `dockless rollback`.

use dockless::pipeline;
use serde_json::json;

use super::{Done, Failure, finish, write_stdout};
use crate::cli::args::{Common, RollbackArgs};
use crate::cli::settings::Session;
use crate::cli::{exit, render};

/// Takes services back.
pub(super) async fn run(common: &Common, args: &RollbackArgs) -> Result<Done, Failure> {
    let session = Session::open(common, &[]).await?;
    let deploy = session.deploy_context(!args.no_wait).await;
    let (services, to) = (args.services.as_slice(), args.to.as_deref());
    if args.dry_run {
        let plan = pipeline::rollback_plan(&session.context, &deploy, services, to).await;
        session.close().await;
        let plan = plan?.to_string();
        let text = if common.json {
            render::json::render(&json!({ "schema": 1, "steps": plan.lines().collect::<Vec<_>>() }))
        } else {
            plan
        };
        write_stdout(&text)?;
        return Ok(Done { code: exit::DONE });
    }
    let report = pipeline::rollback(&session.context, &deploy, services, to).await;
    session.close().await;
    let report = report?;
    if !common.json {
        let lines: String = report.services.iter().map(|one| format!("{}\n", one.task_definition_arn)).collect();
        write_stdout(&lines)?;
    }
    Ok(finish(common, &report, false))
}
