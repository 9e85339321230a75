//! What a push costs in requests, next to the least that the protocol allows. The table in `docs/registry.md` is made of
//! the same numbers.

use std::collections::BTreeMap;

use super::fault_matrix::table;
use super::support::{Project, StandIn};

/// Pushes of a project of five layers under two tags: the name, what is written, the most requests in all, and the least
/// that the protocol allows.
const ROWS: [(&str, &str, usize, &str); 3] = [
    (
        "first push",
        "6 POST upload, 6 PUT blob, 2 PUT manifest",
        40,
        "6 x (HEAD, POST, PUT blob), 2 x (HEAD, PUT manifest) = 22",
    ),
    ("no change", "nothing", 20, "2 x HEAD manifest = 2"),
    (
        "one layer changed",
        "2 POST upload, 2 PUT blob, 2 PUT manifest",
        30,
        "2 x (HEAD, POST, PUT blob), 4 x HEAD blob, 2 x (HEAD, PUT manifest) = 14",
    ),
];

fn project() -> Project {
    let layers: String = (0..5).map(|n| format!("  - {{from: l{n}, to: /l{n}}}\n")).collect();
    let project = Project::with(&format!("tags: [\"1\", latest]\nbase: scratch\nlayers:\n{layers}"));
    (0..5).for_each(|n| project.write(&format!("l{n}/file"), &format!("{n}\n")));
    project
}

/// Counts what was written since the last count, by what it is, and all requests.
fn counted(standin: &StandIn) -> (String, usize) {
    let requests = standin.sandbox().requests();
    standin.sandbox().forget_requests();
    let mut counts = BTreeMap::<&str, usize>::new();
    for request in requests.iter().filter(|request| request.operation.is_none()) {
        let noun = match (request.method.as_str(), request.target.contains("/manifests/")) {
            ("POST", _) => "POST upload",
            ("PUT", false) => "PUT blob",
            ("PUT", true) => "PUT manifest",
            _ => continue,
        };
        *counts.entry(noun).or_default() += 1;
    }
    let list: Vec<String> = counts.iter().map(|(noun, count)| format!("{count} {noun}")).collect();
    (if list.is_empty() { "nothing".to_owned() } else { list.join(", ") }, requests.len())
}

#[test]
fn a_push_costs_what_the_table_says() {
    let standin = StandIn::start(&["shop"], &[]);
    let (runner, project) = (standin.runner(), project());
    for (name, written, most, _) in ROWS {
        if name == "one layer changed" {
            project.write("l4/file", "changed\n");
        }
        runner.report(project.path(), &["push"]);
        let (found, requests) = counted(&standin);
        assert_eq!(found, written, "{name}");
        assert!(requests <= most, "{name}: {requests} requests");
    }
}

#[test]
fn the_documented_costs_are_the_tested_ones() {
    let mut text = String::from("| push | written | at most in all | the least |\n| --- | --- | --- | --- |\n");
    for (name, written, most, least) in ROWS {
        text.push_str(&format!("| {name} | {written} | {most} | {least} |\n"));
    }
    table::check("request counts", &text);
}
