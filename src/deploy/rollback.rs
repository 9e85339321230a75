//! Back to a revision that worked: planned from the service's own history, then carried out like any deployment.

use std::fmt;

use super::api_error::ApiError;
use super::arn::{family, last_part};
use super::aws::Ecs;
use super::deployment::Deployment;
use super::error::{DeployError, ErrorClass, VERDICT_ACTIONS};
use super::going_back::GoingBack;
use super::history::{PastDeployment, previous};
use super::observation::ServiceState;
use super::options::DeployOptions;
use super::report::{DeployReport, ServiceReport};
use super::service_deployment::{ContainerImage, ServiceRevision};
use super::task_definition::TaskDefinition;
use super::verdict::Verdict;
use crate::ground::Hint;

/// ECS describes at most this many service revisions in one call.
const REVISIONS_A_CALL: usize = 20;

/// What going back will do, as data.
#[derive(Clone, Debug, PartialEq)]
pub struct RollbackPlan {
    /// One step for each service, in their order.
    pub steps: Vec<RollbackStep>,
}

/// What going back does with one service.
#[derive(Clone, Debug, PartialEq)]
pub enum RollbackStep {
    /// Its active deployment is told to go back.
    Stop {
        /// The service.
        service: String,
        /// The deployment's ARN.
        deployment: String,
        /// The ARN of the task definition that the deployment brings.
        task_definition: String,
    },
    /// It is given a revision that it had.
    GoTo {
        /// The service.
        service: String,
        /// The ARN of the task definition that it has.
        from: String,
        /// The ARN of the one that it gets.
        to: String,
        /// The images of the chosen containers there, as written.
        images: Vec<String>,
        /// What ECS reported for them.
        reported: Vec<ContainerImage>,
    },
    /// It has the revision that was asked for.
    Nothing {
        /// The service.
        service: String,
        /// The ARN of the task definition.
        task_definition: String,
    },
}

impl fmt::Display for RollbackPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.steps.iter().try_for_each(|step| match step {
            RollbackStep::Stop { service, deployment, .. } => {
                writeln!(f, "service `{service}`: tell the deployment `{}` to roll back", last_part(deployment))
            }
            RollbackStep::GoTo { service, from, to, .. } => {
                writeln!(f, "service `{service}`: from `{}` back to `{}`", last_part(from), last_part(to))
            }
            RollbackStep::Nothing { service, task_definition } => {
                writeln!(f, "service `{service}`: nothing to do, it has `{}`", last_part(task_definition))
            }
        })
    }
}

impl RollbackPlan {
    /// Returns the images that must still be there, as written in the revisions that services get.
    pub fn images(&self) -> impl Iterator<Item = &str> {
        let images = self.steps.iter().filter_map(|step| match step {
            RollbackStep::GoTo { images, .. } => Some(images),
            _ => None,
        });
        images.flatten().map(String::as_str)
    }
}

/// How going back ended.
#[derive(Clone, Debug)]
pub struct RollbackReport {
    /// The services with their verdicts.
    pub report: DeployReport,
    /// The services whose verdict `rolled_back` is what was asked for.
    pub as_asked: Vec<String>,
}

impl Deployment {
    /// Plans the way back: an active deployment is told to roll back; else each service goes to its newest good
    /// deployment before the current one, or to the revision `to`.
    ///
    /// # Errors
    /// When there is nothing to go back to, or what there is can no longer be deployed. Nothing was changed.
    pub async fn plan_rollback(&self, ecs: &Ecs, to: Option<&str>) -> Result<RollbackPlan, DeployError> {
        let mut steps = Vec::new();
        for state in &self.services {
            let active = state.standing.active.clone();
            let step = match (to, active) {
                (None, Some(deployment)) => RollbackStep::Stop {
                    service: state.spec.name.clone(),
                    deployment,
                    task_definition: state.service.task_definition.clone(),
                },
                (Some(to), _) => self.go_to(ecs, state, &revision_name(state, to)?, &[]).await?,
                (None, None) => {
                    let found = self.find_previous(ecs, state).await?;
                    self.go_to(ecs, state, &found.task_definition, &found.images).await?
                }
            };
            steps.push(step);
        }
        Ok(RollbackPlan { steps })
    }

