//! What the host names of Amazon ECR say.

use std::sync::LazyLock;

use regex::Regex;

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

/// Returns whether a host is ECR Public, whose tokens AWS mints in one region for all.
pub(in crate::registry) fn is_public(host: &str) -> bool {
    matches!(host, "public.ecr.aws" | "ecr-public.aws.com")
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
