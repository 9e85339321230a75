//! `before`: one-off tasks of the new revision.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{containers, ecs_name, word};
use crate::ground::did_you_mean;
use crate::spec::before_spec::{BeforeSpec, CapacitySpec, NetworkSpec};
use crate::spec::deploy_spec::ServiceSpec;
use crate::spec::error::{Problem, SpecError};
use crate::spec::field::{Field, Map};
use crate::spec::schema;
use crate::spec::words;

/// What a task gets where the file does not say: long for a migration, short for a job that hangs.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30 * 60);

const LAUNCH_TYPES: [(&str, &str); 4] =
    [("FARGATE", "FARGATE"), ("EC2", "EC2"), ("EXTERNAL", "EXTERNAL"), ("MANAGED_INSTANCES", "MANAGED_INSTANCES")];

pub(super) fn before(field: Field<'_>, services: &[ServiceSpec]) -> Result<Vec<BeforeSpec>, SpecError> {
    let mut seen = BTreeSet::new();
    let mut tasks = Vec::new();
    for entry in field.list()? {
        let task = task(entry, services)?;
        if !seen.insert(task.name.clone()) {
            return Err(entry.flaw(Problem::new(format!("the task `{}` is named twice", task.name))));
        }
        tasks.push(task);
    }
    Ok(tasks)
}

fn task(field: Field<'_>, services: &[ServiceSpec]) -> Result<BeforeSpec, SpecError> {
    let map = field.map(&schema::BEFORE)?;
    let Some(name) = map.read("name", ecs_name)? else {
        return Err(field.flaw(Problem::new("`name` is missing").hint("name the task: `{name: migrate}`")));
    };
    Ok(BeforeSpec {
        name,
        service: map.read("service", |field| service(field, services))?,
        container: map.read("container", ecs_name)?,
        command: map.read("command", containers::command)?,
        env: map.read("env", containers::env)?.unwrap_or_default(),
        timeout: map.read("timeout", timeout)?.unwrap_or(DEFAULT_TIMEOUT),
        network: map.read("network", network)?,
        capacity: capacity(&map)?,
    })
}

fn service(field: Field<'_>, services: &[ServiceSpec]) -> Result<String, SpecError> {
    let name = ecs_name(field)?;
    if services.iter().any(|service| service.name == name) {
        return Ok(name);
    }
    let nearest = did_you_mean(&name, services.iter().map(|service| service.name.as_str()));
    let hint = match nearest {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => "name one of `deploy.services`: the task runs that one's new revision".to_owned(),
    };
    Err(field.flaw(Problem::new(format!("`{name}` is none of `services`")).hint(hint)))
}

fn timeout(field: Field<'_>) -> Result<Duration, SpecError> {
    field.parse(|text| match words::duration(text)? {
        zero if zero.is_zero() => Err(Problem::new("`timeout` is zero").hint("give the task time to run: `10m`")),
        duration => Ok(duration),
    })
}

fn network(field: Field<'_>) -> Result<NetworkSpec, SpecError> {
    let map = field.map(&schema::NETWORK)?;
    let ids = |field: Field<'_>| field.list()?.iter().map(Field::text).collect::<Result<Vec<String>, SpecError>>();
    let subnets = map.read("subnets", ids)?.unwrap_or_default();
    if subnets.is_empty() {
        let problem = Problem::new("a network needs `subnets`");
        return Err(field.flaw(problem.hint("name them by id, as in `subnets: [subnet-0a1b2c3d]`")));
    }
    Ok(NetworkSpec {
        subnets,
        security_groups: map.read("security_groups", ids)?.unwrap_or_default(),
        public_ip: map.read("public_ip", |field| field.boolean())?.unwrap_or_default(),
    })
}

fn capacity(map: &Map<'_>) -> Result<Option<CapacitySpec>, SpecError> {
    let providers = |field: Field<'_>| {
        let names = field.list()?.into_iter().map(ecs_name).collect::<Result<Vec<String>, SpecError>>()?;
        match names.is_empty() {
            true => Err(field.flaw(Problem::new("`capacity_providers` is empty").hint("remove it for the service's"))),
            false => Ok(CapacitySpec::Providers(names)),
        }
    };
    match (map.get("launch_type"), map.get("capacity_providers")) {
        (Some(_), Some(both)) => {
            let problem = Problem::new("a task has either a `launch_type` or `capacity_providers`");
            Err(both.key_flaw(problem.hint("remove one of them")))
        }
        (Some(launch_type), None) => {
            word(launch_type, &LAUNCH_TYPES).map(|word| Some(CapacitySpec::LaunchType(word.to_owned())))
        }
        (None, names) => names.map(providers).transpose(),
    }
}
