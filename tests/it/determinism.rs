//! Promise 1: same input, same bytes, whatever the machine does differently.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use super::support::{Run, Runner};

/// The digest of `fixtures/myshop` in format 1. A change of it is a change of bytes and needs a line in the changelog.
const MYSHOP: &str = "sha256:9d03abac9ecbdf8db5e8c5d8c5261d1492bdb5f8e8df80e46b02028ffd10f965";

fn myshop() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/myshop")
}

fn digest(run: &Run) -> String {
    assert_eq!(run.code, 0, "{}", run.stderr);
    run.stdout.trim().rsplit_once('@').expect("a reference with a digest").1.to_owned()
}

fn build(runner: &Runner, project: &Path, arguments: &[&str]) -> String {
    let mut all = vec!["build"];
    all.extend(arguments);
    digest(&runner.run(project, &all))
}

/// Copies a folder with names in the given order, so that a file system may lay them out differently.
fn copy(from: &Path, to: &Path, reverse: bool) {
    fs::create_dir_all(to).expect("a folder");
    let mut entries: Vec<_> = fs::read_dir(from).expect("a folder").map(|entry| entry.expect("an entry")).collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    if reverse {
        entries.reverse();
    }
    for entry in entries {
        let target = to.join(entry.file_name());
        let kind = entry.file_type().expect("a type");
        if kind.is_dir() {
            copy(&entry.path(), &target, reverse);
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(entry.path()).expect("a target"), target).expect("a link");
        } else {
            fs::copy(entry.path(), target).expect("a copy");
        }
    }
}

fn walk(folder: &Path, each: &mut dyn FnMut(&Path)) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let kind = fs::symlink_metadata(&path).expect("metadata").file_type();
        if kind.is_dir() {
            walk(&path, each);
        }
        if !kind.is_symlink() {
            each(&path);
        }
    }
}

#[test]
fn the_golden_digest_of_myshop_stands() {
    assert_eq!(build(&Runner::new(), &myshop(), &[]), MYSHOP);
}

#[test]
fn the_digest_is_the_same_with_any_number_of_threads_and_with_and_without_cache() {
    let runner = Runner::new();
    let first = build(&runner, &myshop(), &["--jobs", "1"]);
    assert_eq!(build(&runner, &myshop(), &["--jobs", "8"]), first, "warm cache, 8 threads");
    assert_eq!(build(&runner, &myshop(), &["--no-cache"]), first, "cache not used");
    assert_eq!(build(&Runner::new(), &myshop(), &["--jobs", "3"]), first, "no cache yet");
}

#[test]
fn the_digest_does_not_depend_on_path_creation_order_modes_and_times_of_the_checkout() {
    let folder = tempfile::tempdir().expect("a folder");
    let project = folder.path().join("another/checkout of the shop");
    copy(&myshop(), &project, true);
    walk(&project, &mut |path| {
        let metadata = fs::metadata(path).expect("metadata");
        // What a umask of 077 leaves.
        fs::set_permissions(path, fs::Permissions::from_mode(metadata.permissions().mode() & 0o700)).expect("a mode");
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        fs::File::open(path).expect("a file").set_modified(time).expect("a time");
    });
    assert_eq!(build(&Runner::new(), &project, &[]), build(&Runner::new(), &myshop(), &[]));
}

#[test]
fn the_digest_does_not_depend_on_umask_locale_and_time_zone() {
    let runner = Runner::new().env("LC_ALL", "tr_TR.UTF-8").env("TZ", "Pacific/Kiritimati");
    let mut command = Command::new("sh");
    runner.clear(&mut command);
    command.args(["-c", "umask 077; exec \"$0\" -C \"$1\" build", env!("CARGO_BIN_EXE_dockless")]).arg(myshop());
    let run = Run::of(command.output().expect("a shell"));
    assert_eq!(digest(&run), build(&Runner::new(), &myshop(), &[]));
}

#[test]
fn the_digest_does_not_depend_on_hard_links() {
    let folder = tempfile::tempdir().expect("a folder");
    let (linked, copied) = (folder.path().join("linked"), folder.path().join("copied"));
    for (project, link) in [(&linked, true), (&copied, false)] {
        fs::create_dir_all(project.join("app")).expect("a folder");
        fs::write(project.join("app/a"), "same").expect("a file");
        if link {
            fs::hard_link(project.join("app/a"), project.join("app/b")).expect("a link");
        } else {
            fs::write(project.join("app/b"), "same").expect("a file");
        }
        fs::write(
            project.join("build.yaml"),
            "version: 1\nname: example.com/a\nbase: scratch\nlayers: [{from: app, to: /app}]\n",
        )
        .expect("a build file");
    }
    let runner = Runner::new();
    assert_eq!(build(&runner, &linked, &[]), build(&runner, &copied, &[]));
}

#[test]
fn a_file_changed_in_place_with_equal_size_and_time_is_seen() {
    let folder = tempfile::tempdir().expect("a folder");
    let project = folder.path();
    fs::create_dir(project.join("app")).expect("a folder");
    fs::write(
        project.join("build.yaml"),
        "version: 1\nname: example.com/a\nbase: scratch\nlayers: [{from: app, to: /app}]\n",
    )
    .expect("a build file");
    let file = project.join("app/a");
    fs::write(&file, "one").expect("a file");
    let time = fs::metadata(&file).expect("metadata").modified().expect("a time");
    let runner = Runner::new();
    let before = build(&runner, project, &[]);
    fs::write(&file, "two").expect("a file");
    fs::File::options().write(true).open(&file).expect("a file").set_modified(time).expect("a time");
    assert_ne!(build(&runner, project, &[]), before);
}
