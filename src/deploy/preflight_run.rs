//! The preflight of a plan: the facts are brought together, the findings told.

use std::collections::BTreeSet;

use super::api_error::ApiError;
use super::aws::Ecs;
use super::deployment::Deployment;
use super::error::DeployError;
use super::lifecycle;
use super::options::DeployOptions;
use super::plan::{Action, DeployPlan, Revision, TargetImage};
use super::preflight::{Candidate, Finding, ImageFacts, examine};
use super::rights;
use super::task_definition::TaskDefinition;
use crate::ground::Hint;
use crate::oci::Reference;

impl Deployment {
    /// Gives the deployment what is known of its image; of several, of the image of the share at this position.
    pub fn know_image(&mut self, share: usize, facts: ImageFacts) {
        self.images.insert(share, facts);
    }

    /// Looks for what would go wrong with a plan, and tells each finding as a warning. A plan that updates nothing has
    /// none.
    ///
    /// # Errors
    /// With `strict`, when there is any finding. A call that is refused is only told: it changes nothing.
    pub async fn preflight(
        &self,
        ecs: &Ecs,
        plan: &DeployPlan,
        options: &DeployOptions,
    ) -> Result<Vec<Finding>, DeployError> {
        let mut findings = self.findings(plan);
        if !plan.actions.iter().any(|action| matches!(action, Action::UpdateService { .. })) {
            return Ok(findings);
        }
        for target in &plan.targets {
            findings.extend(expiry(ecs, target, options).await);
        }
        if options.strict {
            findings.extend(rights::examine(self, ecs, plan, options).await);
        }
        for Finding { message, hint } in &findings {
            options.warn(message.clone(), Some(hint.clone()));
        }
        if options.strict && !findings.is_empty() {
            return Err(DeployError::Preflight { findings });
        }
        Ok(findings)
    }

    fn findings(&self, plan: &DeployPlan) -> Vec<Finding> {
        let mut findings = Vec::new();
        for action in &plan.actions {
            let Action::UpdateService { service, revision, .. } = action else { continue };
            let Some(state) = self.services.iter().find(|state| state.spec.name == *service) else { continue };
            let definition = match revision {
                Revision::Live(arn) => Some(state.existing(arn)),
                Revision::Registered(index) => plan.registrations().nth(*index),
            };
            let Some(definition) = definition else { continue };
            let fargate = is_for_fargate(definition);
            let shares: BTreeSet<usize> = state.edits.iter().map(|edit| edit.share).collect();
            for share in shares {
                let own = state.edits.iter().filter(|edit| edit.share == share);
                let containers: Vec<String> = own.map(|edit| edit.spec.name.clone()).collect();
                let candidate = Candidate { service, definition, containers: &containers, fargate };
                for finding in examine(&candidate, self.images.get(&share)) {
                    if !findings.contains(&finding) {
                        findings.push(finding);
                    }
                }
            }
        }
        findings
    }
}

async fn expiry(ecs: &Ecs, target: &TargetImage, options: &DeployOptions) -> Option<Finding> {
    let reference: Reference = target.reference.parse().ok()?;
    let policy = match ecs.lifecycle_policy(&target.repository).await {
        Ok(policy) => policy?,
        Err(error) => {
            tell(&error, "whether a lifecycle policy expires the image", options);
            return None;
        }
    };
    lifecycle::examine(&policy, &target.repository, reference.tag?.as_str())
}

/// Says which right is missing for a call that only serves the preflight; any other failure is not worth a word.
pub(super) fn tell(error: &ApiError, what: &str, options: &DeployOptions) {
    if error.is_denied() {
        options.warn(format!("{what} is not known: {error}"), error.hint());
    }
}

/// Returns whether a definition is for Fargate alone.
fn is_for_fargate(definition: &TaskDefinition) -> bool {
    let all = definition.document()["requiresCompatibilities"].as_array().map(Vec::as_slice).unwrap_or_default();
    all.iter().any(|one| one == "FARGATE") && !all.iter().any(|one| one == "EC2")
}
