//! The courses that deployments take by themselves, as data: pure functions from settings to steps.

use std::time::Duration;

use serde_json::Value;

use super::script::RolloutStep;
use super::state::{
    DeploymentStatus as Status, LifecycleStage as Stage, RolloutState, StoppedTask, TaskCounts, TrafficWeights,
};

const BREAKER_REASON: &str = "Circuit breaker threshold exceeded: tasks failed to start.";

/// Builds steps one after the other; each begins as a copy of the one before it, without its events.
#[derive(Default)]
struct Course {
    steps: Vec<RolloutStep>,
}

impl Course {
    fn at(mut self, millis: u64, change: impl FnOnce(&mut RolloutState)) -> Self {
        let mut state = self.steps.last().map(|step| step.state.clone()).unwrap_or_default();
        state.events.clear();
        state.stopped.clear();
        change(&mut state);
        self.steps.push(RolloutStep { after: Duration::from_millis(millis), state });
        self
    }

    fn begin() -> Self {
        Self::default().at(0, |s| (s.status, s.source) = (Status::Pending, TaskCounts::RUNNING)).at(200, |s| {
            (s.status, s.target) = (Status::InProgress, TaskCounts::STARTING);
            s.events = vec!["(service {service}) has started tasks of (deployment {deployment}).".to_owned()];
        })
    }

    fn done(self, millis: u64) -> Vec<RolloutStep> {
        let course = self.at(millis, |s| {
            (s.status, s.target, s.source) = (Status::Successful, TaskCounts::RUNNING, TaskCounts::NONE);
            s.events = vec![
                "(service {service}) (deployment {deployment}) deployment completed.".to_owned(),
                "(service {service}) has reached a steady state.".to_owned(),
            ];
        });
        course.steps
    }
}

/// The course of a deployment with these settings whose images can all be pulled.
pub(in crate::sandbox) fn natural(settings: &Value) -> Vec<RolloutStep> {
    match settings.pointer("/deploymentConfiguration/strategy").and_then(Value::as_str) {
        Some("BLUE_GREEN") => shifting(&[100]),
        Some("CANARY") => shifting(&[5, 100]),
        Some("LINEAR") => shifting(&[10, 20, 30, 40, 50, 60, 70, 80, 90, 100]),
        _ => success(),
    }
}

pub(super) fn success() -> Vec<RolloutStep> {
    Course::begin()
        .at(700, |s| s.target = TaskCounts::RUNNING)
        .at(1100, |s| {
            s.source = TaskCounts::NONE;
            s.events = vec!["(service {service}) has stopped tasks of (deployment {source}).".to_owned()];
        })
        .done(1500)
}

/// Traffic moves to the target in the given shares; every stage of ECS is passed.
fn shifting(shares: &[u32]) -> Vec<RolloutStep> {
    let mut millis = 200;
    let mut next = || {
        millis += 100;
        millis
    };
    let weights = |production, test| Some(TrafficWeights { production, test });
    let mut course = Course::begin();
    for stage in [Stage::ReconcileService, Stage::PreScaleUp, Stage::ScaleUp] {
        course = course.at(next(), |s| (s.stage, s.weights) = (Some(stage), weights(0, 0)));
    }
    course = course.at(next(), |s| (s.stage, s.target) = (Some(Stage::PostScaleUp), TaskCounts::RUNNING));
    for stage in [Stage::TestTrafficShift, Stage::PostTestTrafficShift] {
        course = course.at(next(), |s| (s.stage, s.weights) = (Some(stage), weights(0, 100)));
    }
    for share in shares {
        course = course.at(next(), |s| {
            (s.stage, s.weights) = (Some(Stage::ProductionTrafficShift), weights(*share, 100));
        });
    }
    for stage in [Stage::PostProductionTrafficShift, Stage::BakeTime, Stage::CleanUp] {
        course = course.at(next(), |s| s.stage = Some(stage));
    }
    course.done(next())
}

/// Tasks fail one after the other; with a rollback the circuit breaker then brings the source back.
pub(super) fn failing(rolls_back: bool) -> Vec<RolloutStep> {
    let task = StoppedTask {
        reason: "Essential container in task exited".to_owned(),
        stop_code: "EssentialContainerExited".to_owned(),
        exit_code: Some(1),
        container_reason: None,
    };
    breaker_trip(&task, "(service {service}) has a task that failed: {reason}.", true, rolls_back)
}

