//! A pushed image is its own cache: on a machine that knows nothing, what did not change is neither packed nor sent.

use std::fs;
use std::path::Path;

use dockless::oci::Digest;
use dockless::sandbox::{Action, Fault};
use serde_json::Value;

#[cfg(target_os = "linux")]
use super::support::opened::Opened;
use super::support::{Project, StandIn};

/// Two layers, so that one can change and the other not.
fn project(compression: &str) -> Project {
    let project = Project::with(&format!(
        "base: scratch\ncompression: {compression}\nlayers:\n  - {{from: app, to: /app}}\n  - {{from: lib, to: /lib}}\n"
    ));
    project.write("lib/a", &"a line that compresses\n".repeat(1000));
    project
}

fn numbers(report: &serde_json::Value) -> [u64; 2] {
    ["uploaded_blobs", "reused_layers"].map(|key| report[key].as_u64().expect("a number"))
}

#[test]
fn nothing_changed_sends_nothing_also_under_a_new_tag() {
    let standin = StandIn::start(&["shop"], &[]);
    let project = project("gzip");
    let first = standin.runner().report(project.path(), &["push"]);
    assert_eq!(numbers(&first), [3, 0]);
    let again = standin.runner().report(project.path(), &["push"]);
    assert_eq!((numbers(&again), &again["digest"]), ([0, 2], &first["digest"]));
    let renamed = standin.runner().report(project.path(), &["push", "--tag", "next"]);
    assert_eq!((numbers(&renamed), &renamed["digest"]), ([0, 2], &first["digest"]));
}

#[test]
fn a_changed_layer_alone_is_packed_and_sent() {
    let standin = StandIn::start(&["shop"], &[]);
    let project = project("gzip");
    standin.runner().report(project.path(), &["push"]);
    project.write("app/hello.txt", "other\n");
    let runner = standin.runner();
    let changed = runner.report(project.path(), &["push"]);
    // The layer, and the config that names it.
    assert_eq!(numbers(&changed), [2, 1]);
    let packed = standin.runner().report(project.path(), &["build"]);
    assert_eq!(packed["digest"], changed["digest"], "what was taken over is what would have been packed");
}

#[test]
fn layers_made_otherwise_are_not_taken_over() {
    let standin = StandIn::start(&["shop"], &[]);
    standin.runner().report(project("gzip").path(), &["push"]);
    for compression in ["gzip:1", "zstd", "none"] {
        let report = standin.runner().report(project(compression).path(), &["push"]);
        assert_eq!(report["reused_layers"], 0, "{compression}");
        let built = standin.runner().report(project(compression).path(), &["build"]);
        assert_eq!(built["digest"], report["digest"], "{compression}");
    }
}

#[test]
fn without_the_cache_nothing_is_taken_over() {
    let standin = StandIn::start(&["shop"], &[]);
    let project = project("gzip");
    standin.runner().report(project.path(), &["push"]);
    let report = standin.runner().report(project.path(), &["push", "--no-cache"]);
    assert_eq!(report["reused_layers"], 0);
}

#[test]
fn a_lookup_that_fails_is_never_fatal() {
    let standin = StandIn::start(&["shop"], &[]);
    let project = project("gzip");
    let first = standin.runner().report(project.path(), &["push"]);
    for path in ["/v2/shop/tags/list*", "/v2/shop/manifests/*"] {
        let action =
            Action::Status { status: 403, code: "DENIED".to_owned(), message: "no".to_owned(), headers: vec![] };
        standin.sandbox().script(Fault::on_request("GET", path, action).times(20));
        let report = standin.runner().report(project.path(), &["push"]);
        assert_eq!(report["digest"], first["digest"], "{path}");
    }
}

