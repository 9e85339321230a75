//! What was done until a command broke off: its report, as far as events told it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use dockless::event::Event;
use dockless::ground::Timestamp;
use dockless::oci::Digest;
use dockless::pipeline::{ErrorReport, Report};

use super::screen::Face;

static DONE: Mutex<Option<Report>> = Mutex::new(None);
/// What became of each blob, in words.
static STATES: Mutex<BTreeMap<Digest, Vec<&str>>> = Mutex::new(BTreeMap::new());

/// Keeps count.
pub(crate) struct Tally;

impl Face for Tally {
    fn show(&mut self, _at: Timestamp, event: &Event) {
        if let Some((digest, state)) = state(event) {
            let mut states = STATES.lock().unwrap_or_else(PoisonError::into_inner);
            let states = states.entry(digest).or_default();
            if !states.contains(&state) {
                states.push(state);
            }
        }
        count(DONE.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default(), event);
    }
}

/// Returns what became of a blob until now, in words.
pub(crate) fn states(digest: &Digest) -> Vec<&'static str> {
    STATES.lock().unwrap_or_else(PoisonError::into_inner).get(digest).cloned().unwrap_or_default()
}

fn state(event: &Event) -> Option<(Digest, &'static str)> {
    Some(match event {
        Event::LayerPacked { digest, .. } => (*digest, "packed"),
        Event::LayerKnown { digest, .. } => (*digest, "reused"),
        Event::BlobUploaded { digest, .. } => (*digest, "uploaded"),
        Event::BlobMounted { digest, .. } => (*digest, "mounted"),
        Event::BlobExists { digest } => (*digest, "there already"),
        _ => return None,
    })
}

/// Returns what was done, with the error that ended it.
pub(crate) fn broken_off(error: ErrorReport) -> Report {
    let done = DONE.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default();
    Report { error: Some(error), ..done }
}

fn count(report: &mut Report, event: &Event) {
    match event {
        Event::BlobExists { .. } => report.existing += 1,
        Event::BlobMounted { .. } => report.mounted += 1,
        Event::BlobUploaded { size, .. } => {
            report.uploaded_blobs += 1;
            report.uploaded_bytes += size;
        }
        Event::LayerKnown { .. } => report.reused_layers += 1,
        // The first tag is the one that the image is known by; manifests without one belong to an index.
        Event::ManifestPushed { reference, digest } if report.image.is_none() && reference.tag.is_some() => {
            report.image = Some(format!("{reference}@{digest}"));
            report.digest = Some(*digest);
        }
        Event::TaskDefinitionRegistered { arn } => {
            report.registered = true;
            report.task_definition_arn.get_or_insert_with(|| arn.clone());
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_of_a_broken_run_tells_what_was_done() {
        let digest = Digest::of(b"x");
        let mut report = Report::default();
        let pushed = |reference: &str| Event::ManifestPushed { reference: reference.parse().expect("a name"), digest };
        for event in [
            Event::BlobUploaded { digest, size: 5 },
            Event::BlobExists { digest },
            pushed(&format!("ghcr.io/a/b@{digest}")),
            pushed("ghcr.io/a/b:1"),
            pushed("ghcr.io/a/b:2"),
            Event::TaskDefinitionRegistered { arn: "arn:1".to_owned() },
        ] {
            count(&mut report, &event);
        }
        assert_eq!((report.uploaded_bytes, report.uploaded_blobs, report.existing), (5, 1, 1));
        assert_eq!(report.image, Some(format!("ghcr.io/a/b:1@{digest}")));
        assert_eq!((report.registered, report.task_definition_arn.as_deref()), (true, Some("arn:1")));
    }
}
