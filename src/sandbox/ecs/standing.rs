//! Which revisions of a service stand at a time: pure functions of the service and the time.

use super::document::{Deployment, Service};
use super::rollout::DeploymentStatus as Status;

/// A service revision that has tasks, or should have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    /// The number of the service revision.
    pub(super) number: u64,
    /// Whether it is the one that ECS works towards; the others are being replaced.
    pub(super) is_primary: bool,
    /// `IN_PROGRESS`, `COMPLETED` or `FAILED`.
    pub(super) rollout: &'static str,
    /// How many tasks run.
    pub(super) running: u32,
    /// How many tasks are about to.
    pub(super) pending: u32,
    /// How many tasks failed in a row.
    pub(super) failures: u32,
}

/// Returns the revisions that stand at a time, the primary one first.
///
/// During a rollback the revision before is primary again.
pub(super) fn standing(service: &Service, now: i64) -> Vec<Standing> {
    let newest = service.newest(now);
    let status = newest.state_at(now).status;
    let target = |is_primary, rollout| Some(of_target(service, newest, now, is_primary, rollout));
    let source = |is_primary, rollout| of_source(service, newest, now, is_primary, rollout);
    let pair = match status {
        Status::Successful => [target(true, "COMPLETED"), None],
        Status::Stopped => [target(true, "FAILED"), source(false, "COMPLETED")],
        Status::RollbackInProgress => [source(true, "IN_PROGRESS"), target(false, "FAILED")],
        Status::RollbackSuccessful => [source(true, "COMPLETED"), None],
        Status::RollbackFailed => [source(true, "FAILED"), target(false, "FAILED")],
        Status::Pending | Status::InProgress | Status::StopRequested | Status::RollbackRequested => {
            [target(true, "IN_PROGRESS"), source(false, "COMPLETED")]
        }
    };
    let standing: Vec<Standing> = pair.into_iter().flatten().collect();
    if standing.iter().any(|one| one.is_primary) {
        return standing;
    }
    // A first deployment has nothing to go back to.
    vec![of_target(service, newest, now, true, "FAILED")]
}

fn of_target(
    service: &Service,
    deployment: &Deployment,
    now: i64,
    is_primary: bool,
    rollout: &'static str,
) -> Standing {
    let state = deployment.state_at(now);
    let (running, pending) = (state.target.running.of(service.desired), state.target.pending.of(service.desired));
    Standing { number: deployment.number, is_primary, rollout, running, pending, failures: state.failures }
}

fn of_source(
    service: &Service,
    deployment: &Deployment,
    now: i64,
    is_primary: bool,
    rollout: &'static str,
) -> Option<Standing> {
    let state = deployment.state_at(now);
    let (running, pending) = (state.source.running.of(service.desired), state.source.pending.of(service.desired));
    deployment.source.map(|number| Standing { number, is_primary, rollout, running, pending, failures: 0 })
}

/// Returns the number of the revision of the newest deployment that succeeded.
pub(super) fn last_successful(service: &Service, now: i64) -> Option<u64> {
    let visible = service.visible(now).iter().rev();
    visible.filter(|d| d.state_at(now).status == Status::Successful).map(|d| d.number).next()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ground::{Clock, DrivenClock, Timestamp};
    use crate::sandbox::ecs::document::Step;
    use crate::sandbox::ecs::rollout::{RolloutState, TaskCounts};

    fn deployment(number: u64, source: Option<u64>, course: &[(i64, Status)]) -> Deployment {
        let step = |(at, status): &(i64, Status)| Step {
            at: *at,
            state: RolloutState { status: *status, target: TaskCounts::RUNNING, ..RolloutState::default() },
        };
        Deployment {
            id: number.to_string(),
            number,
            task_definition: format!("shop:{number}"),
            source,
            created_at: course[0].0,
            settings: json!({}),
            images: Vec::new(),
            course: course.iter().map(step).collect(),
            superseded: None,
        }
    }

    fn service(deployments: Vec<Deployment>) -> Service {
        Service {
            cluster: "main".to_owned(),
            name: "web".to_owned(),
            is_inactive: false,
            desired: 2,
            settings: json!({}),
            tags: Vec::new(),
            created_at: 0,
            deployments,
        }
    }

    fn shown(service: &Service, now: i64) -> Vec<(u64, bool, &'static str)> {
        standing(service, now).iter().map(|one| (one.number, one.is_primary, one.rollout)).collect()
    }

    #[test]
    fn primary_goes_back_to_the_old_revision_during_a_rollback() {
        let course = [(1000, Status::Pending), (2000, Status::RollbackInProgress), (3000, Status::RollbackSuccessful)];
        let first = deployment(1, None, &[(0, Status::Successful)]);
        let service = service(vec![first, deployment(2, Some(1), &course)]);
        let clock = DrivenClock::new(Timestamp::from_millis(0));
        for expect in [
            vec![(1, true, "COMPLETED")],
            vec![(2, true, "IN_PROGRESS"), (1, false, "COMPLETED")],
            vec![(1, true, "IN_PROGRESS"), (2, false, "FAILED")],
            vec![(1, true, "COMPLETED")],
        ] {
            assert_eq!(shown(&service, clock.now().millis()), expect);
            clock.advance(std::time::Duration::from_secs(1));
        }
        assert_eq!(last_successful(&service, 4000), Some(1));
    }

    #[test]
    fn a_first_deployment_that_fails_stays_primary() {
        let course = [(0, Status::Pending), (1000, Status::RollbackFailed)];
        let service = service(vec![deployment(1, None, &course)]);
        assert_eq!(shown(&service, 1000)[0], (1, true, "FAILED"));
        assert_eq!(last_successful(&service, 1000), None);
        assert_eq!(standing(&service, 1000)[0].running, 2);
    }
}
