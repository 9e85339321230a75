//! A pushed image is its own cache: on a machine that knows nothing, what did not change is neither packed nor sent.

use dockless::sandbox::{Action, Fault};

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
    standin.sandbox().script(Fault::on_request("PUT", "/v2/shop/manifests/*", action));
    let runner = standin.runner();
    let run = runner.run(project.path(), &["push"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains("lost a layer"), "{}", run.stderr);
    let digest = runner.report(project.path(), &["build"])["digest"].clone();
    assert!(run.stdout.contains(digest.as_str().expect("a digest")), "{}", run.stdout);
}
