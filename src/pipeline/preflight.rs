//! What is asked before anything is packed or sent: whether we may, whether the repository is there, and whether the tags
//! may be written.

use std::collections::BTreeMap;

use crate::event::{Event, Observer};
use crate::oci::{Digest, Tag};
use crate::registry::{EcrError, EcrRepository, Mutability, RegistryError, RepositoryClient};
use crate::spec::RepositorySpec;

/// What stands at the target before a push.
#[derive(Debug)]
pub(crate) struct Preflight {
    mutability: Mutability,
    /// What the first tag stands for.
    first: Option<Digest>,
    /// Tags that stand and may be unable to move.
    standing: BTreeMap<Tag, Digest>,
}

/// Whether ECR knows the target. Other registries are not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Existence {
    /// It does, or nobody was asked.
    Assumed,
    /// It does not.
    Missing,
    /// We may not ask.
    Unknown,
}

impl Preflight {
    /// Asks: the first request finds wrong credentials and an unreachable host, the next ones the repository, which is
    /// made if `spec` says so.
    pub(crate) async fn run(
        target: &RepositoryClient,
        tags: &[Tag],
        spec: Option<&RepositorySpec>,
        observer: &dyn Observer,
    ) -> Result<Self, RegistryError> {
        let (mut preflight, existence) = Self::begin(target, tags).await?;
        match (target.ecr(), existence) {
            (Some(ecr), Existence::Missing) => make(target, &ecr, spec, observer).await?,
            // Whoever may push need not be one who may look; the pushes that follow tell the rest.
            (Some(ecr), Existence::Unknown) if preflight.first.is_none() => {
                probe(target, &ecr, spec, observer).await?;
            }
            _ => {}
        }
        preflight.look_at_tags(target, tags).await?;
        Ok(preflight)
    }

    /// Asks what [`run`](Self::run) asks, and changes nothing.
    pub(crate) async fn look(target: &RepositoryClient, tags: &[Tag]) -> Result<(Self, Existence), RegistryError> {
        let (mut preflight, existence) = Self::begin(target, tags).await?;
        preflight.look_at_tags(target, tags).await?;
        Ok((preflight, existence))
    }

    async fn begin(target: &RepositoryClient, tags: &[Tag]) -> Result<(Self, Existence), RegistryError> {
        let asked = tags.first().cloned().unwrap_or_else(Tag::latest);
        let first = target.head_manifest(&asked.into()).await?.map(|there| there.digest);
        let first = first.filter(|_| !tags.is_empty());
        let (mutability, existence) = match target.ecr() {
            None => (Mutability::Mutable, Existence::Assumed),
            Some(ecr) => match ecr.settings().await {
                Ok(Some(settings)) => (settings.mutability, Existence::Assumed),
                Ok(None) => (Mutability::Unknown, Existence::Missing),
                Err(_) => (Mutability::Unknown, Existence::Unknown),
            },
        };
        Ok((Self { mutability, first, standing: BTreeMap::new() }, existence))
    }

    /// Notes the tags that stand and may be unable to move.
    async fn look_at_tags(&mut self, target: &RepositoryClient, tags: &[Tag]) -> Result<(), RegistryError> {
        for (number, tag) in tags.iter().enumerate() {
            if self.mutability.may_move(tag.as_str()) == Some(true) {
                continue;
            }
            let there = match number {
                0 => self.first,
                _ => target.head_manifest(&tag.clone().into()).await?.map(|there| there.digest),
            };
            self.standing.extend(there.map(|there| (tag.clone(), there)));
        }
        Ok(())
    }

    /// Returns what the first tag stands for.
    pub(crate) fn first(&self) -> Option<Digest> {
        self.first
    }

    /// Returns whether nothing may be sent before our digest is known: a tag stands that may be unable to move.
    pub(crate) fn waits(&self) -> bool {
        !self.standing.is_empty()
    }

    /// Returns whether one of the tags stands for our digest: then all of its blobs are there.
    pub(crate) fn stands(&self, built: Digest) -> bool {
        self.standing.values().any(|there| *there == built)
    }

    /// Returns the error of a tag that cannot move and stands for another digest.
    pub(crate) fn refusal(&self, repository: &str, built: Digest) -> Option<EcrError> {
        let others = self.standing.iter().filter(|(_, there)| **there != built);
        let (tag, there) = others.into_iter().find(|(tag, _)| self.mutability.may_move(tag.as_str()) == Some(false))?;
        let (repository, tag) = (repository.to_owned(), tag.to_string());
        Some(EcrError::ImmutableTag { repository, tag, there: *there, built })
    }
}

/// Sees to it that a repository which ECR does not know can be pushed to: makes it, or finds out whether the registry
/// makes it by itself (repository creation templates).
async fn make(
    target: &RepositoryClient,
    ecr: &EcrRepository,
    spec: Option<&RepositorySpec>,
    observer: &dyn Observer,
) -> Result<(), RegistryError> {
    let Some(spec) = spec.filter(|spec| spec.create) else { return target.probe_upload().await };
    if ecr.create(spec).await? {
        observer.observe(Event::Note { message: format!("made the repository `{}`", target.repository()) });
    }
    Ok(())
}

/// Finds out whether the repository is there by an upload that comes to nothing.
async fn probe(
    target: &RepositoryClient,
    ecr: &EcrRepository,
    spec: Option<&RepositorySpec>,
    observer: &dyn Observer,
) -> Result<(), RegistryError> {
    match target.probe_upload().await {
        Err(error) if error.has_code("NAME_UNKNOWN") && spec.is_some_and(|spec| spec.create) => {
            make(target, ecr, spec, observer).await
        }
        done => done,
    }
}

/// Returns why blobs were sent that could have been mounted, each reason with its remedy.
pub(crate) async fn explain_mounts(target: &RepositoryClient) -> Vec<String> {
    let reasons = target.refused_mounts().await.into_iter();
    reasons
        .map(|(reason, remedy)| remedy.map_or_else(|| reason.clone(), |remedy| format!("{reason}; {remedy}")))
        .collect()
}
