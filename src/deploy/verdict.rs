//! From what ECS says to a verdict, or to waiting on. Pure: the same observation, the same verdict.

use std::collections::BTreeSet;

use serde::Serialize;

use super::plan::TargetImage;
use super::service::Service;
use super::service_deployment::{ContainerImage, DeploymentBrief, ServiceDeployment, ServiceRevision, Status};
use crate::oci::Digest;

/// How a deployment ended, or why it is not awaited any longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Our deployment ended well, and ECS reports no digest but ours.
    Successful,
    /// The service already runs the image, by a deployment that ended well.
    NoChange,
    /// ECS accepted what was asked; nobody waited.
    NotAwaited,
    /// Our deployment failed, and the service is back at what it ran.
    RolledBack,
    /// Our deployment failed, and so did going back.
    RollbackFailed,
    /// Our deployment was stopped, and no newer one replaced it.
    Stopped,
    /// The deployment ended well, and ECS reports a digest that is not ours.
    WrongDigest,
    /// The deployment ended well, ECS reports no digest, and a proof was demanded.
    Unproved,
    /// A newer deployment replaced ours.
    Superseded,
    /// A hook waits for an answer.
    Paused,
    /// Our deployment has not ended in time, and goes on.
    Timeout,
    /// Task after task of our deployment failed, nothing of ECS's ends it, and it goes on.
    GivenUp,
}

impl Verdict {
    /// Returns the exit code of the process.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Successful | Self::NoChange | Self::NotAwaited => 0,
            Self::RolledBack => 6,
            Self::RollbackFailed | Self::Stopped | Self::WrongDigest | Self::Unproved | Self::GivenUp => 7,
            Self::Timeout => 8,
            Self::Superseded => 9,
            Self::Paused => 10,
        }
    }

    /// Returns the position of the verdict that speaks for all: the first whose exit code is the first present of 7, 6,
    /// 9, 10 and 8; `None` for none.
    pub fn decisive(verdicts: &[Self]) -> Option<usize> {
        let worst = [7, 6, 9, 10, 8, 0].into_iter().find(|code| verdicts.iter().any(|v| v.exit_code() == *code))?;
        verdicts.iter().position(|verdict| verdict.exit_code() == worst)
    }

    /// Returns whether something went wrong that tasks, targets or events can explain.
    pub fn is_failure(self) -> bool {
        matches!(self, Self::RolledBack | Self::RollbackFailed | Self::Stopped | Self::Timeout | Self::GivenUp)
    }

    /// Returns the word of reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Successful => "successful",
            Self::NoChange => "no_change",
            Self::NotAwaited => "not_awaited",
            Self::RolledBack => "rolled_back",
            Self::RollbackFailed => "rollback_failed",
            Self::Stopped => "stopped",
            Self::WrongDigest => "wrong_digest",
            Self::Unproved => "unproved",
            Self::Superseded => "superseded",
            Self::Paused => "paused",
            Self::Timeout => "timeout",
            Self::GivenUp => "given_up",
        }
    }
}

/// A verdict and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// Why, where it is not good news.
    pub reason: Option<String>,
}

impl Judgement {
    pub(super) fn new(verdict: Verdict, reason: Option<String>) -> Self {
        Self { verdict, reason }
    }
}

/// Judges a service deployment that is ours; `None` means: wait on.
///
/// `newer` is the ARN of a deployment that began after ours, if there is one. A status that is not known counts as not
/// ended.
pub fn judge(deployment: &ServiceDeployment, newer: Option<&str>) -> Option<Judgement> {
    if let Some(hook) = deployment.awaiting_hooks.first()
        && deployment.status.is_forward()
    {
        return Some(Judgement::new(Verdict::Paused, Some(format!("hook `{hook}` waits for an answer"))));
    }
    let reason = || {
        let words = deployment.rollback_reason.clone().or_else(|| deployment.reason.clone());
        let alarms = deployment.alarms.iter().map(|alarm| format!("`{alarm}`")).collect::<Vec<_>>().join(", ");
        match (words, alarms.is_empty()) {
            (words, true) => words,
            (Some(words), false) => Some(format!("{words} (alarm {alarms})")),
            (None, false) => Some(format!("alarm {alarms} went off")),
        }
    };
    let judgement = match deployment.status {
        Status::Successful => Judgement::new(Verdict::Successful, None),
        Status::RollbackSuccessful => Judgement::new(Verdict::RolledBack, reason()),
        Status::RollbackFailed => Judgement::new(Verdict::RollbackFailed, deployment.reason.clone().or_else(reason)),
        Status::Stopped => match newer {
            Some(newer) => Judgement::new(Verdict::Superseded, Some(format!("`{newer}` replaced it"))),
            None => Judgement::new(Verdict::Stopped, reason()),
        },
        _ => return None,
    };
    Some(judgement)
}

/// A rolling update as a caller knows it who may not see service deployments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OurRollout {
    /// The id of our entry in `deployments` of the service.
    pub id: String,
    /// The task definition that the service was given.
    pub task_definition: String,
    /// The id of the PRIMARY before, where that is known.
    pub before_id: Option<String>,
    /// The task definition that the service had before.
    pub before: String,
    /// Whether our entry was seen in a description of the service: until then reads may be older than the update.
    pub seen: bool,
}

