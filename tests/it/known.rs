//! Nothing is packed twice, and no cache, however damaged, changes an image.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use serde_json::Value;

#[cfg(target_os = "linux")]
use super::support::opened::Opened;
use super::support::{Project, Run, Runner};

/// Two layers, one of them split.
fn project() -> Project {
    let project = Project::with(
        "base: scratch\nlayers:\n  - {from: modules, split: 1MiB}\n  - {from: app, to: /app}\nconfig: {working_dir: /srv}\n",
    );
    for number in 0..60 {
        project.write(&format!("modules/{number:03}/index.js"), &format!("// {number}\n").repeat(15_000));
    }
    project.settle();
    project
}

fn build(runner: &Runner, project: &Project, arguments: &[&str]) -> Value {
    let mut all = vec!["build"];
    all.extend(arguments);
    runner.report(project.path(), &all)
}

fn layers(report: &Value) -> u64 {
    report["layers"].as_array().expect("layers").len() as u64
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        // Another process may be at work in there.
        let Ok(path) = entry.map(|entry| entry.path()) else { continue };
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}

fn blobs(runner: &Runner) -> Vec<PathBuf> {
    files_below(&runner.cache().join("blobs"))
}

/// Changes a byte in the middle of a file and leaves its length.
fn flip(path: &Path) {
    let mut bytes = fs::read(path).expect("a file");
    let middle = bytes.len() / 2;
    if let Some(byte) = bytes.get_mut(middle) {
        *byte ^= 1;
    }
    fs::write(path, bytes).expect("a file");
}

#[test]
fn an_unchanged_project_is_packed_once() {
    let (runner, project) = (Runner::new(), project());
    let first = build(&runner, &project, &[]);
    assert!(layers(&first) > 4, "it is split: {first}");
    assert_eq!(first["reused_layers"], 0);
    let again = build(&runner, &project, &[]);
    assert_eq!((&again["digest"], &again["reused_layers"]), (&first["digest"], &layers(&first).into()));
    let without = build(&runner, &project, &["--no-cache"]);
    assert_eq!((&without["digest"], &without["reused_layers"]), (&first["digest"], &0.into()));
}

#[test]
fn a_build_without_cache_leaves_no_record() {
    let (runner, project) = (Runner::new(), project());
    build(&runner, &project, &["--no-cache"]);
    assert_eq!(build(&runner, &project, &[])["reused_layers"], 0);
}

#[test]
fn only_the_part_that_holds_a_change_is_packed() {
    let (runner, project) = (Runner::new(), project());
    let first = build(&runner, &project, &[]);
    project.write("modules/031/index.js", "// changed\n");
    project.settle();
    let changed = build(&runner, &project, &[]);
    let packed = layers(&changed) - changed["reused_layers"].as_u64().expect("a count");
    assert!((1..=2).contains(&packed), "{packed} of {}", layers(&changed));
    assert_ne!(changed["digest"], first["digest"]);
    assert_eq!(changed["digest"], build(&Runner::new(), &project, &[])["digest"], "as without a cache");
}

#[test]
fn a_file_of_the_same_size_and_modification_time_is_still_seen_to_change() {
    let (runner, project) = (Runner::new(), project());
    let path = project.join("app/hello.txt");
    let time = fs::metadata(&path).expect("metadata").modified().expect("a time");
    let first = build(&runner, &project, &[]);
    fs::write(&path, "HELLO\n").expect("a file");
    fs::File::options().write(true).open(&path).expect("the file").set_modified(time).expect("the old time");
    assert_ne!(build(&runner, &project, &[])["digest"], first["digest"]);
}

#[test]
fn a_file_as_new_as_the_build_is_not_trusted_again() {
    let (runner, project) = (Runner::new(), project());
    let future = SystemTime::now() + Duration::from_secs(3600);
    let file = fs::File::options().write(true).open(project.join("app/hello.txt")).expect("the file");
    file.set_modified(future).expect("a time to come");
    let first = build(&runner, &project, &[]);
    let again = build(&runner, &project, &[]);
    assert_eq!(again["digest"], first["digest"]);
    assert_eq!(again["reused_layers"], layers(&first) - 1, "all but the layer with that file");
}

