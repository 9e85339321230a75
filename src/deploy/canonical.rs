//! A task definition in the form in which two that mean the same are equal.
//!
//! ECS fills in what a user left out and reorders what has no order, so a file never equals what was registered from
//! it. The canonical form serves comparison alone; what is registered is the document as it is.

use serde_json::{Map, Value, json};

use super::task_definition::TaskDefinition;
use crate::oci::Reference;

/// Returns the canonical form.
pub(super) fn canonical(definition: &TaskDefinition) -> Value {
    let mut document = definition.document().clone();
    // Tags say who made a revision and what for; they do not change what runs.
    if let Some(members) = document.as_object_mut() {
        members.remove("tags");
    }
    settle_size(&mut document, "cpu", 1024.0, &["vcpu"]);
    settle_size(&mut document, "memory", 1024.0, &["gb"]);
    fill(&mut document, "networkMode", || json!("bridge"));
    if let Some(list) = document.get_mut("requiresCompatibilities") {
        sort_list(list, |item| item.as_str().unwrap_or_default().to_owned());
    }
    sort_by_member(&mut document, "volumes", "name");
    let network_mode = document["networkMode"].as_str().unwrap_or_default().to_owned();
    for container in items_mut(&mut document, "containerDefinitions") {
        settle_container(container, &network_mode);
    }
    for volume in items_mut(&mut document, "volumes") {
        if let Some(efs) = volume.get_mut("efsVolumeConfiguration") {
            fill(efs, "rootDirectory", || json!("/"));
        }
    }
    prune_empty(&mut document);
    document
}

/// Fargate takes `.5 vCPU` and `1 GB` for 512 units and 1024 MiB, and answers with the numbers.
fn settle_size(document: &mut Value, member: &str, factor: f64, units: &[&str]) {
    let Some(text) = document[member].as_str() else { return };
    let lower = text.to_lowercase();
    let number = units.iter().find_map(|unit| lower.strip_suffix(unit)).map(str::trim);
    if let Some(number) = number.and_then(|number| number.parse::<f64>().ok()) {
        document[member] = Value::from(format!("{}", (number * factor).round()));
    }
}

fn settle_container(container: &mut Value, network_mode: &str) {
    fill(container, "essential", || json!(true));
    if container["cpu"] == json!(0)
        && let Some(members) = container.as_object_mut()
    {
        members.remove("cpu");
    }
    if let Some(image) = container["image"].as_str() {
        container["image"] = Value::from(canonical_image(image));
    }
    sort_by_member(container, "environment", "name");
    sort_by_member(container, "secrets", "name");
    for mapping in items_mut(container, "portMappings") {
        fill(mapping, "protocol", || json!("tcp"));
        let container_port = mapping.get("containerPort").cloned().unwrap_or_default();
        fill(mapping, "hostPort", || if network_mode == "bridge" { json!(0) } else { container_port });
    }
    if let Some(check) = container.get_mut("healthCheck") {
        fill(check, "interval", || json!(30));
        fill(check, "timeout", || json!(5));
        fill(check, "retries", || json!(3));
    }
}

/// A pinned image is its repository and digest: the tag beside a digest is for people.
pub(super) fn canonical_image(image: &str) -> String {
    match image.parse::<Reference>() {
        Ok(Reference { repository, digest: Some(digest), .. }) => format!("{repository}@{digest}"),
        Ok(reference) => reference.to_string(),
        Err(_) => image.to_owned(),
    }
}

fn fill(object: &mut Value, member: &str, value: impl FnOnce() -> Value) {
    if let Some(members) = object.as_object_mut()
        && !members.contains_key(member)
    {
        members.insert(member.to_owned(), value());
    }
}

fn items_mut<'a>(object: &'a mut Value, member: &str) -> &'a mut [Value] {
    object.get_mut(member).and_then(Value::as_array_mut).map(Vec::as_mut_slice).unwrap_or_default()
}

fn sort_by_member(object: &mut Value, list: &str, member: &str) {
    if let Some(list) = object.get_mut(list) {
        sort_list(list, |item| item[member].as_str().unwrap_or_default().to_owned());
    }
}

fn sort_list(list: &mut Value, key: impl Fn(&Value) -> String) {
    if let Some(items) = list.as_array_mut() {
        items.sort_by_cached_key(key);
    }
}

/// Removes empty lists and maps, inner ones first: ECS answers with them where the user wrote nothing, and the reverse.
fn prune_empty(value: &mut Value) {
    let empty = |value: &Value| match value {
        Value::Object(members) => members.is_empty(),
        Value::Array(items) => items.is_empty(),
        other => other.is_null(),
    };
    match value {
        Value::Object(members) => {
            members.values_mut().for_each(prune_empty);
            let kept = std::mem::take(members).into_iter().filter(|(_, member)| !empty(member));
            *members = kept.collect::<Map<_, _>>();
        }
        Value::Array(items) => items.iter_mut().for_each(prune_empty),
        _ => {}
    }
}
