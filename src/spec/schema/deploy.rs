//! `deploy`: what runs the image, and how it is watched.

use super::Shape::{Boolean, By, Either, Form, List, Number, OrNull, Scalar, Text, Word};
use super::{Needs, Section, Shape, key};

const DURATION: Shape = Form("^([0-9]+(ms|s|m|h|d))+$");
const COMMAND: Shape = List(&Scalar);
const CONTAINERS: Shape = Either(&[List(&Text), By(&Shape::Section(&CONTAINER))]);
const MOST: u64 = 1 << 26;

/// `deploy`.
pub(in crate::spec) static DEPLOY: Section = Section {
    name: "deploy",
    about: "What runs the image, in the words of ECS.",
    needs: Needs::Nothing,
    keys: &[
        key(
            "region",
            "Default: the one in `name`, else the AWS configuration.",
            Form("^[a-z0-9]+(-[a-z0-9]+){2,}$"),
            &[r#""eu-central-1""#],
        ),
        key("cluster", "The cluster, by name or ARN.", Text, &[r#""shop""#]),
        key(
            "task_definition",
            "What the next revision is made of: live (a copy of what runs; the default), latest (the family's newest, beside Terraform), or a JSON or YAML file.",
            Form(r"^(live|latest|.*\.(json|yaml|yml))$"),
            &[r#""live""#, r#""latest""#, r#""task-definition.json""#],
        ),
        key(
            "containers",
            "Whose image is replaced: names, or a map of what else changes. Default: each whose image is of `name`.",
            CONTAINERS,
            &[r#"["web"]"#, r#"{"web": {"env": {"APP_ENV": "production"}}}"#],
        ),
        key(
            "services",
            "What is updated, in this order.",
            Shape::Some(&Either(&[Text, Shape::Section(&SERVICE)])),
            &[r#"["web", {"name": "worker", "containers": ["queue"]}]"#],
        ),
        key("order_of_services", "Default: one_by_one.", Word(&["one_by_one", "at_once"]), &[r#""one_by_one""#]),
        key("all_or_nothing", "Services that succeeded go back when a later one fails.", Boolean, &["true"]),
        key(
            "schedules",
            "EventBridge rules and Scheduler schedules that are moved to the new revision.",
            List(&Shape::Section(&SCHEDULE)),
            &[r#"[{"rule": "nightly"}]"#],
        ),
        key(
            "before",
            "One-off tasks of the new revision; each must exit 0 before any service changes.",
            List(&Shape::Section(&BEFORE)),
            &[r#"[{"name": "migrate", "command": ["php", "artisan", "migrate", "--force"]}]"#],
        ),
        key(
            "on_active_deployment",
            "What to do while another deployment runs. Default: wait.",
            Word(&["wait", "fail", "supersede"]),
            &[r#""wait""#],
        ),
        key("wait", "How long the verdict is awaited.", Shape::Section(&WAIT), &[r#"{"timeout": "30m"}"#]),
        key(
            "give_up",
            "When to give up before ECS does.",
            Shape::Section(&GIVE_UP),
            &[r#"{"failed_tasks": 3, "then": "rollback"}"#],
        ),
        key("dossier", "What is told of a failure.", Shape::Section(&DOSSIER), &[r#"{"logs": 50}"#]),
        key(
            "order",
            "A number that grows: an older deployment does not go over a newer one. Default: git.time.",
            Number(0, u64::MAX),
            &[r#""${CI_PIPELINE_IID:-0}""#],
        ),
    ],
};

/// What changes in a container beside its image.
pub(in crate::spec) static CONTAINER: Section = Section {
    name: "container",
    about: "What changes in a container beside its image.",
    needs: Needs::Nothing,
    keys: &[
        key(
            "env",
            "Variables, merged by name; null takes one away.",
            By(&OrNull(&Scalar)),
            &[r#"{"APP_ENV": "production"}"#],
        ),
        key(
            "secrets",
            "Where ECS reads variables from, merged by name: the ARN of a secret, or a parameter. Never the secret.",
            By(&OrNull(&Scalar)),
            &[r#"{"DB_PASSWORD": "/shop/db-password"}"#],
        ),
        key("command", "Replaces the command.", COMMAND, &[r#"["php", "artisan", "queue:work"]"#]),
        key("cpu", "CPU units.", Number(0, MOST), &["256"]),
        key("memory", "The hard limit in MiB.", Number(4, MOST), &["512"]),
    ],
};

/// A service with containers of its own.
pub(in crate::spec) static SERVICE: Section = Section {
    name: "service",
    about: "A service with containers of its own.",
    needs: Needs::All(&["name"]),
    keys: &[
        key("name", "The service, by name or ARN.", Text, &[r#""worker""#]),
        key("containers", "Instead of `deploy.containers`.", CONTAINERS, &[r#"["queue"]"#]),
    ],
};

/// An entry of `schedules`.
pub(in crate::spec) static SCHEDULE: Section = Section {
    name: "schedule",
    about: "A rule of EventBridge or a schedule of its Scheduler.",
    needs: Needs::OneOf(&["rule", "scheduler"]),
    keys: &[
        key("rule", "NAME or BUS/NAME.", Text, &[r#""nightly""#]),
        key("scheduler", "NAME or GROUP/NAME.", Text, &[r#""default/report""#]),
    ],
};

/// An entry of `before`.
pub(in crate::spec) static BEFORE: Section = Section {
    name: "before",
    about: "A one-off task of the new revision.",
    needs: Needs::All(&["name"]),
    keys: &[
        key("name", "What it is called.", Text, &[r#""migrate""#]),
        key("service", "Whose revision, network and capacity it has. Default: the first service.", Text, &[r#""web""#]),
        key("container", "The container that runs the command, and whose exit code counts.", Text, &[r#""web""#]),
        key("command", "Replaces the container's command.", COMMAND, &[r#"["php", "artisan", "migrate", "--force"]"#]),
        key("env", "Variables of that container.", By(&Scalar), &[r#"{"STEP": "migrate"}"#]),
        key("timeout", "Default: 30m.", DURATION, &[r#""10m""#]),
        key("network", "Instead of the service's.", Shape::Section(&NETWORK), &[r#"{"subnets": ["subnet-0a1b2c3d"]}"#]),
        key(
            "launch_type",
            "Instead of the service's; not with capacity_providers.",
            Word(&["FARGATE", "EC2", "EXTERNAL", "MANAGED_INSTANCES"]),
            &[r#""FARGATE""#],
        ),
        key(
            "capacity_providers",
            "Instead of the service's; not with launch_type.",
            Shape::Some(&Text),
            &[r#"["FARGATE_SPOT"]"#],
        ),
    ],
};

/// `before[].network`.
pub(in crate::spec) static NETWORK: Section = Section {
    name: "network",
    about: "Where a task runs.",
    needs: Needs::All(&["subnets"]),
    keys: &[
        key("subnets", "By id.", Shape::Some(&Text), &[r#"["subnet-0a1b2c3d"]"#]),
        key("security_groups", "By id.", List(&Text), &[r#"["sg-0a1b2c3d"]"#]),
        key("public_ip", "Whether it gets a public address.", Boolean, &["false"]),
    ],
};

/// `wait`.
pub(in crate::spec) static WAIT: Section = Section {
    name: "wait",
    about: "How long the verdict is awaited.",
    needs: Needs::Nothing,
    keys: &[key(
        "timeout",
        "auto (20m, or the strategy's steps and bake times and 10m where longer; the default), or a time.",
        Form("^(auto|([0-9]+(ms|s|m|h|d))+)$"),
        &[r#""auto""#, r#""30m""#],
    )],
};

/// `give_up`.
pub(in crate::spec) static GIVE_UP: Section = Section {
    name: "give_up",
    about: "When to give up before ECS does, and what to do then.",
    needs: Needs::Nothing,
    keys: &[
        key("failed_tasks", "So many failed tasks of the new revision. Default: 3.", Number(1, 10_000), &["3"]),
        key(
            "then",
            "Default: report, where the service has no circuit breaker.",
            Word(&["rollback", "report", "off"]),
            &[r#""rollback""#],
        ),
    ],
};

/// `dossier`.
pub(in crate::spec) static DOSSIER: Section = Section {
    name: "dossier",
    about: "What is told of a failure.",
    needs: Needs::Nothing,
    keys: &[key("logs", "So many of the last lines of each container's log.", Number(0, 10_000), &["50"])],
};
