//! The place of a deployment among others, kept as a tag of the revision that it brings.
//!
//! A revision that is registered gets the tag with it. One that is there already may carry the place of the run that
//! registered it, which is not that of the run that deploys it: it is tagged anew, or an older run would slip past.

use std::collections::BTreeMap;

use super::aws::Ecs;
use super::deployment::Deployment;
use super::options::DeployOptions;
use super::plan::{Action, DeployPlan, Revision};
use crate::ground::Hint;

/// The tag of a revision that keeps the place of its deployment among others.
pub(super) const ORDER_TAG: &str = "dockless:order";

/// A revision that is there, and the place that it gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderTag {
    /// The revision's ARN.
    pub task_definition: String,
    /// The place.
    pub order: u64,
}

impl std::fmt::Display for OrderTag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "tag `{}` with the order {}", super::arn::last_part(&self.task_definition), self.order)
    }
}

/// Returns the revisions of a plan that are there and stand for another place than ours.
///
/// One that a service is given gets ours, whatever it had: with `force` that may be less. One that a service has and
/// keeps is never lowered: a later run may have found it as we do.
pub(super) fn tags(deployment: &Deployment, plan: &DeployPlan) -> Vec<OrderTag> {
    let Some(order) = deployment.spec.order else { return Vec::new() };
    let mut kept: BTreeMap<&str, bool> = BTreeMap::new();
    for action in &plan.actions {
        match action {
            Action::UpdateService { revision: Revision::Live(arn), .. } => {
                kept.entry(arn).or_insert(false);
            }
            Action::Join { task_definition, .. } | Action::Nothing { task_definition, .. } => {
                kept.insert(task_definition, true);
            }
            _ => {}
        }
    }
    let tags = kept.into_iter().filter(|(arn, is_kept)| match order_of(deployment, arn) {
        Some(has) => has != order && !(*is_kept && has > order),
        None => true,
    });
    tags.map(|(arn, _)| OrderTag { task_definition: arn.to_owned(), order }).collect()
}

fn order_of(deployment: &Deployment, arn: &str) -> Option<u64> {
    let definition = deployment.services.iter().find_map(|state| state.known(arn))?;
    definition.tag(ORDER_TAG)?.parse().ok()
}

/// Sets the tags. A refusal is told once and stops nothing: the tag only serves the guard.
pub(super) async fn keep(ecs: &Ecs, tags: &[OrderTag], options: &DeployOptions) {
    for tag in tags {
        let Err(error) = ecs.tag(&tag.task_definition, ORDER_TAG, &tag.order.to_string()).await else { continue };
        let revision = super::arn::last_part(&tag.task_definition);
        options.warn(
            format!("the order of this deployment is not kept at `{revision}`: {error}"),
            error.hint().or_else(|| Some("an older run may pass it: allow `ecs:TagResource`".to_owned())),
        );
        return;
    }
}
