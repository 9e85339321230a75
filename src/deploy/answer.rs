//! The answer to a deployment that a pause hook holds.

use super::api_error::ApiError;
use super::arn::last_part;
use super::aws::Ecs;
use super::deployment::Deployment;
use super::error::{DeployError, ErrorClass};
use super::going_back::GoingBack;
use super::observation::ServiceState;
use super::options::DeployOptions;
use super::report::{DeployReport, ServiceReport};
use super::rollback::RollbackReport;
use super::service_deployment::ServiceDeployment;
use super::verdict::Verdict;
use crate::ground::Hint;

/// What a hook is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Yes: the deployment goes on.
    Continue,
    /// No: it goes back.
    Rollback,
}

/// A deployment that waits.
struct Paused<'a> {
    state: &'a ServiceState,
    deployment: ServiceDeployment,
    hook: String,
}

impl Deployment {
    /// Answers the hooks that hold the services' deployments, and awaits the verdict on each.
    ///
    /// # Errors
    /// When none waits, or an answer is refused.
    pub async fn answer(
        &self,
        ecs: &Ecs,
        answer: Answer,
        options: &DeployOptions,
    ) -> Result<RollbackReport, DeployError> {
        let mut paused = Vec::new();
        for state in &self.services {
            paused.extend(self.paused(ecs, state).await?);
        }
        if paused.is_empty() {
            let services = self.services.iter().map(|state| state.spec.name.clone()).collect();
            return Err(AnswerError::NotPaused { services }.into());
        }
        let (mut reports, mut as_asked) = (Vec::new(), Vec::new());
        for one in &paused {
            ecs.answer(&one.deployment.arn, &one.hook, answer).await.map_err(|source| AnswerError::Refused {
                service: one.state.spec.name.clone(),
                hook: one.hook.clone(),
                first: reports.is_empty(),
                source: source.into(),
            })?;
            options.note(format!("service `{}`: hook `{}` is answered", one.state.spec.name, one.hook));
            if answer == Answer::Rollback {
                as_asked.push(one.state.spec.name.clone());
            }
            reports.push(self.after_answer(ecs, one, options).await?);
        }
        Ok(RollbackReport { report: DeployReport::of(reports, Vec::new()), as_asked })
    }

    async fn paused<'a>(&self, ecs: &Ecs, state: &'a ServiceState) -> Result<Option<Paused<'a>>, DeployError> {
        let Some(active) = &state.standing.active else { return Ok(None) };
        let described = ecs.describe_service_deployment(active).await.map_err(|source| DeployError::Read {
            what: format!("the deployment `{}`", last_part(active)),
            place: self.place.clone(),
            source: source.into(),
        })?;
        Ok(described.and_then(|deployment| {
            let hook = deployment.awaiting_hooks.first()?.clone();
            Some(Paused { state, deployment, hook })
        }))
    }

    async fn after_answer(
        &self,
        ecs: &Ecs,
        paused: &Paused<'_>,
        options: &DeployOptions,
    ) -> Result<ServiceReport, DeployError> {
        let (name, arn) = (&paused.state.spec.name, &paused.deployment.arn);
        let task_definition = &paused.state.service.task_definition;
        if !options.wait {
            return Ok(ServiceReport::unwatched(name, Verdict::NotAwaited, task_definition, Some(arn.clone())));
        }
        let back = GoingBack { deployment: self, ecs, options };
        back.until(arn, |seen| !seen.awaiting_hooks.contains(&paused.hook)).await;
        let target = [paused.deployment.target.arn.clone()];
        let revisions = ecs.describe_service_revisions(&target).await.unwrap_or_default();
        let images = revisions.first().map(|revision| revision.images.as_slice()).unwrap_or_default();
        back.join(paused.state, task_definition, arn, images).await
    }
}

impl Ecs {
    async fn answer(&self, deployment: &str, hook: &str, answer: Answer) -> Result<(), ApiError> {
        use aws_sdk_ecs::types::DeploymentLifecycleHookAction as Action;
        let action = match answer {
            Answer::Continue => Action::Continue,
            Answer::Rollback => Action::Rollback,
        };
        let call = self.client().continue_service_deployment();
        let sent = call.service_deployment_arn(deployment).hook_id(hook).action(action).send().await;
        sent.map(drop).map_err(|error| ApiError::of("ContinueServiceDeployment", error))
    }
}

/// An answer that nobody waits for, or that is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// No deployment waits.
    #[error("no deployment of {} waits for an answer", services.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "))]
    NotPaused {
        /// The services.
        services: Vec<String>,
    },
    /// ECS does not take the answer.
    #[error("cannot answer the hook `{hook}` of service `{service}`")]
    Refused {
        /// The service.
        service: String,
        /// The hook's id.
        hook: String,
        /// Whether no other hook was answered before.
        first: bool,
        /// Why not.
        source: Box<ApiError>,
    },
}

impl AnswerError {
    /// Returns what the error means for the process.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Refused { first: false, .. } => ErrorClass::HalfWay,
            _ => ErrorClass::Refused,
        }
    }
}

impl Hint for AnswerError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NotPaused { .. } => Some("`dockless status` tells where the deployments stand".to_owned()),
            Self::Refused { source, .. } => source.hint(),
        }
    }
}
