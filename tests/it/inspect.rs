//! `inspect`: what an image is made of, for people and for programs.

use super::support::{Project, StandIn, account_host};

fn pushed(standin: &StandIn, flags: &[&str]) -> (Project, serde_json::Value, String) {
    let project = Project::with(
        "base: scratch\nlayers:\n  - {name: app, from: app, to: /app}\nconfig:\n  env: {TZ: UTC}\n  working_dir: /app\n",
    );
    let mut line = vec!["push", "--tag", "1.0"];
    line.extend(flags);
    let report = standin.runner().report(project.path(), &line);
    let image = format!("{}/shop:1.0", account_host());
    (project, report, image)
}

#[test]
fn people_see_platform_config_and_layers_and_the_last_line_is_the_reference() {
    let standin = StandIn::start(&["shop"], &[]);
    let (project, report, image) = pushed(&standin, &[]);
    standin.sandbox().forget_requests();
    let run = standin.runner().run(project.path(), &["inspect", &image]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let layer = report["layers"][0]["digest"].as_str().expect("a digest");
    for words in ["platform     linux/amd64 sha256:", "workingdir   /app", "env          TZ=UTC", layer] {
        assert!(run.stdout.contains(words), "`{words}` is missing in:\n{}", run.stdout);
    }
    let last = run.stdout.lines().last().expect("a line");
    assert_eq!(last, format!("{image}@{}", report["digest"].as_str().expect("a text")));
    let read = standin.sandbox().requests().iter().filter(|r| r.target.contains(layer)).count();
    assert_eq!(read, 0, "no layer is read");
}

#[test]
fn programs_get_one_document_with_manifest_and_config_as_they_are() {
    let standin = StandIn::start(&["shop"], &[]);
    let (project, pushed, image) = pushed(&standin, &["--platform", "linux/amd64", "--platform", "linux/arm64"]);
    let runner = standin.runner();
    let report = runner.report(project.path(), &["inspect", &image]);
    assert_eq!((&report["schema"], &report["digest"]), (&1.into(), &pushed["digest"]));
    assert_eq!(report["platforms"].as_array().map(Vec::len), Some(2));
    let one = &report["images"][1];
    assert_eq!((&one["platform"], &one["config"]["architecture"]), (&"linux/arm64".into(), &"arm64".into()));
    assert_eq!(one["manifest"]["layers"][0]["digest"], one["layers"][0]["digest"]);
    assert_eq!(one["layers"][0]["diff_id"], one["config"]["rootfs"]["diff_ids"][0]);
    let alone = runner.report(project.path(), &["inspect", "--platform", "linux/arm64", &image]);
    assert_eq!(alone["digest"], one["digest"]);
}

#[test]
fn raw_is_the_document_byte_by_byte() {
    let standin = StandIn::start(&["shop"], &[]);
    let (project, report, image) = pushed(&standin, &[]);
    let run = standin.runner().run(project.path(), &["inspect", "--raw", &image]);
    let digest = dockless::oci::Digest::of(run.stdout.as_bytes()).to_string();
    assert_eq!(report["digest"], digest);
}

#[test]
fn what_is_not_there_is_an_error_with_a_remedy() {
    let standin = StandIn::start(&["shop"], &[]);
    let project = Project::scratch();
    let name = format!("{}/shop:2.0", account_host());
    let run = standin.runner().run(project.path(), &["inspect", &name]);
    run.fails_with(5, &["cannot read", &name, "404"]);
}
