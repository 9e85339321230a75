//! `deploy`: what runs the image.

mod before;
mod containers;
mod services;
mod watch;

use std::path::Path;

use self::containers::containers;
use crate::spec::deploy_spec::{ContainerChoice, DeploySpec, ScheduleSpec, ServiceOrder, TaskDefinitionSource};
use crate::spec::error::{Problem, SpecError};
use crate::spec::field::Field;
use crate::spec::schema;
use crate::spec::variables::{Answer, Variables};

/// The cluster that ECS takes where none is named.
const DEFAULT_CLUSTER: &str = "default";

pub(super) fn deploy(field: Field<'_>, project: &Path, variables: &Variables<'_>) -> Result<DeploySpec, SpecError> {
    let map = field.map(&schema::DEPLOY)?;
    let containers = map.read("containers", containers)?.unwrap_or(ContainerChoice::Auto);
    let Some(services) = map.read("services", |field| services::services(field, &containers))? else {
        let problem = Problem::new("`services` is missing").hint("name what is to be updated: `services: [myservice]`");
        return Err(field.key_flaw(problem));
    };
    let order = match map.get("order") {
        Some(field) => Some(field.number(0, u64::MAX)?),
        None => time_of_commit(variables),
    };
    Ok(DeploySpec {
        region: map.read("region", region)?,
        cluster: map.read("cluster", ecs_name)?.unwrap_or_else(|| DEFAULT_CLUSTER.to_owned()),
        task_definition: map
            .read("task_definition", |field| task_definition(field, project))?
            .unwrap_or(TaskDefinitionSource::Live),
        containers,
        order_of_services: map.read("order_of_services", order_of_services)?.unwrap_or_default(),
        all_or_nothing: map.read("all_or_nothing", |field| field.boolean())?.unwrap_or_default(),
        schedules: map.read("schedules", schedules)?.unwrap_or_default(),
        before: map.read("before", |field| before::before(field, &services))?.unwrap_or_default(),
        services,
        on_active_deployment: map.read("on_active_deployment", watch::on_active_deployment)?.unwrap_or_default(),
        wait: map.read("wait", watch::wait)?.unwrap_or(crate::spec::WaitTimeout::Auto),
        give_up: map.read("give_up", watch::give_up)?.unwrap_or_default(),
        dossier: map.read("dossier", watch::dossier)?.unwrap_or_default(),
        order,
    })
}

/// Returns `git.time`; a project that git cannot say it of has no order.
fn time_of_commit(variables: &Variables<'_>) -> Option<u64> {
    match variables.answer("git.time") {
        Answer::Value(seconds) => seconds.parse().ok(),
        _ => None,
    }
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
        "latest" => Ok(TaskDefinitionSource::Latest),
        file if [".json", ".yaml", ".yml"].iter().any(|end| file.ends_with(end)) => {
            Ok(TaskDefinitionSource::File(project.join(file)))
        }
        other => {
            let problem = Problem::new(format!("`{other}` is neither `live`, `latest` nor a JSON or YAML file"));
            let near = problem.near(other, &["live", "latest"]);
            let hint = near
                .hint
                .clone()
                .unwrap_or_else(|| "use `live`, `latest`, or a file that ends with `.json` or `.yaml`".into());
            Err(field.flaw(near.hint(hint)))
        }
    }
}

/// Reads one of a few words.
fn word<T: Copy>(field: Field<'_>, words: &[(&str, T)]) -> Result<T, SpecError> {
    field.parse(|text| match words.iter().find(|(word, _)| *word == text) {
        Some((_, meaning)) => Ok(*meaning),
        None => {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            Err(Problem::new(format!("`{text}` is no value of `{}`", field.name())).one_of(text, &known))
        }
    })
}

fn order_of_services(field: Field<'_>) -> Result<ServiceOrder, SpecError> {
    word(field, &[("one_by_one", ServiceOrder::OneByOne), ("at_once", ServiceOrder::AtOnce)])
}

/// The event bus and the group of schedules that AWS takes where none is named.
const DEFAULT: &str = "default";

fn schedules(field: Field<'_>) -> Result<Vec<ScheduleSpec>, SpecError> {
    let mut schedules = Vec::new();
    for entry in field.list()? {
        let schedule = schedule(entry)?;
        if schedules.contains(&schedule) {
            return Err(entry.flaw(Problem::new("the schedule is named twice").hint("remove one of them")));
        }
        schedules.push(schedule);
    }
    Ok(schedules)
}

fn schedule(field: Field<'_>) -> Result<ScheduleSpec, SpecError> {
    let hint = "write `{rule: NAME}` for a rule of EventBridge, `{scheduler: GROUP/NAME}` for a schedule";
    if !field.is_map() {
        return Err(field.wrong("a map", Some(hint)));
    }
    let map = field.map(&schema::SCHEDULE)?;
    match (map.get("rule"), map.get("scheduler")) {
        (Some(rule), None) => {
            let (bus, name) = schedule_name(rule)?;
            Ok(ScheduleSpec::Rule { bus, name })
        }
        (None, Some(scheduler)) => {
            let (group, name) = schedule_name(scheduler)?;
            Ok(ScheduleSpec::Scheduler { group, name })
        }
        _ => Err(field.flaw(Problem::new("a schedule is either a `rule` or a `scheduler`").hint(hint))),
    }
}

/// Reads `NAME`, or `PLACE/NAME` where the place, a bus of a partner, may have slashes of its own.
fn schedule_name(field: Field<'_>) -> Result<(String, String), SpecError> {
    field.parse(|text| {
        let (place, name) = text.rsplit_once('/').unwrap_or((DEFAULT, text));
        let good = |text: &str, more: &[u8]| {
            !text.is_empty()
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b) || more.contains(&b))
        };
        match good(place, b"/:") && good(name, b"") && name.len() <= 64 {
            true => Ok((place.to_owned(), name.to_owned())),
            false => Err(Problem::new(format!("`{text}` is not the name of a schedule"))
                .hint("names have letters, digits, `-`, `_` and `.`, and at most 64 of them")),
        }
    })
}
