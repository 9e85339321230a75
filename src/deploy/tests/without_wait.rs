//! `--no-wait`: ECS accepts, and nothing that only serves a verdict is asked. Stand-ins have none of it.

use super::world::{Trial, World, old_digest, target};
use crate::deploy::Verdict;

const VERDICT_CALLS: [&str; 3] = ["ListServiceDeployments", "DescribeServiceDeployments", "DescribeServiceRevisions"];

#[tokio::test]
async fn an_accepted_update_is_not_awaited() {
    let mut trial = Trial::of(World::new().deny(&VERDICT_CALLS)).await;
    trial.wait = false;
    let report = trial.run().await.expect("a report");
    assert_eq!((report.verdict, report.exit_code(), report.registered), (Verdict::NotAwaited, 0, true));
    assert_eq!(
        trial.stand_in.calls(),
        [
            "DescribeServices",
            "DescribeTaskDefinition",
            // Whether the newest revision of the family is equal already.
            "DescribeTaskDefinition",
            "GetLifecyclePolicy",
            "RegisterTaskDefinition",
            "UpdateService"
        ]
    );
}

#[tokio::test]
async fn the_second_run_registers_and_updates_nothing() {
    let mut trial = Trial::of(World::new()).await;
    trial.wait = false;
    trial.target = target(old_digest());
    let report = trial.run().await.expect("a report");
    assert_eq!((report.verdict, report.registered), (Verdict::NotAwaited, false));
    assert_eq!(trial.stand_in.calls(), ["DescribeServices", "DescribeTaskDefinition"]);
}
