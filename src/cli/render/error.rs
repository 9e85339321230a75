//! The one shape of every failure.

use std::error::Error;
use std::fmt::Write;

use dockless::pipeline::ErrorReport;

/// Returns `error:`, a `caused by:` line for each cause, and the `hint:`.
pub(crate) fn render(error: &dyn Error, hint: Option<&str>) -> String {
    shape(&ErrorReport {
        causes: causes(error),
        message: error.to_string(),
        hint: hint.map(str::to_owned),
        exit_code: 0,
    })
}

/// Returns an error for programs.
pub(crate) fn report(error: &dyn Error, hint: Option<String>, exit_code: u8) -> ErrorReport {
    ErrorReport { message: error.to_string(), causes: causes(error), hint, exit_code }
}

/// Returns a bug of ours in the shape of every failure: where, what, and no backtrace.
pub(crate) fn internal(panic: &std::panic::PanicHookInfo<'_>) -> String {
    let words = panic.payload_as_str().unwrap_or("no words");
    let place = panic.location().map(|at| format!("{}:{}", at.file(), at.line())).unwrap_or_default();
    let hint = Some("this is a bug of dockless: report it with the output of `-vv`".to_owned());
    let (message, causes) = (format!("internal error at {place}"), vec![words.to_owned()]);
    shape(&ErrorReport { message, causes, hint, exit_code: 0 })
}

fn shape(error: &ErrorReport) -> String {
    let mut text = format!("error: {}\n", error.message);
    for line in &error.causes {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  caused by: {line}");
    }
    if let Some(hint) = &error.hint {
        let _ = writeln!(text, "hint: {hint}");
    }
    text
}

/// Returns the causes, outermost first. One that only repeats what stands above it is left out.
fn causes(error: &dyn Error) -> Vec<String> {
    let (mut lines, mut above, mut cause) = (Vec::new(), error.to_string(), error.source());
    while let Some(error) = cause {
        let line = error.to_string();
        if !line.is_empty() && !above.contains(&line) {
            above.clone_from(&line);
            lines.push(line);
        }
        cause = error.source();
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot push `a/b:c`")]
    struct Outer(#[source] Inner);

    #[derive(Debug, thiserror::Error)]
    #[error("POST /v2/: 404 NAME_UNKNOWN")]
    struct Inner;

    #[test]
    fn a_failure_has_one_shape() {
        assert_eq!(
            render(&Outer(Inner), Some("create it")),
            "error: cannot push `a/b:c`\n  caused by: POST /v2/: 404 NAME_UNKNOWN\nhint: create it\n"
        );
    }
}
