//! Who calls AWS, to be named in an error or in the preflight: nothing else depends on it.

use std::time::Duration;

use aws_sdk_sts::config::retry::RetryConfig;
use aws_sdk_sts::config::timeout::TimeoutConfig;
use aws_sdk_sts::operation::get_caller_identity::GetCallerIdentityOutput;
use aws_types::SdkConfig;

/// An error message must not take longer than this.
const LIMIT: Duration = Duration::from_secs(3);

/// Asks STS for the account of whoever is calling, once; `None` when it does not say.
pub(super) async fn account(config: &SdkConfig) -> Option<String> {
    identity(config).await?.account().map(str::to_owned)
}

/// Asks STS for the ARN of whoever is calling, once; `None` when it does not say.
pub(super) async fn caller(config: &SdkConfig) -> Option<String> {
    identity(config).await?.arn().map(str::to_owned)
}

async fn identity(config: &SdkConfig) -> Option<GetCallerIdentityOutput> {
    let config = aws_sdk_sts::config::Builder::from(config)
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::builder().operation_timeout(LIMIT).build())
        .build();
    aws_sdk_sts::Client::from_conf(config).get_caller_identity().send().await.ok()
}
