//! A disk that is really full: one clear error, and nothing half-written on it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::process::run;
use crate::support::workbench::Workbench;

/// Exit code of a failed build.
const BUILD: i32 = 4;

/// A file system of one mebibyte; unmounted when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    #[track_caller]
    fn mount(at: PathBuf) -> Self {
        fs::create_dir(&at).expect("a folder to mount on");
        run(Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(&at)).ok();
        Self(at)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // A failure here shows as a mount that the run of the lab finds left over.
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

/// Bytes that do not compress.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as u8
    })
    .take(length)
    .collect()
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files
}

fn project(bench: &Workbench) -> PathBuf {
    let build = "version: 1\nbase: scratch\nplatforms: [linux/amd64]\nlayers:\n  - {from: app, to: /app}\n";
    let project = bench.project(build, &[("app/readme", "large\n")]);
    fs::write(project.dir.join("app/noise"), noise(3 << 20)).expect("a file");
    project.dir
}

#[test]
fn full_cache_disk_is_named_and_holds_no_blob() {
    let bench = Workbench::new();
    let project = project(&bench);
    let disk = SmallDisk::mount(bench.path("disk"));
    let finished = run(bench.dockless().env("DOCKLESS_CACHE_DIR", &disk.0).arg("-C").arg(&project).arg("build"));
    finished.fails(BUILD, &["cannot write", "No space left", "DOCKLESS_CACHE_DIR"]);
    let left = files_below(&disk.0);
    assert!(!left.iter().any(|path| path.components().any(|part| part.as_os_str() == "blobs")), "{left:?}");
}

#[test]
fn full_output_disk_is_named_and_holds_no_output() {
    let bench = Workbench::new();
    let project = project(&bench);
    let disk = SmallDisk::mount(bench.path("disk"));
    let output = format!("oci-archive:{}", disk.0.join("image.tar").display());
    let finished = run(bench.dockless().arg("-C").arg(&project).args(["build", "--output", &output]));
    finished.fails(BUILD, &[&output, "No space left"]);
    assert_eq!(files_below(&disk.0), Vec::<PathBuf>::new());
}
