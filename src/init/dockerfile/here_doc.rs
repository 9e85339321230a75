//! Here-documents that do not stand at the beginning of a RUN: `RUN cat <<EOF > /etc/motd`.
//!
//! The parser takes only those at the beginning. The others are cut out before it reads the file, each line replaced by
//! a comment so that lines keep their numbers, and given back to their instruction afterwards.

use std::collections::BTreeMap;

use super::instruction::HereDoc;

/// What was cut out of one instruction.
#[derive(Debug, Default)]
pub(super) struct SetAside {
    pub(super) documents: Vec<HereDoc>,
    /// The whole instruction as the file has it.
    pub(super) source: String,
}

/// Cuts here-documents out; the keys are the lines that their instructions begin on.
pub(super) fn set_aside(text: &str, escape: char) -> (String, BTreeMap<usize, SetAside>) {
    let mut found = BTreeMap::new();
    let mut out: Vec<String> = Vec::new();
    let mut lines = text.lines().enumerate().peekable();
    while let Some((number, line)) = lines.next() {
        out.push(line.to_owned());
        let Some(rest) = arguments_of_run(line) else { continue };
        let (mut logical, mut source) = (rest.to_owned(), line.to_owned());
        // The instruction with the lines that it goes on with.
        let mut last = line;
        while last.trim_end().ends_with(escape) || (!std::ptr::eq(last, line) && is_comment(last)) {
            let Some((_, next)) = lines.next() else { break };
            out.push(next.to_owned());
            source.push('\n');
            source.push_str(next);
            if !is_comment(next) {
                logical.push_str(next);
            }
            last = next;
        }
        if rest.trim_start().starts_with("<<") {
            continue;
        }
        let mut aside = SetAside::default();
        for mark in marks(&logical) {
            let mut body = String::new();
            for (_, line) in lines.by_ref() {
                out.push("#".to_owned());
                source.push('\n');
                source.push_str(line);
                let own = if mark.strips_tabs { line.trim_start_matches('\t') } else { line };
                if own == mark.word {
                    break;
                }
                body.push_str(own);
                body.push('\n');
            }
            aside.documents.push(HereDoc { text: body, expand: mark.expand });
        }
        if !aside.documents.is_empty() {
            aside.source = source;
            found.insert(number + 1, aside);
        }
    }
    let mut text = out.join("\n");
    text.push('\n');
    (text, found)
}

fn is_comment(line: &str) -> bool {
    line.trim().is_empty() || line.trim_start().starts_with('#')
}

fn arguments_of_run(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let keyword = line.get(..3).filter(|keyword| keyword.eq_ignore_ascii_case("run"))?;
    let rest = &line[keyword.len()..];
    rest.starts_with([' ', '\t']).then_some(rest)
}

/// Where a here-document is announced.
struct Mark {
    word: String,
    strips_tabs: bool,
    expand: bool,
}

/// Finds the marks of here-documents outside of quotes.
fn marks(text: &str) -> Vec<Mark> {
    let mut marks = Vec::new();
    let mut quote = None;
    let mut rest = text.char_indices().peekable();
    while let Some((at, character)) = rest.next() {
        match (quote, character) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => quote = Some(character),
            (None, '<') if text[at..].starts_with("<<<") => {
                rest.next();
                rest.next();
            }
            (None, '<') if text[at..].starts_with("<<") => {
                marks.extend(mark(&text[at + 2..]));
                rest.next();
            }
            _ => {}
        }
    }
    marks
}

fn mark(text: &str) -> Option<Mark> {
    let strips_tabs = text.starts_with('-');
    let text = text.strip_prefix('-').unwrap_or(text);
    let quote = text.chars().next().filter(|quote| matches!(quote, '\'' | '"'));
    let text = text.strip_prefix(['\'', '"']).unwrap_or(text);
    let word: String = text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    let begins = word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    begins.then_some(Mark { word, strips_tabs, expand: quote.is_none() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_their_numbers_and_bodies_find_their_instruction() {
        let text = "FROM a\nRUN cat <<EOF > /x \\\n  && true\none\nEOF\nRUN <<E\nls\nE\nRUN echo '<<no' $((1<<2))\n";
        let (cut, found) = set_aside(text, '\\');
        assert_eq!(cut, "FROM a\nRUN cat <<EOF > /x \\\n  && true\n#\n#\nRUN <<E\nls\nE\nRUN echo '<<no' $((1<<2))\n");
        let aside = found.get(&2).expect("the one of line 2");
        assert_eq!((found.len(), aside.documents[0].text.as_str(), aside.documents[0].expand), (1, "one\n", true));
    }
}
