//! Ship: build, push and deploy in one run.

use super::deploy::{self, DeployContext};
use super::facts;
use super::push::push_after;
use super::{Context, Error, Report};
use crate::deploy::Deployment;
use crate::oci::{Reference, Repository};

/// Builds, pushes and deploys.
///
/// ECS is read while layers are packed, and before anything is sent: a missing cluster, service or container ends the run
/// with nothing changed. The image that runs is one that layers are taken over from.
///
/// # Errors
/// As [`super::push()`] and [`super::deploy()`].
pub async fn ship(context: &Context, deploy: &DeployContext) -> Result<Report, Error> {
    let repository = context.name()?.clone();
    let (spec, options) = (context.deploy_spec()?, deploy.options(context));
    let mut prepared = None;
    let before = async {
        let deployment = prepared.insert(Deployment::prepare(&deploy.ecs, spec, &repository, &options).await?);
        deployment.guard_account(&deploy.ecs, &options).await?;
        Ok(running(deployment, &repository))
    };
    let built = push_after(context, Box::pin(before)).await?;
    let mut prepared = prepared.expect("nothing is pushed before it is there");
    let digest = built.digest();
    let manifests = built.images.iter().map(|image| image.image.digest()).filter(|child| *child != digest).collect();
    prepared.know_image(0, facts::of_built(&built));
    let mut report = built.report;
    let reference = report.image.clone().unwrap_or_default();
    let target = deploy::target(&repository, reference, digest, manifests);
    deploy::apply(context, deploy, &mut prepared, &target, &mut report).await?;
    Ok(report)
}

/// Returns the images that run, of the registry that is pushed to: of others no layer could be taken over.
pub(super) fn running(deployment: &Deployment, target: &Repository) -> Vec<Reference> {
    let images = deployment.live_images();
    let images = images.iter().filter_map(|image| image.parse::<Reference>().ok());
    images.filter(|image| image.repository.host() == target.host()).collect()
}
