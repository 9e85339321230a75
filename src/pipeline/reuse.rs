//! Layers that were pushed before: what is in the registry is neither compressed nor sent again.
//!
//! A pushed image is its own cache. Its config lists diff ids, its manifest digests, and each layer of ours says how it
//! was made. A layer is taken over if that and the diff id are equal, and the target has the blob with its size or can
//! mount it. Whether the blob unpacks to the diff id is checked by every runtime that pulls it: who can push under the
//! target's tags can break an image so, but not slip something into it. Nothing here is fatal.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use tokio::sync::{Mutex, watch};

use crate::base::BaseLayer;
use crate::image::layer_method;
use crate::oci::{Descriptor, DiffId, Digest, LAYER, MediaType, Platform, Reference, Repository, Tag};
use crate::registry::{PushedBlob, RepositoryClient, pull_image};

use super::Context;

/// Tags that the target is asked for, beside those that are pushed.
const TAGS_LISTED: u16 = 100;
/// How many of them are looked at: the last, since most schemes of tags grow.
const OTHER_TAGS: usize = 4;
/// How many of ECR's newest images are looked at.
const NEWEST: usize = 5;

/// What is known of the target when it may be touched.
#[derive(Debug)]
pub(crate) struct Opened {
    /// Images that run, in whatever repository.
    pub(crate) images: Vec<Reference>,
    /// What the first tag stands for.
    pub(crate) first: Option<Digest>,
}

/// The leave to take layers over, which comes when the target may be touched.
#[derive(Clone)]
pub(crate) struct Reuse {
    opened: watch::Receiver<Option<Arc<Opened>>>,
    /// Whether the target may be changed, too: a mount is a change.
    mounts: bool,
}

impl Reuse {
    /// Makes the leave of what will be told.
    pub(crate) fn new(opened: watch::Receiver<Option<Arc<Opened>>>) -> Self {
        Self { opened, mounts: true }
    }

    /// Makes the leave to look, and to change nothing.
    pub(crate) fn to_look(opened: Arc<Opened>) -> Self {
        // What was told can be read also when nobody is there to tell more.
        Self { opened: watch::Sender::new(Some(opened)).subscribe(), mounts: false }
    }

    /// Returns how the target has a blob, or would have it by a mount, if it can do without its bytes.
    pub(crate) async fn claim(
        &self,
        target: &RepositoryClient,
        digest: &Digest,
        size: u64,
        mount_from: &[Repository],
    ) -> Option<PushedBlob> {
        if self.mounts {
            return target.claim_blob(digest, size, mount_from).await.ok().flatten();
        }
        if target.has_blob(digest, size).await.ok()? {
            return Some(PushedBlob::Existing);
        }
        mount_from.first().map(|from| PushedBlob::Mounted { from: from.name().to_owned() })
    }

    /// Waits for the leave. A push that failed meanwhile never gives it, and whoever waits is dropped.
    pub(crate) async fn opened(&self) -> Arc<Opened> {
        let mut opened = self.opened.clone();
        let opened = opened.wait_for(Option::is_some).await.ok().and_then(|opened| opened.clone());
        match opened {
            Some(opened) => opened,
            None => std::future::pending().await,
        }
    }
}

/// Where a layer may be taken from.
#[derive(Clone, Debug)]
struct Candidate {
    descriptor: Descriptor,
    repository: Repository,
}

/// The layers of images that were pushed before. An image is looked at when a layer was in none of those before it.
#[derive(Clone, Default)]
pub(crate) struct Pushed(Option<Arc<Mutex<Found>>>);

struct Found {
    reuse: Reuse,
    /// Images that were not looked at yet, the likeliest first.
    images: VecDeque<Reference>,
    platforms: Vec<Platform>,
    /// The manifests that were looked at: many tags stand for one image.
    seen: BTreeSet<(Repository, Digest)>,
    /// By diff id; all were made as this build makes its own.
    layers: BTreeMap<DiffId, Vec<Candidate>>,
}

/// A layer that needs not be sent.
pub(crate) struct Taken {
    pub(crate) descriptor: Descriptor,
    /// How it came to be at the target.
    pub(crate) how: PushedBlob,
}

