//! Every line of shell that is shipped or runs here, as shellcheck reads it: scripts, and what files for CI systems hold.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::process::run;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn scripts_are_clean_with_all_that_they_source() {
    let scripts = [
        ".ci/run",
        "scripts/debian",
        "scripts/golden/run",
        "scripts/lab/install",
        "scripts/lab/run",
        "scripts/package",
        "scripts/test",
    ];
    let mut check = Command::new("shellcheck");
    check.args(["--external-sources", "--check-sourced", "--source-path=SCRIPTDIR"]).args(scripts);
    run(check.current_dir(root())).ok();
}

/// Adds the commands below keys that a CI system gives to a shell; a list of them is one script.
fn commands(value: &Value, found: &mut Vec<String>) {
    let script = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(lines) => lines.iter().map(Value::as_str).collect::<Option<Vec<_>>>().map(|all| all.join("\n")),
        _ => None,
    };
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                match ["run", "script", "before_script", "commands"].contains(&key.as_str()).then(|| script(value)) {
                    Some(Some(script)) => found.push(script),
                    _ => commands(value, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| commands(value, found)),
        _ => {}
    }
}

/// Returns what shellcheck has to say, which is nothing of a good script.
fn faults(shell: &str, script: &str) -> String {
    let mut check = Command::new("shellcheck");
    check.args(["--shell", shell, "-"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = check.spawn().expect("shellcheck is installed");
    child.stdin.take().expect("a pipe").write_all(script.as_bytes()).expect("it reads");
    let done = child.wait_with_output().expect("it ends");
    assert!(done.status.success() || !done.stdout.is_empty(), "{}", done.status);
    String::from_utf8_lossy(&done.stdout).into_owned()
}

#[test]
fn shell_in_files_for_ci_systems_is_clean() {
    // GitLab, Bitbucket and CodeBuild take the image's `sh`; GitHub's steps say bash, or are run on machines that have it.
    for (file, shell) in [
        ("action.yml", "bash"),
        (".github/workflows/release.yml", "bash"),
        ("ci/gitlab.yml", "sh"),
        ("ci/bitbucket-pipelines.yml", "sh"),
        ("ci/buildspec.yml", "sh"),
    ] {
        let text = fs::read_to_string(root().join(file)).expect("it is there");
        let mut found = Vec::new();
        commands(&serde_saphyr::from_str(&text).expect("YAML"), &mut found);
        assert!(!found.is_empty(), "{file} runs nothing");
        for script in found {
            // Expressions are put in before the shell reads; as words of ours they would be code.
            assert!(!script.contains("${{"), "an expression in the shell of {file}:\n{script}");
            let faults = faults(shell, &script);
            assert!(faults.is_empty(), "{file}: {faults}");
        }
    }
    let jenkins = fs::read_to_string(root().join("ci/Jenkinsfile")).expect("it is there");
    let step = regex::Regex::new(r"sh\s+'([^'\n]+)'").expect("an expression");
    let steps: Vec<&str> = step.captures_iter(&jenkins).map(|found| found.get(1).expect("a group").as_str()).collect();
    assert!(!steps.is_empty(), "{jenkins}");
    for script in steps {
        let faults = faults("sh", script);
        assert!(faults.is_empty(), "ci/Jenkinsfile: {faults}");
    }
}

#[test]
fn a_careless_line_would_be_seen() {
    assert!(faults("sh", "rm -rf $1/*\n").contains("SC2086"));
}
