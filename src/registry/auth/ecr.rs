//! Amazon ECR: its host names, and its tokens through the AWS SDK.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use aws_sdk_ecr::config::Region;
use aws_sdk_ecr::error::{DisplayErrorContext, SdkError};
use regex::Regex;
use tokio::sync::Mutex;

use super::CredentialError;
use crate::ground::{Clock, Secret, Timestamp};
use crate::net::{AwsOptions, Connector, load_aws};

/// What the host name of a private ECR registry says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EcrHost {
    /// The name itself.
    pub host: String,
    /// The account that the registry belongs to.
    pub account: String,
    /// The region: always this one, never that of the environment.
    pub region: String,
    /// Whether it is a FIPS endpoint.
    pub fips: bool,
    /// Whether it is a dual-stack endpoint.
    pub dual_stack: bool,
}

/// The host names of ECR, as awslabs/amazon-ecr-credential-helper has them; anchored, since
/// `...amazonaws.com.example.org` is not AWS.
static HOST: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"^([0-9]{12})\.dkr[.-]ecr(-fips)?\.([a-zA-Z0-9][a-zA-Z0-9_-]*)\.(amazonaws\.(?:com(?:\.cn)?|eu)|on\.(?:aws|amazonwebservices\.com\.cn)|sc2s\.sgov\.gov|c2s\.ic\.gov|cloud\.adc-e\.uk|csp\.hci\.ic\.gov)$",
    )
    .expect("a constant that the tests compile")
});

impl EcrHost {
    /// Returns what a host name says, or `None` if it is not one of ECR's private registries.
    pub fn parse(host: &str) -> Option<Self> {
        let parts = HOST.captures(host)?;
        Some(Self {
            host: host.to_owned(),
            account: parts[1].to_owned(),
            region: parts[3].to_owned(),
            fips: parts.get(2).is_some(),
            dual_stack: parts[4].starts_with("on."),
        })
    }
}

/// A token of ECR: the value of an `Authorization: Basic` header.
#[derive(Clone, Debug)]
pub(super) struct EcrToken {
    /// The value, as AWS gave it.
    pub(super) basic: Secret<String>,
    refresh_at: Timestamp,
}

/// Tokens are used for at most this share of their life (12 hours), so that none ends under an upload.
const SHARE: u32 = 2;
/// The life of a token that does not say when it ends.
const LIFE: Duration = Duration::from_secs(12 * 3600);

/// Which endpoint mints a token: one serves all registries that the principal may use in its region.
type Mint = (String, bool, bool);

/// The tokens of this run, minted once each.
pub(super) struct EcrTokens {
    options: AwsOptions,
    connector: Connector,
    clock: Arc<dyn Clock>,
    minted: Mutex<BTreeMap<Mint, EcrToken>>,
}

impl EcrTokens {
    pub(super) fn new(options: AwsOptions, connector: Connector, clock: Arc<dyn Clock>) -> Self {
        Self { options, connector, clock, minted: Mutex::default() }
    }

    /// Returns a token for a host. `refused` is one that the registry no longer takes.
    ///
    /// All who need the same token wait for one call.
    pub(super) async fn token(
        &self,
        host: &EcrHost,
        refused: Option<&Secret<String>>,
    ) -> Result<EcrToken, CredentialError> {
        let key = (host.region.clone(), host.fips, host.dual_stack);
        let mut minted = self.minted.lock().await;
        let now = self.clock.now();
        if let Some(token) = minted.get(&key).filter(|token| now < token.refresh_at && refused != Some(&token.basic)) {
            return Ok(token.clone());
        }
        let token = self.mint(host).await?;
        minted.insert(key, token.clone());
        Ok(token)
    }

