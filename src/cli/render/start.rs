//! What `init` tells of what it wrote: for people, on stderr.

use std::fmt::Write;

use dockless::init::{CiStage, Kind, Start};

/// Writes what was recognised, what was written, and what to do next.
pub(crate) fn summary(start: &Start, written: &[String]) -> String {
    let mut text = String::new();
    match start.kind {
        Kind::Other => text.push_str("Nothing was recognised: the folder is taken as it is.\n"),
        // Writing to a string cannot fail.
        kind => {
            let because = if start.because.is_empty() { String::new() } else { format!(" ({})", start.because) };
            let _ = writeln!(text, "This is {}{because}.", kind.title());
        }
    }
    if !start.also.is_empty() {
        let others: Vec<String> = start.also.iter().map(|kind| format!("`--kind {kind}`")).collect();
        let _ = writeln!(text, "It may be something else too: {}.", others.join(", "));
    }
    let names: Vec<String> = written.iter().map(|path| format!("`{path}`")).collect();
    let _ = writeln!(text, "Wrote {}.", names.join(", "));
    for note in &start.notes {
        let _ = writeln!(text, "note: {note}");
    }
    next(&mut text, start, written);
    text
}

fn next(text: &mut String, start: &Start, written: &[String]) {
    text.push_str("\nNext:\n");
    let mut steps: Vec<String> = Vec::new();
    let made_up = start.documents.first().is_some_and(|document| document.text.contains("CHANGE THIS"));
    if made_up {
        steps.push("say in `name` where the image goes".to_owned());
    }
    if written.iter().any(|path| path == "Dockerfile.base") {
        steps.push("build and push `Dockerfile.base`, as its first lines say".to_owned());
    }
    steps.extend(start.steps.iter().map(|step| format!("run: {step}")));
    steps.extend(commands(start));
    for (index, step) in steps.iter().enumerate() {
        let _ = writeln!(text, "  {}. {step}", index + 1);
    }
}

/// Returns what to run, in order; a build file of another name is named each time.
fn commands(start: &Start) -> Vec<String> {
    let document = start.documents.first();
    let file = document.map(|document| document.path.as_str()).filter(|path| *path != "build.yaml");
    let file = file.map(|path| format!(" -f {path}")).unwrap_or_default();
    let run = |command: &str, about: &str| format!("run: {:<26}  {about}", format!("dockless {command}{file}"));
    let build = run("build", "packs the image here; nothing is sent");
    // Without a service there is nothing to ship to, not even in the sandbox.
    if document.is_some_and(|document| document.text.contains("\ndeploy:\n")) {
        return vec![build, run("ship --sandbox", "the whole job, with no account")];
    }
    let push = run("push --sandbox", "the push, with no account");
    vec![build, push, format!("say under `deploy` where it runs, then run: dockless ship --sandbox{file}")]
}

/// Writes what of a Dockerfile became something else, line by line.
pub(crate) fn findings(start: &Start, file: &str) -> String {
    let mut text = String::new();
    for finding in &start.findings {
        let _ = writeln!(text, "{file}:{}: {}\n    {}", finding.line, finding.instruction, finding.what);
    }
    for CiStage { name, line, image, commands } in &start.ci {
        let _ = writeln!(text, "{file}:{line}: stage `{name}` only compiles: make these steps of CI, in `{image}`");
        for command in commands {
            let _ = writeln!(text, "    {command}");
        }
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text
}
