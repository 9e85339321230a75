//! What a one-off task runs beside a service that has its host ports.

use super::task_definition::TaskDefinition;

/// Returns the definition that a task runs beside a service that has its host ports: under a family of its own and
/// without port mappings. `None` where each task has its own ports.
pub(super) fn own_definition(definition: &TaskDefinition) -> Option<TaskDefinition> {
    let mut document = definition.document().clone();
    // Without a word ECS takes `bridge` on Linux, where a host port that is absent or 0 is chosen at start.
    let mode = document["networkMode"].as_str().unwrap_or("bridge").to_owned();
    let containers = document["containerDefinitions"].as_array_mut()?;
    let fixed = |mapping: &serde_json::Value| match mode.as_str() {
        "bridge" => mapping["hostPort"].as_u64().is_some_and(|port| port != 0),
        "host" => true,
        _ => false,
    };
    let mappings = |container: &serde_json::Value| container["portMappings"].as_array().cloned().unwrap_or_default();
    if !containers.iter().flat_map(mappings).any(|mapping| fixed(&mapping)) {
        return None;
    }
    for container in containers.iter_mut() {
        if let Some(members) = container.as_object_mut() {
            members.remove("portMappings");
        }
    }
    document["family"] = format!("{}-run", definition.family()).into();
    TaskDefinition::from_value(document).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_task_with_fixed_host_ports_needs_a_revision_of_its_own() {
        let definition = |mode: Option<&str>, mapping: serde_json::Value| {
            let mut document = json!({"family": "shop", "newer": 1, "containerDefinitions": [
                {"name": "web", "image": "x", "portMappings": [mapping]}, {"name": "proxy", "image": "y"}]});
            if let Some(mode) = mode {
                document["networkMode"] = json!(mode);
            }
            TaskDefinition::from_value(document).expect("a task definition")
        };
        let rows = [
            (None, json!({"containerPort": 80}), false),
            (None, json!({"containerPort": 80, "hostPort": 0}), false),
            (None, json!({"containerPort": 80, "hostPort": 80}), true),
            (Some("bridge"), json!({"containerPort": 80, "hostPort": 8080}), true),
            (Some("host"), json!({"containerPort": 80}), true),
            (Some("awsvpc"), json!({"containerPort": 80, "hostPort": 80}), false),
        ];
        for (mode, mapping, needed) in rows {
            let own = own_definition(&definition(mode, mapping.clone()));
            assert_eq!(own.is_some(), needed, "{mode:?} {mapping}");
            if let Some(own) = own {
                assert_eq!((own.family(), &own.document()["newer"]), ("shop-run", &json!(1)));
                assert!(!own.document().to_string().contains("portMappings"));
            }
        }
    }
}
