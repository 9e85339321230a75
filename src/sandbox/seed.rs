//! What `deploy` expects to find, made in an empty stand-in.

use serde_json::{Value, json};

use super::aws_json::AwsError;
use super::error::SandboxError;
use super::registry::RepositorySettings;
use super::world::World;
use crate::oci;

/// Repositories, and services that run a placeholder. What exists is left as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seed {
    /// The names of repositories, without a host.
    pub repositories: Vec<String>,
    /// The cluster.
    pub cluster: String,
    /// Its services.
    pub services: Vec<SeedService>,
    /// What starts the first revision of a family by the clock.
    pub schedules: Vec<SeedSchedule>,
}

/// A rule of EventBridge, or a schedule of its Scheduler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeedSchedule {
    /// Whether it is one of the Scheduler.
    pub scheduler: bool,
    /// Its bus or group.
    pub place: String,
    /// Its name.
    pub name: String,
    /// The family whose revision it starts.
    pub family: String,
}

/// A service that runs revision 1 of its family.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeedService {
    /// The service's name.
    pub name: String,
    /// The family of its task definition.
    pub family: String,
    /// The names of its containers; the first one is essential.
    pub containers: Vec<String>,
    /// The image of all containers. If the registry does not have it, a placeholder is stored under its name.
    pub image: String,
    /// More containers, each with an image of its own, and with a placeholder where the registry does not have it.
    pub beside: Vec<(String, String)>,
}

/// Makes what a seed names.
///
/// # Errors
/// When a name is refused, or the state cannot be written.
pub(super) fn plant(world: &World, seed: &Seed) -> Result<(), SandboxError> {
    for name in &seed.repositories {
        oci::Repository::new("localhost", name).map_err(|error| refused("repository", name, error.to_string()))?;
        world.registry.create_repository(name, RepositorySettings::default())?;
    }
    let cluster = json!({ "clusterName": seed.cluster });
    run(world, "CreateCluster", &cluster, "cluster", &seed.cluster)?;
    seed.services.iter().try_for_each(|service| plant_service(world, &seed.cluster, service))?;
    seed.schedules.iter().try_for_each(|schedule| plant_schedule(world, &seed.cluster, schedule))
}

fn plant_schedule(world: &World, cluster: &str, schedule: &SeedSchedule) -> Result<(), SandboxError> {
    let SeedSchedule { scheduler, place, name, family } = schedule;
    let arn = |resource: &str| format!("arn:aws:ecs:{}:{}:{resource}", world.region, world.registry.account);
    let (cluster, definition) = (arn(&format!("cluster/{cluster}")), arn(&format!("task-definition/{family}:1")));
    let carry_out = |operation: &str, input: Value| {
        let failed = |error: AwsError| refused("schedule", name, format!("{}: {}", error.code, error.message));
        world.schedules.carry_out(operation, &input).map_err(failed)
    };
    let parameters = json!({ "TaskDefinitionArn": definition, "TaskCount": 1 });
    if *scheduler {
        let named = json!({ "GroupName": place, "Name": name });
        if carry_out("GetSchedule", named).is_ok() {
            return Ok(());
        }
        let target = json!({ "Arn": cluster, "RoleArn": arn("role/scheduler"), "EcsParameters": parameters });
        let input = json!({
            "GroupName": place, "Name": name, "ScheduleExpression": "rate(1 day)",
            "FlexibleTimeWindow": { "Mode": "OFF" }, "Target": target,
        });
        return carry_out("CreateSchedule", input).map(drop);
    }
    if carry_out("ListTargetsByRule", json!({ "EventBusName": place, "Rule": name })).is_ok() {
        return Ok(());
    }
    carry_out("PutRule", json!({ "EventBusName": place, "Name": name, "ScheduleExpression": "rate(1 day)" }))?;
    let target = json!({ "Id": "task", "Arn": cluster, "RoleArn": arn("role/events"), "EcsParameters": parameters });
    carry_out("PutTargets", json!({ "EventBusName": place, "Rule": name, "Targets": [target] })).map(drop)
}

fn plant_service(world: &World, cluster: &str, service: &SeedService) -> Result<(), SandboxError> {
    let wanted = json!({ "cluster": cluster, "services": [service.name] });
    let found = run(world, "DescribeServices", &wanted, "service", &service.name)?;
    if found.pointer("/services/0/status").and_then(Value::as_str) == Some("ACTIVE") {
        return Ok(());
    }
    for image in std::iter::once(&service.image).chain(service.beside.iter().map(|(_, image)| image)) {
        world.registry.ensure_placeholder(image).map_err(|error| refused("image", image, error.to_string()))?;
    }
    let family = json!({ "taskDefinition": service.family });
    if world.ecs.carry_out("DescribeTaskDefinition", &family).is_err() {
        run(world, "RegisterTaskDefinition", &definition(service), "task definition", &service.family)?;
    }
    let created = json!({
        "cluster": cluster,
        "serviceName": service.name,
        "taskDefinition": service.family,
        "desiredCount": 1,
        "launchType": "FARGATE",
        "deploymentConfiguration": {
            "deploymentCircuitBreaker": { "enable": true, "rollback": true },
            "maximumPercent": 200, "minimumHealthyPercent": 100, "strategy": "ROLLING",
        },
        "networkConfiguration": { "awsvpcConfiguration": {
            "subnets": ["subnet-0123456789abcdef0"], "securityGroups": [], "assignPublicIp": "DISABLED",
        } },
    });
    world.ecs.script_standing(&service.name);
    run(world, "CreateService", &created, "service", &service.name).map(drop)
}

fn definition(service: &SeedService) -> Value {
    let own = service.containers.iter().map(|name| (name, &service.image));
    let containers = own.chain(service.beside.iter().map(|(name, image)| (name, image))).enumerate();
    let containers: Vec<Value> = containers
        .map(|(index, (name, image))| json!({ "name": name, "image": image, "essential": index == 0 }))
        .collect();
    json!({
        "family": service.family,
        "containerDefinitions": containers,
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "256",
        "memory": "512",
    })
}

fn run(world: &World, operation: &str, input: &Value, what: &'static str, name: &str) -> Result<Value, SandboxError> {
    let reason = |error: AwsError| refused(what, name, format!("{}: {}", error.code, error.message));
    world.ecs.carry_out(operation, input).map_err(reason)
}

fn refused(what: &'static str, name: &str, reason: String) -> SandboxError {
    SandboxError::Seed { what, name: name.to_owned(), reason }
}