/// What happens to a file of the cache.
type Damage<'a> = &'a dyn Fn(&Path);

#[test]
fn a_damaged_cache_gives_the_same_image() {
    let project = project();
    let texts = ["// as it was\n", "// as it is\n"];
    let digests = texts.map(|text| {
        project.write("modules/031/index.js", text);
        build(&Runner::new(), &project, &[])["digest"].clone()
    });
    let cut = |path: &Path| {
        let length = fs::metadata(path).expect("metadata").len();
        fs::File::options().write(true).open(path).expect("a file").set_len(length / 2).expect("a shorter file");
    };
    let remove = |path: &Path| fs::remove_file(path).expect("removed");
    let empty = |path: &Path| fs::write(path, "").expect("a file");
    let damages: [(&str, Damage); 4] = [("flipped", &flip), ("cut", &cut), ("gone", &remove), ("empty", &empty)];
    for (damage, apply) in damages {
        for what in ["blobs", "records/layer", "records/verified", "records/last", "records/chunks", "records/states"] {
            let runner = Runner::new();
            project.write("modules/031/index.js", texts[0]);
            project.settle();
            build(&runner, &project, &[]);
            let files = files_below(&runner.cache().join(what));
            assert!(!files.is_empty(), "{what}");
            files.iter().for_each(|path| apply(path));
            for (text, expected) in texts.iter().zip(&digests) {
                // The first leaves every layer known, the second copies chunks.
                if *text != texts[0] {
                    project.write("modules/031/index.js", text);
                }
                assert_eq!(built_whole(&runner, &project), *expected, "{what} {damage}");
            }
        }
    }
}

/// Builds into a layout, and returns the digest; each blob must have the bytes of its name.
#[track_caller]
fn built_whole(runner: &Runner, project: &Project) -> Value {
    let layout = tempfile::tempdir().expect("a folder");
    let report = build(runner, project, &["--output", &format!("oci:{}", layout.path().join("image").display())]);
    for blob in files_below(&layout.path().join("image/blobs")) {
        let digest = dockless::oci::Digest::of(&fs::read(&blob).expect("a blob")).hex();
        assert_eq!(blob.file_name().and_then(|name| name.to_str()), Some(digest.as_str()));
    }
    report["digest"].clone()
}

#[test]
fn a_blob_of_other_bytes_is_not_sent_on_the_word_of_an_earlier_boot() {
    let (runner, project) = (Runner::new(), project());
    let first = build(&runner, &project, &[]);
    // What a crash leaves: the size is right, the bytes are not, nobody vouches.
    blobs(&runner).iter().for_each(|path| flip(path));
    fs::remove_dir_all(runner.cache().join("records/verified")).expect("removed");
    let again = build(&runner, &project, &[]);
    assert_eq!((&again["digest"], &again["reused_layers"]), (&first["digest"], &0.into()));
}

#[test]
fn a_cache_that_was_copied_is_trusted_after_one_look() {
    let (runner, project) = (Runner::new(), project());
    let first = build(&runner, &project, &[]);
    for path in blobs(&runner) {
        let bytes = fs::read(&path).expect("a blob");
        fs::remove_file(&path).expect("removed");
        fs::write(&path, bytes).expect("a copy");
    }
    assert_eq!(build(&runner, &project, &[])["reused_layers"], layers(&first));
}

#[test]
fn what_was_seen_in_a_known_layer_is_still_refused() {
    let (runner, project) = (Runner::new(), project());
    project.write(
        "app/key.txt",
        &format!("-----BEGIN PRIVATE {}-----\n{}\n", "KEY", "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC".repeat(8)),
    );
    project.settle();
    for _ in 0..2 {
        runner.run(project.path(), &["build"]).fails_with(4, &["app/key.txt"]);
    }
    project.build_file("base: scratch\nlayers:\n  - {from: app, to: /app}\nsecrets: {allow: [app/key.txt]}\n");
    assert_eq!(runner.run(project.path(), &["build"]).code, 0);
}

