//! The report as one JSON document on stdout.

use serde::Serialize;

use super::printable;

/// Returns the document, indented, with a newline at its end.
pub(crate) fn render(report: &impl Serialize) -> String {
    // Reports have string keys and finite numbers only.
    let mut text = printable::json(&serde_json::to_string_pretty(report).expect("a report is always JSON"));
    text.push('\n');
    text
}