/// Judges a rolling update by `deployments` of its service. Our PRIMARY that is COMPLETED is a success; once it FAILED,
/// is no longer PRIMARY though it is at its end, or is gone, the entry that is PRIMARY then tells what became of it.
pub fn judge_rollout(service: &Service, ours: &OurRollout) -> Option<Judgement> {
    let primary = service.primary()?;
    let entry = service.deployments.iter().find(|deployment| deployment.id == ours.id);
    match entry.map(|entry| entry.rollout_state.as_deref()) {
        Some(Some("COMPLETED")) if primary.id == ours.id => return Some(Judgement::new(Verdict::Successful, None)),
        Some(Some("COMPLETED" | "FAILED")) => {}
        None if ours.seen => {}
        _ => return None,
    }
    if primary.id == ours.id {
        return Some(Judgement::new(Verdict::Stopped, Some("its rollout failed".to_owned())));
    }
    let is_back = match &ours.before_id {
        // The same task definition deployed anew: only the id tells the old deployment from another client's.
        Some(id) if ours.before == ours.task_definition => primary.id == *id,
        _ => primary.task_definition == ours.before,
    };
    let judgement = if is_back {
        Judgement::new(Verdict::RolledBack, None)
    } else if primary.task_definition != ours.task_definition || ours.before == ours.task_definition {
        let newer = format!("the service goes to `{}`", super::arn::last_part(&primary.task_definition));
        Judgement::new(Verdict::Superseded, Some(newer))
    } else {
        Judgement::new(Verdict::Stopped, None)
    };
    Some(judgement)
}

/// What UpdateService's answer says about our deployment, and what was there before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Footprint {
    /// All deployments that were listed before the update, whatever their status: S0.
    pub known: BTreeSet<String>,
    /// N of the answer's `ecs-svc/N`; it also ends the ARN of our service revision.
    pub number: Option<String>,
    /// Whether the answer has the same N as before the update, so that ECS started nothing new.
    pub unchanged: bool,
}

/// Finds our deployment in a list, newest first: not in S0, and going to the service revision N.
///
/// A time would not do: clocks differ. A status would not do: an older deployment of the same revision may be
/// SUCCESSFUL.
pub fn find_ours<'a>(briefs: &'a [DeploymentBrief], footprint: &Footprint) -> Option<&'a DeploymentBrief> {
    let number = footprint.number.as_deref()?;
    let is_ours = |brief: &&DeploymentBrief| super::arn::last_part(&brief.target_revision) == number;
    briefs.iter().filter(|brief| !footprint.known.contains(&brief.arn)).find(is_ours)
}

/// Finds the deployment that brought what an update did not change: the newest one that goes to the service revision N.
pub fn find_standing<'a>(briefs: &'a [DeploymentBrief], footprint: &Footprint) -> Option<&'a DeploymentBrief> {
    let number = footprint.number.as_deref().filter(|_| footprint.unchanged)?;
    briefs.iter().find(|brief| super::arn::last_part(&brief.target_revision) == number)
}

/// Finds our deployment where the undocumented N leads nowhere: the oldest one not in S0 whose revision has our task
/// definition.
pub fn find_by_task_definition<'a>(
    briefs: &'a [DeploymentBrief],
    revisions: &[ServiceRevision],
    footprint: &Footprint,
    task_definition: &str,
) -> Option<&'a DeploymentBrief> {
    let has_ours =
        |arn: &str| revisions.iter().any(|revision| revision.arn == arn && revision.task_definition == task_definition);
    briefs.iter().rev().find(|brief| !footprint.known.contains(&brief.arn) && has_ours(&brief.target_revision))
}

/// Returns the deployment that began right after ours, from a list that has the newest first.
pub fn newer_than<'a>(briefs: &'a [DeploymentBrief], ours: &str) -> Option<&'a str> {
    let position = briefs.iter().position(|brief| brief.arn == ours)?;
    briefs[..position].last().map(|brief| brief.arn.as_str())
}

/// What ECS says about the digest that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Every chosen container has our digest; what ECS reports of the first.
    Ours(Digest),
    /// A chosen container has another one.
    Different {
        /// The container.
        container: String,
        /// What ECS reports.
        reported: String,
    },
    /// A chosen container has none in the answer.
    NotReported,
}

/// Compares the digests that ECS reports for the chosen containers with those of the images that they are to run.
pub fn prove(images: &[ContainerImage], wanted: &[(&str, &TargetImage)]) -> Proof {
    let reported = |name: &str| images.iter().find(|image| image.container == name)?.digest.as_deref();
    let mut ours = None;
    let mut silent = wanted.is_empty();
    for (container, target) in wanted {
        match reported(container) {
            None => silent = true,
            Some(text) => match text.parse::<Digest>() {
                Ok(digest) if target.is(&digest) => ours = ours.or(Some(digest)),
                _ => return Proof::Different { container: (*container).to_owned(), reported: text.to_owned() },
            },
        }
    }
    match ours {
        Some(digest) if !silent => Proof::Ours(digest),
        _ => Proof::NotReported,
    }
}

#[cfg(test)]
mod tests;
