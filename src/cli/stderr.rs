//! The door to stderr. What goes through it has lost credentials, what moves a terminal's cursor, and what a CI system takes
//! for a command; and a stderr that takes nothing fails nobody.

use std::io::Write;
use std::sync::OnceLock;

use super::cleanup;
use super::render::printable;
use super::render::terminal::Terminal;

/// Tells people something: lines, each whole.
pub(crate) fn tell(text: &str) {
    put(&shown(text));
}

/// Tells a CI system something, in its own form.
pub(crate) fn command(text: &str) {
    put(&cleanup::redacted(text));
}

/// Returns lines as they may be seen.
pub(crate) fn shown(text: &str) -> String {
    let text = printable::lines(&cleanup::redacted(text));
    let text = if shows_unicode() { text } else { printable::ascii(&text) };
    // Runners look for commands at the start of a line, blanks aside.
    if !text.contains("::") {
        return text;
    }
    let quoted = |line: &str| match line.trim_start().starts_with("::") {
        true => format!("| {line}"),
        false => line.to_owned(),
    };
    text.split_inclusive('\n').map(quoted).collect()
}

fn put(text: &str) {
    // At once: lines of several threads do not mix.
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

fn shows_unicode() -> bool {
    static UNICODE: OnceLock<bool> = OnceLock::new();
    *UNICODE.get_or_init(|| Terminal::of_stderr().unicode)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_of_strangers_is_a_command_of_a_ci_system() {
        assert_eq!(shown("a\n  ::set-output name=x::y\nb :: c\n"), "a\n|   ::set-output name=x::y\nb :: c\n");
    }
}
