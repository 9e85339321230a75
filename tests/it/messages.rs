//! What people read: every error text and every remedy pinned, and the help of every command at 80 columns.
//!
//! The table of errors is read from the sources, so that no variant is forgotten: one that is new, or whose words changed,
//! is a difference until it was looked at.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::support::snapshot::assert_snapshot;
use super::support::{Project, Runner, StandIn};

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        match path.is_dir() {
            true if name != "tests" => sources(&path, into),
            false if name.ends_with(".rs") && name != "tests.rs" => into.push(path),
            _ => {}
        }
    }
}

/// The code of each file, without its test module.
fn code() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    sources(&root, &mut paths);
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).expect("a readable source");
        let end = text.find("#[cfg(all(test").or_else(|| text.find("#[cfg(test)]\nmod ")).unwrap_or(text.len());
        let name = path.strip_prefix(&root).expect("below src").to_string_lossy().into_owned();
        (name, text[..end].to_owned())
    };
    paths.into_iter().map(read).collect()
}

/// The end of what begins with an opening bracket, literals of text left aside.
fn bracketed(text: &str, open: char, close: char) -> &str {
    let (mut depth, mut quoted, mut escaped) = (0, false, false);
    for (at, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            c if c == open => depth += 1,
            c if c == close => {
                depth -= 1;
                if depth == 0 {
                    return &text[..=at];
                }
            }
            _ => {}
        }
    }
    text
}

/// The literals of a piece of code, continued lines joined.
fn literals(code: &str) -> Vec<String> {
    let (mut all, mut current, mut escaped) = (Vec::new(), None::<String>, false);
    for character in
        code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n").chars()
    {
        match (&mut current, character) {
            (Some(text), _) if escaped => {
                escaped = false;
                text.push(if character == '\n' { '\u{1}' } else { character });
            }
            (Some(_), '\\') => escaped = true,
            (Some(_), '"') => all.extend(current.take()),
            (Some(text), _) => text.push(character),
            (None, '"') => current = Some(String::new()),
            (None, _) => {}
        }
    }
    // After a backslash at the end of a line the blanks of the next are no part of the text.
    all.iter().map(|text| text.split('\u{1}').map(str::trim_start).collect()).collect()
}

/// Every `#[error(...)]` with the type and the variant it belongs to, and the words of every remedy.
fn table() -> String {
    let mut table = String::new();
    for (file, text) in code() {
        let mut rows = String::new();
        for (at, _) in text.match_indices("#[error(") {
            let attribute = bracketed(&text[at..], '[', ']');
            let words = match literals(attribute).first() {
                Some(words) => words.clone(),
                None => "(that of its source)".to_owned(),
            };
            let after = text[at + attribute.len()..].lines().map(str::trim);
            let item = after.clone().find(|line| !line.is_empty() && !line.starts_with(['#', '/'])).unwrap_or_default();
            let word = |line: &str| {
                line.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default().to_owned()
            };
            let item =
                item.trim_start_matches("pub ").trim_start_matches("pub(crate) ").trim_start_matches("pub(super) ");
            let item = item.trim_start_matches("struct ");
            let _ = writeln!(rows, "  {}: {words}", word(item));
        }
        for (at, _) in text.match_indices("fn hint(&self)") {
            let body = bracketed(&text[at..], '{', '}');
            literals(body)
                .iter()
                .filter(|words| words.contains(' '))
                .for_each(|words| _ = writeln!(rows, "  hint: {words}"));
        }
        if !rows.is_empty() {
            let _ = write!(table, "{file}\n{rows}");
        }
    }
    table
}

#[test]
fn every_error_and_every_remedy_reads_as_it_was_reviewed() {
    assert_snapshot("messages.txt", &table());
}

