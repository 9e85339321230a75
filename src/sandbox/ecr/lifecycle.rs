//! Lifecycle policies: kept and given back; nothing expires in the stand-in.

use serde_json::{Value, json};

use super::operation::with_repository;
use crate::sandbox::aws_json::{AwsError, Input};
use crate::sandbox::registry::Registry;

/// Where a repository keeps its policy among its settings. `DescribeRepositories` does not show it.
pub(super) const POLICY: &str = "lifecyclePolicyText";

/// `PutLifecyclePolicy`.
pub(super) fn put(registry: &Registry, input: Input<'_>) -> Result<Value, AwsError> {
    with_repository(registry, input, |repository| {
        let text = input.required(POLICY)?;
        let rules = serde_json::from_str::<Value>(text).ok();
        if rules.and_then(|policy| policy["rules"].as_array().map(Vec::is_empty)) != Some(false) {
            let message = "Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: 'Lifecycle policy \
                           validation failure'";
            return Err(AwsError::new("InvalidParameterException", message));
        }
        repository.document.settings.others.insert(POLICY.to_owned(), json!(text));
        registry.save(repository)?;
        Ok(json!({
            "registryId": registry.account, "repositoryName": repository.document.name, "lifecyclePolicyText": text,
        }))
    })
}

/// `GetLifecyclePolicy`.
pub(super) fn get(registry: &Registry, input: Input<'_>) -> Result<Value, AwsError> {
    with_repository(registry, input, |repository| {
        let name = &repository.document.name;
        let text = repository.document.settings.others.get(POLICY).ok_or_else(|| {
            let message = format!("Lifecycle policy does not exist for the repository with name '{name}'");
            AwsError::new("LifecyclePolicyNotFoundException", message)
        })?;
        Ok(json!({ "registryId": registry.account, "repositoryName": name, "lifecyclePolicyText": text }))
    })
}
