//! Projects that mean harm: nothing blocks, nothing from outside gets in, and what cannot be held is named.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use dockless::tree::{DiskSources, NodeKind, Sources};

use super::support::{Project, Runner};

/// What must never be in an image: the content of a file outside of the project.
const OUTSIDE: &[u8] = b"outside of the project: do not take this";

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn what_an_image_cannot_hold_is_named_and_opens_nothing() {
    let make_fifo = |path: &Path| {
        rustix::fs::mkfifoat(rustix::fs::CWD, path, rustix::fs::Mode::RUSR).expect("a FIFO");
    };
    let make_socket = |path: &Path| drop(std::os::unix::net::UnixListener::bind(path).expect("a socket"));
    let make_whiteout = |path: &Path| std::fs::write(path, "").expect("a file");
    type Make<'a> = &'a dyn Fn(&Path);
    let cases: [(&str, Make<'_>, &str); 4] = [
        ("fifo", &make_fifo, "FIFO"),
        ("socket", &make_socket, "socket"),
        (".wh.hello.txt", &make_whiteout, "means a removal"),
        (".wh..wh..opq", &make_whiteout, "means a removal"),
    ];
    for (name, make, word) in cases {
        let project = Project::scratch();
        make(&project.join("app").join(name));
        Runner::new().run(project.path(), &["build"]).fails_with(4, &[name, word]);
        project.build_file(
            "base: scratch\nlayers: [{from: app, to: /app, exclude: [\"**/fifo\", \"**/socket\", \"**/.wh.*\"]}]\n",
        );
        let run = Runner::new().run(project.path(), &["build"]);
        assert_eq!(run.code, 0, "excluded, `{name}` is in nobody's way: {}", run.stderr);
    }
}

#[test]
fn symlinks_out_of_the_project_stay_symlinks() {
    let outside = tempfile::tempdir().expect("a folder");
    std::fs::write(outside.path().join("x"), OUTSIDE).expect("a file");
    let project = Project::with("base: scratch\ncompression: none\nlayers: [{from: app, to: /app}]\n");
    symlink(outside.path(), project.join("app/folder")).expect("a link");
    symlink(outside.path().join("x"), project.join("app/file")).expect("a link");
    symlink("loop", project.join("app/loop")).expect("a link");
    symlink("/", project.join("app/root")).expect("a link");
    let image = project.join("image.tar");
    let run = Runner::new().run(project.path(), &["build", "-o", &format!("oci-archive:{}", image.display())]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let bytes = std::fs::read(image).expect("an archive");
    assert!(!holds(&bytes, OUTSIDE) && holds(&bytes, b"app/loop"));
}

#[test]
fn a_file_of_a_folder_that_became_a_symlink_since_it_was_listed_is_not_opened() {
    let outside = tempfile::tempdir().expect("a folder");
    std::fs::write(outside.path().join("hello.txt"), OUTSIDE).expect("a file");
    let project = Project::scratch();
    let sources = DiskSources::open(project.path()).expect("a project");
    let mut listing = sources.list(Path::new("app")).expect("a listing");
    let listed = listing.next().expect("a file").expect("its state");
    assert_eq!(listed.node.kind, NodeKind::File);
    let file = sources.file("app/hello.txt".into(), listed.node.stamp);
    std::fs::rename(project.join("app"), project.join("away")).expect("moved");
    symlink(outside.path(), project.join("app")).expect("a link");
    let error = file.open().expect_err("it leads outside");
    assert!(error.to_string().contains("symlink"), "{error}");
    assert!(sources.list(Path::new("app")).is_err());
    assert_eq!(sources.stat(Path::new("app/hello.txt")).expect("an answer"), None);
}

#[test]
fn a_folder_swapped_for_a_symlink_during_builds_never_lets_a_file_in() {
    let outside = tempfile::tempdir().expect("a folder");
    let project = Project::with("base: scratch\ncompression: none\nlayers: [{from: app, to: /app}]\n");
    for number in 0..200 {
        project.write(&format!("app/d/{number}"), "inside");
        std::fs::write(outside.path().join(number.to_string()), OUTSIDE).expect("a file");
    }
    let (folder, away, link) = (project.join("app/d"), project.join("away"), project.join("link"));
    symlink(outside.path(), &link).expect("a link");
    let (runner, done) = (Runner::new(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let swapping = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                // Each step is atomic: there is a moment with neither, and one with the symlink.
                let steps = [(&folder, &away), (&link, &folder), (&folder, &link), (&away, &folder)];
                steps.iter().for_each(|(from, to)| std::fs::rename(from, to).expect("moved"));
            }
        });
        let image = project.join("image.tar");
        for _ in 0..20 {
            let _ = std::fs::remove_file(&image);
            let run =
                runner.run(project.path(), &["build", "--no-cache", "-o", &format!("oci-archive:{}", image.display())]);
            assert!([0, 4].contains(&run.code), "{}", run.stderr);
            assert_eq!(run.code == 0, image.exists(), "an image is there if and only if it was built");
            if let Ok(bytes) = std::fs::read(&image) {
                assert!(!holds(&bytes, OUTSIDE), "a file from outside is in the image");
            }
        }
        done.store(true, Ordering::Relaxed);
        swapping.join().expect("the swapping thread");
    });
}