/// Returns the images whose layers may be taken over, the likeliest first, each once.
async fn images(context: &Context, opened: &Opened) -> VecDeque<Reference> {
    let Some(name) = &context.spec.name else { return VecDeque::new() };
    let pinned = |digest: Digest| Reference { repository: name.clone(), tag: None, digest: Some(digest) };
    // What the first tag stands for is known already; where it stands for nothing it is not asked for again.
    let mut images: Vec<Reference> = opened.first.map(pinned).into_iter().collect();
    images.extend(opened.images.iter().cloned());
    images.extend(context.spec.tags.iter().skip(1).map(|tag| name.tagged(tag.clone())));
    if let Ok(target) = context.target() {
        // A new tag has no image yet: those under others mostly share its layers.
        images.extend(others(&target).await);
    }
    images.extend(context.spec.cache_from.iter().cloned());
    // A digest says all: with a tag beside it, it is the same image.
    images.iter_mut().filter(|image| image.digest.is_some()).for_each(|image| image.tag = None);
    let mut seen = BTreeSet::new();
    images.into_iter().filter(|image| seen.insert(image.clone())).collect()
}

/// Returns other images of the target: on ECR the newest, else `latest` and those under the last tags.
async fn others(target: &RepositoryClient) -> Vec<Reference> {
    let name = target.repository();
    if let Some(ecr) = target.ecr()
        && let Ok(newest) = ecr.newest(NEWEST).await
    {
        let pinned = |digest| Reference { repository: name.clone(), tag: None, digest: Some(digest) };
        return newest.into_iter().map(pinned).collect();
    }
    let Ok(others) = target.tags(TAGS_LISTED).await else { return Vec::new() };
    let latest = Tag::latest();
    let mut tags: Vec<Tag> = others.contains(&latest).then_some(latest).into_iter().collect();
    tags.extend(others.into_iter().rev().take(OTHER_TAGS));
    tags.into_iter().map(|tag| name.tagged(tag)).collect()
}

impl Pushed {
    /// Looks for images of the target's repository, those that run, and those of `cache_from`, until one of them has
    /// layers that may be taken over.
    pub(crate) async fn look(context: &Context, platforms: &[Platform], reuse: Option<&Reuse>) -> Self {
        let Some(reuse) = reuse.filter(|_| context.use_cache) else { return Self::default() };
        let opened = reuse.opened().await;
        let images = images(context, &opened).await;
        let (reuse, platforms) = (reuse.clone(), platforms.to_vec());
        let mut found = Found { reuse, images, platforms, seen: BTreeSet::new(), layers: BTreeMap::new() };
        while found.layers.is_empty() {
            if !found.look_further(context).await {
                return Self::default();
            }
        }
        Self(Some(Arc::new(Mutex::new(found))))
    }

    /// Returns whether there is anything to take over.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Takes a layer over if the target has it or can mount it.
    pub(crate) async fn take(&self, context: &Context, diff_id: DiffId) -> Option<Taken> {
        let target = context.target().ok()?;
        let mut found = self.0.as_ref()?.lock().await;
        let mut tried = BTreeSet::<Digest>::new();
        loop {
            for Candidate { descriptor, repository } in found.layers.get(&diff_id).into_iter().flatten() {
                if !tried.insert(descriptor.digest) {
                    continue;
                }
                let elsewhere = repository.host() == target.repository().host() && repository != target.repository();
                let mount_from: Vec<Repository> = elsewhere.then(|| repository.clone()).into_iter().collect();
                if let Some(how) = found.reuse.claim(&target, &descriptor.digest, descriptor.size, &mount_from).await {
                    return Some(Taken { descriptor: descriptor.clone(), how });
                }
            }
            if !found.look_further(context).await {
                return None;
            }
        }
    }
}

impl Found {
    /// Looks at the next image; returns whether there was one.
    async fn look_further(&mut self, context: &Context) -> bool {
        let Some(reference) = self.images.pop_front() else { return false };
        for platform in self.platforms.clone() {
            self.add(context, &reference, &platform).await;
        }
        true
    }

    async fn add(&mut self, context: &Context, reference: &Reference, platform: &Platform) {
        let Ok(client) = context.registry.repository(&reference.repository) else { return };
        // A tag that is not there yet is the usual case of a first push.
        let Ok(image) = pull_image(&client, reference, Some(platform)).await else { return };
        if !self.seen.insert((reference.repository.clone(), image.manifest.digest)) {
            return;
        }
        let method = layer_method(context.spec.format, context.spec.compression);
        // What an annotation says beside a media type of another codec is not true.
        let media_type = MediaType::Layer(context.spec.compression.codec());
        let is_ours = |layer: &BaseLayer| {
            layer.blob.annotations.get(LAYER) == Some(&method) && layer.blob.media_type == media_type.as_str()
        };
        let ours = image.base.layers.into_iter().filter(is_ours);
        let mut digests = Vec::new();
        for layer in ours {
            digests.push(layer.blob.digest);
            let candidate = Candidate { descriptor: layer.blob, repository: reference.repository.clone() };
            self.layers.entry(layer.diff_id).or_default().push(candidate);
        }
        if let Ok(target) = context.target()
            && *target.repository() == reference.repository
        {
            target.look_ahead(&digests).await;
        }
    }
}
