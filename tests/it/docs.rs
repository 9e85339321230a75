//! The documents are true: build files load, fragments fit the schema, the tutorial runs, links lead somewhere, and what
//! is said of keys and commands is what the code says.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use dockless::spec::{self, Inputs, Overrides, build_file_schema, user_config_schema};
use serde_json::{Value, json};

use super::schema::{as_json, faults};
use super::support::{Project, Runner};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every page, with its path from the root.
fn pages() -> Vec<(PathBuf, String)> {
    let mut folders = vec![root().join("docs")];
    let mut paths: Vec<PathBuf> =
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(|name| root().join(name)).to_vec();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder of pages") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => folders.push(path),
                false if path.extension().is_some_and(|extension| extension == "md") => paths.push(path),
                false => {}
            }
        }
    }
    paths.sort();
    let page = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("a page");
        (path.strip_prefix(root()).expect("below the root").to_owned(), text)
    };
    paths.into_iter().map(page).collect()
}

/// Returns the blocks of one language.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(info) = line.strip_prefix("```") {
            let block: Vec<&str> = lines.by_ref().take_while(|line| !line.starts_with("```")).collect();
            if info == language {
                blocks.push(block.join("\n") + "\n");
            }
        }
    }
    blocks
}

/// Returns a page without what is code.
fn prose(page: &str) -> String {
    let mut fenced = false;
    let lines = page.lines().filter(|line| {
        let fence = line.starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    });
    let text = lines.collect::<Vec<_>>().join("\n");
    regex::Regex::new("`[^`\n]*`").expect("an expression").replace_all(&text, "code").into_owned()
}

/// The anchors of a page's headings, as the forges and mdBook make them.
fn anchors(page: &str) -> BTreeSet<String> {
    let headings = page.lines().filter_map(|line| line.strip_prefix('#').map(|rest| rest.trim_start_matches('#')));
    headings
        .map(|heading| {
            let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
            kept.collect::<String>().to_lowercase().replace(' ', "-")
        })
        .collect()
}

