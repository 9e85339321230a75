//! Tasks before, logs and schedules over the wire formats of two independent AWS stand-ins, read back by the AWS CLI.
//! Neither has service deployments, so verdicts are proved elsewhere.

use serde_json::{Value, json};

use crate::support::aws::Aws;
use crate::support::process::run;
use crate::support::servers::{ACCOUNT, ECR_HOST, REGION, ministack, moto, registry};
use crate::support::workbench::{Project, Workbench};

/// The shop with repository, cluster, service and container all called `name`, and these lines under `deploy`.
fn shop(bench: &Workbench, name: &str, deploy: &str) -> Project {
    bench
        .myshop()
        .with("appkr/myshop", &format!("ship/{name}"))
        .with("cluster: myshop", &format!("cluster: {name}"))
        .with("services: [myshop]", &format!("services: [{name}]\n{deploy}"))
        .with("containers: [myshop]", &format!("containers: [{name}]"))
}

#[track_caller]
fn ship(bench: &Workbench, shop: &Project) -> Value {
    run(bench.dockless().arg("-C").arg(&shop.dir).args(["ship", "--no-wait", "--json"])).ok().json()
}

/// Makes a rule and a schedule that start the first revision of a family.
fn make_schedules(aws: &Aws, name: &str) {
    let definition = format!("arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/{name}:1");
    let cluster = format!("arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/{name}");
    let role = format!("arn:aws:iam::{ACCOUNT}:role/starts");
    aws.cli(&["events", "put-rule", "--name", name, "--schedule-expression", "rate(1 day)"]);
    let parameters = json!({"TaskDefinitionArn": definition, "TaskCount": 2, "LaunchType": "EC2"});
    let target = json!([{"Id": "ours", "Arn": cluster, "RoleArn": role, "Input": "{}", "EcsParameters": parameters}]);
    aws.cli(&["events", "put-targets", "--rule", name, "--targets", &target.to_string()]);
    let target = json!({
        "Arn": cluster, "RoleArn": role, "RetryPolicy": {"MaximumRetryAttempts": 3},
        "EcsParameters": {"TaskDefinitionArn": definition, "TaskCount": 1, "LaunchType": "EC2"}
    });
    let window = json!({"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 5});
    aws.cli(&[
        "scheduler",
        "create-schedule",
        "--name",
        name,
        "--schedule-expression",
        "rate(2 days)",
        "--schedule-expression-timezone",
        "Asia/Seoul",
        "--state",
        "DISABLED",
        "--description",
        "kept",
        "--flexible-time-window",
        &window.to_string(),
        "--target",
        &target.to_string(),
    ]);
}

/// What the AWS CLI reads back: the targets of the rule, and the schedule without its times.
fn schedules(aws: &Aws, name: &str) -> (Value, Value) {
    let targets = aws.cli(&["events", "list-targets-by-rule", "--rule", name])["Targets"].clone();
    let mut schedule = aws.cli(&["scheduler", "get-schedule", "--name", name]);
    for described in ["LastModificationDate", "CreationDate"] {
        schedule.as_object_mut().expect("an object").remove(described);
    }
    (targets, schedule)
}

#[track_caller]
fn check_schedules(aws: &Aws, bench: &Workbench, name: &str) {
    aws.make_service(name);
    make_schedules(aws, name);
    let (before_targets, before_schedule) = schedules(aws, name);
    let deploy = format!("  schedules: [{{rule: {name}}}, {{scheduler: {name}}}]");
    let report = ship(bench, &shop(bench, name, &deploy));
    let arn = report["task_definition_arn"].as_str().expect("an ARN");
    assert!(arn.ends_with(&format!("/{name}:2")), "{arn}");
    assert_eq!(report["schedules"].as_array().map(Vec::len), Some(2), "{report:#}");
    let (mut targets, mut schedule) = (before_targets, before_schedule);
    targets[0]["EcsParameters"]["TaskDefinitionArn"] = json!(arn);
    schedule["Target"]["EcsParameters"]["TaskDefinitionArn"] = json!(arn);
    assert_eq!(schedules(aws, name), (targets, schedule), "nothing but the task definition differs");
}

#[test]
fn ministack_keeps_schedules_as_they_were_but_for_the_revision() {
    let (aws, bench) = (Aws::at(&ministack()), Workbench::new().ecr_at(&ministack()));
    aws.cli(&["ecr", "create-repository", "--repository-name", "ship/timedonministack"]);
    check_schedules(&aws, &bench, "timedonministack");
}

#[test]
fn moto_keeps_schedules_as_they_were_but_for_the_revision() {
    let (aws, bench) = (Aws::at(&moto()), Workbench::new().ecr(&registry(), &moto()));
    aws.cli(&["ecr", "create-repository", "--repository-name", "ship/timedonmoto"]);
    check_schedules(&aws, &bench, "timedonmoto");
}

#[test]
fn ministack_is_asked_to_run_a_task_of_the_new_revision() {
    let name = "taskonministack";
    let (aws, bench) = (Aws::at(&ministack()), Workbench::new().ecr_at(&ministack()));
    aws.cli(&["ecr", "create-repository", "--repository-name", &format!("ship/{name}")]);
    aws.make_service(name);
    // Its tasks run for ever: the time-out stops ours, and no service is changed.
    let deploy = "  before: [{name: migrate, command: [/bin/migrate, --force], timeout: 3s}]";
    let shop = shop(&bench, name, deploy);
    let done = run(bench.dockless().arg("-C").arg(&shop.dir).args(["ship", "--no-wait"]));
    let text = done.stderr.clone();
    assert_eq!(done.status.code(), Some(13), "{text}");
    assert!(text.contains("task `migrate` did not end in"), "{text}");
    let tasks = aws.cli(&["ecs", "list-tasks", "--cluster", name, "--desired-status", "STOPPED"]);
    let arns = tasks["taskArns"].as_array().expect("a list");
    let arn = arns.first().and_then(Value::as_str).expect("a task that was stopped");
    let seen = aws.cli(&["ecs", "describe-tasks", "--cluster", name, "--tasks", arn])["tasks"][0].clone();
    assert!(seen["startedBy"].as_str().is_some_and(|id| id.starts_with("dockless-")), "{seen:#}");
    assert_eq!(seen["overrides"]["containerOverrides"][0]["command"], json!(["/bin/migrate", "--force"]));
    assert!(seen["containers"][0]["image"].as_str().is_some_and(|image| image.starts_with(ECR_HOST)), "{seen:#}");
    let services = aws.cli(&["ecs", "describe-services", "--cluster", name, "--services", name]);
    assert!(services["services"][0]["taskDefinition"].as_str().is_some_and(|arn| arn.ends_with(":1")));
}
