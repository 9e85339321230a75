//! Several platforms to one index: equal layers once, children by digest, each platform as if it were built alone.

use dockless::oci::{Document, Platform};
use dockless::store::LocalSource;

use super::support::{Project, Runner, StandIn};

const TWO: [&str; 2] = ["--platform", "linux/amd64,linux/arm64"];

/// A shared layer, and one that differs between the platforms.
fn project() -> Project {
    let project = Project::with(
        "base: scratch\nlayers:\n  - {from: app, to: /app}\n  - from: {linux/amd64: bin/x86, linux/arm64: bin/arm}\n    \
         to: /usr/bin/w\n    mode: \"0755\"\n",
    );
    project.write("bin/x86", "x86\n");
    project.write("bin/arm", "arm\n");
    project
}

fn digest_of(report: &serde_json::Value) -> String {
    report["digest"].as_str().expect("a digest").to_owned()
}

#[test]
fn an_equal_layer_is_packed_once_and_each_manifest_is_that_of_a_build_for_one() {
    let (runner, project) = (Runner::new(), project());
    let out = project.join("out");
    let report = runner.report(project.path(), &["build", "-o", &format!("oci:{}", out.display()), TWO[0], TWO[1]]);
    let layers = report["layers"].as_array().expect("layers");
    let of = |platform: &str, name: &str| {
        let found = layers.iter().find(|layer| layer["platform"] == platform && layer["name"] == name);
        found.unwrap_or_else(|| panic!("{platform} {name} in {report}"))["digest"].clone()
    };
    assert_eq!(of("linux/amd64", "app"), of("linux/arm64", "app"));
    assert_ne!(of("linux/amd64", "bin/x86"), of("linux/arm64", "bin/arm"));
    for platform in ["linux/amd64", "linux/arm64"] {
        let alone = runner.report(project.path(), &["build", "--platform", platform]);
        let source = LocalSource::layout(&out, None).expect("a layout");
        let wanted: Platform = platform.parse().expect("a platform");
        let image = source.image(Some(&wanted)).expect("an image");
        assert_eq!(image.manifest.expect("a manifest").digest.to_string(), digest_of(&alone), "{platform}");
    }
}

#[test]
fn an_index_is_pushed_with_its_children_by_digest_and_a_second_push_sends_nothing() {
    let standin = StandIn::start(&["shop"], &[]);
    let (runner, project) = (standin.runner(), project());
    let first = runner.report(project.path(), &["push", "--tag", "1", TWO[0], TWO[1]]);
    // Layers: one shared, two of their own; and a config for each platform.
    assert_eq!(first["uploaded_blobs"], 5);
    let puts: Vec<String> =
        standin.sandbox().requests().iter().filter(|it| it.method == "PUT").map(|it| it.target.clone()).collect();
    let manifests: Vec<&String> = puts.iter().filter(|target| target.contains("/manifests/")).collect();
    assert_eq!(manifests.len(), 3);
    assert!(manifests[..2].iter().all(|target| target.contains("/manifests/sha256:")), "{manifests:?}");
    assert!(manifests[2].ends_with("/manifests/1"), "{manifests:?}");
    standin.sandbox().forget_requests();
    let second = runner.report(project.path(), &["push", "--tag", "1", TWO[0], TWO[1]]);
    assert_eq!((digest_of(&second), &second["uploaded_blobs"]), (digest_of(&first), &0.into()));
    assert_eq!(standin.uploads(), 0);
}

#[test]
fn an_index_is_deployed_and_the_manifest_that_runs_is_proof() {
    let standin = StandIn::start(&["shop"], &["web"]);
    let project = project();
    let file = std::fs::read_to_string(project.join("build.yaml")).expect("a build file");
    project.write("build.yaml", &format!("{file}deploy: {{cluster: main, services: [web]}}\n"));
    let report = standin.runner().report(project.path(), &["ship", TWO[0], TWO[1]]);
    assert_eq!(report["verdict"], "successful");
    assert!(report["image"].as_str().expect("an image").ends_with(&digest_of(&report)));
}

#[test]
fn a_docker_archive_of_several_platforms_is_refused_with_the_way_out() {
    let project = project();
    let output = format!("docker-archive:{}", project.join("out.tar").display());
    let run = Runner::new().run(project.path(), &["build", "-o", &output, TWO[0], TWO[1]]);
    run.fails_with(4, &["--platform"]);
    assert!(!project.join("out.tar").exists());
}

#[test]
fn the_index_names_its_children_with_their_platforms() {
    let (runner, project) = (Runner::new(), project());
    let archive = project.join("out.tar").display().to_string();
    let report = runner.report(project.path(), &["build", "-o", &format!("oci-archive:{archive}"), TWO[0], TWO[1]]);
    let file = std::fs::File::open(&archive).expect("an archive");
    let mut archive = tar::Archive::new(file);
    let wanted = format!("blobs/sha256/{}", digest_of(&report).trim_start_matches("sha256:"));
    let bytes = archive.entries().expect("entries").find_map(|entry| {
        let mut entry = entry.expect("an entry");
        let found = entry.path_bytes().as_ref() == wanted.as_bytes();
        found.then(|| {
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut entry, &mut bytes).expect("read");
            bytes
        })
    });
    let Document::Index(index) = Document::parse(bytes.expect("the index"), None).expect("a document") else {
        panic!("it is an index");
    };
    let platforms: Vec<String> =
        index.images().map(|child| child.platform.as_ref().expect("one").to_string()).collect();
    assert_eq!(platforms, ["linux/amd64", "linux/arm64"]);
}

#[test]
fn what_is_wrong_on_every_platform_is_said_once() {
    let (runner, project) = (Runner::new(), project());
    project.build_file("base: scratch\nlayers: [{from: app, to: /app}]\nconfig: {user: web}\n");
    let run = runner.run(project.path(), &["build", TWO[0], TWO[1]]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(run.stderr.matches("`config.user` is `web`").count(), 1, "{}", run.stderr);
}