    async fn mint(&self, host: &EcrHost) -> Result<EcrToken, CredentialError> {
        let options = AwsOptions { region: Some(host.region.clone()), ..self.options.clone() };
        let aws = load_aws(&options, &self.connector).await;
        let mut config = aws_sdk_ecr::config::Builder::from(&aws).region(Region::new(host.region.clone()));
        // The SDK refuses FIPS and dual-stack together with an endpoint of the user's own.
        if aws.endpoint_url().is_none() {
            config = config.use_fips(host.fips).use_dual_stack(host.dual_stack);
        }
        let client = aws_sdk_ecr::Client::from_conf(config.build());
        let answer = client.get_authorization_token().send().await.map_err(|error| refusal(host, error))?;
        let data = answer.authorization_data().first();
        let basic = data.and_then(|data| data.authorization_token()).ok_or_else(|| CredentialError::Ecr {
            host: host.host.clone(),
            region: host.region.clone(),
            cause: "the answer holds no token".to_owned(),
            resolved: true,
        })?;
        let now = self.clock.now();
        let life =
            data.and_then(|data| data.expires_at()).map_or(LIFE, |end| Timestamp::from_seconds(end.secs()).since(now));
        Ok(EcrToken { basic: Secret::new(basic.to_owned()), refresh_at: now.plus(life / SHARE) })
    }
}

/// Puts a failed call into words. Without credentials the SDK fails before it sends anything.
fn refusal<E>(host: &EcrHost, error: SdkError<E>) -> CredentialError
where
    E: aws_sdk_ecr::error::ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let (name, region) = (host.host.clone(), host.region.clone());
    match &error {
        SdkError::ServiceError(service) => {
            let code = service.err().code().unwrap_or("refused");
            let message = service.err().message().unwrap_or_default();
            CredentialError::Ecr { host: name, region, cause: format!("{code}: {message}"), resolved: true }
        }
        SdkError::DispatchFailure(failure) => {
            let unreachable = failure.is_io() || failure.is_timeout();
            CredentialError::Ecr { host: name, region, cause: innermost(&error), resolved: unreachable }
        }
        _ => {
            CredentialError::Ecr { host: name, region, cause: DisplayErrorContext(&error).to_string(), resolved: false }
        }
    }
}

fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    crate::net::describe(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_host_form_of_ecr_is_told_with_its_region() {
        let table = [
            ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", "eu-west-1", false, false),
            ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1", false, false),
            ("123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1", false, false),
            ("123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1", true, false),
            ("123456789012.dkr-ecr.us-east-1.on.aws", "us-east-1", false, true),
            ("123456789012.dkr-ecr-fips.us-east-1.on.aws", "us-east-1", true, true),
            ("123456789012.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn", "cn-north-1", false, true),
            ("123456789012.dkr.ecr.us-iso-east-1.c2s.ic.gov", "us-iso-east-1", false, false),
            ("123456789012.dkr.ecr.us-isob-east-1.sc2s.sgov.gov", "us-isob-east-1", false, false),
            ("123456789012.dkr.ecr.eu-isoe-west-1.cloud.adc-e.uk", "eu-isoe-west-1", false, false),
            ("123456789012.dkr.ecr.us-isof-south-1.csp.hci.ic.gov", "us-isof-south-1", false, false),
        ];
        for (host, region, fips, dual_stack) in table {
            let expect = EcrHost {
                host: host.to_owned(),
                account: "123456789012".to_owned(),
                region: region.to_owned(),
                fips,
                dual_stack,
            };
            assert_eq!(EcrHost::parse(host), Some(expect), "{host}");
        }
    }

    #[test]
    fn hosts_that_only_look_like_ecr_get_no_token() {
        for host in [
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com.example.org",
            "x123456789012.dkr.ecr.eu-west-1.amazonaws.com",
            "12345678901.dkr.ecr.eu-west-1.amazonaws.com",
            "123456789012.dkr.ecr.eu-west-1.amazonawsXcom",
            "123456789012.dkr.ecr.eu.west.amazonaws.com",
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com:443",
            "evil.com/123456789012.dkr.ecr.eu-west-1.amazonaws.com",
            "public.ecr.aws",
        ] {
            assert_eq!(EcrHost::parse(host), None, "{host}");
        }
    }
}