/// The course of a deployment whose tasks stop at once.
///
/// Without a breaker ECS tries again and again: the course then has no end.
pub(in crate::sandbox) fn breaker_trip(
    task: &StoppedTask,
    event: &str,
    has_breaker: bool,
    rolls_back: bool,
) -> Vec<RolloutStep> {
    let event = event.replace("{reason}", &task.reason);
    let mut course = Course::begin();
    let tries = if has_breaker { 3 } else { 30 };
    for failure in 1..=tries {
        let after = 200 + 200 * u64::from(failure);
        course = course.at(after, |s| {
            s.failures = failure;
            s.stopped = vec![task.clone()];
            s.events = vec![event.clone()];
        });
    }
    if !has_breaker {
        return course.steps;
    }
    let failed = "(service {service}) (deployment {deployment}) deployment failed: tasks failed to start.".to_owned();
    if !rolls_back {
        let course = course.at(1000, |s| {
            (s.status, s.reason, s.target) = (Status::Stopped, Some(BREAKER_REASON.to_owned()), TaskCounts::NONE);
            s.events = vec![failed];
        });
        return course.steps;
    }
    let course = course.at(1000, |s| s.events = vec![failed]);
    roll_back(course, 1000, BREAKER_REASON)
}

/// Appends the way back; the states keep what the deployment looked like.
fn roll_back(course: Course, millis: u64, reason: &str) -> Vec<RolloutStep> {
    let course = course
        .at(millis + 100, |s| {
            (s.status, s.reason) = (Status::RollbackInProgress, Some(reason.to_owned()));
            (s.source, s.hook) = (TaskCounts::RUNNING, None);
            s.events = vec!["(service {service}) rolling back to (deployment {source}).".to_owned()];
        })
        .at(millis + 500, |s| {
            (s.status, s.target) = (Status::RollbackSuccessful, TaskCounts::NONE);
            s.events = vec!["(service {service}) (deployment {source}) deployment completed.".to_owned()];
        });
    course.steps
}

/// The course from the moment that somebody asks a deployment in a given state to go back.
pub(in crate::sandbox) fn requested_rollback(state: &RolloutState) -> Vec<RolloutStep> {
    let reason = "Rollback requested.";
    let first = RolloutStep { after: Duration::ZERO, state: state.clone() };
    let course = Course { steps: vec![first] }.at(0, |s| {
        (s.status, s.reason, s.hook) = (Status::RollbackRequested, Some(reason.to_owned()), None);
    });
    roll_back(course, 200, reason).split_off(1)
}

pub(super) fn stopped(reason: &str) -> Vec<RolloutStep> {
    let course = Course::begin().at(800, |s| {
        (s.status, s.reason) = (Status::Stopped, Some(reason.to_owned()));
        s.events = vec!["(service {service}) (deployment {deployment}) deployment stopped.".to_owned()];
    });
    course.steps
}

pub(super) fn endless() -> Vec<RolloutStep> {
    Course::begin().steps
}

pub(super) fn paused(hook: &str) -> Vec<RolloutStep> {
    let course = Course::begin().at(600, |s| {
        (s.target, s.hook) = (TaskCounts::RUNNING, Some(hook.to_owned()));
        s.stage = Some(Stage::PostScaleUp);
    });
    course.steps
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ends(steps: &[RolloutStep]) -> Status {
        assert!(steps.is_sorted_by_key(|step| step.after), "{steps:?}");
        steps.last().map_or(Status::Pending, |step| step.state.status)
    }

    #[test]
    fn each_course_runs_forward_to_its_end() {
        let configured = |strategy| json!({ "deploymentConfiguration": { "strategy": strategy } });
        for strategy in ["ROLLING", "BLUE_GREEN", "CANARY", "LINEAR"] {
            assert_eq!(ends(&natural(&configured(strategy))), Status::Successful, "{strategy}");
        }
        assert_eq!(ends(&failing(true)), Status::RollbackSuccessful);
        assert_eq!(ends(&failing(false)), Status::Stopped);
        assert_eq!(ends(&stopped("why")), Status::Stopped);
        assert_eq!(ends(&requested_rollback(&RolloutState::default())), Status::RollbackSuccessful);
        assert_eq!(ends(&breaker_trip(&StoppedTask::default(), "", false, true)), Status::InProgress);
    }

    #[test]
    fn a_person_at_the_terminal_waits_three_seconds_at_most() {
        for strategy in ["ROLLING", "BLUE_GREEN", "CANARY", "LINEAR"] {
            let steps = natural(&json!({ "deploymentConfiguration": { "strategy": strategy } }));
            assert!(steps.iter().all(|step| step.after <= Duration::from_secs(3)), "{strategy}");
        }
    }

    #[test]
    fn stages_come_in_the_order_of_ecs() {
        let steps = shifting(&[5, 100]);
        let stages: Vec<Stage> = steps.iter().filter_map(|step| step.state.stage).collect();
        assert!(stages.is_sorted());
        assert_eq!(stages.last(), Some(&Stage::CleanUp));
    }
}
