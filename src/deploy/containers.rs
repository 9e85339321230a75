//! Which containers of a task definition get the image.

use super::task_definition::{Container, TaskDefinition};
use crate::ground::{Hint, did_you_mean};
use crate::oci::Repository;
use crate::spec::{ContainerChoice, ContainerSpec};

/// Chooses containers, in the order of the task definition: the named ones; else each whose image is of `repository`;
/// else the only essential one.
///
/// # Errors
/// When a named container does not exist, or nothing tells which one is meant.
pub fn choose(
    definition: &TaskDefinition,
    choice: &ContainerChoice,
    repository: &Repository,
) -> Result<Vec<String>, ContainerError> {
    let containers = definition.containers();
    match choice {
        ContainerChoice::Named(specs) => named(definition, &containers, specs),
        ContainerChoice::Auto => automatic(definition, &containers, repository),
    }
}

fn names_of(containers: &[Container<'_>]) -> Vec<String> {
    containers.iter().map(|container| container.name.to_owned()).collect()
}

fn named(
    definition: &TaskDefinition,
    containers: &[Container<'_>],
    specs: &[ContainerSpec],
) -> Result<Vec<String>, ContainerError> {
    let all = names_of(containers);
    if let Some(spec) = specs.iter().find(|spec| !all.contains(&spec.name)) {
        let family = definition.family().to_owned();
        return Err(ContainerError::Unknown { container: spec.name.clone(), family, containers: all });
    }
    Ok(all.into_iter().filter(|name| specs.iter().any(|spec| spec.name == *name)).collect())
}

fn automatic(
    definition: &TaskDefinition,
    containers: &[Container<'_>],
    repository: &Repository,
) -> Result<Vec<String>, ContainerError> {
    let of_repository: Vec<_> = containers.iter().filter(|container| container.is_of(repository)).collect();
    if !of_repository.is_empty() {
        return Ok(of_repository.iter().map(|container| container.name.to_owned()).collect());
    }
    let mut essential = containers.iter().filter(|container| container.essential);
    match (essential.next(), essential.next()) {
        (Some(only), None) => Ok(vec![only.name.to_owned()]),
        _ => Err(ContainerError::Ambiguous {
            repository: repository.to_string(),
            family: definition.family().to_owned(),
            containers: names_of(containers),
        }),
    }
}

/// A choice that does not name a container.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ContainerError {
    /// There is no container of this name.
    #[error("task definition `{family}` has no container `{container}`: it has {}", listed(containers))]
    Unknown {
        /// The name.
        container: String,
        /// The family of the task definition.
        family: String,
        /// The containers that exist.
        containers: Vec<String>,
    },
    /// Two builds bring an image for one container.
    #[error("two images are to run in container `{container}` of task definition `{family}`")]
    TwoImages {
        /// The container.
        container: String,
        /// The family of the task definition.
        family: String,
    },
    /// No image is of the repository, and not exactly one container is essential.
    #[error(
        "no container of task definition `{family}` runs an image of `{repository}`, and not exactly one is essential: \
         it has {}",
        listed(containers)
    )]
    Ambiguous {
        /// The repository of the image.
        repository: String,
        /// The family of the task definition.
        family: String,
        /// The containers that exist.
        containers: Vec<String>,
    },
}

fn listed(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

impl Hint for ContainerError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown { container, containers, .. } => {
                let nearest = did_you_mean(container, containers.iter().map(String::as_str));
                Some(match nearest {
                    Some(nearest) => format!("did you mean `{nearest}`? set it in `deploy.containers`"),
                    None => "name one of them in `deploy.containers`".to_owned(),
                })
            }
            Self::TwoImages { .. } => Some(
                "name in each build file the containers that its image is for, as in `deploy: {containers: [NAME]}`"
                    .to_owned(),
            ),
            Self::Ambiguous { containers, .. } => {
                let first = containers.first().map_or("NAME", String::as_str);
                Some(format!("say which one gets the image, as in `deploy: {{containers: [{first}]}}`"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Each container is `name image [essential]`.
    fn choose_of(containers: &[(&str, &str, bool)], choice: &ContainerChoice) -> Result<Vec<String>, ContainerError> {
        let containers: Vec<_> = containers
            .iter()
            .map(|(name, image, essential)| json!({"name": name, "image": image, "essential": essential}))
            .collect();
        let document = json!({"family": "f", "containerDefinitions": containers});
        let definition = TaskDefinition::from_value(document).expect("a task definition");
        choose(&definition, choice, &"example.com/shop".parse().expect("a repository"))
    }

    #[test]
    fn containers_are_chosen_by_name_then_by_repository_then_as_the_only_essential_one() {
        let web = ("web", "example.com/shop:1", true);
        let pinned = ("queue", &*format!("example.com/shop@{}", crate::oci::Digest::of(b"")), false);
        let proxy = ("proxy", "nginx", true);
        let agent = ("agent", "example.com/shop/agent:1", false);
        let odd = ("odd", "${IMAGE}", true);
        let named =
            |names: &[&str]| ContainerChoice::Named(names.iter().map(|&name| ContainerSpec::named(name)).collect());
        let rows: [(&[_], _, &[&str]); 5] = [
            (&[proxy, web], named(&["proxy"]), &["proxy"]),
            (&[proxy, web], named(&["web", "proxy"]), &["proxy", "web"]),
            (&[proxy, web, pinned, agent], ContainerChoice::Auto, &["web", "queue"]),
            (&[proxy, agent], ContainerChoice::Auto, &["proxy"]),
            (&[agent, odd], ContainerChoice::Auto, &["odd"]),
        ];
        for (containers, choice, expect) in rows {
            assert_eq!(choose_of(containers, &choice).expect("a choice"), expect, "{containers:?} {choice:?}");
        }
    }

    #[test]
    fn a_choice_that_names_none_lists_all() {
        let two = [("app", "a", true), ("proxy", "b", true)];
        let error = choose_of(&two, &ContainerChoice::Auto).expect_err("two essential ones");
        assert!(error.to_string().ends_with("it has `app`, `proxy`"), "{error}");
        assert!(error.hint().is_some_and(|hint| hint.contains("containers: [app]")));
        let error =
            choose_of(&two, &ContainerChoice::Named(vec![ContainerSpec::named("apq")])).expect_err("no such container");
        assert!(error.hint().is_some_and(|hint| hint.starts_with("did you mean `app`?")));
    }
}
