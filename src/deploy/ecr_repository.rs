//! A repository of ECR as its host names it, for the calls that only look at it.

use crate::net::AwsService;
use crate::oci::Repository;

/// The control plane of ECR.
pub(super) const ECR: AwsService = AwsService { id: "ECR", host: "api.ecr", signing_name: "ecr", global_region: None };

/// A repository of ECR by the parts of its host.
pub(super) struct EcrRepository<'a> {
    pub(super) account: &'a str,
    pub(super) region: &'a str,
    pub(super) name: &'a str,
}

impl<'a> EcrRepository<'a> {
    /// Reads `ACCOUNT.dkr.ecr.REGION.DOMAIN/NAME`; `None` for any other registry.
    pub(super) fn of(repository: &'a Repository) -> Option<Self> {
        let (account, rest) = repository.host().split_once(".dkr.ecr.")?;
        let (region, _) = rest.split_once('.')?;
        let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        is_account.then(|| Self { account, region, name: repository.name() })
    }
}
