//! `services`: what is updated.

use std::collections::BTreeSet;

use super::containers::containers;
use super::ecs_name;
use crate::spec::deploy_spec::{ContainerChoice, ServiceSpec};
use crate::spec::error::{Problem, SpecError};
use crate::spec::field::Field;
use crate::spec::schema;

pub(super) fn services(field: Field<'_>, default: &ContainerChoice) -> Result<Vec<ServiceSpec>, SpecError> {
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
    let map = field.map(&schema::SERVICE)?;
    let Some(name) = map.read("name", ecs_name)? else {
        return Err(field.flaw(Problem::new("`name` is missing").hint("name the service: `{name: worker}`")));
    };
    Ok(ServiceSpec { name, containers: map.read("containers", containers)?.unwrap_or_else(|| default.clone()) })
}
