//! `dockless deploy`.

use dockless::deploy::DeployPlan;
use dockless::oci::Reference;
use dockless::pipeline::{self, NamedImage};
use serde_json::json;

use super::{Done, Failure, finish, write_stdout};
use crate::cli::args::{Common, DeployArgs};
use crate::cli::settings::Session;
use crate::cli::{exit, render};

/// Deploys the image that was pushed.
pub(super) async fn run(common: &Common, args: &DeployArgs) -> Result<Done, Failure> {
    let images = named(&args.images)?;
    let session = Session::open(common, &[]).await?;
    let deploy = session.deploy_context(!args.no_wait).await;
    if args.dry_run {
        let plan = pipeline::deploy_plan(&session.context, &deploy, &images).await;
        session.close().await;
        return print(common, &plan?);
    }
    let report = pipeline::deploy(&session.context, &deploy, &images).await;
    session.close().await;
    Ok(finish(common, &report?, false))
}

/// Prints what would be done, line by line, and last the image.
fn print(common: &Common, plan: &DeployPlan) -> Result<Done, Failure> {
    let text = if common.json {
        let steps = plan.steps();
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

/// Reads `--image`: of several each names a container of its own, but one may stand for what the build file says.
fn named(texts: &[String]) -> Result<Vec<NamedImage>, Failure> {
    let images = texts.iter().map(|text| pinned(text)).collect::<Result<Vec<_>, _>>()?;
    for (index, image) in images.iter().enumerate() {
        if images[..index].iter().any(|other| other.container == image.container) {
            let whose = image.container.as_ref().map_or_else(String::new, |name| format!(" for container `{name}`"));
            let hint = Some("write each as --image CONTAINER=REF@DIGEST".to_owned());
            return Err(Failure::Usage { message: format!("two images are given{whose}"), hint });
        }
    }
    Ok(images)
}

fn pinned(text: &str) -> Result<NamedImage, Failure> {
    let usage = |message: String| Failure::Usage {
        message,
        hint: Some("write --image REGISTRY/REPOSITORY@sha256:DIGEST; `dockless push` prints one".to_owned()),
    };
    // No reference has an equals sign.
    let (container, text) = match text.split_once('=') {
        Some((container, text)) => (Some(container.to_owned()), text),
        None => (None, text),
    };
    let reference: Reference = text.parse().map_err(|error| usage(format!("{error}")))?;
    if reference.digest.is_none() {
        return Err(usage(format!("`{text}` has no digest")));
    }
    Ok(NamedImage { container, reference })
}
