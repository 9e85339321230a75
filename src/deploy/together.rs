//! Deployments to several places as one: all that changes no service first, everywhere, then the services, place by
//! place.

use super::aws::Ecs;
use super::deployment::Deployment;
use super::error::{DeployError, ErrorClass};
use super::fleet::Fleet;
use super::options::DeployOptions;
use super::plan::{DeployPlan, TargetImage};
use super::report::DeployReport;

/// A deployment among others.
pub struct Together<'a> {
    /// What was prepared.
    pub deployment: &'a mut Deployment,
    /// ECS where it goes.
    pub ecs: &'a Ecs,
    /// The images, one for each share.
    pub targets: Vec<TargetImage>,
}

/// Carries out several deployments: all plans are made, then all revisions registered and all tasks before run, then
/// the services of each follow. One that ends badly ends the run: the services of those after it stay as they are.
///
/// # Errors
/// As [`Deployment::deploy`] of each; the class tells whether anything was changed.
pub async fn deploy_together(
    all: &mut [Together<'_>],
    options: &DeployOptions,
) -> Result<Vec<DeployReport>, DeployError> {
    if let [one] = all {
        return Ok(vec![one.deployment.deploy(one.ecs, &one.targets, options).await?]);
    }
    let mut plans: Vec<DeployPlan> = Vec::new();
    for one in all.iter_mut() {
        plans.push(one.deployment.decide(one.ecs, &one.targets, options).await?);
    }
    let fleets = all.iter().zip(&plans).map(|(one, plan)| Fleet::new(one.deployment, one.ecs, plan, options));
    let fleets = begin_all(fleets.collect(), plans.iter().any(|plan| !plan.before.is_empty())).await?;
    let mut reports: Vec<DeployReport> = Vec::new();
    for mut fleet in fleets {
        if reports.iter().any(|report| report.exit_code() != 0) {
            fleet.abandon().await;
            reports.push(fleet.not_started());
            continue;
        }
        let stopped = fleet.services().await;
        reports.push(fleet.end(stopped).await.map_err(|error| after(&reports, error))?);
    }
    Ok(reports)
}

/// Begins all of them, or takes back what those before the one that failed have begun.
async fn begin_all(fleets: Vec<Fleet<'_>>, register: bool) -> Result<Vec<Fleet<'_>>, DeployError> {
    let mut begun: Vec<Fleet<'_>> = Vec::new();
    for mut fleet in fleets {
        if let Err(error) = fleet.begin(register).await {
            for mut one in begun {
                one.abandon().await;
            }
            return Err(error);
        }
        begun.push(fleet);
    }
    Ok(begun)
}

/// Says of an error which services were changed before it.
fn after(reports: &[DeployReport], error: DeployError) -> DeployError {
    let updated: Vec<String> = reports.iter().flat_map(DeployReport::changed).map(str::to_owned).collect();
    match updated.is_empty() || error.class() == ErrorClass::HalfWay {
        true => error,
        false => DeployError::AfterChanges { updated, source: Box::new(error) },
    }
}
