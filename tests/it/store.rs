//! The cache as processes share it: bounded, pruned, killed at any moment, and never the reason for another image.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::support::{Project, Run, Runner};

/// Four small layers: what is asked here does not depend on how much is packed.
fn project() -> Project {
    let project = Project::with(
        "base: scratch\nlayers:\n  - {from: a, to: /a}\n  - {from: b, to: /b}\n  - {from: c, to: /c}\n  - {from: app, to: /app}\n",
    );
    for name in ["a", "b", "c"] {
        project.write(&format!("{name}/index.js"), &format!("// a line of {name}\n").repeat(5_000));
    }
    project.settle();
    project
}

/// Gives a file the modification time of a while ago.
fn age(path: &Path, ago: Duration) {
    let file = fs::File::options().write(true).open(path).expect("a file");
    file.set_modified(SystemTime::now() - ago).expect("an old time");
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

fn records(runner: &Runner) -> Vec<PathBuf> {
    files_below(&runner.cache().join("records"))
}

fn spawn(runner: &Runner, project: &Project, arguments: &[&str]) -> Child {
    let mut command = runner.command(project.path(), arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary runs")
}

/// Builds into a layout, and returns the digest; each blob must have the bytes of its name.
#[track_caller]
fn built_whole(runner: &Runner, project: &Project) -> Value {
    let layout = tempfile::tempdir().expect("a folder");
    let output = format!("oci:{}", layout.path().join("image").display());
    let report = runner.report(project.path(), &["build", "--output", &output]);
    for blob in files_below(&layout.path().join("image/blobs")) {
        let digest = dockless::oci::Digest::of(&fs::read(&blob).expect("a blob")).hex();
        assert_eq!(blob.file_name().and_then(|name| name.to_str()), Some(digest.as_str()));
    }
    report["digest"].clone()
}

#[track_caller]
fn cache(runner: &Runner, arguments: &[&str]) -> Value {
    let mut all = vec!["cache"];
    all.extend(arguments);
    runner.report(runner.home(), &all)
}

/// Fails unless every record of the cache leads to a blob that is there.
#[track_caller]
fn is_consistent(runner: &Runner) {
    let names = |path: PathBuf| path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
    let digests: Vec<String> = blobs(runner).into_iter().filter_map(names).map(|hex| format!("sha256:{hex}")).collect();
    for kind in ["verified", "chunks"] {
        for record in files_below(&runner.cache().join("records").join(kind)) {
            let of = |digest: &String| record.ends_with(dockless::oci::Digest::of(digest.as_bytes()).hex());
            assert!(digests.iter().any(of), "{kind} of no blob");
        }
    }
    for record in files_below(&runner.cache().join("records/layer")) {
        let bytes = fs::read(record).expect("a record");
        let text = String::from_utf8_lossy(&bytes);
        assert!(digests.iter().any(|digest| text.contains(digest)), "a layer of no blob: {text}");
    }
}

#[test]
fn the_cache_is_told_by_kind_without_a_build_file() {
    let (runner, project) = (Runner::new(), project());
    let empty = cache(&runner, &[]);
    assert_eq!((&empty["schema"], &empty["bytes"], &empty["kinds"]), (&1.into(), &0.into(), &serde_json::json!({})));
    assert!(!runner.cache().exists(), "to look makes nothing");
    runner.report(project.path(), &["build"]);
    let told = cache(&runner, &[]);
    assert_eq!(told["kinds"]["blobs"]["files"], blobs(&runner).len());
    for kind in ["layer", "chunks", "last", "verified"] {
        assert!(told["kinds"][kind]["bytes"].as_u64() > Some(0), "{kind}: {told}");
    }
    assert_eq!(told["max_size"], 10_u64 << 30);
    let lines = runner.run(runner.home(), &["cache"]);
    assert!(lines.stdout.contains("blobs") && lines.stdout.contains("of 10.7 GB"), "{}", lines.stdout);
}

#[test]
fn a_pruned_cache_is_empty_and_gives_the_same_image() {
    let (runner, project) = (Runner::new(), project());
    let digest = built_whole(&runner, &project);
    let told = cache(&runner, &["prune", "--all", "--dry-run"]);
    assert!(!blobs(&runner).is_empty(), "only told");
    let pruned = cache(&runner, &["prune", "--all"]);
    assert_eq!(told["removed"], pruned["removed"]);
    assert_eq!((blobs(&runner), records(&runner)), (Vec::new(), Vec::new()));
    assert_eq!(pruned["kept_bytes"], 0);
    assert_eq!(built_whole(&runner, &project), digest);
}

#[test]
fn what_was_used_longest_ago_goes_first_with_all_that_leads_to_it() {
    let (runner, old, new) = (Runner::new(), project(), project());
    let first = runner.report(old.path(), &["build"]);
    for mark in files_below(&runner.cache().join("uses")) {
        age(&mark, Duration::from_secs(1000));
    }
    new.write("b/index.js", &"// another\n".repeat(5_000));
    let second = runner.report(new.path(), &["build"]);
    // Room for all but a byte: one blob has to go, and what leads to it.
    let bound = cache(&runner, &[])["bytes"].as_u64().expect("bytes") - 1;
    cache(&runner, &["prune", "--max-size", &bound.to_string()]);
    is_consistent(&runner);
    let kept = |report: &Value| {
        let layers = report["layers"].as_array().expect("layers").iter();
        let there = |layer: &&Value| {
            let digest = layer["digest"].as_str().expect("a digest").replace("sha256:", "");
            runner.cache().join("blobs/sha256").join(digest).exists()
        };
        layers.filter(there).count()
    };
    assert_eq!(kept(&second), second["layers"].as_array().expect("layers").len());
    assert_eq!(kept(&first), 3, "the layers that both have, and not one that only the older has");
}

#[test]
fn a_run_keeps_the_cache_within_its_bound_and_never_loses_what_it_uses() {
    let (runner, project) = (Runner::new(), project());
    let config = runner.home().join("config.yaml");
    fs::write(&config, "cache: {max_size: 1kB}\n").expect("a configuration");
    let runner = runner.env("DOCKLESS_CONFIG", &config.display().to_string());
    let first = built_whole(&runner, &project);
    let used = blobs(&runner).len();
    assert!(used > 2, "all that the run itself used");
    // Each build copies from the state before, and uses it by that; the one before that is nobody's.
    for text in ["// another\n", "// one more\n"] {
        project.write("b/index.js", &text.repeat(5_000));
        assert!(blobs(&runner).len() >= used);
        if text == "// another\n" {
            runner.report(project.path(), &["build"]);
        }
    }
    let run = runner.run(project.path(), &["build"]);
    assert!(run.stderr.contains("the cache is kept within 1.0 kB"), "{}", run.stderr);
    is_consistent(&runner);
    project.write("b/index.js", &"// a line of b\n".repeat(5_000));
    assert_eq!(built_whole(&runner, &project), first);
}

#[test]
fn what_killed_runs_left_is_collected() {
    let (runner, project) = (Runner::new(), project());
    runner.report(project.path(), &["build"]);
    fs::write(runner.cache().join("tmp/.dockless-dead"), "half a layer").expect("a leftover");
    fs::write(runner.cache().join("records/layer/.dockless-dead"), "half a record").expect("a leftover");
    let pruned = cache(&runner, &["prune"]);
    assert_eq!(pruned["removed"], serde_json::json!({"temporary": {"files": 2, "bytes": 25}}));
    assert_eq!(cache(&runner, &[])["kinds"].get("temporary"), None);
}

#[test]
fn a_size_that_is_none_is_refused() {
    let runner = Runner::new();
    let run = runner.run(runner.home(), &["cache", "prune", "--max-size", "much"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("`much` is not a size"), "{}", run.stderr);
}

#[test]
fn the_store_is_an_image_layout_whatever_is_in_it() {
    let (runner, project) = (Runner::new(), project());
    runner.report(project.path(), &["build"]);
    let read = |name: &str| fs::read(runner.cache().join(name)).expect("a file");
    let json = |name: &str| serde_json::from_slice::<Value>(&read(name)).expect("JSON");
    assert_eq!(json("oci-layout")["imageLayoutVersion"], "1.0.0");
    assert_eq!(
        (&json("index.json")["schemaVersion"], &json("index.json")["manifests"]),
        (&2.into(), &Value::Array(vec![]))
    );
    for blob in blobs(&runner) {
        let digest = dockless::oci::Digest::of(&fs::read(&blob).expect("a blob")).hex();
        assert_eq!(blob, runner.cache().join("blobs/sha256").join(digest));
    }
}

#[test]
fn builds_and_prunes_at_once_give_the_same_image() {
    let (runner, project) = (Runner::new(), project());
    let expected = built_whole(&Runner::new(), &project);
    for _ in 0..3 {
        let builds: Vec<Child> = (0..3).map(|_| spawn(&runner, &project, &["build", "--json"])).collect();
        let prunes: Vec<Child> = (0..3).map(|_| spawn(&runner, &project, &["cache", "prune", "--all"])).collect();
        for running in builds {
            let run = Run::of(running.wait_with_output().expect("an end"));
            assert_eq!(run.code, 0, "{}", run.stderr);
            let report: Value = serde_json::from_str(&run.stdout).expect("a report");
            assert_eq!(report["digest"], expected);
        }
        for running in prunes {
            let run = Run::of(running.wait_with_output().expect("an end"));
            assert_eq!(run.code, 0, "{}", run.stderr);
        }
        is_consistent(&runner);
        assert_eq!(built_whole(&runner, &project), expected);
    }
}

/// Runs a command and kills it after a while, over and over, each time a little later, until it comes to its end.
fn killed_at_every_moment(runner: &Runner, project: &Project, arguments: &[&str], mut after: impl FnMut()) {
    let whole = std::time::Instant::now();
    assert_eq!(runner.run(project.path(), arguments).code, 0);
    let whole = whole.elapsed();
    for part in 0..12 {
        let mut running = spawn(runner, project, arguments);
        let started = std::time::Instant::now();
        while started.elapsed() < whole * part / 12 && running.try_wait().expect("a state").is_none() {
            std::thread::yield_now();
        }
        running.kill().expect("killed, or ended already");
        running.wait().expect("an end");
        after();
    }
}

#[test]
fn a_build_killed_at_any_moment_leaves_no_wrong_image() {
    let (runner, project) = (Runner::new(), project());
    let expected = built_whole(&Runner::new(), &project);
    killed_at_every_moment(&runner, &project, &["build", "--jobs", "1"], || {
        assert_eq!(built_whole(&runner, &project), expected);
        fs::remove_dir_all(runner.cache()).expect("an empty cache for the next");
    });
}

#[test]
fn a_prune_killed_at_any_moment_leaves_no_wrong_image() {
    let (runner, project) = (Runner::new(), project());
    let expected = built_whole(&runner, &project);
    killed_at_every_moment(&runner, &project, &["cache", "prune", "--all"], || {
        assert_eq!(built_whole(&runner, &project), expected);
        is_consistent(&runner);
    });
    // What a kill between two removals leaves: records without blobs, and blobs without records.
    for gone in ["blobs/sha256", "records/verified", "records/chunks", "records/layer", "records/last", "uses"] {
        fs::remove_dir_all(runner.cache().join(gone)).expect("removed");
        assert_eq!(built_whole(&runner, &project), expected, "{gone}");
    }
}

#[test]
fn a_clock_that_jumps_changes_no_image_and_removes_nothing_in_use() {
    let project = project();
    let expected = built_whole(&Runner::new(), &project);
    for time in [SystemTime::UNIX_EPOCH, SystemTime::now() + Duration::from_secs(400 * 24 * 3600)] {
        let runner = Runner::new();
        built_whole(&runner, &project);
        for path in files_below(&runner.cache()) {
            fs::File::options().write(true).open(&path).expect("a file").set_modified(time).expect("another time");
        }
        assert_eq!(built_whole(&runner, &project), expected);
        let size = cache(&runner, &[])["bytes"].as_u64().expect("bytes");
        cache(&runner, &["prune", "--max-size", &(size / 2).to_string()]);
        assert!(cache(&runner, &[])["bytes"].as_u64() <= Some(size / 2));
        is_consistent(&runner);
        assert_eq!(built_whole(&runner, &project), expected);
    }
    // Files of the project from times to come and from before the epoch: the image does not tell.
    for time in [SystemTime::UNIX_EPOCH - Duration::from_secs(9), SystemTime::now() + Duration::from_secs(1 << 31)] {
        let runner = Runner::new();
        for path in files_below(&project.join("app")) {
            fs::File::options().write(true).open(&path).expect("a file").set_modified(time).expect("another time");
        }
        assert_eq!(built_whole(&runner, &project), expected);
        assert_eq!(built_whole(&runner, &project), expected);
    }
}

/// What becomes of the bytes of a file.
type Damage<'a> = &'a dyn Fn(Vec<u8>) -> Vec<u8>;

#[test]
fn truncated_flipped_and_foreign_files_of_the_cache_give_the_same_image() {
    let project = project();
    let expected = built_whole(&Runner::new(), &project);
    let damages: [(&str, Damage<'_>); 5] = [
        ("truncated", &|bytes| bytes[..bytes.len() / 2].to_vec()),
        ("emptied", &|_| Vec::new()),
        ("flipped", &|mut bytes| {
            let middle = bytes.len() / 2;
            bytes.get_mut(middle).into_iter().for_each(|byte| *byte ^= 0x10);
            bytes
        }),
        ("zeroed", &|bytes| vec![0; bytes.len()]),
        ("of another version", &|bytes| {
            let text: Vec<u8> = bytes.strip_prefix(b"dockless-record 1\n").map_or_else(Vec::new, <[u8]>::to_vec);
            [b"dockless-record 2\n".as_slice(), &text].concat()
        }),
    ];
    for (name, damage) in damages {
        for folder in ["blobs", "records", "uses", "leases", ""] {
            let runner = Runner::new();
            built_whole(&runner, &project);
            for path in files_below(&runner.cache().join(folder)) {
                let bytes = fs::read(&path).expect("a file");
                fs::write(&path, damage(bytes)).expect("a damaged file");
            }
            assert_eq!(built_whole(&runner, &project), expected, "{name} {folder}");
            cache(&runner, &["prune", "--max-size", "1kB"]);
            assert_eq!(built_whole(&runner, &project), expected, "{name} {folder}, pruned");
        }
    }
}

#[test]
fn odd_entries_of_the_cache_give_the_same_image_and_nobody_waits_for_them() {
    let project = project();
    let expected = built_whole(&Runner::new(), &project);
    let make = |name: &str, path: &Path| match name {
        "a folder" => fs::create_dir(path).expect("a folder"),
        "a pipe" => {
            let made = std::process::Command::new("mkfifo").arg(path).status().expect("mkfifo is there");
            assert!(made.success());
        }
        _ => std::os::unix::fs::symlink(path, path).expect("a link"),
    };
    for name in ["a folder", "a pipe", "a link to itself"] {
        let runner = Runner::new();
        built_whole(&runner, &project);
        for path in records(&runner) {
            fs::remove_file(&path).expect("a record");
            make(name, &path);
        }
        assert_eq!(built_whole(&runner, &project), expected, "{name}");
    }
}

#[test]
fn layers_whose_blobs_are_gone_are_asked_for_at_the_registry() {
    let project = project();
    let standin = super::support::StandIn::start(&["shop"], &[]);
    let runner = standin.runner();
    runner.report(project.path(), &["push"]);
    fs::remove_dir_all(runner.cache().join("blobs")).expect("blobs");
    let report = runner.report(project.path(), &["push"]);
    assert_eq!((&report["reused_layers"], &report["uploaded_blobs"]), (&Value::from(4), &Value::from(0)));
}

#[test]
fn a_cache_that_cannot_be_made_is_said_once_and_the_build_goes_on() {
    let project = Project::scratch();
    let expected = Runner::new().report(project.path(), &["build"])["digest"].clone();
    // A file where the folder should be: as unusable for root as for anybody.
    let runner = Runner::new();
    fs::write(runner.cache(), "").expect("a file");
    let run = runner.run(project.path(), &["build", "--json"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(run.stderr.matches("warning: the cache cannot be used").count(), 1, "{}", run.stderr);
    assert!(run.stderr.contains("DOCKLESS_CACHE_DIR"), "{}", run.stderr);
    assert_eq!(serde_json::from_str::<Value>(&run.stdout).expect("a report")["digest"], expected);
    let run = runner.run(project.path(), &["push", "--sandbox"]);
    assert_eq!((run.code, run.stderr.matches("warning: the cache").count()), (0, 1), "{}", run.stderr);
}

#[test]
fn without_a_home_a_build_works_and_says_so() {
    let project = Project::scratch();
    let runner = Runner::new();
    let mut command = runner.command(project.path(), &["build"]);
    command.env_remove("HOME").env_remove("DOCKLESS_CACHE_DIR").env("TMPDIR", runner.home());
    let run = Run::of(command.output().expect("the binary runs"));
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains("there is no home directory"), "{}", run.stderr);
    assert_eq!(files_below(runner.home()), Vec::<PathBuf>::new(), "the temporary store is gone");
}