#[test]
fn a_layer_that_vanishes_before_the_manifest_is_packed_and_sent() {
    let standin = StandIn::start(&["shop"], &[]);
    let project = project("gzip");
    standin.runner().report(project.path(), &["push"]);
    project.write("app/hello.txt", "other\n");
    let action = Action::Status {
        status: 404,
        code: "MANIFEST_BLOB_UNKNOWN".to_owned(),
        message: "blob unknown to registry".to_owned(),
        headers: vec![],
    };
    // Also after the blobs that were sent in this run were looked for again.
    standin.sandbox().script(Fault::on_request("PUT", "/v2/shop/manifests/*", action).times(2));
    let runner = standin.runner();
    let run = runner.run(project.path(), &["push"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains("lost a layer"), "{}", run.stderr);
    let digest = runner.report(project.path(), &["build"])["digest"].clone();
    assert!(run.stdout.contains(digest.as_str().expect("a digest")), "{}", run.stdout);
}

#[test]
fn the_image_that_runs_is_taken_over_from_where_no_tag_leads() {
    let standin = StandIn::start(&["shop", "old"], &["web"]);
    let project = Project::with(
        "base: scratch\nlayers:\n  - {from: app, to: /app}\n  - {from: lib, to: /lib}\n\
         deploy: {cluster: main, services: [web], containers: [web]}\n",
    );
    project.write("lib/a", &"a line that compresses\n".repeat(1000));
    let old = project.name().replace("/shop", "/old");
    let first = standin.runner().report(project.path(), &["ship", "--name", &old]);
    assert_eq!(first["verdict"], "successful", "{first}");
    // Another repository, without images: only ECS knows where the layers are.
    let moved = standin.runner().report(project.path(), &["ship"]);
    assert_eq!((&moved["reused_layers"], &moved["mounted"]), (&2.into(), &2.into()), "{moved}");
    assert_eq!(moved["digest"], first["digest"]);
}

#[test]
fn ecr_names_its_newest_images_whatever_their_tags_are_called() {
    let standin = StandIn::start(&["shop"], &[]);
    let project = project("gzip");
    // The name comes first in the alphabet, and its image is the only one with these layers.
    standin.runner().report(project.path(), &["push", "--tag", "0-first"]);
    for number in 0..3 {
        let other = Project::with("base: scratch\nlayers:\n  - {from: app, to: /other}\n");
        other.write("app/number", &format!("{number}\n"));
        standin.runner().report(other.path(), &["push", "--tag", &format!("z{number}")]);
    }
    standin.sandbox().forget_requests();
    let report = standin.runner().report(project.path(), &["push", "--tag", "new"]);
    assert_eq!(numbers(&report), [0, 2]);
    assert_eq!(standin.count("DescribeImages"), 1);
    // Who may not ask ECR asks the registry.
    standin
        .sandbox()
        .script(Fault::on_operation("DescribeImages", Action::AccessDenied { action: "ecr:DescribeImages".into() }));
    let report = standin.runner().report(project.path(), &["push", "--tag", "newer"]);
    assert_eq!(numbers(&report), [0, 2]);
}

/// Replaces a text in the manifest of a layout, and names the new manifest.
fn forge(layout: &Path, forge: impl Fn(&mut Value)) {
    let path = |digest: &Value| layout.join("blobs").join(digest.as_str().expect("a digest").replace(':', "/"));
    let read = |path: &Path| serde_json::from_slice::<Value>(&fs::read(path).expect("a file")).expect("JSON");
    let mut index = read(&layout.join("index.json"));
    let mut manifest = read(&path(&index["manifests"][0]["digest"]));
    forge(&mut manifest);
    let bytes = manifest.to_string().into_bytes();
    let digest = Value::from(Digest::of(&bytes).to_string());
    fs::write(path(&digest), &bytes).expect("a manifest");
    index["manifests"][0]["digest"] = digest;
    index["manifests"][0]["size"] = bytes.len().into();
    fs::write(layout.join("index.json"), index.to_string()).expect("an index");
}

/// What is said of a layer.
type Annotate<'a> = &'a dyn Fn(&mut Value);

#[test]
fn a_forged_annotation_is_not_believed_against_the_codec_or_the_size() {
    let forged: [(&str, &str, Annotate<'_>); 2] = [
        ("zstd", "gzip", &|layer| layer["annotations"]["dev.dockless.layer"] = "1;gzip:6".into()),
        ("gzip", "zstd", &|layer| layer["annotations"]["dev.dockless.layer"] = "1;zstd:3".into()),
    ];
    for (is, says, annotate) in forged {
        let standin = StandIn::start(&["shop"], &[]);
        let layout = tempfile::tempdir().expect("a folder");
        let place = format!("oci:{}", layout.path().join("image").display());
        standin.runner().report(project(is).path(), &["build", "--output", &place]);
        forge(&layout.path().join("image"), |manifest| {
            manifest["layers"].as_array_mut().expect("layers").iter_mut().for_each(annotate);
        });
        let target = format!("{}:latest", project(is).name());
        let copied = standin.runner().run(layout.path(), &["copy", &place, &target]);
        assert_eq!(copied.code, 0, "{}", copied.stderr);
        let honest = standin.runner().report(project(says).path(), &["build"]);
        let report = standin.runner().report(project(says).path(), &["push"]);
        assert_eq!((&report["reused_layers"], &report["digest"]), (&0.into(), &honest["digest"]), "{is} as {says}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn what_was_taken_over_is_not_read_again_on_the_same_machine() {
    let standin = StandIn::start(&["shop"], &[]);
    let project = project("gzip");
    project.settle();
    let first = standin.runner().report(project.path(), &["push"]);
    let fresh = standin.runner();
    let opened = Opened::watch(project.path());
    let taken = fresh.report(project.path(), &["push", "--tag", "next"]);
    assert_eq!((numbers(&taken), opened.take(project.path()).len()), ([0, 2], 3), "two files and the build file");
    for tag in ["next", "third"] {
        let again = fresh.report(project.path(), &["push", "--tag", tag]);
        assert_eq!((numbers(&again), &again["digest"]), ([0, 2], &first["digest"]));
        assert_eq!(opened.take(project.path()), ["build.yaml".to_owned()].into(), "{tag}");
    }
    // What no blob is here for is packed where no registry is asked, and where the registry has lost it.
    let built = fresh.report(project.path(), &["build"]);
    assert_eq!((&built["digest"], &built["reused_layers"]), (&first["digest"], &0.into()));
}

#[test]
fn what_was_taken_over_and_is_not_at_the_target_is_packed() {
    let (old, new) = (StandIn::start(&["shop"], &[]), StandIn::start(&["shop"], &[]));
    let project = project("gzip");
    project.settle();
    let first = old.runner().report(project.path(), &["push"]);
    let fresh = old.runner();
    assert_eq!(numbers(&fresh.report(project.path(), &["push"])), [0, 2]);
    let name = format!("{}/shop", new.address());
    let login = format!(r#"{{"auths":{{"{}":{{"auth":"{}"}}}}}}"#, new.address(), new.sandbox().login().reveal());
    let fresh = fresh.env("DOCKER_AUTH_CONFIG", &login);
    let moved = fresh.report(project.path(), &["push", "--name", &name]);
    assert_eq!((numbers(&moved), &moved["digest"]), ([3, 0], &first["digest"]));
}
