//! What a push costs in requests, next to the least that the protocol allows. The table in `docs/registry.md` is made of
//! the same numbers.

use std::collections::BTreeMap;

use super::fault_matrix::table;
use super::support::{Project, StandIn};

/// Pushes of a project of five layers under two tags: the name, what is sent, and the least.
const ROWS: [(&str, &str, &str); 3] = [
    ("first push", FIRST, "6 x (HEAD, POST, PUT blob), 2 x (HEAD, PUT manifest) = 22"),
    ("no change", NOTHING, "2 x HEAD manifest = 2"),
    ("one layer changed", ONE, "2 x (HEAD, POST, PUT blob), 4 x HEAD blob, 2 x (HEAD, PUT manifest) = 14"),
];
const FIRST: &str = "";
const NOTHING: &str = "";
const ONE: &str = "";

fn project() -> Project {
    let layers: String = (0..5).map(|n| format!("  - {{from: l{n}, to: /l{n}}}\n")).collect();
    let project = Project::with(&format!("tags: [\"1\", latest]\nbase: scratch\nlayers:\n{layers}"));
    (0..5).for_each(|n| project.write(&format!("l{n}/file"), &format!("{n}\n")));
    project
}

/// Counts the requests since the last count, by what they are.
fn counted(standin: &StandIn) -> String {
    let mut counts = BTreeMap::<String, usize>::new();
    for request in standin.sandbox().requests() {
        let noun = match (&request.operation, request.target.as_str()) {
            (Some(operation), _) => operation.clone(),
            (None, target) if target.contains("/manifests/") => format!("{} manifest", request.method),
            (None, target) if target.contains("/tags/") => "GET tags".to_owned(),
            (None, target) if target.contains("/blobs/uploads/") && request.method == "POST" => {
                "POST upload".to_owned()
            }
            (None, _) => format!("{} blob", request.method),
        };
        *counts.entry(noun).or_default() += 1;
    }
    standin.sandbox().forget_requests();
    let total: usize = counts.values().sum();
    let list: Vec<String> = counts.iter().map(|(noun, count)| format!("{count} {noun}")).collect();
    format!("{} = {total}", list.join(", "))
}

#[test]
fn a_push_costs_what_the_table_says() {
    let standin = StandIn::start(&["shop"], &[]);
    let (runner, project) = (standin.runner(), project());
    let mut measured = Vec::new();
    for push in 0..3 {
        if push == 2 {
            project.write("l4/file", "changed\n");
        }
        runner.report(project.path(), &["push"]);
        measured.push(counted(&standin));
    }
    assert_eq!(measured, ROWS.map(|(_, sent, _)| sent));
}

#[test]
fn the_documented_costs_are_the_measured_ones() {
    let mut text = String::from("| push | requests | the least |\n| --- | --- | --- |\n");
    for (name, sent, least) in ROWS {
        text.push_str(&format!("| {name} | {sent} | {least} |\n"));
    }
    table::check("request counts", &text);
}
