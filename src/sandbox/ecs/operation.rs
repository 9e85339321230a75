//! From an operation's name to what carries it out.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;

use super::arn::Arns;
use super::document::Document;
use super::one_off::TaskScript;
use super::rollout::{DeploymentStatus, RolloutScript, RolloutState, RolloutStep, TaskCounts};
use super::{cluster, log, one_off, revision, service, service_deployment, start, task, task_definition};
use crate::ground::FileError;
use crate::sandbox::aws_json::{AwsError, Input, unknown_operation};
use crate::sandbox::error::SandboxError;
use crate::sandbox::registry::Registry;
use crate::sandbox::state;

/// The state of ECS, and what is around it.
pub(in crate::sandbox) struct Ecs {
    path: PathBuf,
    arns: Arns,
    registry: Arc<Registry>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    document: Document,
    scripts: BTreeMap<String, VecDeque<RolloutScript>>,
    tasks: BTreeMap<String, VecDeque<TaskScript>>,
    logs: BTreeMap<(String, String), Vec<String>>,
    lag: Duration,
}

/// One operation at work.
pub(super) struct Call<'a> {
    /// The state.
    pub(super) document: &'a mut Document,
    /// The scripts of the deployments to come, by service.
    pub(super) scripts: &'a mut BTreeMap<String, VecDeque<RolloutScript>>,
    /// The scripts of the one-off tasks to come, by family.
    pub(super) tasks: &'a mut BTreeMap<String, VecDeque<TaskScript>>,
    /// The logs that tests wrote, by group and stream.
    pub(super) logs: &'a BTreeMap<(String, String), Vec<String>>,
    /// Where images are looked up.
    pub(super) registry: &'a Registry,
    /// Makes names.
    pub(super) arns: &'a Arns,
    /// The present, in milliseconds.
    pub(super) now: i64,
    /// The time that reads show: earlier than the present when they lag.
    pub(super) as_of: i64,
}

impl Ecs {
    /// Opens the state that is kept in a file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(in crate::sandbox) fn open(
        path: PathBuf,
        account: &str,
        region: &str,
        registry: Arc<Registry>,
    ) -> Result<Self, SandboxError> {
        let document = state::load(&path)?.unwrap_or_default();
        let arns = Arns { account: account.to_owned(), region: region.to_owned() };
        Ok(Self { path, arns, registry, inner: Mutex::new(Inner { document, ..Inner::default() }) })
    }

    /// Adds scripts for the next deployments of a service; without one a deployment takes its natural course.
    pub(in crate::sandbox) fn script(&self, service: &str, script: RolloutScript) {
        self.lock().scripts.entry(service.to_owned()).or_default().push_back(script);
    }

    /// Adds a script for the next one-off task of a family; without one a task ends well.
    pub(in crate::sandbox) fn script_task(&self, family: &str, script: TaskScript) {
        self.lock().tasks.entry(family.to_owned()).or_default().push_back(script);
    }

    /// Writes lines into a stream of logs.
    pub(in crate::sandbox) fn write_log(&self, group: &str, stream: &str, lines: &[String]) {
        self.lock().logs.entry((group.to_owned(), stream.to_owned())).or_default().extend_from_slice(lines);
    }

    /// Lets the next deployment of a service stand at once: a service that is found there was never awaited.
    pub(in crate::sandbox) fn script_standing(&self, service: &str) {
        let state =
            RolloutState { status: DeploymentStatus::Successful, target: TaskCounts::RUNNING, ..Default::default() };
        let script = RolloutScript::of(vec![RolloutStep { after: Duration::ZERO, state }]);
        self.lock().scripts.entry(service.to_owned()).or_default().push_front(script);
    }

    /// Lets reads show the state of a while ago.
    pub(in crate::sandbox) fn lag_reads(&self, lag: Duration) {
        self.lock().lag = lag;
    }

    /// Carries out an operation.
    ///
    /// # Errors
    /// The exceptions of ECS.
    pub(in crate::sandbox) fn carry_out(&self, operation: &str, input: &Value) -> Result<Value, AwsError> {
        self.run(|call| dispatch(call, operation, Input(input)))
    }

    /// Runs a function on the state, and keeps what it changed.
    ///
    /// # Errors
    /// The function's own, and when the state cannot be written.
    pub(super) fn run<T, E: From<FileError>>(
        &self,
        run: impl FnOnce(&mut Call<'_>) -> Result<(T, bool), E>,
    ) -> Result<T, E> {
        let mut guard = self.lock();
        let inner = &mut *guard;
        let now = self.registry.now().millis();
        let lag = i64::try_from(inner.lag.as_millis()).unwrap_or(i64::MAX);
        let mut call = Call {
            document: &mut inner.document,
            scripts: &mut inner.scripts,
            tasks: &mut inner.tasks,
            logs: &inner.logs,
            registry: &self.registry,
            arns: &self.arns,
            now,
            as_of: now.saturating_sub(lag),
        };
        let settled = start::settle(&mut call);
        let (output, changed) = run(&mut call)?;
        if settled || changed {
            state::save(&self.path, &inner.document)?;
        }
        Ok(output)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns an operation's output, and whether it changed the state.
fn dispatch(call: &mut Call<'_>, operation: &str, input: Input<'_>) -> Result<(Value, bool), AwsError> {
    let read = |output: Value| (output, false);
    let changed = |output: Value| (output, true);
    match operation {
        "CreateCluster" => cluster::create(call, input).map(changed),
        "DescribeClusters" => cluster::describe(call, input).map(read),
        "ListClusters" => Ok(read(cluster::list(call))),
        "CreateService" => service::create(call, input).map(changed),
        "DeleteService" => service::delete(call, input).map(changed),
        "DescribeServices" => service::describe(call, input).map(read),
        "ListServices" => cluster::list_services(call, input).map(read),
        "UpdateService" => service::update(call, input).map(changed),
        "RegisterTaskDefinition" => task_definition::register(call, input).map(changed),
        "DeregisterTaskDefinition" => task_definition::deregister(call, input).map(changed),
        "TagResource" => task_definition::tag(call, input).map(changed),
        "DescribeTaskDefinition" => task_definition::describe(call, input).map(read),
        "ListTaskDefinitions" => task_definition::list(call, input).map(read),
        "ListServiceDeployments" => service_deployment::list(call, input).map(read),
        "DescribeServiceDeployments" => service_deployment::describe(call, input).map(read),
        "StopServiceDeployment" => service_deployment::stop(call, input).map(changed),
        "ContinueServiceDeployment" => service_deployment::go_on(call, input).map(changed),
        "DescribeServiceRevisions" => revision::describe(call, input).map(read),
        "RunTask" => one_off::run(call, input).map(changed),
        "StopTask" => one_off::stop(call, input).map(changed),
        "GetLogEvents" => log::read(call, input).map(read),
        "ListTasks" => task::list(call, input).map(read),
        "DescribeTasks" => task::describe(call, input).map(read),
        _ => Err(unknown_operation(operation)),
    }
}
