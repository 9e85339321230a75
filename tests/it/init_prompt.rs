//! `init` on a terminal: what it asks, what it takes for an answer, and how one leaves.

use std::fs;
use std::path::Path;

use super::support::{OnTerminal, Runner};

/// A project that may be of two kinds.
fn project() -> tempfile::TempDir {
    let project = tempfile::tempdir().expect("a folder");
    fs::write(project.path().join("go.mod"), "module example.com/shop\n").expect("a file");
    fs::write(project.path().join("package.json"), "{\"main\": \"a.js\"}").expect("a file");
    fs::write(project.path().join("a.js"), "").expect("a file");
    project
}

fn names(project: &Path) -> Vec<String> {
    let entries = fs::read_dir(project).expect("a folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn start(runner: &Runner, project: &Path, arguments: &[&str]) -> OnTerminal {
    OnTerminal::start(runner, project, arguments, &[])
}

#[test]
fn answers_are_taken_and_wrong_ones_asked_for_again() {
    let (runner, project) = (Runner::new(), project());
    let run = start(&runner, project.path(), &["init"]);
    run.until("Which [go]: ");
    run.types("nod\n");
    run.until("did you mean `node`?");
    run.types("node\n");
    run.until("Push to (registry/repository)");
    run.types("HTTP://Shop:1\n");
    run.until("HTTP://Shop:1`");
    run.types("registry.example.com/shop\n");
    run.until("Deploy to (CLUSTER/SERVICE of ECS) [nothing yet]: ");
    run.types("web\n");
    run.until("`web` names no service");
    run.types("main/web\n");
    let (code, seen) = run.end();
    assert_eq!(code, 0, "{seen}");
    let text = fs::read_to_string(project.path().join("build.yaml")).expect("a build file");
    for words in ["name: registry.example.com/shop\n", "cluster: main\n", "services: [web]\n", "cmd: [node, a.js]\n"] {
        assert!(text.contains(words), "{words}\n{text}");
    }
}

#[test]
fn whoever_leaves_at_a_question_finds_nothing_written() {
    let runner = Runner::new();
    for (keys, code, words) in [
        ("\x03", 130, "nothing was written; `dockless init --yes` asks nothing"),
        ("\x04", 2, "the input ended before all was answered, and nothing was written"),
    ] {
        for before in ["", "node\n", "\n\n"] {
            let project = project();
            let run = start(&runner, project.path(), &["init"]);
            run.until("Which");
            run.types(before);
            let last = if before == "\n\n" { "Deploy to" } else { ": " };
            run.until(if before == "node\n" { "Push to" } else { last });
            run.types(keys);
            let (ended, seen) = run.end();
            assert_eq!(ended, code, "{before:?}: {seen}");
            assert!(seen.contains(words), "{seen}");
            assert_eq!(names(project.path()), ["a.js", "go.mod", "package.json"]);
        }
    }
}

#[test]
fn nothing_is_asked_where_it_was_said() {
    let runner = Runner::new();
    let all = ["init", "--kind", "go", "--name", "r.example.com/x", "--dry-run"];
    for arguments in [&["init", "--yes"][..], &["init", "--dry-run"], &all] {
        let project = project();
        let (code, seen) = start(&runner, project.path(), arguments).end();
        assert_eq!(code, 0, "{seen}");
        assert!(!seen.contains("]: "), "{arguments:?}: {seen}");
    }
    // What stands in the way is told before anything is asked.
    let project = project();
    fs::write(project.path().join("build.yaml"), "mine").expect("a file");
    let (code, seen) = start(&runner, project.path(), &["init"]).end();
    assert!(code == 12 && !seen.contains("]: "), "{code}: {seen}");
    let (code, seen) = start(&runner, project.path(), &["init", "--name", "a:b:c"]).end();
    assert!(code == 3 && seen.contains("`--name`") && !seen.contains("]: "), "{code}: {seen}");
}
