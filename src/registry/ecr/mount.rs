//! Why ECR did not mount a blob: it answers all refusals alike, so the conditions are looked at one by one (AWS, "Blob
//! mounting").

use super::denied::statement;
use super::{Availability, Denied, EcrError, EcrRepository, RefusedMount};

/// The account setting that allows mounts.
const SETTING: &str = "BLOB_MOUNTING";

impl EcrRepository {
    /// Returns why a blob of the repository `from` was not mounted into this one, with a remedy where there is one. The
    /// reason is looked for and never fails: what may not be asked is passed over.
    pub(in crate::registry) async fn diagnose(&self, from: &str, mount: &RefusedMount) -> (String, Option<String>) {
        if let Some(denied) = mount.said.as_deref().and_then(Denied::parse) {
            return (format!("the right `{}` on it is missing", denied.action), Some(denied.remedy()));
        }
        if let Some(reason) = self.setting_is_off().await {
            return reason;
        }
        if let Some(reason) = self.differs_from(from).await {
            return reason;
        }
        if let Some(prefix) = self.cached_from(from).await {
            return (
                format!("it is filled by the pull-through cache rule `{prefix}`, whose layers are not mounted"),
                None,
            );
        }
        match self.layers_of(from, &[mount.digest]).await {
            Ok(layers) if layers.get(&mount.digest) == Some(&Availability::Unavailable) => {
                ("it does not have the layer".to_owned(), None)
            }
            Err(error) if error.code() == Some("RepositoryNotFoundException") => {
                ("there is no such repository".to_owned(), None)
            }
            _ => {
                let right = statement(&["ecr:GetDownloadUrlForLayer"], &self.arn(from));
                let reason = "no image that was pushed to it refers to the layer, or its layers may not be read";
                (reason.to_owned(), Some(format!("mounts need this right: {right}")))
            }
        }
    }

    async fn setting_is_off(&self) -> Option<(String, Option<String>)> {
        let call = self.clients.optional(&self.host).await.get_account_setting().name(SETTING);
        let answer = call.send().await.map_err(|error| EcrError::of("GetAccountSetting", &error)).ok()?;
        let on = answer.value().is_some_and(|value| value.eq_ignore_ascii_case("ENABLED"));
        let remedy =
            format!("run `aws ecr put-account-setting --name {SETTING} --value ENABLED --region {}`", self.host.region);
        (!on).then(|| ("blob mounting is off in this account and region".to_owned(), Some(remedy)))
    }

    async fn differs_from(&self, from: &str) -> Option<(String, Option<String>)> {
        let here = self.settings().await.ok()??;
        let there = self.settings_of(from).await.ok()??;
        let (here, there) = (here.encryption?, there.encryption?);
        let named = |(kind, key): &(String, Option<String>)| match key {
            Some(key) => format!("{kind} with `{key}`"),
            None => kind.clone(),
        };
        (here != there).then(|| {
            let reason = format!("its encryption is {}, and that of the target {}", named(&there), named(&here));
            (reason, Some("make one of the two repositories anew with the other's encryption".to_owned()))
        })
    }

    async fn cached_from(&self, from: &str) -> Option<String> {
        let call = self.clients.optional(&self.host).await.describe_pull_through_cache_rules();
        let answer = call.registry_id(&self.host.account).send().await.ok()?;
        let prefixes = answer.pull_through_cache_rules().iter().filter_map(|rule| rule.ecr_repository_prefix());
        let within = |prefix: &&str| from.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/'));
        prefixes.into_iter().find(within).map(str::to_owned)
    }

    fn arn(&self, name: &str) -> String {
        let partition = match self.host.region.as_str() {
            region if region.starts_with("cn-") => "aws-cn",
            region if region.starts_with("us-gov-") => "aws-us-gov",
            region if region.starts_with("eusc-") => "aws-eusc",
            _ => "aws",
        };
        format!("arn:{partition}:ecr:{}:{}:repository/{name}", self.host.region, self.host.account)
    }
}
