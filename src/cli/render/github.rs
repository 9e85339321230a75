//! Annotations of GitHub Actions: what went wrong, on the page of the job.
//!
//! <https://docs.github.com/actions/reference/workflow-commands-for-github-actions>

use dockless::event::Event;
use dockless::ground::Timestamp;
use dockless::pipeline::ErrorReport;

use super::printable;
use super::screen::Face;
use crate::cli::{cleanup, stderr};

/// Shows warnings as annotations.
pub(crate) struct Annotations;

impl Face for Annotations {
    fn show(&mut self, _at: Timestamp, event: &Event) {
        if let Event::Warning { message, hint } = event {
            let hint = hint.as_ref().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
            stderr::command(&(command("warning", &format!("{message}{hint}")) + "\n"));
        }
    }
}

/// Returns the annotation of an error.
pub(crate) fn error(error: &ErrorReport) -> String {
    let causes = error.causes.iter().map(|cause| format!("\ncaused by: {cause}"));
    let hint = error.hint.iter().map(|hint| format!("\nhint: {hint}"));
    let text: String = std::iter::once(error.message.clone()).chain(causes).chain(hint).collect();
    command("error", &text) + "\n"
}

fn command(name: &str, message: &str) -> String {
    // Before it is escaped: a secret may hold what is.
    let message = cleanup::redacted(message).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    format!("::{name} title=dockless::{}", printable::line(&message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_annotation_is_one_line_whatever_the_message_holds() {
        let report = ErrorReport {
            message: "100 %\n::error::x".to_owned(),
            causes: vec!["a\rb".to_owned()],
            hint: Some("do it".to_owned()),
            exit_code: 5,
        };
        let expect = "::error title=dockless::100 %25%0A::error::x%0Acaused by: a%0Db%0Ahint: do it\n";
        assert_eq!(error(&report), expect);
    }
}
