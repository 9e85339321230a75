//! One-off tasks at ECS: started, described, stopped.

use aws_sdk_ecs::types as sdk;

use super::api_error::ApiError;
use super::aws::Ecs;
use crate::spec::{CapacitySpec, NetworkSpec};

/// Where and on what a task runs: the service's own, unless something else is stated.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Placement {
    launch_type: Option<sdk::LaunchType>,
    providers: Vec<sdk::CapacityProviderStrategyItem>,
    network: Option<sdk::NetworkConfiguration>,
    platform_version: Option<String>,
}

impl Placement {
    /// Lays what a build file states over what the service has.
    pub(super) fn stated(self, network: Option<&NetworkSpec>, capacity: Option<&CapacitySpec>) -> Self {
        let mut placement = self;
        if let Some(network) = network {
            placement.network = Some(configuration(network));
        }
        match capacity {
            None => {}
            Some(CapacitySpec::LaunchType(name)) => {
                placement.providers = Vec::new();
                placement.platform_version = placement.platform_version.filter(|_| name == "FARGATE");
                placement.launch_type = Some(sdk::LaunchType::from(name.as_str()));
            }
            Some(CapacitySpec::Providers(names)) => {
                placement.launch_type = None;
                placement.platform_version = None;
                placement.providers = names.iter().filter_map(|name| provider(name)).collect();
            }
        }
        placement
    }
}

fn configuration(network: &NetworkSpec) -> sdk::NetworkConfiguration {
    let public = if network.public_ip { sdk::AssignPublicIp::Enabled } else { sdk::AssignPublicIp::Disabled };
    let vpc = sdk::AwsVpcConfiguration::builder()
        .set_subnets(Some(network.subnets.clone()))
        .set_security_groups(Some(network.security_groups.clone()).filter(|groups| !groups.is_empty()))
        .assign_public_ip(public)
        .build();
    // Only a missing list of subnets is refused, and there is one.
    sdk::NetworkConfiguration::builder().set_awsvpc_configuration(vpc.ok()).build()
}

fn provider(name: &str) -> Option<sdk::CapacityProviderStrategyItem> {
    sdk::CapacityProviderStrategyItem::builder().capacity_provider(name).build().ok()
}

/// What RunTask is asked for.
#[derive(Clone, Debug)]
pub(super) struct RunTask<'a> {
    pub(super) cluster: &'a str,
    pub(super) task_definition: &'a str,
    pub(super) placement: Placement,
    pub(super) container: &'a str,
    pub(super) command: Option<&'a [String]>,
    pub(super) env: &'a [(String, String)],
    /// By this the task is found again, should the answer be lost.
    pub(super) started_by: &'a str,
}

/// A task as it was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct OneOffTask {
    pub(super) arn: String,
    pub(super) status: String,
    pub(super) stopped_reason: Option<String>,
    pub(super) containers: Vec<TaskContainer>,
}

/// A container of a task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct TaskContainer {
    pub(super) name: String,
    pub(super) exit_code: Option<i32>,
    pub(super) reason: Option<String>,
}

/// What RunTask answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Started {
    /// The task's ARN.
    Task(String),
    /// There was no place for it: ECS's words.
    NoPlace(String),
}

impl Ecs {
    /// Reads where a service's tasks run.
    pub(super) async fn placement(&self, cluster: &str, service: &str) -> Result<Placement, ApiError> {
        const OPERATION: &str = "DescribeServices";
        let call = self.client().describe_services().cluster(cluster).services(service);
        let output = call.send().await.map_err(|error| ApiError::of(OPERATION, error))?;
        let service = output.services().first().ok_or_else(|| ApiError::malformed(OPERATION, "service"))?;
        let providers = service.capacity_provider_strategy().to_vec();
        // ECS names both where capacity providers were chosen, and takes back only one of them.
        let launch_type = service.launch_type().filter(|_| providers.is_empty()).cloned();
        let fargate = launch_type == Some(sdk::LaunchType::Fargate);
        Ok(Placement {
            launch_type,
            providers,
            network: service.network_configuration().cloned(),
            platform_version: service.platform_version().filter(|_| fargate).map(str::to_owned),
        })
    }

    /// Starts one task.
    pub(super) async fn run_task(&self, run: &RunTask<'_>) -> Result<Started, ApiError> {
        const OPERATION: &str = "RunTask";
        let env = run.env.iter().map(|(name, value)| sdk::KeyValuePair::builder().name(name).value(value).build());
        let env: Vec<_> = env.collect();
        let over = sdk::ContainerOverride::builder()
            .name(run.container)
            .set_command(run.command.map(<[String]>::to_vec))
            .set_environment(Some(env).filter(|env| !env.is_empty()))
            .build();
        let Placement { launch_type, providers, network, platform_version } = run.placement.clone();
        let call = self
            .client()
            .run_task()
            .cluster(run.cluster)
            .task_definition(run.task_definition)
            .count(1)
            .started_by(run.started_by)
            .overrides(sdk::TaskOverride::builder().container_overrides(over).build())
            .set_launch_type(launch_type)
            .set_capacity_provider_strategy(Some(providers).filter(|providers| !providers.is_empty()))
            .set_network_configuration(network)
            .set_platform_version(platform_version);
        let output = call.send().await.map_err(|error| ApiError::of(OPERATION, error))?;
        if let Some(arn) = output.tasks().first().and_then(|task| task.task_arn()) {
            return Ok(Started::Task(arn.to_owned()));
        }
        let words = output.failures().iter().map(|failure| {
            let detail = failure.detail().map(|detail| format!(" ({detail})")).unwrap_or_default();
            format!("{}{detail}", failure.reason().unwrap_or("no reason given"))
        });
        Ok(Started::NoPlace(words.collect::<Vec<_>>().join(", ")))
    }

    /// Describes one task; `None` when ECS does not know it, or not yet.
    pub(super) async fn task(&self, cluster: &str, arn: &str) -> Result<Option<OneOffTask>, ApiError> {
        let call = self.client().describe_tasks().cluster(cluster).tasks(arn);
        let output = call.send().await.map_err(|error| ApiError::of("DescribeTasks", error))?;
        Ok(output.tasks().first().map(task))
    }

    /// Stops a task.
    pub(super) async fn stop_task(&self, cluster: &str, arn: &str, reason: &str) -> Result<(), ApiError> {
        let call = self.client().stop_task().cluster(cluster).task(arn).reason(reason);
        call.send().await.map(drop).map_err(|error| ApiError::of("StopTask", error))
    }

    /// Lists the tasks that somebody started and that are not stopped.
    pub(super) async fn tasks_started_by(&self, cluster: &str, started_by: &str) -> Result<Vec<String>, ApiError> {
        let call = self.client().list_tasks().cluster(cluster).started_by(started_by);
        let output = call.send().await.map_err(|error| ApiError::of("ListTasks", error))?;
        Ok(output.task_arns().to_vec())
    }
}

fn task(task: &sdk::Task) -> OneOffTask {
    let container = |container: &sdk::Container| TaskContainer {
        name: container.name().unwrap_or_default().to_owned(),
        exit_code: container.exit_code(),
        reason: container.reason().map(str::to_owned),
    };
    OneOffTask {
        arn: task.task_arn().unwrap_or_default().to_owned(),
        status: task.last_status().unwrap_or_default().to_owned(),
        stopped_reason: task.stopped_reason().map(str::to_owned),
        containers: task.containers().iter().map(container).collect(),
    }
}
