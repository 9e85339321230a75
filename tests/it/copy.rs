//! `copy`: the same bytes at another place, by way of registries, layouts and archives.

use dockless::sandbox::{Action, Fault, Reset};
use serde_json::{Value, json};

use super::support::{Project, Runner, StandIn, account_host};

const TWO: &str = "base: scratch\nlayers:\n  - {from: app, to: /app}\n  - {from: more, to: /more}\n";

fn shop(standin: &StandIn) -> (Project, Value) {
    let project = Project::with(TWO);
    project.write("more/file", "more\n");
    let report = standin.runner().report(project.path(), &["push", "--tag", "1.0"]);
    (project, report)
}

fn image(name: &str) -> String {
    format!("{}/{name}", account_host())
}

/// The manifest that stands at a place, byte by byte.
fn raw(runner: &Runner, project: &Project, place: &str) -> String {
    let run = runner.run(project.path(), &["inspect", "--raw", place]);
    assert_eq!(run.code, 0, "{place}: {}", run.stderr);
    run.stdout
}

#[test]
fn a_copy_within_a_registry_mounts_and_keeps_the_digest() {
    let standin = StandIn::start(&["shop", "prod"], &[]);
    let (project, pushed) = shop(&standin);
    let runner = standin.runner();
    let run = runner.run(project.path(), &["copy", &image("shop:1.0"), &image("prod")]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let digest = pushed["digest"].as_str().expect("a text");
    assert_eq!(run.stdout, format!("{}@{digest}\n", image("prod:1.0")), "the tag is that of the source");
    let report = runner.report(project.path(), &["copy", &image("shop:1.0"), &image("prod:2.0")]);
    assert_eq!((&report["digest"], &report["uploaded_bytes"]), (&pushed["digest"], &0.into()));
    standin.sandbox().forget_requests();
    let again = runner.report(project.path(), &["copy", &image("shop:1.0"), &image("prod:2.0")]);
    assert_eq!((&again["existing"], standin.uploads()), (&3.into(), 0), "what stands is not copied");
}

#[test]
fn every_way_round_gives_the_same_bytes() {
    let standin = StandIn::start(&["shop", "back"], &[]);
    let (project, pushed) = shop(&standin);
    let runner = standin.runner();
    let path = |form: &str, name: &str| format!("{form}:{}", project.join(name).display());
    let (layout, archive) = (path("oci", "layout"), path("oci-archive", "image.tar"));
    let steps = [
        (image("shop:1.0"), layout.clone()),
        (format!("{layout}:1.0"), archive.clone()),
        (format!("{archive}:1.0"), path("oci", "second")),
        (archive.clone(), image("back:9")),
    ];
    for (from, to) in &steps {
        let run = runner.run(project.path(), &["copy", from, to]);
        assert_eq!(run.code, 0, "{from} -> {to}: {}", run.stderr);
        assert!(run.stdout.trim_end().ends_with(pushed["digest"].as_str().expect("a text")), "{}", run.stdout);
    }
    let original = raw(&runner, &project, &image("shop:1.0"));
    for place in [image("back:9"), layout, archive, path("oci", "second:1.0")] {
        assert_eq!(raw(&runner, &project, &place), original, "{place}");
    }
}

#[test]
fn a_docker_archive_gets_a_manifest_and_keeps_config_and_layers() {
    let standin = StandIn::start(&["shop"], &[]);
    let (project, _) = shop(&standin);
    let runner = standin.runner();
    let archive = format!("docker-archive:{}", project.join("saved.tar").display());
    assert_eq!(runner.run(project.path(), &["build", "--output", &archive]).code, 0);
    let first = runner.report(project.path(), &["copy", &archive, &image("shop:loaded")]);
    let told = runner.report(project.path(), &["inspect", &archive]);
    assert_eq!(told["digest"], first["digest"], "inspect names what copy makes");
    let layout = format!("oci:{}", project.join("layout").display());
    let second = runner.report(project.path(), &["copy", &archive, &layout]);
    assert_eq!(second["digest"], first["digest"]);
}

#[test]
fn a_copy_into_a_docker_archive_keeps_config_and_layers_and_tells_what_it_is_now() {
    let standin = StandIn::start(&["shop", "back"], &[]);
    let runner = standin.runner();
    for (number, compression) in ["gzip", "zstd"].into_iter().enumerate() {
        let project = Project::with(&format!("compression: {compression}\n{TWO}"));
        project.write("more/file", "more\n");
        let tag = format!("1.{number}");
        runner.report(project.path(), &["push", "--tag", &tag]);
        let archive = format!("docker-archive:{}", project.join("saved.tar").display());
        let saved = runner.report(project.path(), &["copy", &image(&format!("shop:{tag}")), &archive]);
        let told = runner.report(project.path(), &["inspect", &archive]);
        assert_eq!(told["digest"], saved["digest"], "{compression}");
        let original = runner.report(project.path(), &["inspect", &image(&format!("shop:{tag}"))]);
        assert_eq!(told["images"][0]["config"], original["images"][0]["config"], "{compression}");
        let back = runner.report(project.path(), &["copy", &archive, &image(&format!("back:{tag}"))]);
        assert_eq!(back["digest"], saved["digest"], "{compression}");
        let listed = std::fs::read(project.join("saved.tar")).expect("an archive");
        let name = format!("{}:{tag}", image("shop"));
        assert!(listed.windows(name.len()).any(|window| window == name.as_bytes()), "`docker load` names it");
    }
}

#[test]
fn a_docker_archive_takes_one_platform_and_no_referrers() {
    let standin = StandIn::start(&["shop"], &[]);
    let (project, _) = index(&standin);
    let runner = standin.runner();
    let archive = format!("docker-archive:{}", project.join("saved.tar").display());
    let all = runner.run(project.path(), &["copy", &image("shop:1.0"), &archive]);
    all.fails_with(4, &["holds one platform", "--platform linux/amd64"]);
    assert!(!project.join("saved.tar").exists());
    let one = ["copy", "--platform", "linux/arm64", &image("shop:1.0"), &archive];
    runner.report(project.path(), &one);
    assert_eq!(runner.report(project.path(), &["inspect", &archive])["platforms"], json!(["linux/arm64"]));
    let run = runner.run(project.path(), &["copy", "--referrers", &image("shop:1.0"), &archive]);
    run.fails_with(2, &["from a registry to a registry"]);
}

fn index(standin: &StandIn) -> (Project, Value) {
    let project = Project::with(TWO);
    project.write("more/file", "more\n");
    let flags = ["push", "--platform", "linux/amd64", "--platform", "linux/arm64", "--tag", "1.0"];
    let report = standin.runner().report(project.path(), &flags);
    (project, report)
}

#[test]
fn all_platforms_are_copied_or_one() {
    let standin = StandIn::start(&["shop", "all", "one"], &[]);
    let (project, pushed) = index(&standin);
    let runner = standin.runner();
    let all = runner.report(project.path(), &["copy", &image("shop:1.0"), &image("all")]);
    assert_eq!(all["digest"], pushed["digest"]);
    let told = runner.report(project.path(), &["inspect", &image("all:1.0")]);
    assert_eq!(told["platforms"], json!(["linux/amd64", "linux/arm64"]));
    let one = runner.report(project.path(), &["copy", "--platform", "linux/arm64", &image("shop:1.0"), &image("one")]);
    assert_eq!(one["digest"], told["images"][1]["digest"]);
    let run = runner.run(project.path(), &["copy", "--platform", "linux/s390x", &image("shop:1.0"), &image("one")]);
    run.fails_with(4, &["has no image for `linux/s390x`; it has `linux/amd64`, `linux/arm64`"]);
    let layout = format!("oci:{}", project.join("layout").display());
    runner.report(project.path(), &["copy", &image("shop:1.0"), &layout]);
    let told = runner.report(project.path(), &["inspect", &layout]);
    assert_eq!((&told["digest"], &told["platforms"][1]), (&pushed["digest"], &"linux/arm64".into()));
}

#[test]
fn a_copy_between_registries_streams_and_outlives_faults() {
    let (here, there) = (StandIn::start(&["shop"], &[]), StandIn::start(&["shop"], &[]));
    let project = Project::with(TWO);
    // Larger than any buffer, and not compressible.
    let mut noise = 1_u64;
    let bytes: String = (0..3_000_000)
        .map(|_| {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            char::from(b'0' + u8::try_from((noise >> 60) & 15).unwrap_or_default())
        })
        .collect();
    project.write("more/file", &bytes);
    let pushed = here.runner().report(project.path(), &["push", "--tag", "1.0"]);
    let other = "210987654321.dkr.ecr.eu-west-1.amazonaws.com";
    let folder = tempfile::tempdir().expect("a folder");
    let config = format!(
        "hosts:\n  {}: {{endpoint: \"{}\"}}\n  {other}: {{endpoint: \"{}\"}}\n",
        account_host(),
        here.address(),
        there.address()
    );
    std::fs::write(folder.path().join("config.yaml"), config).expect("a configuration");
    let login = |standin: &StandIn| standin.sandbox().login().reveal().clone();
    let auths = json!({"auths": {account_host(): {"auth": login(&here)}, other: {"auth": login(&there)}}});
    let runner = Runner::new()
        .env("DOCKLESS_CONFIG", &folder.path().join("config.yaml").display().to_string())
        .env("DOCKER_AUTH_CONFIG", &auths.to_string());
    let script = |standin: &StandIn, method: &str, path: &str, action: Action| {
        standin.sandbox().script(Fault::on_request(method, path, action));
    };
    script(&here, "GET", "/v2/shop/blobs/*", Action::Truncate { after: 100_000 });
    script(&there, "PUT", "/v2/shop/blobs/uploads/*", Action::Reset(Reset::InBody(200_000)));
    script(&there, "POST", "/v2/shop/blobs/uploads/", Action::status(503, "UNAVAILABLE", "later"));
    let report = runner.report(project.path(), &["copy", &image("shop:1.0"), &format!("{other}/shop")]);
    assert_eq!((&report["digest"], &report["uploaded_blobs"]), (&pushed["digest"], &3.into()));
    let blobs = runner.cache().join("blobs/sha256");
    assert_eq!(std::fs::read_dir(blobs).expect("a store").count(), 0, "nothing of it is kept");
}

#[test]
fn a_blob_that_is_another_than_its_digest_does_not_arrive() {
    let standin = StandIn::start(&["shop", "prod"], &[]);
    let (project, _) = shop(&standin);
    let runner = standin.runner();
    let layout = project.join("layout");
    let place = format!("oci:{}", layout.display());
    runner.report(project.path(), &["copy", &image("shop:1.0"), &place]);
    let manifest: Value = serde_json::from_str(&raw(&runner, &project, &place)).expect("JSON");
    let digest = manifest["layers"][0]["digest"].as_str().expect("a digest").to_owned();
    let path = layout.join("blobs/sha256").join(digest.trim_start_matches("sha256:"));
    let mut bytes = std::fs::read(&path).expect("a blob");
    bytes[20] ^= 1;
    std::fs::write(&path, bytes).expect("a blob");
    // Where its right bytes are not yet.
    let run = runner.run(project.path(), &["copy", &place, &image("prod:1.0")]);
    run.fails_with(5, &["cannot copy to", "changed while it was sent"]);
    let run = runner.run(project.path(), &["copy", &place, &format!("oci:{}", project.join("out").display())]);
    assert_eq!(run.code, 4, "{}", run.stderr);
    assert!(!project.join("out").exists(), "nothing half-written is left");
}

#[test]
fn what_refers_to_an_image_comes_along() {
    let standin = StandIn::start(&["shop", "prod"], &[]);
    let (project, pushed) = shop(&standin);
    let runner = standin.runner();
    let signature = sign(&standin, &pushed);
    runner.report(project.path(), &["copy", "--referrers", &image("shop:1.0"), &image("prod")]);
    let copied = raw(&runner, &project, &format!("{}@{signature}", image("prod")));
    assert!(copied.contains("application/vnd.example.signature"), "{copied}");
    let run = runner.run(project.path(), &["copy", "--referrers", &image("shop:1.0"), "oci:somewhere"]);
    run.fails_with(2, &["referrers are copied from a registry to a registry"]);
}

/// Writes a signature of an image beside it, and returns its digest.
fn sign(standin: &StandIn, pushed: &Value) -> String {
    let empty = json!({
        "mediaType": "application/vnd.oci.empty.v1+json", "size": 2,
        "digest": "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
    });
    let size = standin.sandbox().requests().len().min(1) as u64;
    assert_eq!(size, 1, "something was pushed");
    let raw = runner_raw(standin, pushed);
    let manifest = json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "artifactType": "application/vnd.example.signature", "config": empty, "layers": [empty],
        "subject": {
            "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": pushed["digest"], "size": raw.len(),
        },
    })
    .to_string();
    let digest = dockless::oci::Digest::of(manifest.as_bytes());
    let session = send(standin, "POST", "/v2/shop/blobs/uploads/", "", "");
    let location = session.lines().find_map(|line| line.strip_prefix("location: ")).expect("a session").to_owned();
    let put = format!("{location}?digest=sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
    assert!(send(standin, "PUT", &put, "application/octet-stream", "{}").starts_with("HTTP/1.0 201"));
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let answer = send(standin, "PUT", &format!("/v2/shop/manifests/{digest}"), kind, &manifest);
    assert!(answer.starts_with("HTTP/1.0 201"), "{answer}");
    digest.to_string()
}

