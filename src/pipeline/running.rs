//! What comes after a deployment: how services stand, the way back, and the answer to one that waits.

use crate::deploy::{
    Answer, DeployError, DeployReport, Deployment, RollbackError, RollbackPlan, RollbackReport, ServiceStatus,
};
use crate::oci::Reference;
use crate::registry::{EcrHost, TagOrDigest};

use super::deploy::DeployContext;
use super::{Context, Error, Report};

/// Reads how the services stand; with `wait` their deployments are awaited first.
///
/// # Errors
/// When the cluster, a service or a container is missing, or ECS cannot be reached.
pub async fn status(
    context: &Context,
    deploy: &DeployContext,
    services: &[String],
    wait: bool,
) -> Result<(Vec<ServiceStatus>, Option<DeployReport>), Error> {
    let options = deploy.options(context);
    let look = async {
        let prepared = prepare(context, deploy, services).await?;
        if !wait {
            return Ok((prepared.status(&deploy.ecs, &options).await?, None));
        }
        let report = prepared.await_verdicts(&deploy.ecs, &options).await?;
        let after = prepare(context, deploy, services).await?;
        Ok((after.status(&deploy.ecs, &options).await?, Some(report)))
    };
    look.await.map_err(|error: Error| error.doing("look at the services"))
}

/// Takes services back, after looking that what they go back to still exists.
///
/// # Errors
/// When there is nothing to go back to, or a step is refused.
pub async fn rollback(
    context: &Context,
    deploy: &DeployContext,
    services: &[String],
    to: Option<&str>,
) -> Result<Report, Error> {
    let (prepared, plan) = plan(context, deploy, services, to).await?;
    let done = prepared.roll_back(&deploy.ecs, &plan, &deploy.options(context)).await;
    done.map(report).map_err(|error| Error::from(error).doing(GO_BACK))
}

/// Returns what [`rollback`] would do, and changes nothing.
///
/// # Errors
/// As [`rollback`], before anything is changed.
pub async fn rollback_plan(
    context: &Context,
    deploy: &DeployContext,
    services: &[String],
    to: Option<&str>,
) -> Result<RollbackPlan, Error> {
    plan(context, deploy, services, to).await.map(|(_, plan)| plan)
}

/// Answers deployments that wait at a hook.
///
/// # Errors
/// When none waits, or an answer is refused.
pub async fn answer(
    context: &Context,
    deploy: &DeployContext,
    services: &[String],
    answer: Answer,
) -> Result<Report, Error> {
    let answered = async {
        let prepared = prepare(context, deploy, services).await?;
        Ok(prepared.answer(&deploy.ecs, answer, &deploy.options(context)).await?)
    };
    answered.await.map(report).map_err(|error: Error| error.doing("answer the deployment"))
}

fn report(done: RollbackReport) -> Report {
    let mut report = Report { as_asked: done.as_asked.into_iter().collect(), ..Report::default() };
    report.deployed(done.report);
    report
}

/// What a rollback is to do.
const GO_BACK: &str = "roll back";

async fn plan(
    context: &Context,
    deploy: &DeployContext,
    services: &[String],
    to: Option<&str>,
) -> Result<(Deployment, RollbackPlan), Error> {
    let look = async {
        let prepared = prepare(context, deploy, services).await?;
        let plan = prepared.plan_rollback(&deploy.ecs, to).await?;
        for image in plan.images() {
            check_image(context, image).await?;
        }
        Ok((prepared, plan))
    };
    look.await.map_err(|error: Error| error.doing(GO_BACK))
}

/// Looks whether an image still stands in its registry: one of ECR, or the one that is pushed to. A registry that does
/// not answer is only told of.
async fn check_image(context: &Context, image: &str) -> Result<(), Error> {
    let Ok(reference) = image.parse::<Reference>() else { return Ok(()) };
    let host = reference.repository.host();
    let ours = context.spec.name.as_ref().is_some_and(|name| name.host() == host);
    if !ours && EcrHost::parse(host).is_none() {
        return Ok(());
    }
    if reference.digest.is_none() {
        context.note(format!("`{image}` has no digest: what its tag points to now is what will run"));
    }
    let client = context.registry.repository(&reference.repository).map_err(Error::Connector)?;
    match client.head_manifest(&TagOrDigest::of(&reference)).await {
        Ok(Some(_)) => Ok(()),
        Ok(None) => {
            let gone = RollbackError::ImageGone { image: image.to_owned() };
            Err(Error::Deploy(DeployError::Rollback(gone)))
        }
        Err(error) => {
            context.note(format!("whether `{image}` still exists is not known: {error}"));
            Ok(())
        }
    }
}

async fn prepare(context: &Context, deploy: &DeployContext, services: &[String]) -> Result<Deployment, Error> {
    let spec = context.deploy_spec()?.of_services(services).map_err(|service| Error::UnknownService {
        known: context.spec.deploy.iter().flat_map(|deploy| &deploy.services).map(|one| one.name.clone()).collect(),
        service,
    })?;
    let options = deploy.options(context);
    Ok(Deployment::prepare(&deploy.ecs, &spec, context.name()?, &options).await?)
}
