//! Every call to AWS that any test makes the program do stands on a page of rights.

use std::path::Path;

use dockless::deploy::FEATURES;
use dockless::sandbox::Sandbox;

/// Operations by which tests play another client, and the one that needs no right.
const NO_RIGHTS: [&str; 8] = [
    "GetCallerIdentity",
    "CreateCluster",
    "CreateService",
    "DeleteService",
    "CreateSchedule",
    "PutRule",
    "ListImages",
    "ListTaskDefinitions",
];

/// Holds what a stand-in was asked against the policies of deployments, and those of pushes in the page on ECR.
pub(crate) fn hold(sandbox: &Sandbox) {
    if std::thread::panicking() {
        return;
    }
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ecr.md");
    let page = std::fs::read_to_string(page).expect("docs/ecr.md");
    for operation in sandbox.requests().into_iter().filter_map(|request| request.operation) {
        let mut actions = FEATURES.iter().flat_map(|feature| feature.statements).flat_map(|one| one.actions);
        let is_listed = actions.any(|action| action.split_once(':').is_some_and(|(_, name)| name == operation));
        let is_known =
            is_listed || NO_RIGHTS.contains(&operation.as_str()) || page.contains(&format!("`ecr:{operation}`"));
        assert!(
            is_known || page.contains(&format!("\"ecr:{operation}\"")),
            "`{operation}` was called, and no page of rights has it"
        );
    }
}
