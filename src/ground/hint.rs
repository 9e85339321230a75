//! The remedy that an error offers.

/// An error that knows what its reader can do next.
///
/// Implemented beside each error enum; the command line prints the first remedy it finds on the way from the
/// outermost error inwards.
pub trait Hint {
    /// Returns what to type or to change, as one sentence without a full stop, or `None` when nothing is known to help.
    fn hint(&self) -> Option<String>;
}

/// Returns the candidate that `word` was probably meant to be, or `None` when none is near.
///
/// ```
/// assert_eq!(dockless::ground::did_you_mean("layres", ["layers", "labels"]), Some("layers"));
/// assert_eq!(dockless::ground::did_you_mean("zebra", ["layers", "labels"]), None);
/// ```
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}
