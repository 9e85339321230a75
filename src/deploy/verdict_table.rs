//! The verdicts as a table, for the documentation: what ECS says, with all of its rights and without, and the exit code.

use std::fmt::Write;

use super::verdict::Verdict;

/// A verdict with what leads to it.
struct Row {
    verdict: Verdict,
    /// What the service deployment says.
    deployment: &'static str,
    /// What `deployments` of the service says, where service deployments may not be listed.
    rollout: &'static str,
}

const NONE: &str = "-";

const ROWS: [Row; 12] = [
    Row {
        verdict: Verdict::Successful,
        deployment: "ours is `SUCCESSFUL`, and the digest is ours or not reported",
        rollout: "our `PRIMARY` is `COMPLETED`",
    },
    Row {
        verdict: Verdict::NoChange,
        deployment: "the newest deployment of the wanted revision is `SUCCESSFUL`, proved the same way",
        rollout: "`PRIMARY` has the wanted revision and is `COMPLETED`",
    },
    Row { verdict: Verdict::NotAwaited, deployment: "`--no-wait`", rollout: "`--no-wait`" },
    Row {
        verdict: Verdict::RolledBack,
        deployment: "ours is `ROLLBACK_SUCCESSFUL`",
        rollout: "ours is `FAILED` or gone, and `PRIMARY` runs the old revision",
    },
    Row { verdict: Verdict::RollbackFailed, deployment: "ours is `ROLLBACK_FAILED`", rollout: NONE },
    Row {
        verdict: Verdict::Stopped,
        deployment: "ours is `STOPPED`, and no newer one was started",
        rollout: "ours is `FAILED` and stays `PRIMARY`",
    },
    Row {
        verdict: Verdict::WrongDigest,
        deployment: "ours is `SUCCESSFUL`, and ECS reports a digest that is not ours",
        rollout: "as with the rights, by the tasks",
    },
    Row {
        verdict: Verdict::Unproved,
        deployment: "ours is `SUCCESSFUL`, no digest is reported, and `--strict` demands one",
        rollout: "the same",
    },
    Row {
        verdict: Verdict::GivenUp,
        deployment: "`give_up.failed_tasks` tasks failed one after the other, and nothing of ECS's ends it",
        rollout: "the same",
    },
    Row { verdict: Verdict::Timeout, deployment: "ours has not ended within `wait.timeout`", rollout: "the same" },
    Row {
        verdict: Verdict::Superseded,
        deployment: "ours is `STOPPED`, and a newer one was started",
        rollout: "ours is gone, and `PRIMARY` runs a third revision",
    },
    Row { verdict: Verdict::Paused, deployment: "a hook of ours is `AWAITING_ACTION`", rollout: NONE },
];

/// Returns the table in Markdown.
pub fn verdict_table() -> String {
    let mut table = String::from(
        "| verdict | exit code | service deployment | without the right to list them (rolling only) |\n\
         | --- | --- | --- | --- |\n",
    );
    for Row { verdict, deployment, rollout } in ROWS {
        // Writing to a string cannot fail.
        let _ = writeln!(table, "| `{}` | {} | {deployment} | {rollout} |", verdict.as_str(), verdict.exit_code());
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_on_deployments_has_the_table() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/deploy.md");
        let page = std::fs::read_to_string(path).expect("docs/deploy.md");
        assert!(page.contains(&verdict_table()), "write this into docs/deploy.md:\n{}", verdict_table());
    }
}
