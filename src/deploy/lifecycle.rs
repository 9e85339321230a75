//! Whether a lifecycle policy of ECR would take the image away from under a service that runs it.
//!
//! ECS pulls by digest at every start of a task: once ECR expired the image, the service cannot be scaled or healed.

use serde_json::{Value, json};

use super::api_error::ApiError;
use super::aws::Ecs;
use super::ecr_repository::{ECR, EcrRepository};
use super::preflight::Finding;
use crate::net::AwsCall;
use crate::oci::Repository;

impl Ecs {
    /// Returns the lifecycle policy of a repository of ECR; `None` where it has none, or is no repository of ECR.
    pub(super) async fn lifecycle_policy(&self, repository: &Repository) -> Result<Option<Value>, ApiError> {
        let Some(EcrRepository { account, region, name }) = EcrRepository::of(repository) else { return Ok(None) };
        let input = json!({ "registryId": account, "repositoryName": name });
        let target = "AmazonEC2ContainerRegistry_V20150921.GetLifecyclePolicy";
        let call = AwsCall::json(ECR, target, &input).in_region(Some(region)).casually();
        let answer = match self.calls().send_json(&call).await {
            Ok(answer) => answer,
            Err(failure) if failure.code.as_deref() == Some("LifecyclePolicyNotFoundException") => return Ok(None),
            Err(failure) => return Err(ApiError::of_action("ecr:GetLifecyclePolicy", failure)),
        };
        let text = answer["lifecyclePolicyText"].as_str().unwrap_or_default();
        Ok(serde_json::from_str(text).ok())
    }
}

/// Returns what a policy would do to an image that stands under a tag.
pub(super) fn examine(policy: &Value, repository: &Repository, tag: &str) -> Option<Finding> {
    let mut rules: Vec<&Value> = policy["rules"].as_array().into_iter().flatten().collect();
    // Of several rules that select an image, the one with the lowest priority decides (ECR User Guide).
    rules.sort_by_key(|rule| rule["rulePriority"].as_u64());
    let rule = rules.into_iter().find(|rule| selects(&rule["selection"], tag))?;
    let selection = &rule["selection"];
    let count = selection["countNumber"].as_u64().unwrap_or_default();
    let when = match selection["countType"].as_str()? {
        "imageCountMoreThan" => format!("once {count} newer images are pushed"),
        "sinceImagePushed" => format!("{count} days after its push"),
        "sinceImagePulled" => format!("{count} days after its last pull"),
        _ => return None,
    };
    let priority = rule["rulePriority"].as_u64().unwrap_or_default();
    let name = repository.name();
    Some(Finding::new(
        format!(
            "rule {priority} of the lifecycle policy of `{name}` expires `{tag}` {when}, also while a service runs it"
        ),
        "let the rule select other tags, or raise its count beyond what services run",
    ))
}

fn selects(selection: &Value, tag: &str) -> bool {
    let list = |key: &str| selection[key].as_array().into_iter().flatten().filter_map(Value::as_str);
    match selection["tagStatus"].as_str() {
        Some("any") => true,
        Some("tagged") => {
            // All prefixes, or all patterns, must be met by the image; one tag meets them here.
            let prefixes = list("tagPrefixList").all(|prefix| tag.starts_with(prefix));
            let patterns = list("tagPatternList").all(|pattern| matches(pattern, tag));
            let some = list("tagPrefixList").chain(list("tagPatternList")).next().is_some();
            some && prefixes && patterns
        }
        _ => false,
    }
}

/// Matches `*` against any characters.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, after)) => text.strip_prefix(before).is_some_and(|rest| {
            rest.char_indices().map(|(at, _)| at).chain([rest.len()]).any(|at| matches(after, &rest[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_rule_that_selects_the_tag_expires_the_image() {
        let repository: Repository = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/shop".parse().expect("one");
        let rule = |priority: u64, selection: Value| json!({"rulePriority": priority, "selection": selection});
        let any = json!({"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 10});
        let untagged = json!({"tagStatus": "untagged", "countType": "sinceImagePushed", "countNumber": 1});
        let tagged = |key: &str, word: &str| json!({"tagStatus": "tagged", key: [word], "countType": "sinceImagePushed", "countNumber": 14});
        let rows = [
            (vec![rule(1, untagged.clone())], None),
            (vec![rule(1, untagged.clone()), rule(2, any.clone())], Some("rule 2")),
            (vec![rule(9, any.clone()), rule(2, tagged("tagPatternList", "1.*"))], Some("14 days after its push")),
            (vec![rule(1, tagged("tagPrefixList", "dev-"))], None),
            (vec![rule(1, tagged("tagPatternList", "*.4"))], Some("rule 1")),
        ];
        for (rules, expect) in rows {
            let found = examine(&json!({"rules": rules}), &repository, "1.4");
            assert_eq!(found.is_some(), expect.is_some(), "{rules:?}");
            assert!(found.is_none_or(|finding| finding.message.contains(expect.unwrap_or_default())));
        }
        let parts = EcrRepository::of(&repository).expect("ECR");
        assert_eq!((parts.account, parts.region, parts.name), ("123456789012", "eu-west-1", "team/shop"));
    }
}
