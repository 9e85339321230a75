//! How two task definitions differ, member by member, in what they mean.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

use super::canonical::canonical;
use super::task_definition::TaskDefinition;

/// One member that differs.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Where it is, such as `containerDefinitions[web].image`.
    pub path: String,
    /// What it was; `None` where it was absent.
    pub before: Option<Value>,
    /// What it becomes; `None` where it goes.
    pub after: Option<Value>,
}

/// Returns the differences in what two task definitions mean; none if registering `after` would change nothing.
///
/// Images compare by repository and digest, lists without order without it, what ECS fills in counts as written, and tags
/// do not count.
pub fn diff(before: &TaskDefinition, after: &TaskDefinition) -> Vec<Change> {
    let mut changes = Vec::new();
    compare("", Some(&canonical(before)), Some(&canonical(after)), &mut changes);
    changes
}

fn compare(path: &str, before: Option<&Value>, after: Option<&Value>, changes: &mut Vec<Change>) {
    match (before, after) {
        (Some(before), Some(after)) if before == after => {}
        (Some(Value::Object(before)), Some(Value::Object(after))) => {
            let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
            for name in names {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                compare(&path, before.get(name), after.get(name), changes);
            }
        }
        (Some(Value::Array(before_items)), Some(Value::Array(after_items))) => {
            match key_of(before_items, after_items) {
                Some(key) => compare_keyed(path, key, before_items, after_items, changes),
                None => changes.push(Change { path: path.to_owned(), before: before.cloned(), after: after.cloned() }),
            }
        }
        _ => changes.push(Change { path: path.to_owned(), before: before.cloned(), after: after.cloned() }),
    }
}

fn compare_keyed(path: &str, key: &str, before: &[Value], after: &[Value], changes: &mut Vec<Change>) {
    let names: BTreeSet<&str> = before.iter().chain(after).filter_map(|item| item[key].as_str()).collect();
    for name in names {
        let find = |list: &'_ [Value]| list.iter().find(|item| item[key] == *name).cloned();
        compare(&format!("{path}[{name}]"), find(before).as_ref(), find(after).as_ref(), changes);
    }
}

/// Returns the member that tells the items of both lists apart, if there is one.
fn key_of(before: &[Value], after: &[Value]) -> Option<&'static str> {
    ["name", "key"].into_iter().find(|key| {
        [before, after].iter().all(|list| {
            let names: BTreeSet<&str> = list.iter().filter_map(|item| item[key].as_str()).collect();
            names.len() == list.len()
        })
    })
}

impl Change {
    /// Environment variables and options of log drivers hold passwords often enough.
    fn is_private(&self) -> bool {
        self.path.contains(".environment") || self.path.contains(".options")
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let private = self.is_private();
        let shown = |value: &Option<Value>| match value {
            None => "absent".to_owned(),
            Some(_) if private => "***".to_owned(),
            Some(Value::String(text)) => text.clone(),
            // A whole container or volume: its members may be private, and it is not read in one line anyway.
            Some(Value::Object(_)) => "{...}".to_owned(),
            Some(Value::Array(items)) if items.iter().any(Value::is_object) => "[...]".to_owned(),
            Some(value) => value.to_string(),
        };
        write!(f, "{}: {} -> {}", self.path, shown(&self.before), shown(&self.after))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::oci::Digest;

    fn definition(container: &Value, rest: &Value) -> TaskDefinition {
        let mut document = json!({"family": "f", "containerDefinitions": [{"name": "a", "image": "x"}]});
        for (name, member) in rest.as_object().into_iter().flatten() {
            document[name] = member.clone();
        }
        for (name, member) in container.as_object().into_iter().flatten() {
            document["containerDefinitions"][0][name] = member.clone();
        }
        TaskDefinition::from_value(document).expect("a task definition")
    }

    #[test]
    fn what_ecs_fills_in_or_reorders_is_no_difference() {
        let awsvpc = json!({"networkMode": "awsvpc"});
        let rows = [
            (
                json!({}),
                json!({}),
                json!({"essential": true, "cpu": 0, "environment": [], "mountPoints": []}),
                json!({"networkMode": "bridge", "volumes": []}),
            ),
            (
                json!({"portMappings": [{"containerPort": 80}]}),
                awsvpc.clone(),
                json!({"portMappings": [{"containerPort": 80, "hostPort": 80, "protocol": "tcp"}]}),
                awsvpc,
            ),
            (
                json!({"portMappings": [{"containerPort": 80}]}),
                json!({}),
                json!({"portMappings": [{"containerPort": 80, "hostPort": 0, "protocol": "tcp"}]}),
                json!({}),
            ),
            (
                json!({"environment": [{"name": "B", "value": "2"}, {"name": "A", "value": "1"}]}),
                json!({}),
                json!({"environment": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]}),
                json!({}),
            ),
            (
                json!({"healthCheck": {"command": ["x"]}}),
                json!({}),
                json!({"healthCheck": {"command": ["x"], "interval": 30, "timeout": 5, "retries": 3}}),
                json!({}),
            ),
            (
                json!({}),
                json!({"volumes": [{"name": "v"}]}),
                json!({}),
                json!({"volumes": [{"name": "v", "host": {}}]}),
            ),
        ];
        for (container, rest, other_container, other_rest) in rows {
            let changes = diff(&definition(&container, &rest), &definition(&other_container, &other_rest));
            assert!(changes.is_empty(), "{changes:?}");
        }
    }

    #[test]
    fn images_differ_by_repository_and_digest_and_not_by_a_tag_beside_it() {
        let (one, two) = (Digest::of(b"1"), Digest::of(b"2"));
        let image = |image: String| definition(&json!({ "image": image }), &json!({}));
        let rows = [
            (format!("e.com/a:1@{one}"), format!("e.com/a:2@{one}"), 0),
            (format!("e.com/a@{one}"), format!("e.com/a:2@{one}"), 0),
            (format!("e.com/a:1@{one}"), format!("e.com/a:1@{two}"), 1),
            (format!("e.com/a:1@{one}"), format!("e.com/b:1@{one}"), 1),
            ("e.com/a:1".to_owned(), format!("e.com/a:1@{one}"), 1),
            ("e.com/a:1".to_owned(), "e.com/a:2".to_owned(), 1),
            ("nginx".to_owned(), "docker.io/library/nginx".to_owned(), 0),
        ];
        for (before, after, count) in rows {
            assert_eq!(diff(&image(before.clone()), &image(after.clone())).len(), count, "{before} {after}");
        }
    }

    #[test]
    fn each_change_names_its_member_and_hides_what_may_be_secret() {
        let before = definition(
            &json!({"environment": [{"name": "A", "value": "old"}], "memory": 1, "command": ["x"]}),
            &json!({"tags": [{"key": "t", "value": "1"}], "new": {"x": ""}, "cpu": ".5 vCPU", "memory": "1GB"}),
        );
        let after = definition(
            &json!({"environment": [{"name": "A", "value": "canary"}], "memory": 2, "user": ""}),
            &json!({"tags": [{"key": "t", "value": "2"}], "cpu": "512", "memory": "1024"}),
        );
        let lines: Vec<String> = diff(&before, &after).iter().map(Change::to_string).collect();
        assert_eq!(
            lines,
            [
                r#"containerDefinitions[a].command: ["x"] -> absent"#,
                "containerDefinitions[a].environment[A].value: *** -> ***",
                "containerDefinitions[a].memory: 1 -> 2",
                "containerDefinitions[a].user: absent -> ",
                "new: {...} -> absent",
            ]
        );
    }
}
