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
            stderr::command(&(command("warning", "", &format!("{message}{hint}")) + "\n"));
        }
    }
}

/// Returns the annotation of an error. One that names a place in a file stands beside that line; `path` returns a file as
/// the job's workspace has it, if it is there.
pub(crate) fn error(error: &ErrorReport, path: impl Fn(&str) -> Option<String>) -> String {
    let spot = std::iter::once(&error.message).chain(&error.causes).find_map(|text| spot(text));
    let spot = spot
        .and_then(|(file, line, column)| Some(format!("file={},line={line},col={column},", property(&path(file)?))));
    let causes = error.causes.iter().map(|cause| format!("\ncaused by: {cause}"));
    let hint = error.hint.iter().map(|hint| format!("\nhint: {hint}"));
    let text: String = std::iter::once(error.message.clone()).chain(causes).chain(hint).collect();
    command("error", &spot.unwrap_or_default(), &text) + "\n"
}

/// Reads the place that a message of a build file begins with: `build.yaml:5:9: ...`.
fn spot(text: &str) -> Option<(&str, u32, u32)> {
    let (place, _) = text.split_once(": ")?;
    let (place, column) = place.rsplit_once(':')?;
    let (file, line) = place.rsplit_once(':')?;
    Some((file, line.parse().ok()?, column.parse().ok()?))
}

/// Escapes the value of a property.
fn property(value: &str) -> String {
    let value = value.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    value.replace(':', "%3A").replace(',', "%2C")
}

fn command(name: &str, properties: &str, message: &str) -> String {
    // Before it is escaped: a secret may hold what is.
    let message = cleanup::redacted(message).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    format!("::{name} {}title=dockless::{}", printable::line(properties), printable::line(&message))
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
        assert_eq!(error(&report, |_| None), expect);
    }

    #[test]
    fn an_error_of_a_build_file_stands_beside_its_line() {
        let message = "a,b.yaml:5:9: `layers` must be a list".to_owned();
        let report = ErrorReport { message, causes: Vec::new(), hint: None, exit_code: 3 };
        let shown = error(&report, |file| Some(format!("shop/{file}")));
        let expect =
            "::error file=shop/a%2Cb.yaml,line=5,col=9,title=dockless::a,b.yaml:5:9: `layers` must be a list\n";
        assert_eq!(shown, expect);
        let plain = error(&report, |_| None);
        assert!(plain.starts_with("::error title=dockless::"), "a file that is not there: {plain}");
        let other = "cannot reach `127.0.0.1:9`: refused".to_owned();
        let shown = error(&ErrorReport { message: other, ..report }, |file| Some(file.to_owned()));
        assert!(shown.starts_with("::error title=dockless::"), "an address is no place: {shown}");
    }
}
