//! Whether an account may pull from a repository of another one: its policy says so, where it may be read.

use serde_json::{Value, json};

use super::api_error::ApiError;
use super::aws::Ecs;
use super::ecr_repository::{ECR, EcrRepository};
use crate::net::AwsCall;
use crate::oci::Repository;

/// What is known of the right of an account to pull from another one's repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pull {
    /// The policy names the account, or everybody.
    Admitted,
    /// It may not; why not, in words.
    Refused(&'static str),
    /// The policy may not be read, or there is nobody to ask.
    Unknown(Box<ApiError>),
}

impl Ecs {
    /// Asks for the policy of a repository and reads what it means for an account.
    pub(super) async fn may_pull(&self, repository: &Repository, account: &str) -> Pull {
        let Some(EcrRepository { account: owner, region, name }) = EcrRepository::of(repository) else {
            return Pull::Admitted;
        };
        let input = json!({ "registryId": owner, "repositoryName": name });
        let target = "AmazonEC2ContainerRegistry_V20150921.GetRepositoryPolicy";
        let call = AwsCall::json(ECR, target, &input).in_region(Some(region)).casually();
        match self.calls().send_json(&call).await {
            Ok(answer) => {
                let text = answer["policyText"].as_str().unwrap_or_default();
                let policy: Value = serde_json::from_str(text).unwrap_or_default();
                match admits(&policy, account) {
                    true => Pull::Admitted,
                    false => Pull::Refused("the policy of that repository does not admit it"),
                }
            }
            Err(failure) if failure.code.as_deref() == Some("RepositoryPolicyNotFoundException") => {
                Pull::Refused("that repository has no policy, so only its own account may pull")
            }
            Err(failure) => Pull::Unknown(Box::new(ApiError::of_action("ecr:GetRepositoryPolicy", failure))),
        }
    }
}

/// Returns whether a statement of a policy lets somebody of an account pull. Conditions are taken as met: whether they
/// are is for ECR to say.
fn admits(policy: &Value, account: &str) -> bool {
    many(&policy["Statement"]).iter().any(|statement| {
        statement["Effect"] == "Allow"
            && many(&statement["Action"]).iter().any(pulls)
            && names(&statement["Principal"], account)
    })
}

fn pulls(action: &Value) -> bool {
    let action = action.as_str().unwrap_or_default().to_lowercase();
    matches!(action.as_str(), "*" | "ecr:*" | "ecr:batch*" | "ecr:batchget*" | "ecr:batchgetimage")
}

fn names(principal: &Value, account: &str) -> bool {
    let of_aws = if principal.is_string() { principal } else { &principal["AWS"] };
    many(of_aws).iter().filter_map(Value::as_str).any(|who| {
        who == "*"
            || who == account
            || who.strip_prefix("arn:").is_some_and(|arn| arn.split(':').nth(3) == Some(account))
    })
}

/// A policy may have one value where it may have a list.
fn many(value: &Value) -> &[Value] {
    match value {
        Value::Array(all) => all,
        Value::Null => &[],
        one => std::slice::from_ref(one),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_admitted_by_its_number_its_arns_or_with_everybody() {
        let own = "123456789012";
        let pull = json!(["ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"]);
        let rows = [
            (json!("*"), pull.clone(), "Allow", true),
            (json!({"AWS": "*"}), json!("ecr:*"), "Allow", true),
            (json!({"AWS": own}), pull.clone(), "Allow", true),
            (
                json!({"AWS": ["arn:aws:iam::999999999999:root", "arn:aws:iam::123456789012:root"]}),
                pull.clone(),
                "Allow",
                true,
            ),
            (json!({"AWS": "arn:aws:iam::999999999999:root"}), pull.clone(), "Allow", false),
            (json!({"AWS": own}), json!("ecr:PutImage"), "Allow", false),
            (json!({"Service": "codebuild.amazonaws.com"}), pull.clone(), "Allow", false),
            (json!({"AWS": own}), pull, "Deny", false),
        ];
        for (principal, action, effect, expect) in rows {
            let statement = json!({"Effect": effect, "Principal": principal, "Action": action});
            assert_eq!(admits(&json!({"Statement": [statement]}), own), expect, "{statement}");
            assert_eq!(admits(&json!({"Statement": statement}), own), expect, "{statement}");
        }
        assert!(!admits(&Value::Null, own));
    }
}
