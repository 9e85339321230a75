//! The rights that each feature needs, as IAM policies. `docs/iam.md` is made of this list, and the list is held against
//! the calls that the code has and that the tests make.

use std::fmt::Write;

/// What a feature needs of AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Feature {
    /// Its name in the policy, which becomes the statements' `Sid`.
    pub name: &'static str,
    /// What it is, and what is missing without it.
    pub about: &'static str,
    /// Its statements.
    pub statements: &'static [Statement],
}

/// Actions on one kind of resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The actions, such as `ecs:UpdateService`.
    pub actions: &'static [&'static str],
    /// The resource, with words in capitals to be replaced.
    pub resource: &'static str,
    /// For whom a role may be passed on.
    pub passed_to: Option<&'static str>,
}

const fn on(resource: &'static str, actions: &'static [&'static str]) -> Statement {
    Statement { actions, resource, passed_to: None }
}

const SERVICE: &str = "arn:aws:ecs:REGION:ACCOUNT:service/CLUSTER/SERVICE";
const DEPLOYMENTS: &str = "arn:aws:ecs:REGION:ACCOUNT:service-deployment/CLUSTER/SERVICE/*";
const REVISIONS: &str = "arn:aws:ecs:REGION:ACCOUNT:service-revision/CLUSTER/SERVICE/*";
const ANY: &str = "*";

/// Every feature with what it needs.
pub const FEATURES: [Feature; 13] = [
    Feature {
        name: "Deploy",
        about: "`deploy` and `ship`. ECS does not scope the calls on task definitions to a resource.",
        statements: &[
            on(SERVICE, &["ecs:DescribeServices", "ecs:UpdateService"]),
            on(ANY, &["ecs:DescribeTaskDefinition", "ecs:RegisterTaskDefinition"]),
            Statement {
                actions: &["iam:PassRole"],
                resource: "arn:aws:iam::ACCOUNT:role/ROLE",
                passed_to: Some("ecs-tasks.amazonaws.com"),
            },
        ],
    },
    Feature {
        name: "Verdict",
        about: "The verdict with proof. Without it a rolling update is judged by its rollout state, and other strategies \
                are refused, unless with `--no-wait`.",
        statements: &[
            on(SERVICE, &["ecs:ListServiceDeployments"]),
            on(DEPLOYMENTS, &["ecs:DescribeServiceDeployments"]),
            on(REVISIONS, &["ecs:DescribeServiceRevisions"]),
        ],
    },
    Feature {
        name: "Dossier",
        about: "What is told of a failure, and the proof by tasks where a service revision reports no digest.",
        statements: &[
            on(ANY, &["ecs:ListTasks", "ecs:DescribeTasks", "elasticloadbalancing:DescribeTargetHealth"]),
            on("arn:aws:logs:REGION:ACCOUNT:log-group:GROUP:log-stream:*", &["logs:GetLogEvents"]),
        ],
    },
    Feature {
        name: "CleanUp",
        about: "To take back a revision that was registered and not used. Without it the revision is named.",
        statements: &[on(ANY, &["ecs:DeregisterTaskDefinition"])],
    },
    Feature {
        name: "Order",
        about: "Tags of revisions, also the one that keeps deployments in order. Without it revisions have no tags.",
        statements: &[on("arn:aws:ecs:REGION:ACCOUNT:task-definition/FAMILY:*", &["ecs:TagResource"])],
    },
    Feature {
        name: "Suggestions",
        about: "The nearest name in an error about a service or cluster that does not exist.",
        statements: &[on(ANY, &["ecs:ListServices", "ecs:ListClusters"])],
    },
    Feature {
        name: "GiveUp",
        about: "`give_up: {then: rollback}`, and `rollback` while a deployment runs.",
        statements: &[on(DEPLOYMENTS, &["ecs:StopServiceDeployment"])],
    },
    Feature {
        name: "Continue",
        about: "`continue`: the answer to a pause hook.",
        statements: &[on(DEPLOYMENTS, &["ecs:ContinueServiceDeployment"])],
    },
    Feature {
        name: "Before",
        about: "`deploy.before`: one-off tasks, their logs, and stopping them when the run is interrupted.",
        statements: &[
            on("arn:aws:ecs:REGION:ACCOUNT:task-definition/FAMILY:*", &["ecs:RunTask"]),
            on("arn:aws:ecs:REGION:ACCOUNT:task/CLUSTER/*", &["ecs:DescribeTasks", "ecs:StopTask"]),
            on(ANY, &["ecs:ListTasks"]),
            on("arn:aws:logs:REGION:ACCOUNT:log-group:GROUP:log-stream:*", &["logs:GetLogEvents"]),
        ],
    },
    Feature {
        name: "Rules",
        about: "`deploy.schedules` with `rule`.",
        statements: &[
            on("arn:aws:events:REGION:ACCOUNT:rule/RULE", &["events:ListTargetsByRule", "events:PutTargets"]),
            Statement {
                actions: &["iam:PassRole"],
                resource: "arn:aws:iam::ACCOUNT:role/ROLE",
                passed_to: Some("events.amazonaws.com"),
            },
        ],
    },
    Feature {
        name: "Scheduler",
        about: "`deploy.schedules` with `scheduler`.",
        statements: &[
            on(
                "arn:aws:scheduler:REGION:ACCOUNT:schedule/GROUP/NAME",
                &["scheduler:GetSchedule", "scheduler:UpdateSchedule"],
            ),
            Statement {
                actions: &["iam:PassRole"],
                resource: "arn:aws:iam::ACCOUNT:role/ROLE",
                passed_to: Some("scheduler.amazonaws.com"),
            },
        ],
    },
    Feature {
        name: "Preflight",
        about: "Looking for what would go wrong: rights (with `--strict`), a lifecycle policy that would take the image \
                away, and whether the repository of another account admits the service's. Without it one warning says what \
                was not looked at.",
        statements: &[
            on("arn:aws:iam::ACCOUNT:role/THIS-ROLE", &["iam:SimulatePrincipalPolicy"]),
            on("arn:aws:ecr:REGION:ACCOUNT:repository/NAME", &["ecr:GetLifecyclePolicy", "ecr:GetRepositoryPolicy"]),
        ],
    },
    Feature {
        name: "Url",
        about: "Where a service answers, in `status` and in reports: the name of its load balancer. These calls take no \
                resource.",
        statements: &[on(
            ANY,
            &[
                "elasticloadbalancing:DescribeTargetGroups",
                "elasticloadbalancing:DescribeLoadBalancers",
                "elasticloadbalancing:DescribeListeners",
            ],
        )],
    },
];

/// Returns the page on rights, in Markdown.
pub fn policy_page() -> String {
    let mut page = String::from(
        "# Rights\n\nWhat dockless asks of AWS to deploy, feature by feature. Each policy is minimal: leave out the features \
         that are not used,\nand replace the words in capitals. `sts:GetCallerIdentity`, which names the account in some \
         errors, needs no right.\n\nThis page is made of the program's own list of its calls; a test holds the list against \
         the calls that it makes.\n",
    );
    for feature in FEATURES {
        // Writing to a string cannot fail.
        let _ = write!(page, "\n## {}\n\n{}\n\n```json\n{}\n```\n", feature.name, feature.about, policy(&feature));
    }
    page
}

fn policy(feature: &Feature) -> String {
    let statements: Vec<String> =
        feature.statements.iter().enumerate().map(|(at, one)| statement(feature, at, one)).collect();
    format!("{{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n{}\n  ]\n}}", statements.join(",\n"))
}

fn statement(feature: &Feature, at: usize, statement: &Statement) -> String {
    let actions: Vec<String> = statement.actions.iter().map(|action| format!("\"{action}\"")).collect();
    let condition = statement
        .passed_to
        .map(|service| format!(", \"Condition\": {{\"StringEquals\": {{\"iam:PassedToService\": \"{service}\"}}}}"));
    format!(
        "    {{\"Sid\": \"{}{}\", \"Effect\": \"Allow\", \"Action\": [{}],\n     \"Resource\": \"{}\"{}}}",
        feature.name,
        at + 1,
        actions.join(", "),
        statement.resource,
        condition.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_policy_is_json_that_iam_takes() {
        for feature in FEATURES {
            let policy: serde_json::Value = serde_json::from_str(&policy(&feature)).expect("JSON");
            assert_eq!(policy["Statement"].as_array().map(Vec::len), Some(feature.statements.len()));
        }
    }
}
