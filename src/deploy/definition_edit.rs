//! What a deployment changes of a task definition: images, and what the build file says of containers.

use serde_json::{Value, json};

use super::task_definition::TaskDefinition;
use crate::spec::ContainerSpec;

impl TaskDefinition {
    /// Returns the definition with the image of the given containers replaced, and what else their settings say.
    #[must_use]
    pub fn edited(&self, containers: &[(&ContainerSpec, &str)]) -> Self {
        let mut next = self.clone();
        for container in next.containers_mut() {
            if let Some((spec, image)) = containers.iter().find(|(spec, _)| container["name"] == *spec.name) {
                container["image"] = Value::from(*image);
                edit(container, spec);
            }
        }
        next
    }
}

fn edit(container: &mut Value, spec: &ContainerSpec) {
    merge(container, "environment", "value", &spec.env);
    merge(container, "secrets", "valueFrom", &spec.secrets);
    if let Some(command) = &spec.command {
        container["command"] = json!(command);
    }
    for (member, value) in [("cpu", spec.cpu), ("memory", spec.memory)] {
        if let Some(value) = value {
            container[member] = json!(value);
        }
    }
}

/// Merges by name: what is there keeps its place, what is new comes last. A list that is not there is not made empty.
fn merge(container: &mut Value, list: &str, member: &str, changes: &[(String, Option<String>)]) {
    if changes.is_empty() {
        return;
    }
    let mut items = container[list].as_array().cloned().unwrap_or_default();
    for (name, value) in changes {
        let place = items.iter().position(|item| item["name"] == **name);
        match (place, value) {
            // The entry's own members stay, also those that nobody here knows.
            (Some(place), Some(value)) => items[place][member] = json!(value),
            (None, Some(value)) => items.push(json!({ "name": name, member: value })),
            (_, None) => items.retain(|item| item["name"] != **name),
        }
    }
    if !items.is_empty() || container.get(list).is_some() {
        container[list] = Value::Array(items);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(container: &Value) -> TaskDefinition {
        let document = json!({ "family": "f", "containerDefinitions": [container, {"name": "b", "image": "y"}] });
        TaskDefinition::from_value(document).expect("a task definition")
    }

    #[test]
    fn only_what_the_build_file_says_of_a_container_changes() {
        let before = one(&json!({
            "name": "a", "image": "x", "memory": 512, "new": 1,
            "environment": [{"name": "A", "value": "1", "new": 2}, {"name": "B", "value": ""}, {"name": "C", "value": "3"}],
            "secrets": [{"name": "S", "valueFrom": "old"}]
        }));
        let own = |name: &str, value: Option<&str>| (name.to_owned(), value.map(str::to_owned));
        let spec = ContainerSpec {
            env: vec![own("D", Some("4")), own("A", Some("")), own("C", None), own("X", None)],
            secrets: vec![own("S", None)],
            command: Some(Vec::new()),
            cpu: Some(128),
            ..ContainerSpec::named("a")
        };
        assert_eq!(
            *before.edited(&[(&spec, "x@y")]).document(),
            *one(&json!({
                "name": "a", "image": "x@y", "memory": 512, "new": 1, "command": [], "cpu": 128, "secrets": [],
                "environment": [
                    {"name": "A", "value": "", "new": 2}, {"name": "B", "value": ""}, {"name": "D", "value": "4"}
                ]
            }))
            .document()
        );
    }

    #[test]
    fn nothing_said_makes_no_empty_list() {
        let before = one(&json!({"name": "a", "image": "x"}));
        let spec = ContainerSpec { env: vec![("A".to_owned(), None)], ..ContainerSpec::named("a") };
        assert_eq!(before.edited(&[(&spec, "x")]), before);
    }
}
