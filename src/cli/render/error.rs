//! The one shape of every failure.

use std::error::Error;
use std::fmt::Write;

/// Returns `error:`, a `caused by:` line for each cause, and the `hint:`.
///
/// A cause that only repeats what stands above it is left out.
pub(crate) fn render(error: &dyn Error, hint: Option<&str>) -> String {
    let mut text = format!("error: {error}\n");
    let mut above = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let line = error.to_string();
        if !line.is_empty() && !above.contains(&line) {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  caused by: {line}");
            above.clone_from(&line);
        }
        cause = error.source();
    }
    if let Some(hint) = hint {
        let _ = writeln!(text, "hint: {hint}");
    }
    text
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
