//! From an operation's name to what carries it out.

use serde_json::{Value, json};

use super::{image, lifecycle, repository};
use crate::sandbox::aws_json::{AwsError, Input, time, unknown_operation};
use crate::sandbox::personality::MountRule;
use crate::sandbox::registry::{Registry, RegistryError, Repository, TOKEN_LIFETIME};
use crate::sandbox::world::World;

/// Carries out an operation of ECR.
///
/// # Errors
/// The exceptions of ECR.
pub(in crate::sandbox) fn carry_out(world: &World, operation: &str, input: Input<'_>) -> Result<Value, AwsError> {
    let registry = &world.registry;
    match operation {
        "GetAuthorizationToken" => Ok(authorization_token(world)),
        "CreateRepository" => repository::create(world, input),
        "DescribeRepositories" => repository::describe(world, input),
        "PutImageTagMutability" => repository::put_mutability(world, input),
        "PutLifecyclePolicy" => lifecycle::put(registry, input),
        "GetRepositoryPolicy" => repository::policy(registry, input),
        "GetLifecyclePolicy" => lifecycle::get(registry, input),
        "GetAccountSetting" => account_setting(registry, input),
        "DescribePullThroughCacheRules" => Ok(json!({ "pullThroughCacheRules": [] })),
        "BatchCheckLayerAvailability" => image::check_layers(registry, input),
        "BatchGetImage" => image::batch_get(registry, input),
        "DescribeImages" => image::describe(registry, input),
        "ListImages" => image::list(registry, input),
        _ => Err(unknown_operation(operation)),
    }
}

fn authorization_token(world: &World) -> Value {
    let now = world.registry.now();
    let expires_at = time(now.plus(TOKEN_LIFETIME).millis());
    let token = world.registry.tokens.issue(now);
    json!({ "authorizationData": [{
        "authorizationToken": token, "expiresAt": expires_at, "proxyEndpoint": format!("https://{}", world.ecr_host()),
    }] })
}

/// `GetAccountSetting`: mounts are on or off as the registry's ways are.
fn account_setting(registry: &Registry, input: Input<'_>) -> Result<Value, AwsError> {
    let name = input.required("name")?;
    match (name, registry.personality.mount) {
        ("BLOB_MOUNTING", MountRule::Never) => Ok(json!({ "name": name, "value": "DISABLED" })),
        ("BLOB_MOUNTING", _) => Ok(json!({ "name": name, "value": "ENABLED" })),
        _ => Err(AwsError::new("ValidationException", format!("There is no account setting '{name}'"))),
    }
}

/// Runs a function on the repository that the input names.
///
/// # Errors
/// `RepositoryNotFoundException` when there is none, and the function's own errors.
pub(super) fn with_repository<T>(
    registry: &Registry,
    input: Input<'_>,
    run: impl FnOnce(&mut Repository) -> Result<T, AwsError>,
) -> Result<T, AwsError> {
    let name = input.required("repositoryName")?;
    let mut repositories = registry.repositories();
    run(repositories.get_mut(name).ok_or_else(|| not_found(name, &registry.account))?)
}

/// The exception for a repository that does not exist.
pub(super) fn not_found(name: &str, account: &str) -> AwsError {
    let message = format!("The repository with name '{name}' does not exist in the registry with id '{account}'");
    AwsError::new("RepositoryNotFoundException", message)
}

impl From<RegistryError> for AwsError {
    fn from(error: RegistryError) -> Self {
        Self::new("InvalidParameterException", error.to_string())
    }
}
