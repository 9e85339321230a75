//! The three local outputs in three readers: each is loaded, run, and still has the base's file system where the
//! layers only passed through.

use std::process::Command;

use crate::support::docker;
use crate::support::layout;
use crate::support::podman::Podman;
use crate::support::process::run;
use crate::support::servers::variable;
use crate::support::skopeo::{copy, inspect};
use crate::support::workbench::Workbench;

/// Prints what a layer that writes below `/tmp`, `/lib` and `/var/run` could have broken, and what it wrote.
const LOOK: &str = "stat -c %a /tmp; readlink /lib; readlink /var/run; cat /tmp/a /lib/b /run/c; stat -c %u /tmp/a";
/// What it prints when nothing is broken.
const SEEN: &str = "1777\nusr/lib\n/run\na\nb\nc\n33\n";

/// The image's tag.
const TAG: &str = "lab";

/// Builds a small image into each of the three and returns their paths: layout, oci-archive, docker-archive.
fn outputs(bench: &Workbench) -> [String; 3] {
    let base = variable("BUSYBOX_BASE");
    let build = format!(
        "version: 1\nname: registry.example.com/lab/archive\ntags: [{TAG}]\nbase: oci-archive:{base}\n\
         layers:\n\
         \x20 - {{from: tmp, to: /tmp, owner: www-data}}\n\
         \x20 - {{from: lib, to: /lib}}\n\
         \x20 - {{from: run, to: /var/run}}\n\
         config: {{cmd: [/bin/sh]}}\n"
    );
    let project = bench.project(&build, &[("tmp/a", "a\n"), ("lib/b", "b\n"), ("run/c", "c\n")]);
    let path = |name: &str| bench.path(name).to_str().expect("the lab's paths are text").to_owned();
    let paths = [path("layout"), path("oci.tar"), path("docker.tar")];
    let mut digests = Vec::new();
    for (transport, path) in ["oci", "oci-archive", "docker-archive"].iter().zip(&paths) {
        let output = format!("{transport}:{path}");
        let mut build = bench.dockless();
        let report = run(build.arg("-C").arg(&project.dir).args(["build", "--json", "--output", &output])).ok().json();
        digests.push(report["digest"].clone());
    }
    assert_eq!(digests[0], digests[1], "the layout and its archive hold one image");
    paths
}

#[test]
fn skopeo_reads_all_three() {
    let bench = Workbench::new();
    let [layout, oci, docker] = outputs(&bench);
    let image = layout::check(bench.path("layout").as_path());
    assert_eq!(inspect(&format!("oci:{layout}"))["Digest"], *image.digest);
    assert_eq!(inspect(&format!("oci-archive:{oci}"))["Digest"], *image.digest);
    let layers = |inspected: serde_json::Value| inspected["Layers"].as_array().map(Vec::len);
    assert_eq!(layers(inspect(&format!("docker-archive:{docker}"))), Some(4), "the base's and three of our own");
    for (number, image) in [format!("oci-archive:{oci}"), format!("docker-archive:{docker}")].iter().enumerate() {
        let copied = bench.path(&format!("copied-{number}"));
        copy(image, &format!("oci:{}:x", copied.display()));
        layout::check(&copied);
    }
}

#[test]
fn docker_loads_and_runs_them() {
    let bench = Workbench::new();
    let [layout, oci, archive] = outputs(&bench);
    // Docker 20.10 loads no OCI archives: skopeo makes of them what it loads.
    for (number, image) in [format!("oci:{layout}"), format!("oci-archive:{oci}")].iter().enumerate() {
        let copied = bench.path(&format!("copied-{number}.tar"));
        copy(image, &format!("docker-archive:{}:lab/copied:{number}", copied.display()));
        let loaded = docker::load(&bench, copied.to_str().expect("the lab's paths are text"));
        assert_eq!(docker::output(&bench, &loaded, LOOK), SEEN, "{image}");
    }
    let loaded = docker::load(&bench, &archive);
    assert_eq!(loaded, format!("registry.example.com/lab/archive:{TAG}"));
    assert_eq!(docker::output(&bench, &loaded, LOOK), SEEN, "docker-archive");
}

#[test]
fn podman_loads_and_runs_them() {
    let bench = Workbench::new();
    let [layout, oci, docker] = outputs(&bench);
    let podman = Podman::new();
    assert_eq!(podman.output(&podman.pull(layout.as_ref()), LOOK), SEEN, "layout");
    for archive in [oci, docker] {
        let podman = Podman::new();
        assert_eq!(podman.output(&podman.load(&archive), LOOK), SEEN, "{archive}");
    }
}

#[test]
fn umoci_unpacks_the_layout() {
    let bench = Workbench::new();
    let [layout, ..] = outputs(&bench);
    let bundle = bench.path("bundle");
    let image = format!("{layout}:{TAG}");
    run(Command::new("umoci").args(["unpack", "--image", &image]).arg(&bundle)).ok();
    let content = std::fs::read_to_string(bundle.join("rootfs/usr/lib/b"));
    assert_eq!(content.expect("/lib leads to /usr/lib"), "b\n");
}
