//! How often a push asks: a base of ten layers that the registry has costs no byte and next to no request.

use dockless::sandbox::LoggedRequest;
use serde_json::Value;

use super::support::{Project, StandIn, account_host};

/// Requests that a push may need beside one for each of its blobs.
const BESIDE: usize = 6;
/// Ten layers of the base, two of the project, the config.
const BLOBS: usize = 10 + 2 + 1;

/// Pushes a base of ten layers to a repository of the stand-in.
fn push_base(standin: &StandIn, repository: &str) {
    let layers: String = (0..10)
        .map(|number| format!("  - {{name: n{number}, files: [{{path: /base/{number}, content: \"{number}\"}}]}}\n"))
        .collect();
    let base = Project::with(&format!("base: scratch\nlayers:\n{layers}"));
    let name = format!("{}/{repository}", account_host());
    let run = standin.runner().run(base.path(), &["push", "--name", &name, "--tag", "base"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
}

/// A project of two layers over that base, with a lock.
fn shop(standin: &StandIn, repository: &str) -> Project {
    let project = Project::with(&format!(
        "base: {}/{repository}:base\nlayers:\n  - {{from: app, to: /app}}\n  - {{from: lib, to: /lib}}\n",
        account_host()
    ));
    project.write("lib/a", &"a line that compresses\n".repeat(1000));
    assert_eq!(standin.runner().run(project.path(), &["lock"]).code, 0);
    project
}

/// Pushes from a machine that knows nothing, and returns the report and the requests; each may have been answered with a
/// challenge first.
fn push(standin: &StandIn, project: &Project, arguments: &[&str]) -> (Value, Vec<LoggedRequest>) {
    standin.sandbox().forget_requests();
    let mut all = vec!["push"];
    all.extend(arguments);
    let report = standin.runner().report(project.path(), &all);
    (report, standin.sandbox().requests())
}

/// Fails unless the requests are few: of the protocol, and with those of ECR's API if `all`. Where every layer of the base
/// has to be mounted, the mounts alone are one for each.
#[track_caller]
fn is_frugal(what: &str, requests: &[LoggedRequest], all: bool) {
    let lines: Vec<String> = requests
        .iter()
        .map(|it| format!("{} {} {}", it.method, it.operation.as_deref().unwrap_or(&it.target), it.status))
        .collect();
    let counted = requests.iter().filter(|it| all || it.operation.is_none()).count();
    println!("{what}: {counted} of {} requests", requests.len());
    assert!(counted <= BLOBS + BESIDE, "{what}: {} requests:\n{}", requests.len(), lines.join("\n"));
}

#[test]
fn a_base_of_ten_layers_in_the_target_costs_no_byte_and_no_request_of_its_own() {
    for repository in ["shop", "base"] {
        let standin = StandIn::start(&["shop", "base"], &[]);
        push_base(&standin, repository);
        let project = shop(&standin, repository);
        let read = |requests: &[LoggedRequest]| {
            let reads = requests.iter().filter(|it| it.method == "GET" && it.target.contains("/blobs/"));
            reads.count()
        };

        let (report, requests) = push(&standin, &project, &[]);
        assert_eq!((&report["uploaded_blobs"], &report["reused_layers"]), (&3.into(), &0.into()), "{report}");
        is_frugal(&format!("first push, base in `{repository}`"), &requests, repository == "shop");
        // At most the config of the base itself, which is an image of the repository like any other.
        assert!(read(&requests) <= 1, "{requests:?}");

        let (again, requests) = push(&standin, &project, &[]);
        assert_eq!((&again["uploaded_bytes"], &again["reused_layers"]), (&0.into(), &2.into()), "{again}");
        assert_eq!(again["digest"], report["digest"]);
        is_frugal("no-op push", &requests, true);
        assert_eq!(read(&requests), 1, "the config of what was pushed before");

        let (renamed, requests) = push(&standin, &project, &["--tag", "next"]);
        assert_eq!((&renamed["uploaded_bytes"], &renamed["reused_layers"]), (&0.into(), &2.into()), "{renamed}");
        is_frugal("push under a new tag", &requests, true);

        project.write("app/hello.txt", "other\n");
        let (changed, requests) = push(&standin, &project, &[]);
        assert_eq!((&changed["uploaded_blobs"], &changed["reused_layers"]), (&2.into(), &1.into()), "{changed}");
        assert!(changed["uploaded_bytes"].as_u64() < Some(100_000), "{changed}");
        is_frugal("one-layer push", &requests, true);
    }
}

#[test]
fn a_base_from_elsewhere_is_downloaded_once_for_the_upload_and_for_its_files() {
    let standin = StandIn::start(&["shop", "base"], &[]);
    push_base(&standin, "base");
    // By this name it is another registry: nothing can be mounted from there.
    let elsewhere = standin.address();
    let login = standin.sandbox().login();
    let login = serde_json::json!({"auths": {elsewhere.as_str(): {"auth": login.reveal()}}}).to_string();
    let project = Project::with(&format!("base: {elsewhere}/base:base\nlayers:\n  - {{from: app, to: /app}}\n"));
    standin.sandbox().forget_requests();
    let report = standin.runner().env("DOCKER_AUTH_CONFIG", &login).report(project.path(), &["push"]);
    assert_eq!((&report["uploaded_blobs"], &report["mounted"]), (&12.into(), &0.into()), "{report}");
    let requests = standin.sandbox().requests();
    let mut read: Vec<&str> = requests
        .iter()
        .filter(|it| it.method == "GET" && it.status == 200 && it.target.starts_with("/v2/base/blobs/"))
        .map(|it| it.target.as_str())
        .collect();
    let count = read.len();
    read.sort_unstable();
    read.dedup();
    assert_eq!((count, read.len()), (11, 11), "ten layers and the config, each once: {read:?}");
    // One question and one way up for each: no layer is asked for twice.
    let heads = requests.iter().filter(|it| it.method == "HEAD" && it.target.contains("/shop/blobs/")).count();
    assert!(heads <= 12, "{heads}");
    let manifest = requests.iter().rposition(|it| it.method == "PUT" && it.target.contains("/shop/manifests/"));
    let last_blob = requests.iter().rposition(|it| it.method == "PUT" && it.target.contains("/shop/blobs/"));
    assert!(last_blob < manifest, "the manifest comes when all of its blobs are there");
}
