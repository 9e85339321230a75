//! Ship: build, push and deploy in one run.

use super::deploy::{self, DeployContext};
use super::facts;
use super::push::push;
use super::{Context, Error, Report};
use crate::deploy::Deployment;

/// Builds, pushes and deploys.
///
/// ECS is asked first: a missing cluster, service or container ends the run before anything is built or sent.
///
/// # Errors
/// As [`super::push()`] and [`super::deploy()`].
pub async fn ship(context: &Context, deploy: &DeployContext) -> Result<Report, Error> {
    let repository = context.name()?.clone();
    let options = deploy.options(context);
    let mut prepared = Deployment::prepare(&deploy.ecs, context.deploy_spec()?, &repository, &options).await?;
    prepared.guard_account(&repository, &options)?;
    let built = push(context).await?;
    let digest = built.digest();
    let manifests = built.images.iter().map(|image| image.image.digest()).filter(|child| *child != digest).collect();
    prepared.know_image(facts::of_built(&built));
    let mut report = built.report;
    let reference = report.image.clone().unwrap_or_default();
    let target = deploy::target(&repository, reference, digest, manifests);
    deploy::apply(context, deploy, &mut prepared, &target, &mut report).await?;
    Ok(report)
}
