//! What a command came to as Markdown, for the page that a CI system shows of a job.

use std::fmt::Write;

use dockless::deploy::ServiceReport;
use dockless::pipeline::{ErrorReport, LayerReport, Report};

use super::human::bytes;
use super::{printable, summary, tally};
use crate::cli::cleanup;

/// Returns the page: the error if there is one, each image with its layers, and what became of the services.
pub(crate) fn render(builds: &[Report], services: &[ServiceReport], error: Option<&ErrorReport>) -> String {
    let mut page = String::new();
    error.into_iter().for_each(|error| failed(&mut page, error));
    builds.iter().for_each(|build| image(&mut page, build));
    if !services.is_empty() {
        page.push_str(&dockless::deploy::summary(None, services));
    }
    cleanup::redacted(&page)
}

fn failed(page: &mut String, error: &ErrorReport) {
    let _ = writeln!(page, "### Failed with exit code {}\n", error.exit_code);
    let mut block = super::error::shape(error);
    // No run of backticks within ends the block.
    while block.contains("```") {
        block = block.replace("```", "'''");
    }
    let _ = writeln!(page, "```text\n{block}```\n");
}

fn image(page: &mut String, build: &Report) {
    let Some(image) = &build.image else { return };
    // Writing to a string cannot fail.
    let _ = writeln!(page, "### Image\n\n`{}`\n", printable::line(image));
    if build.layers.is_empty() {
        return;
    }
    page.push_str("| layer | origin | size | state | digest |\n| --- | --- | ---: | --- | --- |\n");
    for layer in &build.layers {
        let digest = layer.digest.short();
        let (size, state) = (bytes(layer.size), states(layer));
        let _ = writeln!(page, "| {} | {} | {size} | {state} | `{digest}` |", name(layer), layer.origin);
    }
    page.push('\n');
    for line in summary::counts(build) {
        let _ = writeln!(page, "- {line}");
    }
    page.push('\n');
}

fn name(layer: &LayerReport) -> String {
    let name = plain(layer.name.as_deref().unwrap_or("-"));
    layer.platform.iter().fold(name, |name, platform| format!("{name} ({})", plain(platform)))
}

fn states(layer: &LayerReport) -> String {
    tally::states(&layer.digest).join(", ")
}

/// Returns text as Markdown that means nothing but itself, in one cell.
fn plain(text: &str) -> String {
    let mut escaped = String::new();
    for c in printable::line(text).chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '&' => escaped.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' => escaped.extend(['\\', c]),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use dockless::oci::{DiffId, Digest};

    use super::*;

    #[test]
    fn names_and_errors_stay_in_their_places() {
        let digest = Digest::of(b"x");
        let name = Some("a|b`<c>\n# d".to_owned());
        let layer = LayerReport { platform: None, name, origin: "own", digest, diff_id: DiffId(digest), size: 5 };
        let report = Report { image: Some("a/b:c".to_owned()), layers: vec![layer], ..Report::default() };
        let message = "cannot `x`\n```\n# y".to_owned();
        let error = ErrorReport { message, causes: Vec::new(), hint: None, exit_code: 5 };
        let page = render(&[report], &[], Some(&error));
        let begin =
            "### Failed with exit code 5\n\n```text\nerror: cannot `x`\\n'''\\n# y\n```\n\n### Image\n\n`a/b:c`\n\n";
        assert!(page.starts_with(begin), "{page}");
        assert!(page.contains("\n| a\\|b\\`&lt;c>\\\\n\\# d | own | 5 B |  | `"), "{page}");
    }
}
