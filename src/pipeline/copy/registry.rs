//! Copying into a registry: blobs, smallest first, then documents, the one under the tag last.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::content::{Content, bytes, media_type};
use super::source::Source;
use super::{CopyContext, CopyError, CopyOptions, tell_left_out};
use crate::oci::{Descriptor, Digest, Document, Reference, Repository};
use crate::pipeline::Report;
use crate::pipeline::preflight::{Preflight, explain_mounts};
use crate::registry::{PushedBlob, RegistryError, RepositoryClient, TagOrDigest};
use crate::spec::{ImmutableTags, RepositorySpec};

/// Blobs that are on their way at once. Each holds a piece or two of what it carries.
const AT_ONCE: usize = 6;
/// Referrers of one image that are copied.
const REFERRERS: usize = 1000;

/// A copy into one repository.
struct Copying<'a> {
    source: &'a Source,
    target: &'a RepositoryClient,
    name: String,
    /// Where blobs may be mounted from.
    mounts: Vec<Repository>,
}

/// Copies an image to where a reference says.
pub(super) async fn write(
    context: &CopyContext,
    source: &Source,
    reference: &Reference,
    options: &CopyOptions,
    report: &mut Report,
) -> Result<(), CopyError> {
    let name = reference.to_string();
    let failed = |source| CopyError::Write { name: name.clone(), source };
    let digest = source.root.digest();
    if let Some(wanted) = reference.digest.filter(|wanted| *wanted != digest) {
        let what = format!("copy of `{}`", source.name);
        return Err(failed(RegistryError::Digest { what, wanted, got: digest }));
    }
    if options.referrers && source.client().is_none() {
        return Err(CopyError::Referrers);
    }
    let target = &context.registry.repository(&reference.repository).map_err(failed)?;
    let which = match &reference.tag {
        Some(tag) => TagOrDigest::Tag(tag.clone()),
        None => digest.into(),
    };
    let standing = prepare(context, target, reference, digest, options).await.map_err(failed)?;
    let mounts = source.repository().filter(|from| from.host() == reference.repository.host());
    let mounts = mounts.into_iter().cloned().collect();
    let copying = Copying { source, target, name: name.clone(), mounts };
    let content = Content::of(source).await?;
    if standing {
        report.existing += content.blobs.len() as u64;
    } else {
        tell_left_out(context, &content);
        copying.blobs(&content, report).await?;
        let (root, children) = content.documents.split_last().expect("an image has a document");
        for child in children {
            copying.document(child, &child.digest().into()).await?;
        }
        copying.document(root, &which).await?;
    }
    if options.referrers {
        copying.referrers(&content, report).await?;
    }
    for message in explain_mounts(target).await {
        context.note(message);
    }
    Ok(())
}

/// Sees to it that the target can be written; returns whether the image stands there already.
async fn prepare(
    context: &CopyContext,
    target: &RepositoryClient,
    reference: &Reference,
    digest: Digest,
    options: &CopyOptions,
) -> Result<bool, RegistryError> {
    let spec = RepositorySpec {
        create: options.create_repository,
        scan_on_push: false,
        immutable_tags: ImmutableTags::None,
        expire_untagged_days: None,
    };
    let tags: Vec<_> = reference.tag.iter().cloned().collect();
    let preflight = Preflight::run(target, &tags, Some(&spec), context.observer.as_ref()).await?;
    if let Some(error) = preflight.refusal(target.repository().name(), digest) {
        return Err(error.into());
    }
    Ok(preflight.first() == Some(digest))
}

impl Copying<'_> {
    fn failed(&self) -> impl Fn(RegistryError) -> CopyError + '_ {
        |source| CopyError::Write { name: self.name.clone(), source }
    }

    /// Brings all blobs over. The smallest goes first: what is refused is refused cheaply.
    async fn blobs(&self, content: &Content, report: &mut Report) -> Result<(), CopyError> {
        let mut wanted: Vec<&Descriptor> = content.blobs.values().collect();
        wanted.sort_by_key(|descriptor| (descriptor.size, descriptor.digest));
        let digests: Vec<Digest> = wanted.iter().map(|descriptor| descriptor.digest).collect();
        self.target.look_ahead(&digests).await;
        let permits = Arc::new(Semaphore::new(AT_ONCE));
        let mut tasks = JoinSet::new();
        for (number, descriptor) in wanted.into_iter().enumerate() {
            let blob = self.source.blob(descriptor).await?;
            if number == 0 {
                let pushed = self.target.push_blob(&blob, &self.mounts).await.map_err(self.failed())?;
                report.count(&pushed, blob.size);
                continue;
            }
            let (target, mounts) = (self.target.clone(), self.mounts.clone());
            // Taken here, not in the task: of a thousand blobs only some are opened.
            let permit = Arc::clone(&permits).acquire_owned().await.expect("it is never closed");
            tasks.spawn(async move {
                let _permit = permit;
                let size = blob.size;
                target.push_blob(&blob, &mounts).await.map(|pushed| (pushed, size))
            });
            while let Some(done) = tasks.try_join_next() {
                self.finished(done, report)?;
            }
        }
        while let Some(done) = tasks.join_next().await {
            self.finished(done, report)?;
        }
        Ok(())
    }

    fn finished(
        &self,
        done: Result<Result<(PushedBlob, u64), RegistryError>, tokio::task::JoinError>,
        report: &mut Report,
    ) -> Result<(), CopyError> {
        match done {
            Ok(pushed) => {
                let (pushed, size) = pushed.map_err(self.failed())?;
                report.count(&pushed, size);
            }
            Err(failure) => {
                if let Ok(panic) = failure.try_into_panic() {
                    std::panic::resume_unwind(panic);
                }
            }
        }
        Ok(())
    }

    async fn document(&self, document: &Document, which: &TagOrDigest) -> Result<(), CopyError> {
        let (bytes, media_type) = (bytes(document), media_type(document));
        self.target.put_manifest(bytes, &media_type, which).await.map(drop).map_err(self.failed())
    }

    /// Brings over what refers to the image and to its parts, and what refers to that.
    async fn referrers(&self, content: &Content, report: &mut Report) -> Result<(), CopyError> {
        let Some(client) = self.source.client() else { return Err(CopyError::Referrers) };
        let read = |source| CopyError::Read { name: self.source.name.clone(), source };
        let mut subjects: Vec<Digest> = content.documents.iter().map(Document::digest).collect();
        let mut known: BTreeSet<Digest> = subjects.iter().copied().collect();
        while let Some(subject) = subjects.pop() {
            for referrer in client.referrers(&subject, None).await.map_err(read)? {
                if !known.insert(referrer.descriptor.digest) {
                    continue;
                }
                if known.len() > REFERRERS {
                    let what = "more referrers than any image needs";
                    return Err(CopyError::Excess { name: self.source.name.clone(), what });
                }
                let document = self.source.document(&referrer.descriptor).await?;
                self.referrer(document, report).await?;
                subjects.push(referrer.descriptor.digest);
            }
        }
        Ok(())
    }

    async fn referrer(&self, document: Document, report: &mut Report) -> Result<(), CopyError> {
        let mut content = Content::default();
        content.add(self.source, document).await?;
        self.blobs(&content, report).await?;
        let (root, children) = content.documents.split_last().expect("the document itself");
        for child in children {
            self.document(child, &child.digest().into()).await?;
        }
        let pushed = self.target.push_referrer(bytes(root), &media_type(root)).await;
        pushed.map(drop).map_err(self.failed())
    }
}
