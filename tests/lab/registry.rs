//! A push to a real registry by an ECR name: Basic authentication with the token that ECR's API gives out, and readers
//! that are not ours.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use crate::support::process::run;
use crate::support::servers::{ECR_HOST, moto, registry};
use crate::support::skopeo::{copy, inspect, pushed, unpack};
use crate::support::workbench::Workbench;
use crate::support::{layout, process::Finished};

fn bench() -> Workbench {
    Workbench::new().ecr(&registry(), &moto())
}

#[track_caller]
fn push(bench: &Workbench, project: &std::path::Path) -> Finished {
    run(bench.dockless().arg("-C").arg(project).args(["push", "--json"])).ok()
}

#[test]
fn pushed_image_holds_together_and_carries_the_reported_digest() {
    let bench = bench();
    let shop = bench.myshop().with("appkr/myshop", "registry/whole");
    let report = push(&bench, &shop.dir).json();

    let layout = bench.path("copied");
    copy(&pushed("registry/whole", "1.4"), &format!("oci:{}:1.4", layout.display()));
    let image = layout::check(&layout);
    assert_eq!(report["digest"], *image.digest);
    assert_eq!(report["image"], format!("{ECR_HOST}/registry/whole:1.4@{}", image.digest));
    assert_eq!(inspect(&pushed("registry/whole", "1.4"))["Digest"], *image.digest);
    assert_eq!(inspect(&pushed("registry/whole", "latest"))["Digest"], *image.digest, "every tag");
    let config = &image.config["config"];
    assert_eq!(config["Cmd"][0], "php");
    assert_eq!(config["User"], "www-data");
    assert!(config["Env"].as_array().expect("a list").contains(&"TZ=Asia/Seoul".into()));
    assert!(config["Env"].as_array().expect("a list").contains(&"PHP_VERSION=8.2".into()), "the base's are kept");
    assert!(report["uploaded_bytes"].as_u64().expect("a count") > 0);
}

#[test]
fn umoci_unpacks_what_the_build_file_says() {
    let bench = bench();
    let shop = bench.myshop().with("appkr/myshop", "registry/unpacked");
    push(&bench, &shop.dir);
    copy(&pushed("registry/unpacked", "1.4"), &format!("oci:{}:1.4", bench.path("copied").display()));
    unpack(&bench.path("copied"), "1.4", &bench.path("bundle"));

    let root = bench.path("bundle/rootfs");
    let about = |path: &str| fs::symlink_metadata(root.join(path)).unwrap_or_else(|why| panic!("/{path}: {why}"));
    let mode = |path: &str| about(path).permissions().mode() & 0o7777;
    assert_eq!(mode("tmp"), 0o1777, "the base's /tmp");
    assert_eq!(mode("var/www/html/storage"), 0o775);
    assert_eq!((about("var/www/html/storage/logs").uid(), about("var/www/html/storage/logs").gid()), (33, 33));
    assert_eq!(about("var/www/html/public/index.php").uid(), 0);
    assert_eq!(mode("var/www/html/artisan"), 0o755);
    assert_eq!(mode("etc/cron.d/schedule"), 0o644);
    assert_eq!(about("var/log/myshop/schedule.txt").uid(), 33);
    let link = |path: &str| fs::read_link(root.join(path)).unwrap_or_else(|why| panic!("/{path}: {why}"));
    assert_eq!(link("lib").to_str(), Some("usr/lib"));
    assert_eq!(link("etc/apache2/sites-enabled/server.conf").to_str(), Some("../sites-available/server.conf"));
    assert_eq!(link("etc/localtime").to_str(), Some("/usr/share/zoneinfo/Asia/Seoul"));
    assert!(root.join("var/www/html/vendor/autoload.php").is_file(), "ignored by .dockerignore, a layer of its own");
    for left_out in ["base", "make-base.py", "build.yaml", ".dockerignore", "docker-files"] {
        assert!(!root.join("var/www/html").join(left_out).exists(), "{left_out} is in the image");
    }
}

#[test]
fn second_push_moves_nothing() {
    let bench = bench();
    let shop = bench.myshop().with("appkr/myshop", "registry/twice");
    let first = push(&bench, &shop.dir).json();
    let second = push(&bench, &shop.dir).json();
    assert_eq!(second["digest"], first["digest"]);
    assert_eq!(second["uploaded_bytes"], 0);
}

#[test]
fn last_line_of_stdout_is_the_pinned_reference() {
    let bench = bench();
    let shop = bench.myshop().with("appkr/myshop", "registry/line");
    let finished = run(bench.dockless().arg("-C").arg(&shop.dir).arg("push")).ok();
    let last = finished.stdout.lines().last().unwrap_or_else(|| panic!("{finished}"));
    let digest = inspect(&pushed("registry/line", "1.4"))["Digest"].clone();
    assert_eq!(last, format!("{ECR_HOST}/registry/line:1.4@{}", digest.as_str().expect("a digest")));
}

#[test]
fn one_digest_for_any_count_of_threads_and_with_or_without_cache() {
    let bench = bench();
    let shop = bench.myshop().with("appkr/myshop", "registry/threads");
    let digest = push(&bench, &shop.dir).json()["digest"].clone();
    for flags in [["--jobs", "1", "--no-cache"], ["--jobs", "8", "--no-cache"], ["--jobs", "2", "--json"]] {
        let line = ["push", "--json"].into_iter().chain(flags.into_iter().filter(|flag| *flag != "--json"));
        let again = run(bench.dockless().arg("-C").arg(&shop.dir).args(line)).ok().json();
        assert_eq!(again["digest"], digest, "{flags:?}");
    }
}

#[test]
fn every_compression_is_read_back() {
    for (compression, media_type) in [("gzip:1", "tar+gzip"), ("zstd", "tar+zstd"), ("none", "tar")] {
        let bench = bench();
        let tag = compression.replace(':', "-");
        let name = format!("{ECR_HOST}/registry/compression");
        let build = format!(
            "version: 1\nname: {name}\ntags: [{tag}]\nbase: scratch\ncompression: {compression}\n\
             layers:\n  - {{from: app, to: /app}}\n"
        );
        let project = bench.project(&build, &[("app/hello.txt", "hello\n")]);
        push(&bench, &project.dir);
        let layout = bench.path("copied");
        copy(&pushed("registry/compression", &tag), &format!("oci:{}:{tag}", layout.display()));
        let image = layout::check(&layout);
        let expected = format!("application/vnd.oci.image.layer.v1.{media_type}");
        assert_eq!(image.manifest["layers"][0]["mediaType"], *expected, "{compression}");
    }
}

#[test]
fn plain_registry_name_uses_the_docker_configuration() {
    let bench = Workbench::new();
    bench.docker_login(&registry(), &crate::support::servers::registry_login());
    let shop = bench.myshop().with(&format!("{ECR_HOST}/appkr/myshop"), &format!("{}/registry/plain", registry()));
    let report = push(&bench, &shop.dir).json();
    assert_eq!(inspect(&pushed("registry/plain", "1.4"))["Digest"], report["digest"]);
}
