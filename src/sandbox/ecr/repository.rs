//! Repositories: made, described, and set immutable.

use serde_json::{Map, Value, json};

use super::lifecycle::POLICY;
use super::operation::{not_found, with_repository};
use crate::oci;
use crate::sandbox::aws_json::{AwsError, Input, time, with_next_token};
use crate::sandbox::registry::{Exclusion, Immutability, Registry, Repository, RepositorySettings};
use crate::sandbox::world::World;

/// Settings that change nothing in the stand-in and are given back as they came.
const KEPT: [&str; 2] = ["imageScanningConfiguration", "encryptionConfiguration"];

/// `CreateRepository`.
pub(super) fn create(world: &World, input: Input<'_>) -> Result<Value, AwsError> {
    let name = input.required("repositoryName")?;
    let registry = &world.registry;
    if name.len() < 2 || oci::Repository::new("localhost", name).is_err() {
        let message = format!("Invalid parameter at 'repositoryName' failed to satisfy constraint: '{name}'");
        return Err(AwsError::new("InvalidParameterException", message));
    }
    if registry.repositories().contains_key(name) {
        let account = &registry.account;
        let message = format!("The repository with name '{name}' already exists in the registry with id '{account}'");
        return Err(AwsError::new("RepositoryAlreadyExistsException", message));
    }
    let (immutability, exclusions) = mutability(input)?;
    let others: Map<String, Value> =
        KEPT.iter().filter_map(|key| Some(((*key).to_owned(), input.0.get(*key)?.clone()))).collect();
    registry.create_repository(name, RepositorySettings { immutability, exclusions, others })?;
    with_repository(registry, input, |repository| Ok(json!({ "repository": view(world, repository) })))
}

/// `DescribeRepositories`.
pub(super) fn describe(world: &World, input: Input<'_>) -> Result<Value, AwsError> {
    let repositories = world.registry.repositories();
    let names = input.texts("repositoryNames");
    if names.is_empty() {
        let all = repositories.values().map(|repository| view(world, repository)).collect();
        let (page, next) = input.page(all, 100);
        return Ok(with_next_token(json!({ "repositories": page }), next));
    }
    let find = |name: &&str| {
        let found = repositories.get(*name).map(|repository| view(world, repository));
        found.ok_or_else(|| not_found(name, &world.registry.account))
    };
    let found = names.iter().map(find).collect::<Result<Vec<_>, _>>()?;
    Ok(json!({ "repositories": found }))
}

/// `GetRepositoryPolicy`: nobody has given one, so only the account itself may pull.
pub(super) fn policy(registry: &Registry, input: Input<'_>) -> Result<Value, AwsError> {
    with_repository(registry, input, |repository| {
        let message =
            format!("Repository policy does not exist for the repository with name '{}'", repository.document.name);
        Err(AwsError::new("RepositoryPolicyNotFoundException", message))
    })
}

/// `PutImageTagMutability`.
pub(super) fn put_mutability(world: &World, input: Input<'_>) -> Result<Value, AwsError> {
    let registry = &world.registry;
    with_repository(registry, input, |repository| {
        let (immutability, exclusions) = mutability(input)?;
        repository.document.settings.immutability = immutability;
        repository.document.settings.exclusions = exclusions;
        registry.save(repository)?;
        let mut output = view(world, repository);
        if let Some(members) = output.as_object_mut() {
            members.retain(|key, _| key.starts_with("re") || key.starts_with("imageTagMutability"));
            members.retain(|key, _| !matches!(key.as_str(), "repositoryArn" | "repositoryUri"));
        }
        Ok(output)
    })
}

fn mutability(input: Input<'_>) -> Result<(Immutability, Vec<Exclusion>), AwsError> {
    let invalid = |what: &str| AwsError::new("InvalidParameterException", format!("Invalid parameter at '{what}'"));
    let rule = match input.0.get("imageTagMutability") {
        None | Some(Value::Null) => Immutability::Mutable,
        Some(value) => serde_json::from_value(value.clone()).map_err(|_| invalid("imageTagMutability"))?,
    };
    let filters = input.list("imageTagMutabilityExclusionFilters");
    let exclusions = filters.iter().map(|filter| serde_json::from_value(filter.clone())).collect::<Result<Vec<_>, _>>();
    let exclusions: Vec<Exclusion> = exclusions.map_err(|_| invalid("imageTagMutabilityExclusionFilters"))?;
    let wants = matches!(rule, Immutability::ImmutableWithExclusion | Immutability::MutableWithExclusion);
    if exclusions.len() > 5 || wants == exclusions.is_empty() {
        return Err(invalid("imageTagMutabilityExclusionFilters"));
    }
    Ok((rule, exclusions))
}

fn view(world: &World, repository: &Repository) -> Value {
    let document = &repository.document;
    let arn = format!("arn:aws:ecr:{}:{}:repository/{}", world.region, world.registry.account, document.name);
    let mut view = json!({
        "registryId": world.registry.account,
        "repositoryName": document.name,
        "repositoryArn": arn,
        "repositoryUri": format!("{}/{}", world.ecr_host(), document.name),
        "createdAt": time(document.created_at),
        "imageTagMutability": document.settings.immutability,
        "imageScanningConfiguration": { "scanOnPush": false },
        "encryptionConfiguration": { "encryptionType": "AES256" },
    });
    if !document.settings.exclusions.is_empty() {
        view["imageTagMutabilityExclusionFilters"] = json!(document.settings.exclusions);
    }
    for (key, value) in document.settings.others.iter().filter(|(key, _)| *key != POLICY) {
        view[key] = value.clone();
    }
    view
}
