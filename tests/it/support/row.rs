//! A deployment against the stand-in, and what it must end with: exit code, verdict, words and calls.

use std::time::Duration;

use dockless::deploy::DeployReport;
use dockless::ground::Hint;
use dockless::sandbox::{
    Action, DeploymentStatus, Fault, RolloutScript, RolloutState, RolloutStep, StoppedTask, TaskCounts,
};
use serde_json::{Value, json};

use super::{Stage, chain, definition};

/// The `deploy` section of a row that says nothing else.
pub(crate) const DEPLOY: &str = "  services: [shop]\n  wait: {timeout: 5m}\n";

/// A deployment and what it must end with.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// What the service is made with.
    pub(crate) service: Value,
    pub(crate) script: Option<RolloutScript>,
    pub(crate) faults: Vec<Fault>,
    pub(crate) deploy: &'static str,
    pub(crate) code: u8,
    pub(crate) verdict: &'static str,
    /// What the errors, their causes and hints, or the notes and warnings say.
    pub(crate) texts: Vec<&'static str>,
    /// How often operations are called.
    pub(crate) calls: Vec<(&'static str, usize)>,
}

pub(crate) fn row(name: &'static str, script: Option<RolloutScript>, code: u8, verdict: &'static str) -> Row {
    Row {
        name,
        service: json!({}),
        script,
        faults: Vec::new(),
        deploy: DEPLOY,
        code,
        verdict,
        texts: Vec::new(),
        calls: vec![("RegisterTaskDefinition", 1), ("UpdateService", 1), ("DeregisterTaskDefinition", 0)],
    }
}

impl Row {
    pub(crate) fn says(mut self, texts: &[&'static str]) -> Self {
        self.texts.extend(texts);
        self
    }

    pub(crate) fn calls(mut self, calls: &[(&'static str, usize)]) -> Self {
        self.calls.extend(calls);
        self
    }

    pub(crate) fn of(self, service: Value) -> Self {
        Self { service, ..self }
    }

    pub(crate) fn with(self, deploy: &'static str) -> Self {
        Self { deploy, ..self }
    }

    /// Lets requests fail, and counts no calls.
    pub(crate) fn with_faults(self, faults: Vec<Fault>) -> Self {
        Self { faults, calls: Vec::new(), ..self }
    }

    pub(crate) fn denied(mut self, operation: &'static str) -> Self {
        let action = Action::AccessDenied { action: format!("ecs:{operation}") };
        self.faults.push(Fault::on_operation(operation, action).always());
        self
    }

    pub(crate) fn play(self) -> Stage {
        let stage = Stage::empty();
        stage.make_service("shop", &definition("shop", &json!({})), &self.service);
        stage.clock.advance(Duration::from_secs(3600));
        stage.sandbox.forget_requests();
        self.check(stage)
    }

    pub(crate) fn check(self, stage: Stage) -> Stage {
        if let Some(script) = self.script {
            stage.sandbox.script_rollout("shop", script);
        }
        self.faults.into_iter().for_each(|fault| stage.sandbox.script(fault));
        let report =
            stage.deploy(self.deploy, "new").unwrap_or_else(|error| panic!("{}: {}", self.name, chain(&error)));
        let said = said(&stage, &report);
        assert_eq!((report.exit_code(), report.verdict.as_str()), (self.code, self.verdict), "{}: {said}", self.name);
        for text in self.texts {
            assert!(said.contains(text), "{}: `{text}` in {said}", self.name);
        }
        for (operation, count) in self.calls {
            assert_eq!(stage.count(operation), count, "{}: {operation}", self.name);
        }
        stage
    }
}

/// All that a user is told.
pub(crate) fn said(stage: &Stage, report: &DeployReport) -> String {
    let mut text = stage.words();
    for failure in report.failures() {
        text = format!("{text}\n{}\nhint: {}", chain(&failure), failure.hint().unwrap_or_default());
    }
    text
}

pub(crate) fn strategy(name: &str) -> Value {
    json!({"deploymentConfiguration": {"strategy": name, "bakeTimeInMinutes": 1}})
}

/// Rolling, with nothing that ends a deployment whose tasks fail.
pub(crate) fn unguarded() -> Value {
    json!({"deploymentConfiguration": {"strategy": "ROLLING"}})
}

pub(crate) fn step(seconds: u64, change: impl FnOnce(&mut RolloutState)) -> RolloutStep {
    let mut state =
        RolloutState { status: DeploymentStatus::InProgress, source: TaskCounts::RUNNING, ..RolloutState::default() };
    change(&mut state);
    RolloutStep { after: Duration::from_secs(seconds), state }
}

pub(crate) fn failing_task(reason: &str, exit_code: Option<i32>) -> StoppedTask {
    StoppedTask {
        reason: reason.to_owned(),
        stop_code: "EssentialContainerExited".to_owned(),
        exit_code,
        container_reason: None,
    }
}

/// Task after task stops; nothing else ever happens.
pub(crate) fn tasks_fail(task: &StoppedTask) -> RolloutScript {
    let one = |count: u32| {
        let task = task.clone();
        step(u64::from(count) * 3, move |state| {
            (state.target, state.failures, state.stopped) = (TaskCounts::STARTING, count, vec![task]);
        })
    };
    RolloutScript::of((1..=20).map(one).collect())
}
