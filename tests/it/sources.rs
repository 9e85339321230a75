//! Layers of files from elsewhere: contexts, and other images.

use super::support::{Project, Run, Runner, StandIn, account_host};

fn digest(run: &Run) -> String {
    assert_eq!(run.code, 0, "{}", run.stderr);
    run.stdout.trim().rsplit_once('@').expect("a reference with a digest").1.to_owned()
}

const VENV: &str = "base: scratch\nlayers: [{context: venv, from: ., to: /opt/venv}]\n";

#[test]
fn a_context_is_a_folder_outside_of_the_project_and_its_own_ignore_file_counts() {
    let (runner, project, outside) = (Runner::new(), Project::with(VENV), tempfile::tempdir().expect("a folder"));
    std::fs::write(outside.path().join("a"), "a").expect("a file");
    let context = format!("venv={}", outside.path().display());
    let plain = digest(&runner.run(project.path(), &["build", "--context", &context]));
    std::fs::write(outside.path().join("b"), "b").expect("a file");
    std::fs::write(outside.path().join(".dockerignore"), "b\n.dockerignore\n").expect("a file");
    assert_eq!(digest(&runner.run(project.path(), &["build", "--context", &context])), plain);
    runner.run(project.path(), &["build"]).fails_with(3, &["venv", "contexts"]);
    runner.run(project.path(), &["build", "--context", "venv=/no/such/folder"]).fails_with(4, &["/no/such/folder"]);
}

#[test]
fn equal_files_of_a_context_and_of_the_project_make_equal_images() {
    let (runner, outside) = (Runner::new(), tempfile::tempdir().expect("a folder"));
    std::fs::write(outside.path().join("hello.txt"), "hello\n").expect("a file");
    let context = format!("venv={}", outside.path().display());
    let named = Project::with("base: scratch\nlayers: [{context: venv, name: app, from: ., to: /app}]\n");
    let own = Project::with("base: scratch\nlayers: [{from: app, to: /app}]\n");
    let of_context = digest(&runner.run(named.path(), &["build", "--context", &context]));
    assert_eq!(of_context, digest(&runner.run(own.path(), &["build"])));
}

/// Pushes an image `tools:1` that holds `/adapter`, the symlink `/bin -> usr/bin` and `/usr/bin/tool`.
fn push_tools(standin: &StandIn, text: &str) {
    let tools = Project::with(&format!(
        "base: scratch\nlayers:\n  - name: t\n    files:\n      - {{path: /adapter, content: {text}, mode: \"0755\"}}\n      \
         - {{path: /usr/bin/tool, content: tool}}\n      - {{path: /bin, link: usr/bin}}\n"
    ));
    let name = format!("{}/tools", account_host());
    let run = standin.runner().run(tools.path(), &["push", "--name", &name, "--tag", "1"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
}

fn with_tools() -> Project {
    let image = format!("{}/tools:1", account_host());
    Project::with(&format!(
        "base: scratch\nlayers:\n  - {{image: \"{image}\", from: /adapter, to: /opt/extensions/, mode: keep}}\n  \
         - {{image: \"{image}\", from: /bin, to: /usr/local/bin, name: tools}}\nconfig: {{cmd: [/opt/extensions/adapter]}}\n"
    ))
}

#[test]
fn files_of_another_image_go_into_a_layer() {
    let standin = StandIn::start(&["shop", "tools"], &[]);
    push_tools(&standin, "one");
    let project = with_tools();
    let run = standin.runner().run(project.path(), &["build", "-o", "oci-archive:-"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let missing = Project::with(&format!(
        "base: scratch\nlayers: [{{image: \"{}/tools:1\", from: /none, to: /x}}]\n",
        account_host()
    ));
    standin.runner().run(missing.path(), &["build"]).fails_with(4, &["/none", "does not exist"]);
}

#[test]
fn the_lock_pins_other_images_and_a_build_with_it_asks_for_no_tag() {
    let standin = StandIn::start(&["shop", "tools"], &[]);
    push_tools(&standin, "one");
    let project = with_tools();
    let runner = standin.runner();
    let before = digest(&runner.run(project.path(), &["build"]));
    runner.run(project.path(), &["build", "--locked"]).fails_with(3, &["tools:1", "dockless lock"]);
    assert_eq!(runner.run(project.path(), &["lock"]).code, 0);
    push_tools(&standin, "two");
    assert_eq!(digest(&runner.run(project.path(), &["build", "--locked"])), before);
    assert_eq!(digest(&standin.runner().run(project.path(), &["build"])), before, "also without a cache");
    assert_eq!(runner.run(project.path(), &["lock", "--upgrade"]).code, 0);
    assert_ne!(digest(&runner.run(project.path(), &["build"])), before);
    drop(standin);
    let offline = runner.run(project.path(), &["build", "--offline"]);
    assert_eq!(offline.code, 0, "what the cache holds is not asked for: {}", offline.stderr);
}
