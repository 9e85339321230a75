//! What a service went through: its deployments with their times, newest first.

use aws_sdk_ecs::types as sdk;
use aws_smithy_types::DateTime;

use super::api_error::ApiError;
use super::aws::Ecs;
use super::service_deployment::{ServiceRevision, Status};
use super::verdict::Verdict;
use crate::ground::Timestamp;

/// The newest deployments that are listed: one page, the largest.
const NEWEST: i32 = 100;

/// A deployment of a service's past, by ECS's own clock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PastDeployment {
    /// Its ARN.
    pub arn: String,
    /// The ARN of the service revision that it goes to.
    pub target_revision: String,
    /// Where it stands.
    pub status: Status,
    /// Why, in ECS's words.
    pub reason: Option<String>,
    /// When it was asked for.
    pub created_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

impl PastDeployment {
    /// Returns the verdict on it, if it has ended; `newer` is the deployment that began after it.
    pub fn verdict(&self, newer: Option<&Self>) -> Option<Verdict> {
        Some(match self.status {
            Status::Successful => Verdict::Successful,
            Status::RollbackSuccessful => Verdict::RolledBack,
            Status::RollbackFailed => Verdict::RollbackFailed,
            Status::Stopped if newer.is_some_and(|newer| self.was_cut_by(newer)) => Verdict::Superseded,
            Status::Stopped => Verdict::Stopped,
            _ => return None,
        })
    }

    /// Returns whether a newer deployment began before this one had ended. Both times are ECS's.
    fn was_cut_by(&self, newer: &Self) -> bool {
        match (newer.created_at, self.finished_at) {
            (Some(began), Some(ended)) => began <= ended,
            _ => true,
        }
    }
}

impl Ecs {
    /// Lists the newest deployments of a service with their times, newest first.
    pub(super) async fn history(&self, cluster: &str, service: &str) -> Result<Vec<PastDeployment>, ApiError> {
        let call = self.client().list_service_deployments().cluster(cluster).service(service).max_results(NEWEST);
        let output = call.send().await.map_err(|error| ApiError::of("ListServiceDeployments", error))?;
        Ok(output.service_deployments().iter().map(past).collect())
    }
}

fn past(brief: &sdk::ServiceDeploymentBrief) -> PastDeployment {
    let at = |at: Option<&DateTime>| at.and_then(|at| at.to_millis().ok()).map(Timestamp::from_millis);
    PastDeployment {
        arn: brief.service_deployment_arn().unwrap_or_default().to_owned(),
        target_revision: brief.target_service_revision_arn().unwrap_or_default().to_owned(),
        status: Status::parse(brief.status().map_or("", |status| status.as_str())),
        reason: brief.status_reason().map(str::to_owned),
        created_at: at(brief.created_at()),
        finished_at: at(brief.finished_at()),
    }
}

/// Finds the newest good deployment before the one that brought `current`, of another task definition.
///
/// What came after that one and failed, was stopped or was rolled back is no place to go back to, and neither is a good
/// deployment of the same task definition.
pub(super) fn previous<'a>(
    history: &'a [PastDeployment],
    revisions: &'a [ServiceRevision],
    current: &str,
) -> Option<(&'a PastDeployment, &'a ServiceRevision)> {
    let revision_of = |past: &PastDeployment| revisions.iter().find(|revision| revision.arn == past.target_revision);
    let is_current = |past: &PastDeployment| revision_of(past).is_some_and(|found| found.task_definition == current);
    // ECS forgets after 90 days: then all that is listed came before.
    let begin = history.iter().position(is_current).map_or(0, |index| index + 1);
    history[begin..].iter().find_map(|past| {
        let revision = revision_of(past)?;
        (past.status == Status::Successful && revision.task_definition != current).then_some((past, revision))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn past(index: usize, status: Status) -> PastDeployment {
        PastDeployment { arn: format!("d{index}"), target_revision: format!("r{index}"), status, ..Default::default() }
    }

    /// Each entry is a status and a task definition, newest first.
    fn found(entries: &[(Status, &str)], current: &str) -> Option<String> {
        let history: Vec<_> = entries.iter().enumerate().map(|(n, (status, _))| past(n, status.clone())).collect();
        let revision = |(n, (_, definition)): (usize, &(Status, &str))| ServiceRevision {
            arn: format!("r{n}"),
            task_definition: (*definition).to_owned(),
            images: Vec::new(),
        };
        let revisions: Vec<_> = entries.iter().enumerate().map(revision).collect();
        previous(&history, &revisions, current).map(|(past, _)| past.arn.clone())
    }

    #[test]
    fn the_place_to_go_back_to_is_the_newest_good_one_before_what_runs() {
        use Status::{RollbackSuccessful, Stopped, Successful};
        let rows: [(&[_], _, _); 7] = [
            (&[(Successful, "c"), (Successful, "b"), (Successful, "a")], "c", Some("d1")),
            (&[(Successful, "c"), (Stopped, "b"), (Successful, "a")], "c", Some("d2")),
            (&[(Successful, "c"), (Successful, "c"), (Successful, "b")], "c", Some("d2")),
            (&[(RollbackSuccessful, "d"), (Successful, "c"), (Successful, "b")], "c", Some("d2")),
            (&[(Successful, "b"), (Successful, "a"), (Successful, "b")], "b", Some("d1")),
            (&[(Successful, "a")], "a", None),
            (&[(Successful, "b"), (Successful, "a")], "forgotten", Some("d0")),
        ];
        for (entries, current, expect) in rows {
            assert_eq!(found(entries, current).as_deref(), expect, "{entries:?}");
        }
    }

    #[test]
    fn a_stopped_deployment_was_superseded_if_the_next_began_before_its_end() {
        let at = |seconds| Some(Timestamp::from_seconds(seconds));
        let stopped = PastDeployment { finished_at: at(10), ..past(1, Status::Stopped) };
        let next = |seconds| PastDeployment { created_at: at(seconds), ..past(0, Status::Successful) };
        assert_eq!(stopped.verdict(Some(&next(9))), Some(Verdict::Superseded));
        assert_eq!(stopped.verdict(Some(&next(60))), Some(Verdict::Stopped));
        assert_eq!(stopped.verdict(None), Some(Verdict::Stopped));
        assert_eq!(past(1, Status::InProgress).verdict(None), None);
    }
}
