//! The lock: the same image with and without it, and nothing asked with it.

use std::path::Path;

use super::support::{Project, Run, Runner, StandIn, account_host};

/// Pushes a small base of its own under `base:1`; `text` makes it another one.
fn push_base(standin: &StandIn, runner: &Runner, text: &str) {
    let base = Project::with(&format!(
        "base: scratch\nlayers:\n  - name: system\n    files:\n      - {{path: /etc/passwd, content: \"web:x:33:34::/:/\\n\"}}\n      \
         - {{path: /tmp, dir: true, mode: \"1777\"}}\n      - {{path: /usr/lib, dir: true}}\n      \
         - {{path: /lib, link: usr/lib}}\n      - {{path: /bin/run, content: \"{text}\", mode: \"0755\"}}\n"
    ));
    let name = format!("{}/base", account_host());
    let run = runner.run(base.path(), &["push", "--name", &name, "--tag", "1"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    standin.sandbox().forget_requests();
}

/// A project over that base whose placement asks for folders, symlinks, absent paths, a user and a program.
fn shop() -> Project {
    let project = Project::with(&format!(
        "base: {}/base:1\nlayers:\n  - {{from: app, to: /srv/app, owner: web}}\n  - {{from: root, to: /}}\nconfig: {{cmd: [run]}}\n",
        account_host()
    ));
    project.write("root/lib/y", "y\n");
    project.write("root/tmp/x", "x\n");
    project
}

#[track_caller]
fn digest(run: &Run) -> String {
    assert_eq!(run.code, 0, "{}", run.stderr);
    run.stdout.trim().rsplit_once('@').expect("a reference with a digest").1.to_owned()
}

/// Returns the requests for a path of the base's repository.
fn asked(standin: &StandIn, part: &str) -> usize {
    let requests = standin.sandbox().requests();
    requests.iter().filter(|request| request.target.contains("/base/") && request.target.contains(part)).count()
}

fn lock(project: &Project) -> String {
    std::fs::read_to_string(project.join("build.lock")).expect("a lock")
}

#[test]
fn the_image_is_the_same_without_a_lock_with_one_and_with_the_registry_gone() {
    let standin = StandIn::start(&["shop", "base"], &[]);
    let runner = standin.runner();
    push_base(&standin, &runner, "one");
    let project = shop();
    let unlocked = digest(&runner.run(project.path(), &["build"]));
    assert_eq!(runner.run(project.path(), &["lock"]).code, 0);
    let locked = digest(&standin.runner().run(project.path(), &["build"]));
    // No cache and nobody to ask: the runner's registry is the stand-in, which is gone.
    let offline = standin.runner();
    drop(standin);
    assert_eq!(digest(&offline.run(project.path(), &["build", "--offline"])), unlocked);
    assert_eq!(digest(&offline.run(project.path(), &["build"])), unlocked);
    assert_eq!(locked, unlocked);
}

#[test]
fn with_a_lock_no_tag_is_asked_and_no_base_layer_is_read() {
    let standin = StandIn::start(&["shop", "base"], &[]);
    push_base(&standin, &standin.runner(), "one");
    let project = shop();
    let written = standin.runner().run(project.path(), &["lock"]);
    assert_eq!(written.code, 0, "{}", written.stderr);
    assert!(written.stdout.trim().ends_with("build.lock"), "{}", written.stdout);
    standin.sandbox().forget_requests();
    digest(&standin.runner().run(project.path(), &["build"]));
    assert_eq!(standin.sandbox().requests().len(), 0, "a build with a lock asks nobody");
    digest(&standin.runner().run(project.path(), &["push"]));
    assert_eq!((asked(&standin, "/manifests/1"), asked(&standin, "/blobs/sha256:")), (0, 0));
}

#[test]
fn a_moved_tag_changes_the_image_only_after_lock_upgrade() {
    let standin = StandIn::start(&["shop", "base"], &[]);
    let runner = standin.runner();
    push_base(&standin, &runner, "one");
    let project = shop();
    assert_eq!(runner.run(project.path(), &["lock"]).code, 0);
    let (before, text) = (digest(&runner.run(project.path(), &["build"])), lock(&project));
    push_base(&standin, &runner, "two");
    assert_eq!(digest(&runner.run(project.path(), &["build"])), before);
    assert_eq!(runner.run(project.path(), &["lock", "--check"]).code, 0, "a moved tag makes no lock stale");
    assert_eq!(runner.run(project.path(), &["lock"]).code, 0);
    assert_eq!(lock(&project), text, "what is pinned stays pinned");
    assert_eq!(runner.run(project.path(), &["lock", "--upgrade"]).code, 0);
    assert_ne!(lock(&project), text);
    assert_ne!(digest(&runner.run(project.path(), &["build"])), before);
}

#[test]
fn a_question_that_the_lock_cannot_answer_reads_the_base_and_gives_the_same_image() {
    let standin = StandIn::start(&["shop", "base"], &[]);
    let runner = standin.runner();
    push_base(&standin, &runner, "one");
    let project = shop();
    assert_eq!(runner.run(project.path(), &["lock"]).code, 0);
    project.write("root/usr/lib/deep/z", "z\n");
    let mut known: serde_json::Value = serde_json::from_str(&lock(&project)).expect("JSON");
    let base = &mut known["platforms"]["linux/amd64"];
    base["listed"] = serde_json::json!([]);
    base["paths"].as_object_mut().expect("paths").retain(|path, _| !path.starts_with("/usr"));
    std::fs::write(project.join("build.lock"), known.to_string()).expect("a written lock");
    let run = standin.runner().run(project.path(), &["build"]);
    assert!(run.stderr.contains("the lock does not say"), "{}", run.stderr);
    let offline = standin.runner().run(project.path(), &["build", "--offline"]);
    offline.fails_with(3, &["--offline", "dockless lock"]);
    std::fs::remove_file(project.join("build.lock")).expect("removed");
    assert_eq!(digest(&runner.run(project.path(), &["build"])), digest(&run));
}

#[test]
fn a_stale_lock_is_said_passed_over_and_refused_where_nothing_may_be_asked() {
    let standin = StandIn::start(&["shop", "base"], &[]);
    let runner = standin.runner();
    push_base(&standin, &runner, "one");
    let project = shop();
    assert_eq!(runner.run(project.path(), &["lock", "--check"]).code, 11, "there is none");
    assert_eq!(runner.run(project.path(), &["lock"]).code, 0);
    let pinned = format!("{}/base:1@{}", account_host(), base_digest(&runner, project.path()));
    let over = ["--base", pinned.as_str()];
    let check = runner.run(project.path(), &["lock", "--check", over[0], over[1]]);
    assert_eq!(check.code, 11, "{}", check.stderr);
    assert!(check.stderr.contains("it is for the base"), "{}", check.stderr);
    let passed = runner.run(project.path(), &["build", over[0], over[1]]);
    assert_eq!(passed.code, 0, "{}", passed.stderr);
    assert!(passed.stderr.contains("stale and not used"), "{}", passed.stderr);
    runner.run(project.path(), &["build", "--locked", over[0], over[1]]).fails_with(3, &["is stale", "dockless lock"]);
    runner.run(project.path(), &["build", "--offline", over[0], over[1]]).fails_with(3, &["is stale"]);
}

fn base_digest(runner: &Runner, project: &Path) -> String {
    let report = runner.report(project, &["lock"]);
    report["platforms"]["linux/amd64"].as_str().expect("a digest").to_owned()
}

#[test]
fn without_a_lock_a_tag_is_not_resolved_where_that_is_forbidden() {
    let standin = StandIn::start(&["shop", "base"], &[]);
    let runner = standin.runner();
    push_base(&standin, &runner, "one");
    let project = shop();
    runner.run(project.path(), &["build", "--locked"]).fails_with(3, &["has no digest", "dockless lock"]);
    runner.run(project.path(), &["build", "--offline"]).fails_with(3, &["--offline"]);
    assert_eq!(asked(&standin, "/manifests/"), 0);
    assert_eq!(runner.run(project.path(), &["lock"]).code, 0);
    let both = runner.run(project.path(), &["build", "--locked", "--offline"]);
    assert_eq!(both.code, 0, "{}", both.stderr);
}

#[test]
fn a_damaged_lock_is_an_error_and_is_left_as_it_is() {
    let standin = StandIn::start(&["shop", "base"], &[]);
    let runner = standin.runner();
    push_base(&standin, &runner, "one");
    let project = shop();
    assert_eq!(runner.run(project.path(), &["lock"]).code, 0);
    let whole = lock(&project);
    for (damaged, word) in [
        (whole[..whole.len() / 2].to_owned(), "cannot be read"),
        (format!("<<<<<<< ours\n{whole}"), "unresolved merge"),
        (whole.replace("\"version\": 1", "\"version\": 9"), "version 9"),
        (whole.replace("schemaVersion", "schemaversion"), "whose digest is"),
    ] {
        std::fs::write(project.join("build.lock"), &damaged).expect("written");
        runner.run(project.path(), &["build"]).fails_with(3, &["cannot use the lock", word, "dockless lock"]);
        assert_eq!(lock(&project), damaged);
    }
    assert_eq!(runner.run(project.path(), &["lock", "--upgrade"]).code, 0, "which it repairs");
    assert_eq!(lock(&project), whole);
}

#[test]
fn a_link_into_the_home_of_this_machine_asks_for_no_base_layer() {
    let standin = StandIn::start(&["shop", "base"], &[]);
    let locker = standin.runner();
    push_base(&standin, &locker, "one");
    let project = shop();
    assert_eq!(locker.run(project.path(), &["lock"]).code, 0);
    standin.sandbox().forget_requests();
    // Another home than that of the lock, below a folder of the base that the lock has not listed.
    let runner = standin.runner().env("HOME", "/usr/lib/home");
    std::os::unix::fs::symlink("/usr/lib/home/.local/python", project.join("root/python")).expect("a link");
    let run = runner.run(project.path(), &["build"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains("`/python` leads to"), "{}", run.stderr);
    assert_eq!(asked(&standin, "/blobs/"), 0, "{}", run.stderr);
    assert_eq!(runner.run(project.path(), &["build", "--offline"]).code, 0);
}

#[test]
fn a_lock_cannot_give_a_platform_the_base_of_another_or_a_base_another_name() {
    let standin = StandIn::start(&["shop", "base"], &[]);
    let runner = standin.runner();
    push_base(&standin, &runner, "one");
    let project = shop();
    let before = digest(&runner.run(project.path(), &["build", "--platform", "linux/amd64"]));
    assert_eq!(runner.run(project.path(), &["lock", "--platform", "linux/amd64"]).code, 0);
    let good = lock(&project);
    project.write("build.lock", &good.replace("\"linux/amd64\": {", "\"linux/arm64\": {"));
    let run = runner.run(project.path(), &["build", "--platform", "linux/arm64"]);
    run.fails_with(3, &["has for linux/arm64 is for linux/amd64", "dockless lock --upgrade"]);
    let name = format!("\"name\": \"{}/base:1\"", account_host());
    assert!(good.contains(&name), "{good}");
    project.write("build.lock", &good.replace(&name, "\"name\": \"evil.example.com/base:1\""));
    assert_eq!(digest(&runner.run(project.path(), &["build", "--platform", "linux/amd64"])), before);
}