    async fn find_previous(&self, ecs: &Ecs, state: &ServiceState) -> Result<ServiceRevision, DeployError> {
        let name = &state.spec.name;
        let rights = |source: ApiError| RollbackError::History { service: name.clone(), source: source.into() };
        let history = ecs.history(&self.place.cluster, &state.service.name).await.map_err(rights)?;
        let mut revisions = Vec::new();
        for page in history.chunks(REVISIONS_A_CALL) {
            let arns: Vec<String> = page.iter().map(|past: &PastDeployment| past.target_revision.clone()).collect();
            revisions.extend(ecs.describe_service_revisions(&arns).await.map_err(rights)?);
            if let Some((_, revision)) = previous(&history, &revisions, &state.live_arn) {
                return Ok(revision.clone());
            }
        }
        Err(RollbackError::NothingBefore { service: name.clone(), listed: history.len() }.into())
    }

    async fn go_to(
        &self,
        ecs: &Ecs,
        state: &ServiceState,
        to: &str,
        reported: &[ContainerImage],
    ) -> Result<RollbackStep, DeployError> {
        let service = state.spec.name.clone();
        let gone =
            |source| RollbackError::Gone { service: service.clone(), revision: last_part(to).to_owned(), source };
        let described = ecs.describe_task_definition_raw(to).await.map_err(|error| gone(Some(error.into())))?;
        let arn = described.definition["taskDefinitionArn"].as_str().unwrap_or(to).to_owned();
        if arn == state.live_arn {
            return Ok(RollbackStep::Nothing { service, task_definition: arn });
        }
        if described.definition["status"].as_str().is_some_and(|status| status != "ACTIVE") {
            return Err(gone(None).into());
        }
        let definition = TaskDefinition::from_described(&described)
            .map_err(|source| DeployError::Described { arn: arn.clone(), source })?;
        let containers = definition.containers();
        let chosen = containers.iter().filter(|container| state.containers().any(|name| name == container.name));
        let images = chosen.map(|container| container.image.to_owned()).collect();
        let from = state.live_arn.clone();
        Ok(RollbackStep::GoTo { service, from, to: arn, images, reported: reported.to_vec() })
    }

    /// Carries a plan out, service by service, and awaits the verdict on each.
    ///
    /// # Errors
    /// When a step is refused; the class tells whether anything was changed.
    pub async fn roll_back(
        &self,
        ecs: &Ecs,
        plan: &RollbackPlan,
        options: &DeployOptions,
    ) -> Result<RollbackReport, DeployError> {
        let back = GoingBack { deployment: self, ecs, options };
        let (mut reports, mut as_asked): (Vec<ServiceReport>, Vec<String>) = (Vec::new(), Vec::new());
        for step in &plan.steps {
            let done = self.step_back(&back, step, &mut as_asked).await;
            let report = done.map_err(|error| match reports.is_empty() || error.class() == ErrorClass::HalfWay {
                true => error,
                false => DeployError::AfterChanges {
                    updated: reports.iter().map(|report| report.name.clone()).collect(),
                    source: Box::new(error),
                },
            })?;
            reports.extend(report);
        }
        Ok(RollbackReport { report: DeployReport::of(reports, Vec::new()), as_asked })
    }

    async fn step_back(
        &self,
        back: &GoingBack<'_>,
        step: &RollbackStep,
        as_asked: &mut Vec<String>,
    ) -> Result<Option<ServiceReport>, DeployError> {
        let state = |name: &str| self.services.iter().find(|state| state.spec.name == name);
        match step {
            RollbackStep::Nothing { service, task_definition } => {
                Ok(Some(ServiceReport::unwatched(service, Verdict::NoChange, task_definition, None)))
            }
            RollbackStep::GoTo { service, to, reported, .. } => {
                let Some(state) = state(service) else { return Ok(None) };
                let images = Some(reported.as_slice()).filter(|reported| !reported.is_empty()).unwrap_or_default();
                back.to(state, to, Some(images)).await.map(Some)
            }
            RollbackStep::Stop { service, deployment, task_definition } => {
                let Some(state) = state(service) else { return Ok(None) };
                let stopped = back.ecs.stop_service_deployment(deployment).await;
                stopped.map_err(|source| RollbackError::Stop {
                    service: service.clone(),
                    deployment: deployment.clone(),
                    source: source.into(),
                })?;
                as_asked.push(service.clone());
                if !back.options.wait {
                    let arn = Some(deployment.clone());
                    return Ok(Some(ServiceReport::unwatched(service, Verdict::NotAwaited, task_definition, arn)));
                }
                back.until(deployment, |seen| !seen.status.is_forward()).await;
                back.join(state, task_definition, deployment, &[]).await.map(Some)
            }
        }
    }
}

