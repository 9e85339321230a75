//! What is asked before anything is packed or sent: whether we may, whether the repository is there, and whether the tags
//! may be written.

use std::collections::BTreeMap;

use crate::oci::{Digest, Tag};
use crate::registry::{EcrError, EcrRepository, Mutability, RegistryError, RepositoryClient, TagOrDigest};

use super::{Context, Error};

/// What stands at the target before a push.
#[derive(Debug)]
pub(crate) struct Preflight {
    mutability: Mutability,
    /// Tags that stand and may be unable to move.
    standing: BTreeMap<Tag, Digest>,
}

impl Preflight {
    /// Asks: the first request finds wrong credentials and an unreachable host, the next ones the repository, which is
    /// made if the build file says so.
    pub(crate) async fn run(context: &Context, target: &RepositoryClient) -> Result<Self, Error> {
        let reference = context.first_reference()?;
        let failed = |source| Error::Push { reference: reference.to_string(), source };
        let first = target.head_manifest(&TagOrDigest::of(&reference)).await.map_err(failed)?;
        let Some(ecr) = target.ecr() else { return Ok(Self::nothing(Mutability::Mutable)) };
        let mutability = match ecr.settings().await {
            Ok(Some(settings)) => settings.mutability,
            Ok(None) => {
                make(context, target, &ecr).await.map_err(failed)?;
                return Ok(Self::nothing(Mutability::Unknown));
            }
            // Whoever may push need not be one who may look; the pushes that follow tell the rest.
            Err(_) if first.is_none() => {
                probe(context, target, &ecr).await.map_err(failed)?;
                Mutability::Unknown
            }
            Err(_) => Mutability::Unknown,
        };
        let mut preflight = Self::nothing(mutability);
        for tag in &context.spec.tags {
            if preflight.mutability.may_move(tag.as_str()) == Some(true) {
                continue;
            }
            let is_first = reference.tag.as_ref() == Some(tag);
            let there = match is_first {
                true => first.clone(),
                false => target.head_manifest(&tag.clone().into()).await.map_err(failed)?,
            };
            preflight.standing.extend(there.map(|there| (tag.clone(), there.digest)));
        }
        Ok(preflight)
    }

    fn nothing(mutability: Mutability) -> Self {
        Self { mutability, standing: BTreeMap::new() }
    }

    /// Returns whether nothing may be sent before our digest is known: a tag stands that may be unable to move.
    pub(crate) fn waits(&self) -> bool {
        !self.standing.is_empty()
    }

    /// Compares our digest with what stands, and returns whether it is one of those: then all of its blobs are there.
    pub(crate) fn stands(&self, context: &Context, built: Digest) -> Result<bool, Error> {
        for (tag, there) in self.standing.iter().filter(|(_, there)| **there != built) {
            if self.mutability.may_move(tag.as_str()) == Some(false) {
                let repository = context.name()?.name().to_owned();
                let source = EcrError::ImmutableTag { repository, tag: tag.to_string(), there: *there, built };
                return Err(Error::Push { reference: context.tagged(tag), source: source.into() });
            }
        }
        Ok(self.standing.values().any(|there| *there == built))
    }
}

/// Sees to it that a repository which ECR does not know can be pushed to: makes it, or finds out whether the registry
/// makes it by itself (repository creation templates).
async fn make(context: &Context, target: &RepositoryClient, ecr: &EcrRepository) -> Result<(), RegistryError> {
    match context.spec.repository.as_ref().filter(|spec| spec.create) {
        Some(spec) => {
            if ecr.create(spec).await? {
                context.note(format!("made the repository `{}`", target.repository()));
            }
            Ok(())
        }
        None => target.probe_upload().await,
    }
}

/// Finds out whether the repository is there by an upload that comes to nothing.
async fn probe(context: &Context, target: &RepositoryClient, ecr: &EcrRepository) -> Result<(), RegistryError> {
    match target.probe_upload().await {
        Err(error) if error.has_code("NAME_UNKNOWN") && context.spec.repository.is_some() => {
            make(context, target, ecr).await
        }
        done => done,
    }
}
