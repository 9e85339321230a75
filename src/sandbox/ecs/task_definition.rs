//! Task definitions: every member is kept as it came, also those that nobody here knows.

use serde_json::{Map, Value, json};

use super::arn::short;
use super::document::TaskDefinition;
use super::operation::Call;
use crate::sandbox::aws_json::{AwsError, Input, time, with_next_token};

/// The members of a description that ECS makes; a registration that has them is not heeded.
const DESCRIBED: [&str; 9] = [
    "taskDefinitionArn",
    "revision",
    "status",
    "requiresAttributes",
    "compatibilities",
    "registeredAt",
    "registeredBy",
    "deregisteredAt",
    "deleteRequestedAt",
];

/// `RegisterTaskDefinition`.
pub(super) fn register(call: &mut Call<'_>, input: Input<'_>) -> Result<Value, AwsError> {
    let family = input.text("family").ok_or_else(|| client("Family should not be null or empty."))?.to_owned();
    if family.len() > 255 || !family.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
        return Err(client("Family contains invalid characters."));
    }
    check_containers(input)?;
    let mut registered = input.0.as_object().cloned().unwrap_or_default();
    registered.retain(|key, _| key != "tags" && !DESCRIBED.contains(&key.as_str()));
    let mut registered = Value::Object(registered);
    remove_nulls(&mut registered);
    fill_defaults(&mut registered);
    let Value::Object(registered) = registered else { return Err(client("The input is no object.")) };
    let tags = input.list("tags").to_vec();
    let revisions = call.document.families.entry(family.clone()).or_default();
    revisions.push(TaskDefinition { registered, tags, registered_at: call.now, deregistered_at: None });
    let revision = revisions.len();
    Ok(with_tags(call, &family, revision, !input.list("tags").is_empty()))
}

fn check_containers(input: Input<'_>) -> Result<(), AwsError> {
    let containers = input.list("containerDefinitions");
    if containers.is_empty() {
        return Err(client("Container list cannot be empty."));
    }
    for container in containers.iter().map(Input) {
        let name = container.text("name").ok_or_else(|| client("Container.name should not be null or empty."))?;
        if container.text("image").is_none() {
            return Err(client("Container.image should not be null or empty."));
        }
        let sizes = [container.count("memory"), container.count("memoryReservation")];
        if sizes.iter().all(Option::is_none) && input.text("memory").is_none() {
            return Err(client(&format!(
                "Invalid setting for container '{name}'. At least one of 'memory' or 'memoryReservation' must be \
                 specified."
            )));
        }
    }
    Ok(())
}

/// Removes members that are `null`, at every depth, as ECS does.
fn remove_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(remove_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(remove_nulls),
        _ => {}
    }
}

/// Adds what ECS adds to a registration that does not say it.
fn fill_defaults(definition: &mut Value) {
    let mode = definition.get("networkMode").and_then(Value::as_str).unwrap_or("bridge").to_owned();
    let add = |object: &mut Value, key: &str, value: Value| {
        if let Some(members) = object.as_object_mut() {
            members.entry(key).or_insert(value);
        }
    };
    for key in ["volumes", "placementConstraints"] {
        add(definition, key, json!([]));
    }
    let containers = definition.get_mut("containerDefinitions").and_then(Value::as_array_mut);
    for container in containers.into_iter().flatten() {
        add(container, "cpu", json!(0));
        add(container, "essential", json!(true));
        for key in ["environment", "mountPoints", "portMappings", "systemControls", "volumesFrom"] {
            add(container, key, json!([]));
        }
        let ports = container.get_mut("portMappings").and_then(Value::as_array_mut);
        for port in ports.into_iter().flatten() {
            let same = port.get("containerPort").cloned().unwrap_or_default();
            add(port, "protocol", json!("tcp"));
            add(port, "hostPort", if mode == "bridge" { json!(0) } else { same });
        }
    }
}

/// `DescribeTaskDefinition`: by ARN, by `family:revision`, or the family's newest that is active.
pub(super) fn describe(call: &mut Call<'_>, input: Input<'_>) -> Result<Value, AwsError> {
    let wanted = input.text("taskDefinition").ok_or_else(|| client("taskDefinition cannot be empty."))?;
    let (family, revision) = find(call, wanted).ok_or_else(|| client("Unable to describe task definition."))?;
    Ok(with_tags(call, &family, revision, input.texts("include").contains(&"TAGS")))
}

/// `DeregisterTaskDefinition`.
pub(super) fn deregister(call: &mut Call<'_>, input: Input<'_>) -> Result<Value, AwsError> {
    let wanted = input.text("taskDefinition").filter(|name| short(name).contains(':'));
    let wanted = wanted.ok_or_else(|| client("Invalid revision number. Number: null"))?;
    let (family, revision) =
        find(call, wanted).ok_or_else(|| client("The specified task definition does not exist."))?;
    let now = call.now;
    if let Some(definition) = call.document.families.get_mut(&family).and_then(|all| all.get_mut(revision - 1)) {
        definition.deregistered_at.get_or_insert(now);
    }
    Ok(json!({ "taskDefinition": view(call, &family, revision) }))
}

/// `TagResource`, of a revision: tags that it has keep their place, with the new value.
pub(super) fn tag(call: &mut Call<'_>, input: Input<'_>) -> Result<Value, AwsError> {
    let invalid = |message: &str| AwsError::new("InvalidParameterException", message);
    let arn = input.required("resourceArn")?;
    let wanted = arn.contains(":task-definition/").then(|| find(call, arn)).flatten();
    let (family, revision) = wanted.ok_or_else(|| invalid("The specified resource could not be found."))?;
    let definition = call.document.families.get_mut(&family).and_then(|all| all.get_mut(revision - 1));
    let Some(definition) = definition else { return Err(invalid("The specified resource could not be found.")) };
    for tag in input.list("tags") {
        match definition.tags.iter_mut().find(|one| one["key"] == tag["key"]) {
            Some(one) => one.clone_from(tag),
            None => definition.tags.push(tag.clone()),
        }
    }
    Ok(json!({}))
}

