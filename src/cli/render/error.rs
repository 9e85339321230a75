//! The one shape of every failure.

use std::error::Error;
use std::fmt::Write;

use dockless::pipeline::ErrorReport;

use super::printable;
use crate::cli::exit;

/// Returns an error for programs.
pub(crate) fn report(error: &dyn Error, hint: Option<String>, exit_code: u8) -> ErrorReport {
    ErrorReport { message: error.to_string(), causes: causes(error), hint, exit_code }
}

/// Returns a bug of ours as any failure: where, what, and no backtrace.
pub(crate) fn internal(panic: &std::panic::PanicHookInfo<'_>) -> ErrorReport {
    let words = panic.payload_as_str().unwrap_or("no words");
    let place = panic.location().map(|at| format!("{}:{}", at.file(), at.line())).unwrap_or_default();
    let hint = Some("this is a bug of dockless: report it with the output of `-vv`".to_owned());
    let (message, causes) = (format!("internal error at {place}"), vec![words.to_owned()]);
    ErrorReport { message, causes, hint, exit_code: exit::INTERNAL }
}

/// Returns an error in its shape.
pub(crate) fn shape(error: &ErrorReport) -> String {
    let mut text = format!("error: {}\n", printable::block(&error.message));
    for cause in &error.causes {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  caused by: {}", printable::block(cause));
    }
    if let Some(hint) = &error.hint {
        let _ = writeln!(text, "hint: {}", printable::block(hint));
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
            shape(&report(&Outer(Inner), Some("create it".to_owned()), 5)),
            "error: cannot push `a/b:c`\n  caused by: POST /v2/: 404 NAME_UNKNOWN\nhint: create it\n"
        );
    }
}
