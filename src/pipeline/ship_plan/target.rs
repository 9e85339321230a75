//! What is at the target: nothing is asked that changes it.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::StreamExt;

use super::report::{Making, PlannedTag};
use crate::oci::{Digest, Reference, Tag};
use crate::pipeline::build::Built;
use crate::pipeline::preflight::{Existence, Preflight};
use crate::pipeline::reuse::{Opened, Reuse};
use crate::pipeline::{Context, Error};
use crate::registry::{PushedBlob, RepositoryClient};

/// Blobs that are asked for at once.
const AT_ONCE: usize = 12;

/// The repository that would be pushed to, as it is.
pub(super) struct Target {
    client: RepositoryClient,
    reference: String,
    preflight: Preflight,
    /// What becomes of the repository, if it is not there.
    pub(super) making: Option<Making>,
    tags: Vec<(Tag, Option<Digest>)>,
    opened: Arc<Opened>,
}

impl Target {
    /// Looks at the target; `images` run, and layers may be taken over from them. Without `name` there is none.
    ///
    /// # Errors
    /// When the registry cannot be asked.
    pub(super) async fn look(context: &Context, images: Vec<Reference>) -> Result<Option<Self>, Error> {
        let Some(name) = &context.spec.name else { return Ok(None) };
        let reference = context.first_reference()?.to_string();
        let client = context.target()?;
        let failed = |source| Error::Resolve { reference: reference.clone(), source };
        let (preflight, existence) = Preflight::look(&client, &context.spec.tags).await.map_err(failed)?;
        let mut tags = Vec::new();
        for (number, tag) in context.spec.tags.iter().enumerate() {
            let there = match number {
                0 => preflight.first(),
                _ => client.head_manifest(&tag.clone().into()).await.map_err(failed)?.map(|there| there.digest),
            };
            tags.push((tag.clone(), there));
        }
        let creates = context.spec.repository.as_ref().is_some_and(|spec| spec.create);
        let made = if creates { Making::Made } else { Making::Missing };
        let making = (existence == Existence::Missing).then_some(made);
        if making == Some(Making::Missing) {
            context.note(format!(
                "the repository `{name}` does not exist: a push fails unless a template of the registry makes it"
            ));
        }
        let opened = Arc::new(Opened { images, first: preflight.first() });
        Ok(Some(Self { client, reference, preflight, making, tags, opened }))
    }

    /// Returns the leave to see what layers a push would take over.
    pub(super) fn reuse(&self) -> Reuse {
        Reuse::to_look(Arc::clone(&self.opened))
    }

    /// Returns what becomes of the tags when they stand for `built`; of an estimate that is not known.
    ///
    /// # Errors
    /// When one of them cannot move.
    pub(super) fn tags(&self, context: &Context, built: Option<Digest>) -> Result<Vec<PlannedTag>, Error> {
        let refusal = built.and_then(|built| self.preflight.refusal(self.client.repository().name(), built));
        if let Some(refusal) = refusal {
            return Err(Error::Push { reference: self.reference.clone(), source: refusal.into() });
        }
        let planned = |(tag, current): &(Tag, Option<Digest>)| PlannedTag {
            reference: context.tagged(tag),
            current: *current,
            changes: match (built, current) {
                (None, Some(_)) => None,
                (built, current) => Some(built.is_none() || *current != built),
            },
        };
        Ok(self.tags.iter().map(planned).collect())
    }

    /// Returns how each blob of what was built would get here.
    ///
    /// # Errors
    /// When the registry cannot be asked.
    pub(super) async fn ways(&self, built: &Built) -> Result<BTreeMap<Digest, PushedBlob>, Error> {
        let mut wanted = BTreeMap::new();
        for image in &built.images {
            wanted.extend(image.image.layers.iter().map(|layer| (layer.descriptor.digest, layer.descriptor.size)));
            wanted.insert(image.image.config.digest, image.image.config.size);
        }
        // A manifest stands only where all of its blobs are.
        if self.tags.iter().any(|(_, current)| *current == Some(built.digest())) {
            return Ok(wanted.into_keys().map(|digest| (digest, PushedBlob::Existing)).collect());
        }
        let mounts = self.mounts(built);
        let (there, absent): (Vec<_>, Vec<_>) = self.ask(wanted).await?.into_iter().partition(|(_, there)| *there);
        let there = there.into_iter().map(|(digest, _)| (digest, PushedBlob::Existing));
        let absent = absent.into_iter().map(|(digest, _)| {
            let mounted = mounts.get(&digest).map(|from| PushedBlob::Mounted { from: from.clone() });
            (digest, mounted.unwrap_or(PushedBlob::Uploaded))
        });
        Ok(there.chain(absent).collect())
    }

    /// Asks which of some blobs, each with its size, are here.
    pub(super) async fn ask(
        &self,
        wanted: impl IntoIterator<Item = (Digest, u64)>,
    ) -> Result<BTreeMap<Digest, bool>, Error> {
        let failed = |source| Error::Push { reference: self.reference.clone(), source };
        let wanted: Vec<(Digest, u64)> = wanted.into_iter().collect();
        let asked = wanted.into_iter().map(|(digest, size)| async move {
            let there = self.making.is_none() && self.client.has_blob(&digest, size).await?;
            Ok((digest, there))
        });
        let asked: Vec<Result<_, _>> = futures_util::stream::iter(asked).buffer_unordered(AT_ONCE).collect().await;
        asked.into_iter().collect::<Result<_, _>>().map_err(failed)
    }

    /// Returns from where blobs can be mounted: layers of a base on the same host, and own layers of other repositories.
    fn mounts(&self, built: &Built) -> BTreeMap<Digest, String> {
        let own = self.client.repository();
        let mut mounts = BTreeMap::new();
        for base in built.images.iter().map(|image| &image.base) {
            if let Some(from) = base.repository().filter(|from| from.host() == own.host() && *from != own) {
                let digests = base.image.layers.iter().map(|layer| layer.blob.digest);
                mounts.extend(digests.map(|digest| (digest, from.name().to_owned())));
            }
        }
        mounts.extend(built.taken.iter().filter_map(|(digest, how)| match how {
            PushedBlob::Mounted { from } => Some((*digest, from.clone())),
            PushedBlob::Existing | PushedBlob::Uploaded => None,
        }));
        mounts
    }
}
