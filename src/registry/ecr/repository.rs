//! One repository, as ECR's own API sees it: looked at, and made as the build file says.

use std::sync::Arc;

use aws_sdk_ecr::error::ProvideErrorMetadata;
use aws_sdk_ecr::types::{
    ImageScanningConfiguration, ImageTagMutability, ImageTagMutabilityExclusionFilter,
    ImageTagMutabilityExclusionFilterType,
};

use super::clients::EcrClients;
use super::{EcrError, EcrHost, Mutability};
use crate::spec::{ImmutableTags, RepositorySpec};

/// A repository in a private registry of ECR.
#[derive(Clone)]
pub struct EcrRepository {
    pub(super) clients: Arc<EcrClients>,
    pub(super) host: EcrHost,
    pub(super) name: String,
}

/// What is set for a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EcrSettings {
    /// Which tags may move.
    pub mutability: Mutability,
    /// The kind of encryption with its key; mounts need the same on both sides.
    pub encryption: Option<(String, Option<String>)>,
}

impl EcrRepository {
    pub(in crate::registry) fn new(clients: Arc<EcrClients>, host: EcrHost, name: &str) -> Self {
        Self { clients, host, name: name.to_owned() }
    }

    /// Returns what is set for the repository, or `None` if there is no such repository.
    ///
    /// # Errors
    /// When ECR may not be asked, or does not answer.
    pub async fn settings(&self) -> Result<Option<EcrSettings>, EcrError> {
        self.settings_of(&self.name).await
    }

    pub(super) async fn settings_of(&self, name: &str) -> Result<Option<EcrSettings>, EcrError> {
        let call = self.clients.optional(&self.host).await.describe_repositories();
        let answer = match call.registry_id(&self.host.account).repository_names(name).send().await {
            Err(error) if error.code() == Some("RepositoryNotFoundException") => return Ok(None),
            answer => answer.map_err(|error| EcrError::of("DescribeRepositories", &error))?,
        };
        Ok(answer.repositories().first().map(|repository| EcrSettings {
            mutability: Mutability::of(repository),
            encryption: repository.encryption_configuration().map(|encryption| {
                (encryption.encryption_type().as_str().to_owned(), encryption.kms_key().map(str::to_owned))
            }),
        }))
    }

    /// Makes the repository. One that somebody else made meanwhile is as good; its settings are then theirs. Returns
    /// whether it was made here.
    ///
    /// # Errors
    /// When ECR refuses it.
    pub async fn create(&self, spec: &RepositorySpec) -> Result<bool, EcrError> {
        let (mutability, filters) = mutability(&spec.immutable_tags);
        let scanning = ImageScanningConfiguration::builder().scan_on_push(true).build();
        let call = self.clients.client(&self.host).await.create_repository();
        let call = call.registry_id(&self.host.account).repository_name(&self.name);
        let call = call.set_image_tag_mutability(mutability).set_image_tag_mutability_exclusion_filters(filters);
        let call = call.set_image_scanning_configuration(spec.scan_on_push.then_some(scanning));
        match call.send().await {
            Ok(_) => {}
            Err(error) if error.code() == Some("RepositoryAlreadyExistsException") => return Ok(false),
            Err(error) => return Err(EcrError::of("CreateRepository", &error)),
        }
        if let Some(days) = spec.expire_untagged_days {
            let call = self.clients.client(&self.host).await.put_lifecycle_policy();
            let call = call.registry_id(&self.host.account).repository_name(&self.name);
            let sent = call.lifecycle_policy_text(expiry(days)).send().await;
            sent.map_err(|error| EcrError::of("PutLifecyclePolicy", &error))?;
        }
        Ok(true)
    }
}

fn mutability(tags: &ImmutableTags) -> (Option<ImageTagMutability>, Option<Vec<ImageTagMutabilityExclusionFilter>>) {
    let filter = |pattern: &String| {
        let filter = ImageTagMutabilityExclusionFilter::builder().filter(pattern);
        filter.filter_type(ImageTagMutabilityExclusionFilterType::Wildcard).build().expect("both members are set")
    };
    match tags {
        ImmutableTags::None => (None, None),
        ImmutableTags::All => (Some(ImageTagMutability::Immutable), None),
        ImmutableTags::Except(patterns) => {
            (Some(ImageTagMutability::ImmutableWithExclusion), Some(patterns.iter().map(filter).collect()))
        }
    }
}

/// A lifecycle policy of one rule (AWS, "Lifecycle policy properties").
fn expiry(days: u32) -> String {
    serde_json::json!({"rules": [{
        "rulePriority": 1,
        "description": "images without a tag",
        "selection": {
            "tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": days,
        },
        "action": {"type": "expire"},
    }]})
    .to_string()
}
