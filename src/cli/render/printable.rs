//! What strangers wrote, made fit to be seen: file names, servers' messages, events of ECS. It moves no cursor, turns no
//! text around, and begins no line of its own.

/// Returns a text on one line; what would break it is spelled out, such as `\n` and `\u{1b}`.
pub(crate) fn line(text: &str) -> String {
    spelled(text, |c| c == '\n' || unfit(c))
}

/// Returns a text of several lines, where that is how it is meant: our own messages set the lines below the first in.
pub(crate) fn block(text: &str) -> String {
    let mut lines = text.split('\n');
    let mut shown = lines.next().map(line).unwrap_or_default();
    for next in lines {
        shown.push_str(if next.starts_with("  ") { "\n" } else { "\\n" });
        shown.push_str(&line(next));
    }
    shown
}

/// Returns a text with its lines as they are.
pub(crate) fn lines(text: &str) -> String {
    spelled(text, unfit)
}

/// Returns a text in ASCII alone, for terminals that show nothing else.
pub(crate) fn ascii(text: &str) -> String {
    // The mark of a line that was cut is as wide as what it marks.
    spelled(&text.replace('\u{2026}', "~"), |c| !c.is_ascii())
}

/// Returns a JSON text with nothing in it that moves a cursor: there such characters stand within strings alone.
pub(crate) fn json(text: &str) -> String {
    let escape = |c: char| match c.is_control() && c != '\n' || is_turning(c) {
        true => format!("\\u{:04x}", u32::from(c)),
        false => c.to_string(),
    };
    if text.chars().any(|c| c.is_control() && c != '\n' || is_turning(c)) {
        return text.chars().map(escape).collect();
    }
    text.to_owned()
}

fn spelled(text: &str, is_unfit: impl Fn(char) -> bool) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unfit(c) { shown.extend(spelling(c)) } else { shown.push(c) }
    }
    shown
}

fn spelling(c: char) -> Vec<char> {
    match c {
        '\n' | '\r' => c.escape_default().collect(),
        _ => c.escape_unicode().collect(),
    }
}

fn unfit(c: char) -> bool {
    c.is_control() && !matches!(c, '\n' | '\t') || is_turning(c)
}

/// Whether a character turns the direction of the text around it, so that it reads as what it is not.
fn is_turning(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_a_cursor_or_begins_a_line_is_spelled_out() {
        let bad = "a\u{1b}[2Jb\r\nc\u{9b}d\u{202e}e\tf";
        assert_eq!(line(bad), "a\\u{1b}[2Jb\\r\\nc\\u{9b}d\\u{202e}e\tf");
        assert_eq!(lines(bad), "a\\u{1b}[2Jb\\r\nc\\u{9b}d\\u{202e}e\tf");
        assert_eq!(block("wrong\n  1 | x\n::error::y"), "wrong\n  1 | x\\n::error::y");
        assert_eq!(ascii("caf\u{e9}\u{2026}"), "caf\\u{e9}~");
        assert_eq!(json("{\n\"a\": \"\u{9b}\u{7f}\u{e9}\"}"), "{\n\"a\": \"\\u009b\\u007f\u{e9}\"}");
    }
}
