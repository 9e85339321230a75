//! What a deployment will do, as data: it can be printed and compared, and carrying it out decides nothing.

use std::fmt;

use super::before::BeforeRun;
use super::diff::{Change, diff};
use super::order::{ORDER_TAG, OrderTag};
use super::schedules::ScheduleMove;
use super::share::Edit;
use super::standing::{Last, Standing};
use super::task_definition::TaskDefinition;
use crate::oci::{Digest, Repository};

/// The image that is to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetImage {
    /// What is written into the task definition: `name:tag@sha256:...`.
    pub reference: String,
    /// Where it stands.
    pub repository: Repository,
    /// The digest of its manifest or index.
    pub digest: Digest,
    /// The manifests of the index, one a platform; ECS may report the one that it runs. Empty for a plain manifest.
    pub manifests: Vec<Digest>,
}

impl TargetImage {
    /// Returns whether a digest that ECS reports is this image.
    pub fn is(&self, digest: &Digest) -> bool {
        self.digest == *digest || self.manifests.contains(digest)
    }
}

/// One image alone is what most deployments bring.
impl AsRef<[TargetImage]> for TargetImage {
    fn as_ref(&self) -> &[TargetImage] {
        std::slice::from_ref(self)
    }
}

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Registers a revision.
    Register {
        /// The service that needs it first.
        service: String,
        /// What is registered.
        definition: TaskDefinition,
        /// How it differs from what the service has now.
        changes: Vec<Change>,
    },
    /// Tells a service to run a revision.
    UpdateService {
        /// The service.
        service: String,
        /// The revision.
        revision: Revision,
        /// Whether a deployment is started although the service has this revision already: the last one failed.
        force_new_deployment: bool,
    },
    /// Awaits a deployment of the wanted revision that runs already.
    Join {
        /// The service.
        service: String,
        /// The revision's ARN.
        task_definition: String,
        /// The deployment's ARN, or its id where only rollouts are seen.
        deployment: String,
    },
    /// Leaves a service as it is.
    Nothing {
        /// The service.
        service: String,
        /// The ARN of the revision that it has.
        task_definition: String,
    },
}

/// A revision that a service is told to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revision {
    /// One that is there: the one that it has, or an equal one.
    Live(String),
    /// What the n-th [`Action::Register`] of the plan registers, from 0.
    Registered(usize),
}

/// The ordered steps of a deployment.
#[derive(Clone, Debug, PartialEq)]
pub struct DeployPlan {
    /// The images that are to run: one, or one for each build that takes part. Never empty.
    pub targets: Vec<TargetImage>,
    /// The steps.
    pub actions: Vec<Action>,
    /// Revisions that are there already and get the place of this deployment.
    pub order_tags: Vec<OrderTag>,
    /// The one-off tasks that come after what is registered and before what is updated.
    pub before: Vec<BeforeRun>,
    /// The schedules that are moved after all services ended well.
    pub schedules: Vec<ScheduleMove>,
}

/// A revision that is registered.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Existing {
    /// Its ARN.
    pub(super) arn: String,
    /// What it is.
    pub(super) definition: TaskDefinition,
}

/// What the plan for one service is made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<'a> {
    /// The service's name.
    pub(super) service: &'a str,
    /// The ARN of the task definition that it has.
    pub(super) live_arn: &'a str,
    /// Whether that revision can still be deployed.
    pub(super) live_is_active: bool,
    /// The task definition that it has.
    pub(super) live: &'a TaskDefinition,
    /// The task definition that the next one is made of.
    pub(super) source: &'a TaskDefinition,
    /// The containers that get an image, and what else of them changes.
    pub(super) edits: &'a [Edit],
    /// The family's newest revision that can be deployed, if it was looked for.
    pub(super) newest: Option<&'a Existing>,
    /// The place of this deployment among others.
    pub(super) order: Option<u64>,
    /// Its recent past.
    pub(super) standing: &'a Standing,
}

