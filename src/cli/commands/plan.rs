//! `dockless plan`.

use dockless::pipeline;

use super::{Done, Failure, write_stdout};
use crate::cli::args::{Common, PlanArgs};
use crate::cli::settings::{Session, Sessions};
use crate::cli::{exit, render, results};

/// Shows what `ship`, or `push` without a deployment, would do.
pub(super) async fn run(common: &Common, args: &PlanArgs) -> Result<Done, Failure> {
    let session = Session::open(common, &[]).await?;
    let deploy = match session.context.spec.deploy {
        Some(_) => Some(session.deploy_context(true).await),
        None => None,
    };
    let plan = pipeline::plan(&session.context, deploy.as_ref(), args.estimate).await;
    session.close().await;
    let plan = plan?;
    if let (Some(path), Some(digest)) = (&common.digest_file, &plan.digest) {
        results::write(path, &format!("{digest}\n"))?;
    }
    let text = if common.json { render::json::render(&plan) } else { render::plan::render(&plan) };
    write_stdout(&text)?;
    Ok(done(args, plan.changes))
}

/// Shows what several build files would do as one run.
pub(super) async fn run_all(common: &Common, args: &PlanArgs) -> Result<Done, Failure> {
    let sessions = Sessions::open(common).await?;
    let parts = sessions.parts(common, true).await;
    let plan = pipeline::plan_all(&parts, args.estimate).await;
    sessions.close().await;
    let plan = plan?;
    let files = parts.iter().map(|part| part.file.as_str());
    let text = if common.json { render::json::render(&plan) } else { render::plan::render_all(&plan, files) };
    write_stdout(&text)?;
    Ok(done(args, plan.changes))
}

fn done(args: &PlanArgs, changes: Option<bool>) -> Done {
    let differs = args.exit_code && changes != Some(false);
    Done { code: if differs { exit::DIFFERENCE } else { exit::DONE } }
}