#[test]
fn parts_are_named_in_the_history_by_what_they_begin_with() {
    let (runner, project) = (Runner::new(), project());
    let layout = tempfile::tempdir().expect("a folder");
    let report = build(&runner, &project, &["--output", &format!("oci:{}", layout.path().join("image").display())]);
    let mut configs = files_below(&layout.path().join("image/blobs")).into_iter().filter_map(|path| {
        let document: Value = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
        document.get("history").cloned()
    });
    let history = configs.next().expect("a config");
    let texts: Vec<&str> =
        history.as_array().expect("a list").iter().filter_map(|it| it["created_by"].as_str()).collect();
    assert_eq!(texts.len() as u64, layers(&report));
    assert_eq!(texts[0], "dockless layer modules");
    assert!(texts[1].starts_with("dockless layer modules from /"), "{texts:?}");
    assert_eq!(texts.last(), Some(&"dockless layer app"));
}

#[test]
fn parts_are_merged_where_there_would_be_too_many_layers() {
    let (runner, project) = (Runner::new(), project());
    let parts = layers(&build(&runner, &project, &[]));
    let others: String = (0..120)
        .map(|number| format!("  - {{name: n{number}, files: [{{path: /n/{number}, content: x}}]}}\n"))
        .collect();
    project
        .build_file(&format!("base: scratch\nlayers:\n  - {{from: modules, to: /srv/modules, split: 1MiB}}\n{others}"));
    let merged = layers(&build(&runner, &project, &[]));
    assert!(120 + parts > 127 && (122..=127).contains(&merged), "{parts} alone, {merged} together");
}

#[test]
fn builds_at_once_share_a_cache() {
    let (runner, project) = (Runner::new(), project());
    let expected = build(&Runner::new(), &project, &[])["digest"].clone();
    let all: Vec<_> = (0..4)
        .map(|_| {
            let mut command = runner.command(project.path(), &["build", "--json"]);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary runs")
        })
        .collect();
    for running in all {
        let run = Run::of(running.wait_with_output().expect("an end"));
        assert_eq!(run.code, 0, "{}", run.stderr);
        let report: Value = serde_json::from_str(&run.stdout).expect("a report");
        assert_eq!(report["digest"], expected);
    }
    assert_eq!(built_whole(&runner, &project), expected);
    assert!(files_below(&runner.cache().join("tmp")).is_empty(), "nothing is left");
}

#[test]
fn a_build_that_is_killed_leaves_nothing_that_the_next_would_trust() {
    let project = project();
    let expected = build(&Runner::new(), &project, &[])["digest"].clone();
    // Killed when so many files are in the folder: somewhere in the first part, between parts, at the end.
    for (folder, files) in
        [("tmp", 1), ("blobs", 1), ("records/verified", 2), ("records/layer", 3), ("records/last", 1)]
    {
        let runner = Runner::new();
        let mut command = runner.command(project.path(), &["build", "--jobs", "1"]);
        let mut running = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary runs");
        while files_below(&runner.cache().join(folder)).len() < files && running.try_wait().expect("a state").is_none()
        {
            std::thread::yield_now();
        }
        running.kill().expect("killed, or ended already");
        running.wait().expect("an end");
        assert_eq!(built_whole(&runner, &project), expected, "{folder}");
    }
}

#[test]
fn a_layer_of_another_image_is_known_by_its_digests() {
    let (runner, project) = (Runner::new(), project());
    let layout = project.join("other");
    build(&runner, &project, &["--output", &format!("oci:{}", layout.display())]);
    project.build_file(&format!(
        "base: scratch\nlayers:\n  - {{image: \"oci:{}\", from: /app, to: /opt}}\n  - {{from: app, to: /app}}\n",
        layout.display()
    ));
    let first = build(&runner, &project, &[]);
    let again = build(&runner, &project, &[]);
    assert_eq!((&again["digest"], &again["reused_layers"]), (&first["digest"], &2.into()));
}

#[cfg(target_os = "linux")]
#[test]
fn with_nothing_changed_no_file_of_a_layer_is_opened() {
    let (runner, project) = (Runner::new(), project());
    let opened = Opened::watch(project.path());
    build(&runner, &project, &[]);
    assert_eq!(opened.take(project.path()).len(), 60 + 2, "all files, and the build file");
    build(&runner, &project, &[]);
    assert_eq!(opened.take(project.path()), ["build.yaml".to_owned()].into());
}