/// `ListTaskDefinitions`.
pub(super) fn list(call: &mut Call<'_>, input: Input<'_>) -> Result<Value, AwsError> {
    let wants_active = input.text("status").is_none_or(|status| status == "ACTIVE");
    let prefix = input.text("familyPrefix");
    let mut arns: Vec<String> = Vec::new();
    for (family, revisions) in &call.document.families {
        if prefix.is_some_and(|prefix| prefix != family) {
            continue;
        }
        let listed = revisions.iter().enumerate().filter(|(_, d)| d.deregistered_at.is_none() == wants_active);
        arns.extend(listed.map(|(index, _)| call.arns.task_definition(family, index + 1)));
    }
    if input.text("sort") == Some("DESC") {
        arns.reverse();
    }
    let (page, next) = input.page(arns, 100);
    Ok(with_next_token(json!({ "taskDefinitionArns": page }), next))
}

/// Finds a revision, also one that is deregistered if it is named by its number.
pub(super) fn find(call: &Call<'_>, name: &str) -> Option<(String, usize)> {
    let name = short(name);
    let (family, revision) = match name.rsplit_once(':') {
        Some((family, revision)) => (family, Some(revision.parse::<usize>().ok()?)),
        None => (name, None),
    };
    let revisions = call.document.families.get(family)?;
    let revision = match revision {
        Some(revision) => revision,
        None => revisions.iter().rposition(|definition| definition.deregistered_at.is_none())? + 1,
    };
    (1..=revisions.len()).contains(&revision).then(|| (family.to_owned(), revision))
}

/// Finds a revision that a service can be given, and returns its ARN.
///
/// # Errors
/// `ClientException` when it does not exist or is deregistered.
pub(super) fn deployable(call: &Call<'_>, name: &str) -> Result<String, AwsError> {
    let (family, revision) = find(call, name).ok_or_else(|| client("TaskDefinition not found."))?;
    match call.document.families[&family][revision - 1].deregistered_at {
        None => Ok(call.arns.task_definition(&family, revision)),
        Some(_) => Err(client("TaskDefinition is inactive")),
    }
}

/// Returns the containers' names and images of a revision.
pub(super) fn containers(call: &Call<'_>, name: &str) -> Vec<(String, String)> {
    let Some((family, revision)) = find(call, name) else { return Vec::new() };
    let registered = &call.document.families[&family][revision - 1].registered;
    let containers = registered.get("containerDefinitions").and_then(Value::as_array);
    let text = |container: &Value, key: &str| container.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    containers.into_iter().flatten().map(|c| (text(c, "name"), text(c, "image"))).collect()
}

/// Returns what was registered as a revision.
pub(super) fn registered<'c>(call: &'c Call<'_>, name: &str) -> Option<&'c Map<String, Value>> {
    let (family, revision) = find(call, name)?;
    Some(&call.document.families.get(&family)?.get(revision - 1)?.registered)
}

/// Returns the ports of the host that each task of a revision takes.
pub(super) fn host_ports(call: &Call<'_>, name: &str) -> Vec<u64> {
    let Some(registered) = registered(call, name) else { return Vec::new() };
    if registered.get("networkMode").and_then(Value::as_str) == Some("awsvpc") {
        return Vec::new();
    }
    let containers = registered.get("containerDefinitions").and_then(Value::as_array).into_iter().flatten();
    let mappings = containers.flat_map(|container| container["portMappings"].as_array().into_iter().flatten());
    mappings.filter_map(|mapping| mapping["hostPort"].as_u64().filter(|port| *port != 0)).collect()
}

/// Returns the log group and stream of a container of a task, where its definition names them.
pub(super) fn log_place(call: &Call<'_>, name: &str, container: &str, task: &str) -> Option<(String, String)> {
    let containers = registered(call, name)?.get("containerDefinitions")?.as_array()?;
    let options = &containers.iter().find(|one| one["name"] == *container)?["logConfiguration"]["options"];
    let prefix = options["awslogs-stream-prefix"].as_str()?;
    Some((options["awslogs-group"].as_str()?.to_owned(), format!("{prefix}/{container}/{task}")))
}

fn with_tags(call: &Call<'_>, family: &str, revision: usize, include: bool) -> Value {
    let mut output = json!({ "taskDefinition": view(call, family, revision) });
    if include {
        output["tags"] = json!(call.document.families[family][revision - 1].tags);
    }
    output
}

fn view(call: &Call<'_>, family: &str, revision: usize) -> Value {
    let definition = &call.document.families[family][revision - 1];
    let mut view: Map<String, Value> = definition.registered.clone();
    let status = if definition.deregistered_at.is_none() { "ACTIVE" } else { "INACTIVE" };
    let mut add = |key: &str, value: Value| view.insert(key.to_owned(), value);
    add("taskDefinitionArn", json!(call.arns.task_definition(family, revision)));
    add("revision", json!(revision));
    add("status", json!(status));
    add("requiresAttributes", json!([{ "name": "com.amazonaws.ecs.capability.docker-remote-api.1.18" }]));
    add("compatibilities", json!(["EC2", "FARGATE"]));
    add("registeredAt", time(definition.registered_at));
    add("registeredBy", json!(format!("arn:aws:iam::{}:user/dockless", call.arns.account)));
    if let Some(at) = definition.deregistered_at {
        add("deregisteredAt", time(at));
    }
    Value::Object(view)
}

fn client(message: &str) -> AwsError {
    AwsError::new("ClientException", message)
}
