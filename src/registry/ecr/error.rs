//! What can go wrong with ECR's own API, and what the rules of a repository forbid.

use aws_sdk_ecr::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};

use super::Denied;
use crate::ground::Hint;
use crate::net::is_untrusted;
use crate::oci::Digest;
use crate::registry::response::one_line;

/// A call of ECR's API that failed, or a push that the repository's rules forbid.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EcrError {
    /// ECR refuses.
    #[error("ECR refuses `{operation}`: {code}: {message}")]
    Refused {
        /// The operation, such as `CreateRepository`.
        operation: &'static str,
        /// The name of the exception.
        code: String,
        /// What ECR says.
        message: String,
        /// The right that is missing, where that is the reason.
        denied: Option<Denied>,
    },
    /// There was no answer, or nothing to ask with.
    #[error("ECR cannot be asked for `{operation}`: {cause}")]
    Unanswered {
        /// The operation.
        operation: &'static str,
        /// What went wrong.
        cause: String,
        /// Whether there were AWS credentials to ask with.
        resolved: bool,
    },
    /// The certificate of AWS, or of the proxy that stands in for it, is signed by nobody we know.
    #[error("ECR cannot be asked for `{operation}`: the certificate is not trusted")]
    Untrusted {
        /// The operation.
        operation: &'static str,
    },
    /// A tag that cannot move stands for another image.
    #[error("tag `{tag}` of `{repository}` is immutable and stands for {there}; built was {built}")]
    ImmutableTag {
        /// The repository's name.
        repository: String,
        /// The tag.
        tag: String,
        /// The digest that the tag stands for.
        there: Digest,
        /// The digest that was to be pushed.
        built: Digest,
    },
}

impl EcrError {
    /// Returns the name of ECR's exception.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { code, .. } => Some(code),
            _ => None,
        }
    }

    /// Returns whether the principal lacks the right to ask: for what is merely asked for, that is no failure.
    pub fn is_denied(&self) -> bool {
        matches!(self, Self::Refused { code, denied, .. } if denied.is_some() || code.starts_with("AccessDenied"))
    }

    /// Puts a failed call into words. Without credentials the SDK fails before it sends anything.
    pub(super) fn of<E>(operation: &'static str, error: &SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        match error {
            SdkError::ServiceError(service) => {
                let code = service.err().code().unwrap_or("refused").to_owned();
                let text = service.err().message().unwrap_or_default();
                Self::Refused { operation, code, denied: Denied::parse(text), message: one_line(text) }
            }
            SdkError::DispatchFailure(_) if is_untrusted(error) => Self::Untrusted { operation },
            SdkError::DispatchFailure(failure) => {
                let resolved = failure.is_io() || failure.is_timeout();
                Self::Unanswered { operation, cause: one_line(&crate::net::describe(error)), resolved }
            }
            SdkError::TimeoutError(_) => {
                Self::Unanswered { operation, cause: "no answer in time".to_owned(), resolved: true }
            }
            _ => {
                let cause = one_line(&DisplayErrorContext(error).to_string());
                Self::Unanswered { operation, cause, resolved: false }
            }
        }
    }
}

impl Hint for EcrError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Refused { denied: Some(denied), .. } => denied.remedy(),
            Self::Refused { code, .. } if code == "LimitExceededException" => {
                "delete repositories that nobody needs, or ask AWS for a higher quota (Service Quotas, Amazon ECR)"
                    .to_owned()
            }
            Self::Refused { code, .. } if code == "KmsException" => {
                "check that the repository's KMS key is enabled, and that ECR has its grant".to_owned()
            }
            Self::Refused { .. } => {
                "`aws sts get-caller-identity` shows who asks; check the name and the region".to_owned()
            }
            Self::Unanswered { resolved: true, .. } => "check the network, HTTPS_PROXY and NO_PROXY; without a way to \
                the internet, ECR needs the VPC endpoints `ecr.api` and `ecr.dkr`"
                .to_owned(),
            Self::Untrusted { .. } => {
                "name the authority that signs in your network: AWS_CA_BUNDLE=FILE or SSL_CERT_FILE=FILE".to_owned()
            }
            Self::Unanswered { resolved: false, .. } => {
                "give AWS credentials: AWS_PROFILE, `aws sso login`, or a role".to_owned()
            }
            Self::ImmutableTag { repository, tag, there, .. } => format!(
                "push another tag, or deploy what stands there: `{repository}@{there}`; `immutable_tags: {{except: \
                 [{tag}]}}` lets a new repository's tag move"
            ),
        })
    }
}
