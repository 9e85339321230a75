//! `dockless deploy`.

use dockless::deploy::DeployPlan;
use dockless::oci::Reference;
use dockless::pipeline;
use serde_json::json;

use super::{Done, Failure, finish, write_stdout};
use crate::cli::args::{Common, DeployArgs};
use crate::cli::settings::Session;
use crate::cli::{exit, render};

/// Deploys the image that was pushed.
pub(super) async fn run(common: &Common, args: &DeployArgs) -> Result<Done, Failure> {
    let image = args.image.as_deref().map(pinned).transpose()?;
    let session = Session::open(common, &[]).await?;
    let deploy = session.deploy_context(!args.no_wait).await;
    if args.dry_run {
        let plan = pipeline::deploy_plan(&session.context, &deploy, image.as_ref()).await;
        session.close().await;
        return print(common, &plan?);
    }
    let report = pipeline::deploy(&session.context, &deploy, image.as_ref()).await;
    session.close().await;
    finish(common, &report?, false)
}

/// Prints what would be done, line by line, and last the image.
fn print(common: &Common, plan: &DeployPlan) -> Result<Done, Failure> {
    let text = if common.json {
        let steps: Vec<String> = plan.actions.iter().map(ToString::to_string).collect();
        let target = &plan.targets[0];
        let changes = plan.changes_anything();
        let image = &target.reference;
        render::json::render(
            &json!({ "schema": 1, "image": image, "digest": target.digest, "changes": changes, "steps": steps }),
        )
    } else {
        format!("{plan}{}\n", plan.targets[0].reference)
    };
    write_stdout(&text)?;
    Ok(Done { code: exit::DONE })
}

fn pinned(text: &str) -> Result<Reference, Failure> {
    let usage = |message: String| Failure::Usage {
        message,
        hint: Some("write --image REGISTRY/REPOSITORY@sha256:DIGEST; `dockless push` prints one".to_owned()),
    };
    let reference: Reference = text.parse().map_err(|error| usage(format!("{error}")))?;
    if reference.digest.is_none() {
        return Err(usage(format!("`{text}` has no digest")));
    }
    Ok(reference)
}