/// Reads `--to`: a number is one of the service's family.
fn revision_name(state: &ServiceState, to: &str) -> Result<String, RollbackError> {
    let own = family(&state.live_arn);
    if to.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(format!("{own}:{to}"));
    }
    match family(to) == own {
        true => Ok(to.to_owned()),
        false => Err(RollbackError::OtherFamily {
            service: state.spec.name.clone(),
            family: own.to_owned(),
            asked: to.to_owned(),
        }),
    }
}

impl Ecs {
    /// Tells an active deployment to go back.
    pub(super) async fn stop_service_deployment(&self, arn: &str) -> Result<(), ApiError> {
        use aws_sdk_ecs::types::StopServiceDeploymentStopType::Rollback;
        let call = self.client().stop_service_deployment().service_deployment_arn(arn).stop_type(Rollback);
        call.send().await.map(drop).map_err(|error| ApiError::of("StopServiceDeployment", error))
    }
}

/// A way back that there is not.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RollbackError {
    /// What the service went through cannot be read.
    #[error("the past deployments of service `{service}` cannot be read")]
    History {
        /// The service.
        service: String,
        /// Why not.
        source: Box<ApiError>,
    },
    /// No good deployment came before the current one.
    #[error(
        "service `{service}` has no successful deployment of another revision before the current one ({listed} are listed)"
    )]
    NothingBefore {
        /// The service.
        service: String,
        /// How many deployments ECS lists.
        listed: usize,
    },
    /// The revision to go back to cannot be deployed any more.
    #[error("`{revision}`, which service `{service}` would go back to, {}", if source.is_some() { "cannot be read" } else { "is deregistered" })]
    Gone {
        /// The service.
        service: String,
        /// The revision.
        revision: String,
        /// ECS's answer, if it refused to describe it.
        #[source]
        source: Option<Box<ApiError>>,
    },
    /// The revision that was asked for is another family's.
    #[error("service `{service}` runs the family `{family}`, and `{asked}` is none of its revisions")]
    OtherFamily {
        /// The service.
        service: String,
        /// Its family.
        family: String,
        /// What was asked for.
        asked: String,
    },
    /// The image of the revision is not in its registry any more.
    #[error("the image `{image}` of the revision to go back to does not exist any more")]
    ImageGone {
        /// The image, as written.
        image: String,
    },
    /// The active deployment cannot be told to go back.
    #[error("cannot roll back the deployment `{deployment}` of service `{service}`")]
    Stop {
        /// The service.
        service: String,
        /// The deployment's ARN.
        deployment: String,
        /// Why not.
        source: Box<ApiError>,
    },
}

impl RollbackError {
    /// Returns what the error means for the process: each comes before the change that it prevents.
    pub fn class(&self) -> ErrorClass {
        ErrorClass::Refused
    }
}

impl Hint for RollbackError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::History { source, .. } if source.is_denied() => {
                Some(format!("allow {} in the IAM policy, or name the revision: `--to REVISION`", VERDICT_ACTIONS.join(", ")))
            }
            Self::History { source, .. } => source.hint(),
            Self::NothingBefore { .. } => {
                Some("name the revision: `--to REVISION`; ECS lists deployments of 90 days".to_owned())
            }
            Self::Gone { .. } => Some(
                "name an ACTIVE one: `--to REVISION`; `aws ecs list-task-definitions --family-prefix FAMILY` lists them"
                    .to_owned(),
            ),
            Self::OtherFamily { family, .. } => Some(format!("write `--to {family}:NUMBER`, or the number alone")),
            Self::ImageGone { .. } => {
                Some("name another revision: `--to REVISION`, or deploy an image that exists".to_owned())
            }
            Self::Stop { source, .. } if source.is("ConflictException") => {
                Some("it has just ended: run this again".to_owned())
            }
            Self::Stop { source, .. } => source.hint(),
        }
    }
}