#[cfg(target_os = "linux")]
#[test]
fn what_is_before_a_change_is_not_opened() {
    let (runner, project) = (Runner::new(), project());
    // One layer that is not split: all that is saved is saved by going on within it.
    project.build_file("base: scratch\nlayers:\n  - {from: modules, to: /srv, split: off}\n");
    build(&runner, &project, &[]);
    let opened = Opened::watch(project.path());
    for (changed, text) in [("modules/050/index.js", "// changed\n"), ("modules/055/new.js", "// new\n")] {
        project.write(changed, text);
        project.settle();
        opened.take(project.path());
        let report = build(&runner, &project, &[]);
        let files = opened.take(project.path());
        assert!(files.contains(changed) && files.contains("modules/059/index.js"), "{files:?}");
        assert!(!files.contains("modules/025/index.js") && files.len() < 35, "{files:?}");
        assert_eq!(report["digest"], build(&Runner::new(), &project, &[])["digest"], "as without a cache");
        opened.take(project.path());
    }
    fs::remove_file(project.join("modules/052/index.js")).expect("removed");
    assert_eq!(built_whole(&runner, &project), build(&Runner::new(), &project, &[])["digest"]);
}

#[test]
fn a_secret_before_a_change_is_still_refused() {
    let (runner, project) = (Runner::new(), project());
    project.build_file("base: scratch\nlayers:\n  - {from: modules, to: /srv, split: off}\n");
    project.write(
        "modules/003/key.txt",
        &format!("-----BEGIN PRIVATE {}-----\n{}\n", "KEY", "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC".repeat(8)),
    );
    project.settle();
    for text in ["// as it was\n", "// as it is\n"] {
        project.write("modules/055/index.js", text);
        project.settle();
        runner.run(project.path(), &["build"]).fails_with(4, &["modules/003/key.txt"]);
    }
}

#[test]
fn states_of_another_blob_or_form_are_not_gone_on_from() {
    let project = project();
    project.build_file("base: scratch\nlayers:\n  - {from: modules, to: /srv, split: off}\n");
    let states = |runner: &Runner| files_below(&runner.cache().join("records/states"));
    let changed = |runner: &Runner, text: &str| {
        project.write("modules/055/index.js", text);
        project.settle();
        built_whole(runner, &project)
    };
    let (runner, other) = (Runner::new(), Runner::new());
    changed(&runner, "// one\n");
    project.write("modules/001/index.js", "// another beginning\n");
    changed(&other, "// one\n");
    // A whole record with a right sum, under the name of another blob.
    fs::copy(&states(&other)[0], &states(&runner)[0]).expect("a copy");
    let expected = changed(&Runner::new(), "// two\n");
    assert_eq!(changed(&runner, "// two\n"), expected);
}

#[cfg(target_os = "linux")]
#[test]
fn the_layers_of_another_image_are_not_read_for_a_known_layer() {
    let (runner, project) = (Runner::new(), project());
    let layout = project.join("other");
    build(&runner, &project, &["--output", &format!("oci:{}", layout.display())]);
    project.build_file(&format!(
        "base: scratch\nlayers:\n  - {{image: \"oci:{0}\", from: /app, to: /opt}}\n  - {{from: app, to: /app}}\n",
        layout.display()
    ));
    let is_layer = |name: &String| fs::read(layout.join(name)).is_ok_and(|bytes| bytes.starts_with(&[0x1f, 0x8b]));
    let opened = Opened::watch(&layout);
    let layers = |opened: &Opened| opened.take(&layout).iter().filter(|name| is_layer(name)).count();
    let first = build(&runner, &project, &[]);
    assert!(layers(&opened) > 0);
    opened.take(&layout);
    let again = build(&runner, &project, &[]);
    assert_eq!((layers(&opened), &again["digest"]), (0, &first["digest"]));
    opened.take(&layout);
    // Another layer of the same files: now their bytes are wanted.
    project.build_file(&format!(
        "base: scratch\nlayers:\n  - {{image: \"oci:{}\", from: /app, to: /usr}}\n",
        layout.display()
    ));
    let moved = built_whole(&runner, &project);
    assert!(layers(&opened) > 0);
    assert_eq!(moved, build(&Runner::new(), &project, &[])["digest"]);
}
