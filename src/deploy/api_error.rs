//! What AWS answered instead of an answer, without the SDK's types and without its debug formatting.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_ecs::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use crate::ground::Hint;
use crate::net::{AwsFailure, describe};

/// A call that AWS refused, or that did not reach it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{operation}: {}", self.words())]
pub struct ApiError {
    /// The operation's name, such as `UpdateService`; of a service other than ECS its action, such as
    /// `events:PutTargets`.
    pub operation: &'static str,
    /// AWS's code, such as `AccessDeniedException`, if it answered with one.
    pub code: Option<String>,
    /// AWS's words, else those of the transport.
    pub message: String,
    /// The status of the HTTP answer, if there was one.
    pub http_status: Option<u16>,
}

impl ApiError {
    /// Takes what matters out of the SDK's error.
    pub(crate) fn of<E>(operation: &'static str, error: SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        let http_status = error.raw_response().map(|response| response.status().as_u16());
        let code = error.code().map(str::to_owned);
        let message = match (&code, error.message()) {
            (_, Some(message)) => message.to_owned(),
            (Some(_), None) => String::new(),
            (None, None) => transport_words(&error, http_status),
        };
        Self { operation, code, message, http_status }
    }

    /// Takes over what a call without the SDK failed with; the action stands as IAM has it.
    pub(super) fn of_action(action: &'static str, failure: AwsFailure) -> Self {
        let AwsFailure { code, message, http_status } = failure;
        Self { operation: action, code, message, http_status }
    }

    /// Returns the action as IAM has it.
    pub fn action(&self) -> String {
        if self.operation.contains(':') { self.operation.to_owned() } else { format!("ecs:{}", self.operation) }
    }

    /// Makes an error of an answer that has not what its operation promises.
    pub(crate) fn malformed(operation: &'static str, what: &str) -> Self {
        Self { operation, code: None, message: format!("the answer has no {what}"), http_status: None }
    }

    fn words(&self) -> String {
        match &self.code {
            Some(code) if self.message.is_empty() => code.clone(),
            Some(code) => format!("{code}: {}", self.message),
            None => self.message.clone(),
        }
    }

    /// Returns whether AWS's code is this one.
    pub fn is(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }

    /// Returns whether the caller has not the right.
    pub fn is_denied(&self) -> bool {
        self.is("AccessDeniedException") || self.is("AccessDenied")
    }

    /// Returns whether AWS itself said no, so that nothing was done; anything else may have been done.
    pub fn is_refusal(&self) -> bool {
        self.code.is_some() && self.http_status.is_some_and(|status| (400..500).contains(&status))
    }

    /// Returns whether another client registers a revision of the same family just now; AWS gives no code for it.
    pub fn is_concurrent_register(&self) -> bool {
        self.is("ClientException") && self.message.contains("Too many concurrent attempts")
    }
}

fn transport_words<E>(error: &SdkError<E, HttpResponse>, status: Option<u16>) -> String
where
    E: Error + Send + Sync + 'static,
{
    match (error, status) {
        (SdkError::TimeoutError(_), _) => "no answer in time".to_owned(),
        (SdkError::ResponseError(_) | SdkError::ServiceError(_), Some(status)) => {
            format!("the answer with HTTP status {status} is none of ECS")
        }
        _ if is_about_credentials(error) => format!("{NO_CREDENTIALS}: {}", describe(error)),
        _ => describe(error),
    }
}

const NO_CREDENTIALS: &str = "no AWS credentials";

fn is_about_credentials(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<CredentialsError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

impl Hint for ApiError {
    fn hint(&self) -> Option<String> {
        let hint = match self.code.as_deref() {
            Some("AccessDeniedException" | "AccessDenied") => return Some(denied_hint(self)),
            Some("ExpiredTokenException" | "ExpiredToken") => "log in to AWS again: the session has expired",
            Some("UnrecognizedClientException" | "InvalidClientTokenId" | "MissingAuthenticationTokenException") => {
                "check AWS_PROFILE or AWS_ACCESS_KEY_ID: AWS does not know this access key"
            }
            Some("InvalidSignatureException" | "SignatureDoesNotMatch" | "RequestExpired") => {
                "set this machine's clock, and check AWS_SECRET_ACCESS_KEY: AWS refused the signature"
            }
            Some("ServiceNotActiveException") => "create the service again, or take it out of `deploy.services`",
            Some("LimitExceededException") => "ask AWS for a higher quota, or deregister what is not needed",
            Some("ThrottlingException" | "Throttling" | "TooManyRequestsException") => {
                "run it again later: other clients use up the account's request rate"
            }
            Some("UnsupportedFeatureException") => "choose a region that has this feature of ECS",
            Some("PlatformTaskDefinitionIncompatibilityException" | "PlatformUnknownException") => {
                "set the service's platform version to LATEST"
            }
            Some("BlockedException") => "ask AWS Support: the account is blocked",
            Some("ClientException") => return client_hint(&self.message),
            Some(_) => return None,
            None => return transport_hint(&self.message),
        };
        Some(hint.to_owned())
    }
}

fn denied_hint(error: &ApiError) -> String {
    let pass_role = error
        .message
        .split_once("iam:PassRole on resource: ")
        .map(|(_, rest)| rest.split_whitespace().next().unwrap_or_default().trim_end_matches(['.', ',']).to_owned());
    let passed_to = match error.operation.split_once(':') {
        Some((service @ ("events" | "scheduler"), _)) => service,
        _ => "ecs-tasks",
    };
    match pass_role {
        Some(role) => format!(
            "allow it with {{\"Effect\": \"Allow\", \"Action\": \"iam:PassRole\", \"Resource\": \"{role}\", \"Condition\": \
             {{\"StringEquals\": {{\"iam:PassedToService\": \"{passed_to}.amazonaws.com\"}}}}}}"
        ),
        None => format!("allow `{}` in the IAM policy of whoever runs this", error.action()),
    }
}

fn client_hint(message: &str) -> Option<String> {
    let hint = if message.contains("Unable to describe task definition") {
        "check that the revision exists and is ACTIVE: a deregistered one cannot be deployed"
    } else if message.to_lowercase().contains("taskdefinition is inactive")
        || message.contains("TaskDefinition not found")
    {
        "run this again: the revision was taken away meanwhile, and another one is registered then"
    } else if message.contains("Too many concurrent attempts") {
        "run it again: another client registers revisions of the same family"
    } else if message.contains("At least one of 'memory' or 'memoryReservation'") {
        "set `memory` of the task or of each container in the task definition"
    } else if message.contains("Role is not valid") || message.contains("unable to assume the role") {
        "create the role, or correct `taskRoleArn` and `executionRoleArn`: ECS must be able to assume them"
    } else {
        return None;
    };
    Some(hint.to_owned())
}

fn transport_hint(message: &str) -> Option<String> {
    if message.starts_with(NO_CREDENTIALS) {
        return Some("log in, or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY".to_owned());
    }
    let lower = message.to_lowercase();
    ["refused", "lookup", "dns", "timed out", "no answer", "unreachable", "status 5"]
        .iter()
        .any(|word| lower.contains(word))
        .then(|| "check the region, the proxy and AWS_ENDPOINT_URL".to_owned())
}
