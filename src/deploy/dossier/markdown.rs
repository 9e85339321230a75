//! A dossier as Markdown, for a CI system's page. What comes from elsewhere can neither end a block nor make a link.

use std::fmt::{self, Write};

use super::{Dossier, StoppedGroup};

impl Dossier {
    /// Writes the dossier as Markdown below a heading of its own.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_markdown(&self, out: &mut impl Write) -> fmt::Result {
        if let Some(cause) = &self.cause {
            writeln!(out, "**Likely cause:** {}\n", plain(cause))?;
        }
        for group in &self.stopped {
            write_group(group, out)?;
        }
        if !self.targets.is_empty() {
            writeln!(out, "| target group | target | state | why |\n| --- | --- | --- | --- |")?;
            for target in &self.targets {
                let words = target.words.as_deref().or(target.code.as_deref()).unwrap_or_default();
                let (group, state) = (plain(&target.group), plain(&target.state));
                writeln!(out, "| {group} | {} | {state} | {} |", plain(&target.target), plain(words))?;
            }
            writeln!(out)?;
        }
        if !self.events.is_empty() {
            writeln!(out, "<details><summary>Events of the service</summary>\n")?;
            for event in &self.events {
                writeln!(out, "- {} {}", event.at, plain(&event.message))?;
            }
            writeln!(out, "\n</details>\n")?;
        }
        Ok(())
    }
}

fn write_group(group: &StoppedGroup, out: &mut impl Write) -> fmt::Result {
    let tasks = if group.count == 1 { "task" } else { "tasks" };
    writeln!(out, "**{} {tasks} stopped:** {} (`{}`)\n", group.count, plain(&group.reason), code(&group.task))?;
    for container in &group.containers {
        write!(out, "- container `{}`", code(&container.name))?;
        if let Some(exit) = container.exit_code {
            write!(out, ": exit code {exit}")?;
        }
        container.meaning.iter().try_for_each(|meaning| write!(out, ", {}", plain(meaning)))?;
        container.reason.iter().try_for_each(|reason| write!(out, ", {}", plain(reason)))?;
        writeln!(out)?;
        if !container.log.is_empty() {
            let fence = fence(&container.log);
            writeln!(out, "\n  {fence}text")?;
            container.log.iter().try_for_each(|line| writeln!(out, "  {line}"))?;
            writeln!(out, "  {fence}\n")?;
        }
    }
    writeln!(out)
}

/// Returns a fence longer than any run of backticks in what it encloses.
fn fence(lines: &[String]) -> String {
    let longest = lines.iter().flat_map(|line| line.split(|c| c != '`')).map(str::len).max().unwrap_or_default();
    "`".repeat(longest.max(2) + 1)
}

/// Escapes what Markdown would take for its own.
pub(in crate::deploy) fn plain(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '\n' | '\r' => escaped.push(' '),
            '<' => escaped.push_str("&lt;"),
            '&' => escaped.push_str("&amp;"),
            '\\' | '*' | '_' | '[' | ']' | '|' | '#' => {
                escaped.push('\\');
                escaped.push(character);
            }
            other => escaped.push(other),
        }
    }
    escaped
}

fn code(text: &str) -> String {
    text.replace('`', "'")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deploy::dossier::{EventLine, FailedContainer, UnhealthyTarget};

    #[test]
    fn what_comes_from_elsewhere_cannot_break_out() {
        let container = FailedContainer {
            name: "web".to_owned(),
            exit_code: Some(1),
            log: vec!["```` [x](http://evil)".to_owned(), "<script>".to_owned()],
            ..FailedContainer::default()
        };
        let group = StoppedGroup {
            reason: "<b> [link](x)".to_owned(),
            count: 2,
            task: "abc".to_owned(),
            containers: vec![container],
            ..StoppedGroup::default()
        };
        let dossier = Dossier {
            cause: Some("it *is*".to_owned()),
            stopped: vec![group],
            targets: vec![UnhealthyTarget { group: "a|b".to_owned(), ..UnhealthyTarget::default() }],
            events: vec![EventLine { at: "T".to_owned(), message: "# no\nheading".to_owned() }],
        };
        let mut text = String::new();
        dossier.write_markdown(&mut text).expect("a text takes all");
        for expect in
            ["it \\*is\\*", "&lt;b> \\[link\\](x)", "  `````text\n  ```` [x]", "| a\\|b |", "- T \\# no heading"]
        {
            assert!(text.contains(expect), "`{expect}` in {text}");
        }
    }
}