#[test]
fn every_link_leads_somewhere() {
    let link = regex::Regex::new(r"\]\(([^)\s]+)\)").expect("an expression");
    let mut broken = Vec::new();
    for (path, text) in pages() {
        let prose = prose(&text);
        for found in link.captures_iter(&prose) {
            let target = &found[1];
            if target.contains("://") {
                continue;
            }
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let folder = root().join(&path);
            let there = if file.is_empty() { folder } else { folder.with_file_name("").join(file) };
            let good = match anchor {
                "" => there.exists(),
                anchor => fs::read_to_string(&there).is_ok_and(|page| anchors(&page).contains(anchor)),
            };
            if !good {
                broken.push(format!("{}: {target}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_page_is_in_the_book() {
    let summary = fs::read_to_string(root().join("docs/SUMMARY.md")).expect("the summary");
    for (path, _) in pages() {
        if let Ok(page) = path.strip_prefix("docs")
            && page != Path::new("SUMMARY.md")
        {
            assert!(summary.contains(&format!("({})", page.display())), "{} is not in SUMMARY.md", page.display());
        }
    }
}

#[test]
fn reference_pages_are_made_of_the_tables() {
    let commands = Runner::new().run(root(), &["man", "--markdown"]).stdout;
    for (name, made) in [("build-file", spec::build_file_page()), ("commands", commands)] {
        let path = root().join(format!("docs/reference/{name}.md"));
        if std::env::var_os("DOCKLESS_UPDATE_DOCS").is_some() {
            fs::write(&path, &made).expect("written");
        }
        let page = fs::read_to_string(&path).unwrap_or_default();
        assert!(page == made, "{name}.md is not what the table says: DOCKLESS_UPDATE_DOCS=1 writes it anew");
    }
}

/// Loads a build file as of a checkout with the variables that it names.
fn load(text: &str) -> Result<(), String> {
    let project = tempfile::tempdir().map_err(|error| error.to_string())?;
    let text = text.replace("${git.commit}", "0a1b2c3");
    fs::write(project.path().join("build.yaml"), text).map_err(|error| error.to_string())?;
    let (environment, overrides) = (|_: &str| None, Overrides::default());
    let inputs = Inputs { project: project.path(), file: None, environment: &environment, overrides: &overrides };
    spec::load(&inputs).map(|_| ()).map_err(|error| {
        let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        format!("{error}: {source}")
    })
}

/// Returns what is wrong with a block of YAML: a whole build file, some of its keys, or a user configuration. That of
/// another program is looked at by that program's own check.
fn wrong(block: &str) -> Vec<String> {
    let whole = block.lines().any(|line| line.starts_with("version: 1"));
    let Some(mut document) = as_json(block) else { return vec!["it is not YAML".to_owned()] };
    let schema = build_file_schema();
    let known = |schema: &Value, document: &Value| {
        document.as_object().is_some_and(|map| map.keys().all(|key| schema["properties"].get(key).is_some()))
    };
    if whole {
        return load(block).err().into_iter().chain(faults(&schema, &document)).collect();
    }
    if known(&user_config_schema(), &document) {
        return faults(&user_config_schema(), &document);
    }
    if !known(&schema, &document) {
        return Vec::new();
    }
    document["version"] = json!(1);
    if document.get("base").is_none() {
        document["base"] = json!("scratch");
    }
    faults(&schema, &document)
}

#[test]
fn build_files_of_the_pages_are_as_they_say() {
    let mut seen = 0;
    let mut bad = Vec::new();
    for (path, text) in pages() {
        for block in blocks(&text, "yaml") {
            seen += 1;
            bad.extend(wrong(&block).into_iter().map(|fault| format!("{}: {fault}\n{block}", path.display())));
        }
    }
    assert!(seen > 20, "{seen} blocks");
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

#[test]
fn wrong_build_files_of_a_page_would_be_seen() {
    assert!(!wrong("version: 1\nbase: scratch\nlayer: []\n").is_empty());
    assert!(!wrong("deploy: {service: [web]}\n").is_empty());
    assert!(!wrong("hosts: {a.example.com: {schema: http}}\n").is_empty());
}

/// Whether the output has these lines in their order; `...` stands for any text. A log has the time before each line,
/// which a terminal, and so the page, has not.
fn has_lines(output: &str, expected: &[&str]) -> Result<(), String> {
    let mut lines = output.lines();
    for wanted in expected {
        let pattern =
            format!("^(?:[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}} )?{}$", regex::escape(wanted).replace(r"\.\.\.", ".*"));
        let pattern = regex::Regex::new(&pattern).map_err(|error| error.to_string())?;
        if !lines.any(|line| pattern.is_match(line)) {
            return Err(format!("`{wanted}` does not follow in:\n{output}"));
        }
    }
    Ok(())
}

#[test]
fn the_tutorial_runs_as_written() {
    let page = fs::read_to_string(root().join("docs/tutorial.md")).expect("the tutorial");
    let place = tempfile::tempdir().expect("a folder");
    fs::create_dir(place.path().join("fixtures")).expect("a folder");
    let copied =
        Command::new("cp").arg("-a").arg(root().join("fixtures/myshop")).arg(place.path().join("fixtures")).status();
    assert!(copied.expect("cp").success());
    let (runner, mut folder, clock) = (Runner::new(), place.path().to_owned(), Project::scratch());
    let program = Path::new(env!("CARGO_BIN_EXE_dockless")).parent().expect("a folder");
    for block in blocks(&page, "console") {
        let mut steps: Vec<(&str, Vec<&str>)> = Vec::new();
        for line in block.lines() {
            match (line.strip_prefix("$ "), steps.last_mut()) {
                (Some(command), _) => steps.push((command, Vec::new())),
                (None, Some((_, output))) => output.push(line),
                (None, None) => panic!("output without a command: {line}"),
            }
        }
        for (command, expected) in steps {
            let mut shell = Command::new("sh");
            runner.clear(&mut shell);
            shell.env("PATH", format!("{}:/usr/bin:/bin", program.display())).current_dir(&folder);
            // Files that were made a moment ago are read once more, and a person is slower than this.
            clock.settle();
            let done = shell.args(["-c", &format!("{command} 2>&1")]).output().expect("sh");
            let output = String::from_utf8_lossy(&done.stdout).into_owned();
            assert!(done.status.success(), "{command}: {output}");
            has_lines(&output, &expected).unwrap_or_else(|error| panic!("{command}: {error}"));
            if command.ends_with("cd myshop") {
                folder.push("myshop");
            }
        }
    }
}

/// Returns the words of each command of ours in a line of shell; what stands for something to put in is left out.
fn our_commands(line: &str) -> Vec<Vec<String>> {
    let line = line.trim_start_matches("$ ").split(" #").next().unwrap_or_default();
    let commands = line.split(['|', ';', '(', ')']).flat_map(|part| part.split("&&"));
    let ours = commands.filter_map(|command| command.trim().strip_prefix("dockless "));
    let placeholder = |word: &str| word == "..." || word.chars().all(|c| c.is_ascii_uppercase() || c == '-');
    ours.map(|words| {
        let words: Vec<&str> =
            words.split_whitespace().take_while(|word| !matches!(*word, ">" | "<" | "\\" | "2>&1")).collect();
        let is_value = |at: usize| at > 0 && words[at - 1].starts_with('-');
        let kept = words.iter().enumerate().filter(|(at, word)| is_value(*at) || !placeholder(word));
        kept.map(|(_, word)| word.trim_matches(['"', '\'']).to_owned()).collect()
    })
    .collect()
}

#[test]
fn every_command_line_of_the_pages_is_one_that_the_program_takes() {
    let (runner, mut seen, mut wrong) = (Runner::new(), BTreeSet::new(), Vec::new());
    for (path, text) in pages() {
        let fenced = ["sh", "console"].into_iter().flat_map(|language| blocks(&text, language));
        let mut lines: Vec<String> = fenced.flat_map(|b| b.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
        // Those in a sentence, too.
        let inline =
            text.split('`').skip(1).step_by(2).filter(|code| code.starts_with("dockless ") && !code.contains('\n'));
        lines.extend(inline.map(str::to_owned));
        for words in lines.iter().flat_map(|line| our_commands(line)).filter(|words| seen.insert(words.clone())) {
            let mut command = Command::new(env!("CARGO_BIN_EXE_dockless"));
            runner.clear(&mut command);
            let done = command.args(&words).arg("--help").output().expect("the program runs");
            if !done.status.success() {
                let why = String::from_utf8_lossy(&done.stderr).into_owned();
                wrong.push(format!("{}: dockless {}: {why}", path.display(), words.join(" ")));
            }
        }
    }
    assert!(seen.len() > 70, "{} command lines", seen.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_command_line_that_the_program_does_not_take_would_be_seen() {
    let run = Runner::new().run(root(), &["ship", "--no-such-option", "--help"]);
    assert_ne!(run.code, 0);
    assert_eq!(our_commands("$ cd x && dockless ship -e prod > out # all"), [["ship", "-e", "prod"]]);
}