impl DeployPlan {
    pub(super) fn of(targets: &[TargetImage], subjects: &[Subject<'_>]) -> Self {
        let mut plan = Self::of_actions(targets, Vec::new());
        for subject in subjects {
            plan.add(subject);
        }
        plan
    }

    fn add(&mut self, subject: &Subject<'_>) {
        let service = subject.service.to_owned();
        let task_definition = subject.live_arn.to_owned();
        let edits = subject.edits.iter().map(|edit| (&edit.spec, edit.target(&self.targets).reference.as_str()));
        let wanted = subject.source.edited(&edits.collect::<Vec<_>>());
        let changes = diff(subject.live, &wanted);
        let restart = matches!(subject.standing.last, Last::Failed | Last::Unknown);
        let action = match &subject.standing.last {
            _ if !changes.is_empty() || (restart && !subject.live_is_active) => {
                let revision = self.revision(subject, wanted, changes);
                Action::UpdateService { service, revision, force_new_deployment: false }
            }
            Last::Running(deployment) => Action::Join { service, task_definition, deployment: deployment.clone() },
            Last::Successful { .. } => Action::Nothing { service, task_definition },
            Last::Failed | Last::Unknown => {
                let revision = Revision::Live(task_definition);
                Action::UpdateService { service, revision, force_new_deployment: true }
            }
        };
        self.actions.push(action);
    }

    /// Takes the family's newest revision where it is equal, and registers another one where it is not.
    fn revision(&mut self, subject: &Subject<'_>, wanted: TaskDefinition, changes: Vec<Change>) -> Revision {
        if let Some(newest) = subject.newest.filter(|newest| diff(&newest.definition, &wanted).is_empty()) {
            return Revision::Live(newest.arn.clone());
        }
        let wanted = match subject.order {
            Some(order) => wanted.with_tag(ORDER_TAG, &order.to_string()),
            None => wanted,
        };
        self.registered(subject.service, wanted, changes)
    }

    /// Services that want the same definition share one revision.
    fn registered(&mut self, service: &str, wanted: TaskDefinition, changes: Vec<Change>) -> Revision {
        let definitions = self.actions.iter().filter_map(|action| match action {
            Action::Register { definition, .. } => Some(definition),
            _ => None,
        });
        let count = definitions.clone().count();
        if let Some(index) = definitions.clone().position(|definition| *definition == wanted) {
            return Revision::Registered(index);
        }
        self.actions.push(Action::Register { service: service.to_owned(), definition: wanted, changes });
        Revision::Registered(count)
    }

    /// Makes a plan of steps alone.
    pub(super) fn of_actions(targets: &[TargetImage], actions: Vec<Action>) -> Self {
        let (order_tags, before, schedules) = Default::default();
        Self { targets: targets.to_vec(), actions, order_tags, before, schedules }
    }

    /// Returns whether carrying the plan out changes anything.
    pub fn changes_anything(&self) -> bool {
        let changes = |action: &Action| matches!(action, Action::Register { .. } | Action::UpdateService { .. });
        self.actions.iter().any(changes) || !self.schedules.is_empty()
    }

    /// Returns the steps in words, in the order that they are done in; what changes of a definition stands in lines of
    /// its own.
    pub fn steps(&self) -> Vec<String> {
        let registers = |action: &&Action| matches!(action, Action::Register { .. });
        let words = |action: &Action| action.to_string();
        let mut steps: Vec<String> = Vec::new();
        if self.before.is_empty() {
            steps.extend(self.actions.iter().map(words));
        } else {
            steps.extend(self.actions.iter().filter(registers).map(words));
            steps.extend(self.before.iter().map(ToString::to_string));
            steps.extend(self.actions.iter().filter(|action| !registers(action)).map(words));
        }
        steps.extend(self.order_tags.iter().map(ToString::to_string));
        steps.extend(self.schedules.iter().map(ToString::to_string));
        steps
    }

    /// Returns the steps that register something.
    pub(super) fn registers(&self) -> impl Iterator<Item = &Action> {
        self.actions.iter().filter(|action| matches!(action, Action::Register { .. }))
    }

    /// Returns what is registered, in order.
    pub(super) fn registrations(&self) -> impl Iterator<Item = &TaskDefinition> {
        self.actions.iter().filter_map(|action| match action {
            Action::Register { definition, .. } => Some(definition),
            _ => None,
        })
    }

    /// Returns the revision that a service has once the plan is carried out.
    pub(super) fn revision_of(&self, service: &str) -> Option<Revision> {
        self.actions.iter().find_map(|action| match action {
            Action::UpdateService { service: name, revision, .. } if name == service => Some(revision.clone()),
            Action::Join { service: name, task_definition, .. }
            | Action::Nothing { service: name, task_definition }
                if name == service =>
            {
                Some(Revision::Live(task_definition.clone()))
            }
            _ => None,
        })
    }
}

impl fmt::Display for DeployPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.steps().iter().try_for_each(|step| writeln!(f, "{step}"))
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Register { definition, changes, .. } => {
                write!(f, "register the next revision of `{}`", definition.family())?;
                changes.iter().try_for_each(|change| write!(f, "\n  {change}"))
            }
            Self::UpdateService { service, revision: Revision::Registered(_), .. } => {
                write!(f, "update service `{service}` to it")
            }
            Self::UpdateService { service, revision: Revision::Live(arn), .. } => {
                write!(f, "update service `{service}`: a new deployment of `{}`", super::arn::last_part(arn))
            }
            Self::Join { service, deployment, .. } => {
                let deployment = super::arn::last_part(deployment);
                write!(f, "service `{service}`: await the deployment `{deployment}`, which brings it already")
            }
            Self::Nothing { service, task_definition } => {
                let revision = super::arn::last_part(task_definition);
                write!(f, "service `{service}`: nothing to do, `{revision}` has the image")
            }
        }
    }
}

#[cfg(test)]
mod tests;
