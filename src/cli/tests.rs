//! Claims about the command line: it is well made, and what the documents tell people to type is read by it.

use std::path::{Path, PathBuf};

use clap::{CommandFactory, Parser};

use super::args::Cli;

#[test]
fn the_command_line_is_well_made() {
    Cli::command().debug_assert();
}

fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut pages, mut folders) = (vec![root.join("README.md")], vec![root.join("docs")]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder of pages") {
            let path = entry.expect("an entry").path();
            if path.is_dir() { folders.push(path) } else { pages.push(path) }
        }
    }
    pages.retain(|page| page.extension().is_some_and(|extension| extension == "md"));
    pages.sort();
    pages
}

/// Returns the commands of the blocks that a shell reads.
fn commands(page: &str) -> Vec<String> {
    let mut commands = Vec::new();
    let mut language = None;
    for line in page.lines() {
        if let Some(info) = line.strip_prefix("```") {
            language = if language.is_some() { None } else { Some(info.to_owned()) };
            continue;
        }
        match language.as_deref() {
            Some("sh") => commands.push(line.to_owned()),
            Some("console") => commands.extend(line.strip_prefix("$ ").map(str::to_owned)),
            _ => {}
        }
    }
    commands
}

/// Splits a line as a shell does, as far as documents need it: quotes, comments, and what ends a command.
fn words(line: &str) -> Vec<Vec<String>> {
    let (mut all, mut words, mut word, mut quote) = (Vec::new(), Vec::new(), None::<String>, None);
    for c in line.chars() {
        match (c, quote) {
            ('"' | '\'', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (c, Some(end)) if c == end => quote = None,
            (' ', None) => words.extend(word.take()),
            ('#', None) if word.is_none() => break,
            ('&' | '|' | ';' | '>', None) => {
                words.extend(word.take());
                all.push(std::mem::take(&mut words));
            }
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    all.push(words);
    all
}

#[test]
fn every_command_of_the_documents_is_read() {
    let (mut seen, mut wrong) = (0, Vec::new());
    for page in pages() {
        let text = std::fs::read_to_string(&page).expect("a page");
        for line in commands(&text) {
            for words in words(&line).iter().filter(|words| words.first().is_some_and(|word| word == "dockless")) {
                seen += 1;
                if let Err(error) = Cli::try_parse_from(words) {
                    wrong.push(format!("{}: {line}\n{error}", page.display()));
                }
            }
        }
    }
    assert!(seen > 30, "{seen} commands");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn lines_are_split_as_a_shell_does() {
    assert_eq!(words("a \"b c\" && d 'e' # f"), [vec!["a", "b c"], vec![], vec!["d", "e"]]);
}
