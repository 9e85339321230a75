//! The account that AWS calls go to, to be named in an error: nothing depends on it.

use std::time::Duration;

use aws_sdk_sts::config::retry::RetryConfig;
use aws_sdk_sts::config::timeout::TimeoutConfig;
use aws_types::SdkConfig;

/// An error message must not take longer than this.
const LIMIT: Duration = Duration::from_secs(3);

/// Asks STS who is calling, once; `None` when it does not say.
pub(super) async fn account(config: &SdkConfig) -> Option<String> {
    let config = aws_sdk_sts::config::Builder::from(config)
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::builder().operation_timeout(LIMIT).build())
        .build();
    let identity = aws_sdk_sts::Client::from_conf(config).get_caller_identity().send().await.ok()?;
    identity.account().map(str::to_owned)
}
