//! What a deployment's images are, resolved once when it begins.

use super::document::Image;
use super::operation::Call;
use super::rollout::{ReportedDigest, StoppedTask};
use super::task_definition;
use crate::oci::Digest;
use crate::sandbox::registry::Presence;

/// Looks up the images of a task definition. The second part is the failure of the first that cannot be pulled.
pub(super) fn resolve(
    call: &Call<'_>,
    task_definition: &str,
    revision_digest: ReportedDigest,
    task_digest: ReportedDigest,
) -> (Vec<Image>, Option<StoppedTask>) {
    let mut failure = None;
    let mut images = Vec::new();
    for (container, image) in task_definition::containers(call, task_definition) {
        let found = match call.registry.presence(&image) {
            Presence::Here(digest) => Some(digest),
            Presence::Elsewhere(digest) => digest,
            Presence::Missing => {
                failure.get_or_insert_with(|| cannot_pull(&image));
                None
            }
        };
        let (revision_digest, task_digest) = (report(revision_digest, found), report(task_digest, found));
        images.push(Image { container, image, revision_digest, task_digest });
    }
    (images, failure)
}

fn report(reported: ReportedDigest, found: Option<Digest>) -> Option<String> {
    match reported {
        ReportedDigest::Resolved => found,
        ReportedDigest::Absent => None,
        ReportedDigest::Is(digest) => Some(digest),
    }
    .map(|digest| digest.to_string())
}

fn cannot_pull(image: &str) -> StoppedTask {
    let reason = format!(
        "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref {image}: \
         {image}: not found"
    );
    let container_reason = Some(reason.clone());
    StoppedTask { reason, stop_code: "TaskFailedToStart".to_owned(), exit_code: None, container_reason }
}
