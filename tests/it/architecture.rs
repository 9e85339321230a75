//! The floors of ARCHITECTURE.md, guarded: a module names only floors below its own.
//!
//! The check is textual. It reads each file under `src/`, drops comments and test modules, and looks at every
//! `crate::NAME` (also in grouped imports) and at names that only some floors may use.

use std::path::{Path, PathBuf};

/// Each module of `src/lib.rs` with its floor.
const FLOORS: [(&str, u8); 18] = [
    ("ground", 0),
    ("oci", 1),
    ("base", 2),
    ("event", 2),
    ("spec", 2),
    ("store", 2),
    ("tree", 2),
    ("guard", 3),
    ("image_source", 3),
    ("init", 3),
    ("plan", 3),
    ("layer", 4),
    ("image", 5),
    ("net", 5),
    ("deploy", 6),
    ("registry", 6),
    ("pipeline", 7),
    ("sandbox", 7),
];

/// A text that may stand only in files whose path begins with one of the allowed prefixes.
const DOORS: [(&str, &[&str]); 10] = [
    ("tokio::", &["net/", "registry/", "deploy/", "pipeline/", "sandbox/", "cli/"]),
    ("reqwest::", &["net/", "registry/"]),
    ("aws_sdk_ecs", &["deploy/"]),
    ("aws_sdk_ecr", &["registry/ecr/"]),
    ("rayon::", &["layer/", "pipeline/bridge.rs"]),
    ("std::env::var", &["cli/"]),
    ("std::env::current_dir", &["cli/"]),
    ("println!", &["cli/"]),
    ("SystemTime::now", &["pipeline/clock.rs"]),
    ("std::process::exit", &["cli/"]),
];

/// The lines that a file may have; what is longer holds two ideas.
const LINES: usize = 400;

fn sources() -> Vec<(String, String)> {
    fn walk(folder: &Path, into: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("a folder of sources") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(&path, into);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                into.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    walk(&root, &mut files);
    assert!(files.len() > 30, "the sources were found");
    files
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(&root).expect("below src").to_string_lossy().into_owned();
            (name, std::fs::read_to_string(&path).expect("a readable source"))
        })
        .collect()
}

fn is_test_file(name: &str) -> bool {
    name.ends_with("tests.rs") || name.contains("/tests/")
}

/// Returns the code without comments and without what follows `#[cfg(test)]`, which stands last in a file.
fn product_code(text: &str) -> String {
    let end = text.find("#[cfg(test)]\nmod tests").unwrap_or(text.len());
    text[..end].lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn floor(module: &str) -> Option<u8> {
    FLOORS.iter().find(|(name, _)| *name == module).map(|(_, floor)| *floor)
}

/// Returns the modules that a piece of code names by `crate::NAME` and `crate::{A, B::C}`.
fn named_modules(code: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut word = String::new();
            let mut at_start = true;
            for character in group.chars() {
                match character {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => at_start = true,
                    c if depth == 0 && at_start && (c.is_alphanumeric() || c == '_') => word.push(c),
                    _ if !word.is_empty() => {
                        names.push(std::mem::take(&mut word));
                        at_start = false;
                    }
                    _ => {}
                }
            }
            if !word.is_empty() {
                names.push(word);
            }
        } else {
            names.push(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
        }
    }
    names
}

fn upward_names(file: &str, text: &str) -> Vec<String> {
    let module = file.split(['/', '.']).next().unwrap_or_default();
    let Some(own) = floor(module) else { return Vec::new() };
    named_modules(&product_code(text))
        .into_iter()
        .filter(|name| name != module && floor(name).is_some_and(|other| other >= own))
        .map(|name| format!("{file} (floor {own}) names `{name}`"))
        .collect()
}

#[test]
fn a_module_names_only_floors_below_its_own() {
    let wrong: Vec<String> = sources().iter().flat_map(|(file, text)| upward_names(file, text)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_guard_sees_plain_and_grouped_upward_names() {
    let text = "use crate::{ground::Hint, pipeline::{Context}};\n// crate::sandbox\nlet x = crate::deploy::plan();\n";
    assert_eq!(
        upward_names("oci/digest.rs", text),
        ["oci/digest.rs (floor 1) names `pipeline`", "oci/digest.rs (floor 1) names `deploy`"]
    );
}

#[test]
fn every_module_has_a_floor() {
    let lib = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).expect("src/lib.rs");
    let modules = lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    let without: Vec<&str> = modules.filter(|module| floor(module).is_none()).collect();
    assert!(without.is_empty(), "no floor: {without:?}");
}

#[test]
fn what_only_some_floors_may_use_stays_there() {
    let mut wrong = Vec::new();
    for (file, text) in sources().iter().filter(|(file, _)| !is_test_file(file)) {
        let code = product_code(text);
        for (word, allowed) in DOORS {
            if code.contains(word) && !allowed.iter().any(|prefix| file.starts_with(prefix)) {
                wrong.push(format!("{file} uses `{word}`"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_file_holds_one_idea_in_at_most_400_lines() {
    let long: Vec<String> = sources()
        .iter()
        .filter(|(file, _)| !is_test_file(file))
        .map(|(file, text)| (file, text.lines().count()))
        .filter(|(_, lines)| *lines > LINES)
        .map(|(file, lines)| format!("{file}: {lines} lines"))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn what_is_sold_is_what_is_documented() {
    let architecture = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md"))
        .expect("ARCHITECTURE.md");
    let missing: Vec<&str> =
        FLOORS.iter().map(|(name, _)| *name).filter(|name| !architecture.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "ARCHITECTURE.md does not name {missing:?}");
}