#[test]
fn messages_are_fragments_without_debug_formatting_and_remedies_no_sentences() {
    let mut wrong = Vec::new();
    for row in table().lines().filter(|row| row.starts_with("  ")) {
        let (name, words) = row.trim().split_once(": ").expect("a name and words");
        let starts_high = words.chars().next().is_some_and(char::is_uppercase)
            && words.chars().nth(1).is_some_and(char::is_lowercase);
        // Format strings that are debug output carry `:?` in braces.
        let debug = words.contains(":?}") || words.contains(":#?}");
        if (starts_high && name != "hint") || words.ends_with('.') && !words.ends_with("...") || debug {
            wrong.push(row.to_owned());
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_text_that_is_shown_is_debug_formatted() {
    let mut wrong = Vec::new();
    for (file, text) in code() {
        // The stand-in prints nothing; the build file's strings are shown with quotes, as YAML has them.
        let quotes = ["sandbox/", "layer/golden.rs", "spec/field.rs", "spec/resolve/config.rs", "spec/resolve/deploy/"];
        if quotes.iter().any(|prefix| file.starts_with(prefix)) {
            continue;
        }
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
            let shows = ["format!", "write!", "writeln!", "print", "#[error"].iter().any(|word| line.contains(word));
            if shows && (line.contains(":?}") || line.contains(":#?}")) {
                wrong.push(format!("{file}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn help_fits_80_columns_and_reads_as_it_was_reviewed() {
    let (runner, project) = (Runner::new().env("COLUMNS", "80"), Project::scratch());
    let help = |arguments: &[&str]| {
        let run = runner.run(project.path(), arguments);
        assert_eq!(run.code, 0, "{}", run.stderr);
        run.stdout
    };
    let top = help(&["--help"]);
    let commands = top.split("Commands:\n").nth(1).and_then(|rest| rest.split("\n\n").next()).expect("the commands");
    let names: Vec<String> = commands
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
        .collect();
    assert!(names.len() >= 12, "{names:?}");
    let mut text = format!("$ dockless --help\n{top}");
    // What is common stands once, above.
    for name in names {
        let own = help(&[&name, "--help"]);
        let _ = write!(text, "\n$ dockless {name} --help\n{}", without(&own, &top));
    }
    let wide: Vec<&str> = text.lines().filter(|line| line.chars().count() > 80).collect();
    assert!(wide.is_empty(), "{}", wide.join("\n"));
    assert_snapshot("help.txt", &text);
}

/// Leaves out the options of all commands: an option's paragraph that stands in the common help too.
fn without(own: &str, top: &str) -> String {
    let known: Vec<&str> = top.lines().collect();
    let mut kept: Vec<&str> =
        own.lines().map(str::trim_end).filter(|line| line.is_empty() || !known.contains(line)).collect();
    kept.dedup_by(|line, before| line.is_empty() && before.is_empty());
    kept.iter().map(|line| format!("{line}\n")).collect()
}

/// A run's words without what differs from machine to machine.
fn told(runner: &Runner, project: &Project, arguments: &[&str]) -> String {
    let run = runner.run(project.path(), arguments);
    let folder = project.path().display().to_string();
    let shown = run.stderr.replace(&folder, "PROJECT");
    format!("$ dockless {}\n{shown}exit code {}\n\n", arguments.join(" "), run.code)
}

#[test]
fn mistakes_are_told_with_what_was_probably_meant() {
    let standin = StandIn::start(&["shop"], &["web"]);
    let runner = standin.runner().env("COLUMNS", "80").env("GIT_CEILING_DIRECTORIES", "/");
    let deploy = |rest: &str| Project::with(&format!("base: scratch\nlayers:\n  - {{from: app, to: /app}}\n{rest}"));
    let mut text = String::new();
    let good = deploy("deploy: {cluster: main, services: [web]}\n");
    text += &told(&runner, &good, &["shpi"]);
    text += &told(&runner, &good, &["ship", "--no-wiat"]);
    text += &told(&runner, &good, &["push", "--progress", "plian"]);
    text += &told(&runner, &good, &["push", "--jobs", "many"]);
    text += &told(&runner, &good, &["push", "--file", "app"]);
    text += &told(&runner, &good, &["copy", "here"]);
    text += &told(&runner, &good, &["ship", "--environment", "prod"]);
    text += &told(&runner, &good, &["status", "--service", "wbe"]);
    text += &told(&runner, &good, &["build", "--output", "oci"]);
    text += &told(&runner, &good, &["deploy", "--image", "shop:latest"]);
    text += &told(&runner, &Project::with("base: scratch\nlayres: []\n"), &["build"]);
    text += &told(&runner, &Project::with("base: scratch\nlayers:\n  - {from: ap, to: /app}\n"), &["build"]);
    text += &told(&runner, &deploy("deploy: {cluster: mian, services: [web]}\n"), &["ship", "-q"]);
    text += &told(&runner, &deploy("deploy: {cluster: main, services: [wbe]}\n"), &["ship", "-q"]);
    let container = deploy("deploy: {cluster: main, services: [{name: web, containers: [wbe]}]}\n");
    text += &told(&runner, &container, &["ship", "-q"]);
    assert_snapshot("mistakes.txt", &text);
}