fn runner_raw(standin: &StandIn, pushed: &Value) -> String {
    let project = Project::scratch();
    raw(&standin.runner(), &project, &format!("{}@{}", image("shop"), pushed["digest"].as_str().expect("a text")))
}

fn send(standin: &StandIn, method: &str, path: &str, kind: &str, body: &str) -> String {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(standin.address()).expect("the stand-in listens");
    let login = standin.sandbox().login();
    write!(
        stream,
        "{method} {path} HTTP/1.0\r\nHost: x\r\nAuthorization: Basic {}\r\nContent-Type: {kind}\r\nContent-Length: \
         {}\r\n\r\n{body}",
        login.reveal(),
        body.len()
    )
    .expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

#[test]
fn an_immutable_tag_is_left_alone_and_a_missing_repository_is_made_on_demand() {
    let standin = StandIn::start(&["shop"], &[]);
    let (project, first) = shop(&standin);
    let runner = standin.runner();
    let missing = runner.run(project.path(), &["copy", &image("shop:1.0"), &image("new")]);
    missing.fails_with(5, &["cannot copy to", "repository `new` does not exist"]);
    let made = runner.report(project.path(), &["copy", "--create-repository", &image("shop:1.0"), &image("new")]);
    assert_eq!(made["digest"], first["digest"]);
}

#[test]
fn what_cannot_be_meant_is_refused_before_anything_is_read() {
    let (runner, project) = (Runner::new(), Project::scratch());
    for (line, words) in [
        (&["copy", "docker://a/b", "oci:c"][..], "names no kind of place"),
        (&["copy", "oci-archive:-", "oci:c"], "not read from stdin"),
        (
            &["copy", "oci:c", "a.example/b@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
            "digest",
        ),
        (&["copy", "--platform", "x", "oci:c", "oci:d"], "no platform"),
        (&["inspect", "oci-archive:-"], "not read from stdin"),
    ] {
        runner.run(project.path(), line).fails_with(2, &[words]);
    }
    let run = runner.run(project.path(), &["copy", "oci:/nowhere", "oci:/elsewhere"]);
    run.fails_with(4, &["cannot read `oci:/nowhere`"]);
}
