//! Layers that were pushed before: what is in the registry is neither compressed nor sent again.
//!
//! A pushed image is its own cache. Its config lists diff ids, its manifest digests, and each layer of ours says how it
//! was made. A layer is taken over if that and the diff id are equal, and the target has the blob with its size or can
//! mount it. Whether the blob unpacks to the diff id is checked by every runtime that pulls it: who can push under the
//! target's tags can break an image so, but not slip something into it. Nothing here is fatal.

use std::collections::{BTreeMap, BTreeSet};

use crate::image::layer_method;
use crate::oci::{Descriptor, DiffId, Digest, LAYER, Platform, Reference, Repository, Tag};
use crate::registry::{PushedBlob, pull_image};

use super::Context;

/// Tags that the target is asked for, beside those that are pushed.
const TAGS_LISTED: u16 = 100;
/// How many of them are looked at: the last, since most schemes of tags grow.
const OTHER_TAGS: usize = 4;

/// Where a layer may be taken from.
#[derive(Clone, Debug)]
struct Candidate {
    descriptor: Descriptor,
    repository: Repository,
}

/// The layers of images that were pushed before, by diff id. All were made as this build makes its own.
#[derive(Clone, Default)]
pub(crate) struct Pushed {
    layers: BTreeMap<DiffId, Vec<Candidate>>,
}

/// A layer that needs not be sent.
pub(crate) struct Taken {
    pub(crate) descriptor: Descriptor,
    /// How it came to be at the target.
    pub(crate) how: PushedBlob,
}

/// Returns the images whose layers may be taken over, the likeliest first.
async fn images(context: &Context) -> Vec<Reference> {
    let Some(name) = &context.spec.name else { return Vec::new() };
    let mut tags = context.spec.tags.clone();
    // A new tag has no image yet: those under others mostly share its layers.
    if let Ok(target) = context.target()
        && let Ok(others) = target.tags(TAGS_LISTED).await
    {
        let latest = Tag::latest();
        tags.extend(others.contains(&latest).then_some(latest));
        tags.extend(others.into_iter().rev().take(OTHER_TAGS));
    }
    let tagged = tags.into_iter().map(|tag| name.tagged(tag));
    tagged.chain(context.spec.cache_from.iter().cloned()).collect()
}

impl Pushed {
    /// Looks at the images under the target's tags and at those of `cache_from`, for each platform.
    pub(crate) async fn look(context: &Context, platforms: &[Platform]) -> Self {
        let mut pushed = Self::default();
        if !context.use_cache {
            return pushed;
        }
        let mut asked = BTreeSet::new();
        for reference in images(context).await {
            for platform in platforms {
                if asked.insert((reference.clone(), platform.clone())) {
                    pushed.add(context, &reference, platform).await;
                }
            }
        }
        pushed
    }

    /// Returns whether there is anything to take over.
    pub(crate) fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }

    async fn add(&mut self, context: &Context, reference: &Reference, platform: &Platform) {
        let Ok(client) = context.registry.repository(&reference.repository) else { return };
        // A tag that is not there yet is the usual case of a first push.
        let Ok(image) = pull_image(&client, reference, Some(platform)).await else { return };
        let method = layer_method(context.spec.format, context.spec.compression);
        for layer in image.base.layers {
            if layer.blob.annotations.get(LAYER) == Some(&method) {
                let candidate = Candidate { descriptor: layer.blob, repository: reference.repository.clone() };
                self.layers.entry(layer.diff_id).or_default().push(candidate);
            }
        }
    }

    /// Takes a layer over if the target has it or can mount it.
    pub(crate) async fn take(&self, context: &Context, diff_id: DiffId) -> Option<Taken> {
        let target = context.target().ok()?;
        let mut tried = BTreeSet::<Digest>::new();
        for Candidate { descriptor, repository } in self.layers.get(&diff_id)? {
            if !tried.insert(descriptor.digest) {
                continue;
            }
            let elsewhere = repository.host() == target.repository().host() && repository != target.repository();
            let mount_from: Vec<Repository> = elsewhere.then(|| repository.clone()).into_iter().collect();
            if let Ok(Some(how)) = target.claim_blob(&descriptor.digest, descriptor.size, &mount_from).await {
                return Some(Taken { descriptor: descriptor.clone(), how });
            }
        }
        None
    }
}
