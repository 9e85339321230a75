//! `deploy`: what runs the image.

use std::collections::BTreeSet;
use std::path::Path;

use crate::spec::deploy_spec::{ContainerChoice, DeploySpec, ServiceSpec, TaskDefinitionSource, WaitTimeout};
use crate::spec::error::{Problem, SpecError};
use crate::spec::field::{Field, Keys};
use crate::spec::words;

const KEYS: Keys = Keys {
    known: &["region", "cluster", "task_definition", "containers", "services", "wait"],
    later: &["order_of_services", "all_or_nothing", "schedules", "before", "on_active_deployment", "give_up", "order"],
};

/// The cluster that ECS takes where none is named.
const DEFAULT_CLUSTER: &str = "default";

pub(super) fn deploy(field: Field<'_>, project: &Path) -> Result<DeploySpec, SpecError> {
    let map = field.map(&KEYS)?;
    let containers = map.read("containers", containers)?.unwrap_or(ContainerChoice::Auto);
    let Some(services) = map.read("services", |field| services(field, &containers))? else {
        let problem = Problem::new("`services` is missing").hint("name what is to be updated: `services: [myservice]`");
        return Err(field.key_flaw(problem));
    };
    Ok(DeploySpec {
        region: map.read("region", region)?,
        cluster: map.read("cluster", ecs_name)?.unwrap_or_else(|| DEFAULT_CLUSTER.to_owned()),
        task_definition: map
            .read("task_definition", |field| task_definition(field, project))?
            .unwrap_or(TaskDefinitionSource::Live),
        containers,
        services,
        wait: map.read("wait", wait)?.unwrap_or(WaitTimeout::Auto),
    })
}

fn region(field: Field<'_>) -> Result<String, SpecError> {
    field.parse(|text| {
        let word = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        match text.split('-').count() >= 3 && text.split('-').all(word) {
            true => Ok(text.to_owned()),
            false => Err(Problem::new(format!("`{text}` is not a region")).hint("write it like `eu-central-1`")),
        }
    })
}

/// Reads the name of a cluster, service or container, or the ARN of one of the first two.
fn ecs_name(field: Field<'_>) -> Result<String, SpecError> {
    field.parse(|text| {
        let name = |text: &str| {
            (1..=255).contains(&text.len())
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        };
        match text.starts_with("arn:") || name(text) {
            true => Ok(text.to_owned()),
            false => Err(Problem::new(format!("`{text}` is not a name of ECS"))
                .hint("names have letters, digits, `-` and `_`, and at most 255 of them")),
        }
    })
}

fn task_definition(field: Field<'_>, project: &Path) -> Result<TaskDefinitionSource, SpecError> {
    let text = field.text()?;
    match text.as_str() {
        "live" => Ok(TaskDefinitionSource::Live),
        "latest" => {
            Err(field.flaw(Problem::new("`task_definition: latest` is not supported yet").hint("use `live` or a file")))
        }
        file if [".json", ".yaml", ".yml"].iter().any(|end| file.ends_with(end)) => {
            Ok(TaskDefinitionSource::File(project.join(file)))
        }
        other => {
            let problem = Problem::new(format!("`{other}` is neither `live` nor a JSON or YAML file"));
            let near = problem.near(other, &["live"]);
            let hint =
                near.hint.clone().unwrap_or_else(|| "use `live`, or a file that ends with `.json` or `.yaml`".into());
            Err(field.flaw(near.hint(hint)))
        }
    }
}

fn containers(field: Field<'_>) -> Result<ContainerChoice, SpecError> {
    if field.is_map() {
        let problem = Problem::new("`containers` with settings for each is not supported yet");
        return Err(field.key_flaw(problem.hint("write a list of names: `containers: [web]`")));
    }
    let mut seen = BTreeSet::new();
    let mut names = Vec::new();
    for entry in field.list()? {
        let name = ecs_name(entry)?;
        if !seen.insert(name.clone()) {
            return Err(entry.flaw(Problem::new(format!("the container `{name}` is named twice"))));
        }
        names.push(name);
    }
    if names.is_empty() {
        let problem =
            Problem::new("`containers` is empty").hint("remove the key for those that run the image's repository");
        return Err(field.flaw(problem));
    }
    Ok(ContainerChoice::Named(names))
}

fn services(field: Field<'_>, default: &ContainerChoice) -> Result<Vec<ServiceSpec>, SpecError> {
    let mut seen = BTreeSet::new();
    let mut services = Vec::new();
    for entry in field.list()? {
        let service = service(entry, default)?;
        if !seen.insert(service.name.clone()) {
            let problem = Problem::new(format!("the service `{}` is named twice", service.name));
            return Err(entry.flaw(problem.hint("name it once, with all of its containers")));
        }
        services.push(service);
    }
    if services.is_empty() {
        return Err(field.flaw(Problem::new("`services` is empty").hint("name at least one, or remove `deploy`")));
    }
    Ok(services)
}

fn service(field: Field<'_>, default: &ContainerChoice) -> Result<ServiceSpec, SpecError> {
    if !field.is_map() {
        return Ok(ServiceSpec { name: ecs_name(field)?, containers: default.clone() });
    }
    let map = field.map(&Keys { known: &["name", "containers"], later: &[] })?;
    let Some(name) = map.read("name", ecs_name)? else {
        return Err(field.flaw(Problem::new("`name` is missing").hint("name the service: `{name: worker}`")));
    };
    Ok(ServiceSpec { name, containers: map.read("containers", containers)?.unwrap_or_else(|| default.clone()) })
}

fn wait(field: Field<'_>) -> Result<WaitTimeout, SpecError> {
    if field.is_scalar() {
        return Err(field.wrong("a map", Some(&format!("write `wait: {{timeout: {}}}`", field.untouched()?))));
    }
    let map = field.map(&Keys { known: &["timeout"], later: &[] })?;
    let timeout = map.read("timeout", |field| {
        field.parse(|text| match text {
            "auto" => Ok(WaitTimeout::Auto),
            text => match words::duration(text)? {
                zero if zero.is_zero() => Err(Problem::new("`timeout` is zero").hint("use `--no-wait` not to wait")),
                duration => Ok(WaitTimeout::After(duration)),
            },
        })
    })?;
    Ok(timeout.unwrap_or(WaitTimeout::Auto))
}
