//! One-off tasks and their logs, rules and schedules: what each looks like from outside.

use super::*;
use crate::sandbox::TaskScript;

const RUN: &str = "RunTask";

/// A seeded stand-in, and what RunTask is sent for its family.
async fn prepared(state: &Path) -> (Lab, Value) {
    let lab = Lab::start(state).await;
    lab.seed();
    let network = json!({ "awsvpcConfiguration": { "subnets": ["subnet-1"] } });
    let input =
        json!({ "cluster": "main", "taskDefinition": "shop", "networkConfiguration": network, "startedBy": "me" });
    (lab, input)
}

async fn described(lab: &Lab, task: &Value) -> Value {
    lab.ecs("DescribeTasks", json!({ "cluster": "main", "tasks": [task["taskArn"]] })).await["tasks"][0].clone()
}

#[tokio::test]
async fn a_task_starts_runs_and_stops_by_the_clock() {
    let state = folder();
    let (lab, input) = prepared(state.path()).await;
    lab.sandbox.script_task("shop", TaskScript::exits(3));
    let task = lab.ecs(RUN, input).await["tasks"][0].clone();
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(described(&lab, &task).await["lastStatus"].as_str().expect("a status").to_owned());
        lab.advance(300);
    }
    assert_eq!(seen, ["PROVISIONING", "RUNNING", "RUNNING", "STOPPED"]);
    let task = described(&lab, &task).await;
    assert_eq!(
        (&task["containers"][0]["exitCode"], &task["stopCode"]),
        (&json!(3), &json!("EssentialContainerExited"))
    );
    let listed =
        |status: &str| lab.ecs("ListTasks", json!({ "cluster": "main", "startedBy": "me", "desiredStatus": status }));
    assert_eq!(listed("STOPPED").await["taskArns"].as_array().map(Vec::len), Some(1));
    assert_eq!(listed("RUNNING").await["taskArns"], json!([]));
    lab.advance(60 * 60 * 1000);
    assert_eq!(described(&lab, &task).await, Value::Null, "ECS forgets after an hour");
}

#[tokio::test]
async fn what_run_task_cannot_take_is_refused_and_one_token_is_one_task() {
    let state = folder();
    let (lab, mut input) = prepared(state.path()).await;
    input["clientToken"] = json!("t");
    let first = lab.ecs(RUN, input.clone()).await["tasks"][0]["taskArn"].clone();
    assert_eq!(lab.ecs(RUN, input.clone()).await["tasks"][0]["taskArn"], first);
    input["clientToken"] = Value::Null;
    let rows = [
        ("networkConfiguration", Value::Null, "Network Configuration must be provided"),
        ("overrides", json!({ "containerOverrides": [{ "name": "other" }] }), "named other is not a container"),
        ("startedBy", json!("a b"), "Invalid startedBy"),
        ("taskDefinition", json!("none"), "TaskDefinition not found"),
    ];
    for (member, value, words) in rows {
        let mut bad = input.clone();
        bad[member] = value;
        let answer = lab.ecs(RUN, bad).await;
        assert!(answer["message"].as_str().is_some_and(|text| text.contains(words)), "{member}: {answer}");
    }
}

#[tokio::test]
async fn a_log_is_read_from_either_end() {
    let state = folder();
    let (lab, _) = prepared(state.path()).await;
    let read = |more: Value| {
        let mut input = json!({ "logGroupName": "g", "logStreamName": "s" });
        more.as_object().expect("an object").iter().for_each(|(name, value)| input[name] = value.clone());
        lab.aws("Logs_20140328.GetLogEvents", input)
    };
    assert_eq!(read(json!({})).await.1["__type"], "ResourceNotFoundException");
    lab.sandbox.write_log("g", "s", &["a", "b", "c"].map(str::to_owned));
    let messages = |answer: &Value| -> Vec<String> {
        let events = answer["events"].as_array().expect("events");
        events.iter().map(|event| event["message"].as_str().expect("a text").to_owned()).collect()
    };
    let (_, last) = read(json!({ "limit": 2 })).await;
    assert_eq!(messages(&last), ["b", "c"]);
    let (_, head) = read(json!({ "limit": 2, "startFromHead": true })).await;
    assert_eq!(messages(&head), ["a", "b"]);
    let (_, rest) = read(json!({ "nextToken": head["nextForwardToken"], "startFromHead": true })).await;
    assert_eq!(messages(&rest), ["c"]);
}

#[tokio::test]
async fn a_schedule_over_its_own_protocol_is_replaced_whole() {
    let state = folder();
    let (lab, _) = prepared(state.path()).await;
    let schedule = json!({
        "GroupName": "g", "ScheduleExpression": "rate(1 day)", "FlexibleTimeWindow": { "Mode": "OFF" },
        "Description": "gone", "Target": { "Arn": "a", "RoleArn": "r" }
    });
    let send = |method: Method, body: Value| {
        let url = format!("{}/schedules/nightly?groupName=g", lab.sandbox.endpoint());
        let request = lab.client.request(method, url).header("authorization", "AWS4-HMAC-SHA256 test");
        let request = request.body(if body.is_null() { String::new() } else { body.to_string() });
        async move {
            let answer = request.send().await.expect("an answer");
            let status = answer.status().as_u16();
            (status, serde_json::from_slice::<Value>(&answer.bytes().await.expect("a body")).expect("JSON"))
        }
    };
    assert_eq!(send(Method::GET, Value::Null).await.0, 404);
    assert_eq!(send(Method::POST, schedule.clone()).await.0, 200);
    let mut changed = schedule;
    changed.as_object_mut().expect("an object").remove("Description");
    assert_eq!(send(Method::PUT, changed).await.0, 200);
    let (_, read) = send(Method::GET, Value::Null).await;
    assert_eq!((read.get("Description"), &read["Name"]), (None, &json!("nightly")));
    let (status, answer) = send(Method::PUT, read).await;
    assert_eq!((status, answer["message"].as_str().unwrap_or_default()), (400, "unexpected member Arn"));
}
