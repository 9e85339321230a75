//! What an interrupted run leaves at registries, and its end.
//!
//! A command is dropped wherever it is when the signal comes, so what has to be told afterwards is kept here. The same
//! registries know what must not be told.

use std::sync::{Mutex, PoisonError};

use dockless::registry::Registry;

static REGISTRIES: Mutex<Vec<Registry>> = Mutex::new(Vec::new());

/// Keeps the registries of a command for the case that it is interrupted.
pub(crate) fn keep(registry: &Registry) {
    REGISTRIES.lock().unwrap_or_else(PoisonError::into_inner).push(registry.clone());
}

/// Takes credentials that were sent out of a text that is about to be shown: servers may put them anywhere, into a URL, a
/// media type or a name.
pub(crate) fn redacted(text: &str) -> String {
    // Another thread holds it for a moment at most; this one never does, also where it panics.
    let registries = REGISTRIES.lock().unwrap_or_else(PoisonError::into_inner).clone();
    registries.iter().fold(text.to_owned(), |text, registry| registry.redacted(&text))
}

/// Ends the uploads that were on their way, and returns what became of them, in words.
pub(crate) async fn run() -> Option<String> {
    let registries = REGISTRIES.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let (mut ended, mut left) = (0, 0);
    for registry in registries {
        let abandoned = registry.abandon().await;
        ended += abandoned.ended;
        left += abandoned.left;
    }
    match (ended, left) {
        (0, 0) => None,
        (ended, 0) => Some(format!("unfinished uploads: {ended}, given up at the registry")),
        (ended, left) => Some(format!(
            "unfinished uploads: {}, of which {left} could not be given up; the registry drops them in time",
            ended + left
        )),
    }
}
