//! Deploy: from a digest in a registry to a verdict.

use crate::deploy::{
    DeployError, DeployOptions, DeployPlan, Deployment, Ecs, FillIn, ImageFacts, RunningTasks, Share, TargetImage,
};
use crate::oci::{Digest, Document, Reference, Repository};
use crate::registry::TagOrDigest;
use std::sync::Arc;

use super::{Context, Error, Report, facts};

/// What a deployment is given besides the context.
#[derive(Clone)]
pub struct DeployContext {
    /// ECS.
    pub ecs: Ecs,
    /// Whether the verdict is waited for.
    pub wait: bool,
    /// Whether findings of the preflight refuse the deployment.
    pub strict: bool,
    /// Whether guards give way.
    pub force: bool,
    /// What variables in task definition files stand for.
    pub fill_in: FillIn,
    /// The one-off tasks that run, for whoever may have to stop them.
    pub running: RunningTasks,
}

impl DeployContext {
    pub(crate) fn options(&self, context: &Context) -> DeployOptions {
        DeployOptions {
            wait: self.wait,
            clock: Arc::clone(&context.clock),
            observer: Arc::clone(&context.observer),
            jitter_seed: context.clock.now().millis().unsigned_abs(),
            strict: self.strict,
            force: self.force,
            fill_in: self.fill_in.clone(),
            running: self.running.clone(),
        }
    }
}

/// An image that is named by its digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedImage {
    /// The only container that it is for; `None`: those that the build file says.
    pub container: Option<String>,
    /// What it is.
    pub reference: Reference,
}

/// Deploys images that were pushed: the given ones, or the one under the first tag.
///
/// # Errors
/// When there is no such image, or the deployment is refused or breaks off. A verdict that is bad is no error: it stands
/// in the report.
pub async fn deploy(context: &Context, deploy: &DeployContext, images: &[NamedImage]) -> Result<Report, Error> {
    let (mut prepared, targets) = prepare(context, deploy, images).await?;
    let mut report = Report::default();
    if let Some(first) = targets.first() {
        (report.image, report.digest) = (Some(first.reference.clone()), Some(first.digest));
    }
    apply(context, deploy, &mut prepared, &targets, &mut report).await?;
    Ok(report)
}

/// Returns what [`deploy`] would do, and changes nothing.
///
/// # Errors
/// As [`deploy`], before anything is changed.
pub async fn deploy_plan(
    context: &Context,
    deploy: &DeployContext,
    images: &[NamedImage],
) -> Result<DeployPlan, Error> {
    let (mut prepared, targets) = prepare(context, deploy, images).await?;
    let options = deploy.options(context);
    Ok(planned(&mut prepared, &deploy.ecs, &targets, &options).await?)
}

/// Plans a deployment that is prepared, and refuses what it would refuse.
pub(super) async fn planned(
    prepared: &mut Deployment,
    ecs: &Ecs,
    targets: &[TargetImage],
    options: &DeployOptions,
) -> Result<DeployPlan, DeployError> {
    prepared.look_for_equal(ecs, &targets, options).await;
    let plan = prepared.plan(&targets);
    prepared.guard(ecs, &plan, options).await?;
    prepared.preflight(ecs, &plan, options).await?;
    Ok(plan)
}

async fn prepare(
    context: &Context,
    deploy: &DeployContext,
    images: &[NamedImage],
) -> Result<(Deployment, Vec<TargetImage>), Error> {
    let (spec, options) = (context.deploy_spec()?, deploy.options(context));
    if images.is_empty() {
        let (target, facts) = tagged(context).await?;
        let mut prepared = Deployment::prepare(&deploy.ecs, spec, &target.repository, &options).await?;
        if let Some(facts) = facts {
            prepared.know_image(0, facts);
        }
        return Ok((prepared, vec![target]));
    }
    let (mut targets, mut shares) = (Vec::new(), Vec::new());
    for NamedImage { container, reference } in images {
        let target = pinned(context, reference)?;
        let (repository, container, services) = (target.repository.clone(), container.clone(), spec.services.clone());
        // Tasks before run the first image, as they do where there is no other.
        let before = if targets.is_empty() { spec.before.clone() } else { Vec::new() };
        shares.push(Share { repository, services, before, container });
        targets.push(target);
    }
    Ok((Deployment::prepare_shared(&deploy.ecs, spec, shares, &options).await?, targets))
}

/// Carries a plan out and puts what became of it into the report.
pub(crate) async fn apply(
    context: &Context,
    deploy: &DeployContext,
    prepared: &mut Deployment,
    targets: &(impl AsRef<[TargetImage]> + ?Sized),
    report: &mut Report,
) -> Result<(), Error> {
    let started = context.clock.now();
    let done = prepared.deploy(&deploy.ecs, targets, &deploy.options(context)).await?;
    report.deployed(done);
    report.time("deploy", started, context.clock.now());
    Ok(())
}

/// An image that was named by its digest: no registry is asked.
fn pinned(context: &Context, reference: &Reference) -> Result<TargetImage, Error> {
    let digest = reference.digest.ok_or_else(|| Error::NoImage { reference: reference.to_string() })?;
    let mut reference = reference.clone();
    if reference.tag.is_none() && context.spec.name.as_ref() == Some(&reference.repository) {
        reference.tag = context.spec.tags.first().cloned();
    }
    Ok(target(&reference.repository, reference.to_string(), digest, Vec::new()))
}

/// The image under the first tag.
pub(super) async fn tagged(context: &Context) -> Result<(TargetImage, Option<ImageFacts>), Error> {
    let reference = context.first_reference()?;
    let failed = |source| Error::Resolve { reference: reference.to_string(), source };
    let client = context.target()?;
    let Some(found) = client.head_manifest(&TagOrDigest::of(&reference)).await.map_err(failed)? else {
        return Err(Error::NoImage { reference: reference.to_string() });
    };
    let document = client.manifest(&TagOrDigest::Digest(found.digest)).await.map_err(failed)?;
    let children = match &document {
        Document::Index(index) => index.images().map(|child| child.digest).collect(),
        Document::Manifest(_) => Vec::new(),
    };
    let digest = document.digest();
    context.note(format!("`{reference}` is {digest}"));
    // They serve the preflight alone: an image without them is deployed all the same.
    let facts = facts::of_pushed(&client, &document).await.ok();
    Ok((target(&reference.repository, format!("{reference}@{digest}"), digest, children), facts))
}

/// Makes the image that is written to ECS.
pub(crate) fn target(
    repository: &Repository,
    reference: String,
    digest: Digest,
    manifests: Vec<Digest>,
) -> TargetImage {
    TargetImage { reference, repository: repository.clone(), digest, manifests }
}
