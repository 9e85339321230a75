//! A task definition in the form that RegisterTaskDefinition takes, with every member that came.
//!
//! It is edited as the document it is and never passes through the SDK's types, which would drop what is newer than
//! they are. What ECS only describes goes out, tags come in from beside it, `null` goes out, and all else stays:
//! empty strings and empty lists are the user's, and ECS tells them from absent ones.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::aws::RawTaskDefinition;
use crate::ground::{FileError, Hint, files};
use crate::oci::{Reference, Repository};

/// The members that ECS describes and does not take back (RegisterTaskDefinition's input has all others).
pub const DESCRIBE_ONLY: [&str; 9] = [
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

/// Tags under this prefix are AWS's own; it refuses them from anyone else.
const RESERVED_TAGS: &str = "aws:";

/// A task definition that can be registered.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskDefinition(Value);

/// A container of a task definition, as far as choosing one needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its image, as written.
    pub image: &'a str,
    /// Whether the task ends with it; ECS takes a container that does not say so as essential.
    pub essential: bool,
}

impl Container<'_> {
    /// Returns whether the container's image is of a repository, under whatever tag or digest.
    pub fn is_of(&self, repository: &Repository) -> bool {
        self.image.parse::<Reference>().is_ok_and(|reference| reference.repository == *repository)
    }
}

impl TaskDefinition {
    /// Takes what ECS describes.
    ///
    /// # Errors
    /// When it is not a task definition.
    pub fn from_described(described: &RawTaskDefinition) -> Result<Self, TaskDefinitionError> {
        let Value::Object(mut document) = described.definition.clone() else {
            return Err(TaskDefinitionError::NotAnObject);
        };
        document.insert("tags".to_owned(), Value::Array(described.tags.clone()));
        Self::from_document(document)
    }

    /// Takes a document that a user wrote or saved: the input of RegisterTaskDefinition, or the output of
    /// `aws ecs describe-task-definition`, with or without its wrapping.
    ///
    /// # Errors
    /// When it is not a task definition.
    pub fn from_value(value: Value) -> Result<Self, TaskDefinitionError> {
        let Value::Object(mut outer) = value else {
            return Err(TaskDefinitionError::NotAnObject);
        };
        match outer.remove("taskDefinition") {
            Some(Value::Object(mut inner)) => {
                if let Some(tags) = outer.remove("tags") {
                    inner.insert("tags".to_owned(), tags);
                }
                Self::from_document(inner)
            }
            Some(_) => Err(TaskDefinitionError::NotAnObject),
            None => Self::from_document(outer),
        }
    }

    /// Reads a JSON or YAML file.
    ///
    /// # Errors
    /// When the file cannot be read, is neither JSON nor YAML, or is no task definition.
    pub fn read(path: &Path) -> Result<Self, TaskDefinitionFileError> {
        let text = files::read_to_string(path)?;
        Self::parse(&text).map_err(|source| TaskDefinitionFileError::Content { path: path.to_owned(), source })
    }

    /// Reads JSON or YAML. JSON is told by its first character, and read as JSON for the better message.
    ///
    /// # Errors
    /// When the text is neither, or is no task definition.
    pub fn parse(text: &str) -> Result<Self, TaskDefinitionError> {
        let text = text.trim_start_matches('\u{feff}');
        let mut value: Value = if text.trim_start().starts_with('{') {
            serde_json::from_str(text).map_err(|error| TaskDefinitionError::Syntax(error.to_string()))
        } else {
            serde_saphyr::from_str(text).map_err(|error| TaskDefinitionError::Syntax(first_line(&error.to_string())))
        }?;
        let definition = match value.get_mut("taskDefinition") {
            Some(inner) => inner,
            None => &mut value,
        };
        texts_from_scalars(definition);
        Self::from_value(value)
    }

    fn from_document(mut document: Map<String, Value>) -> Result<Self, TaskDefinitionError> {
        for name in DESCRIBE_ONLY {
            document.remove(name);
        }
        let mut value = Value::Object(document);
        remove_nulls(&mut value);
        keep_own_tags(&mut value);
        let definition = Self(value);
        definition.check()?;
        Ok(definition)
    }

    fn check(&self) -> Result<(), TaskDefinitionError> {
        if !self.0["family"].is_string() {
            return Err(TaskDefinitionError::Missing("family"));
        }
        let containers = self.0["containerDefinitions"].as_array().filter(|containers| !containers.is_empty());
        let containers = containers.ok_or(TaskDefinitionError::Missing("containerDefinitions"))?;
        if containers.iter().all(|container| container["name"].is_string()) {
            Ok(())
        } else {
            Err(TaskDefinitionError::Missing("name` of a container in `containerDefinitions"))
        }
    }

    /// Returns the family, which the new revision joins.
    pub fn family(&self) -> &str {
        self.0["family"].as_str().unwrap_or_default()
    }

    /// Returns the containers in order.
    pub fn containers(&self) -> Vec<Container<'_>> {
        let all = self.0["containerDefinitions"].as_array().map(Vec::as_slice).unwrap_or_default();
        all.iter()
            .map(|container| Container {
                name: container["name"].as_str().unwrap_or_default(),
                image: container["image"].as_str().unwrap_or_default(),
                essential: container["essential"].as_bool().unwrap_or(true),
            })
            .collect()
    }

    /// Returns the document that RegisterTaskDefinition is sent.
    pub fn document(&self) -> &Value {
        &self.0
    }

    /// Returns the definition with the image of the named containers replaced, and nothing else.
    #[must_use]
    pub fn with_image(&self, containers: &[String], image: &str) -> Self {
        let mut next = self.clone();
        let all = next.0["containerDefinitions"].as_array_mut().map(Vec::as_mut_slice).unwrap_or_default();
        for container in all {
            if containers.iter().any(|name| container["name"] == **name) {
                container["image"] = Value::from(image);
            }
        }
        next
    }
}

/// Makes texts of what only YAML's rules made numbers or booleans: ECS takes the task's `cpu` and `memory` and the
/// values of environment variables as texts alone.
fn texts_from_scalars(definition: &mut Value) {
    let settle = |value: Option<&mut Value>| {
        if let Some(value) = value
            && (value.is_number() || value.is_boolean())
        {
            *value = Value::String(value.to_string());
        }
    };
    settle(definition.get_mut("cpu"));
    settle(definition.get_mut("memory"));
    let containers = definition.get_mut("containerDefinitions").and_then(Value::as_array_mut);
    for container in containers.into_iter().flatten() {
        let variables = container.get_mut("environment").and_then(Value::as_array_mut);
        variables.into_iter().flatten().for_each(|variable| settle(variable.get_mut("value")));
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

fn remove_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(remove_nulls);
        }
        Value::Array(items) => {
            items.retain(|item| !item.is_null());
            items.iter_mut().for_each(remove_nulls);
        }
        _ => {}
    }
}

fn keep_own_tags(document: &mut Value) {
    let Some(members) = document.as_object_mut() else { return };
    let Some(Value::Array(tags)) = members.get_mut("tags") else { return };
    tags.retain(|tag| !tag["key"].as_str().unwrap_or_default().starts_with(RESERVED_TAGS));
    // ECS refuses an empty list of tags.
    if tags.is_empty() {
        members.remove("tags");
    }
}

/// A document that is no task definition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TaskDefinitionError {
    /// It is neither JSON nor YAML; the words are the parser's.
    #[error("{0}")]
    Syntax(String),
    /// It is a list, a text or a number.
    #[error("a task definition is a map of members")]
    NotAnObject,
    /// A member that every task definition has is not there.
    #[error("there is no `{0}`")]
    Missing(&'static str),
}

/// A task definition file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TaskDefinitionFileError {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is read and is no task definition.
    #[error("`{}` is not a task definition", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: TaskDefinitionError,
    },
}

impl Hint for TaskDefinitionFileError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::File(error) if error.is_not_found() => {
                Some("give `deploy.task_definition` a path in the project, or `live` to copy what runs".to_owned())
            }
            Self::File(error) => error.hint(),
            Self::Content { .. } => Some(
                "write what `aws ecs register-task-definition --cli-input-json` takes, or save what \
                 `aws ecs describe-task-definition` prints"
                    .to_owned(),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use aws_sdk_ecs::operation::register_task_definition::RegisterTaskDefinitionInput;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_members_that_go_are_those_that_register_does_not_take() {
        let described: BTreeSet<_> = aws_sdk_ecs::types::TaskDefinition::SCHEMA
            .members()
            .iter()
            .filter_map(|member| member.member_name())
            .collect();
        let taken: BTreeSet<_> =
            RegisterTaskDefinitionInput::SCHEMA.members().iter().filter_map(|member| member.member_name()).collect();
        let only: BTreeSet<_> = described.difference(&taken).copied().collect();
        assert_eq!(only, BTreeSet::from(DESCRIBE_ONLY));
        assert_eq!(taken.difference(&described).copied().collect::<Vec<_>>(), ["tags"]);
    }

    #[test]
    fn only_what_ecs_adds_is_dropped() {
        let mut described = json!({
            "family": "f", "pidMode": "", "unknown": {"deep": [null, {"a": null, "b": ""}]}, "volumes": [], "cpu": null,
            "containerDefinitions": [{"name": "a", "image": "x", "command": [], "options": {"splunk-tag": ""}}]
        });
        for name in DESCRIBE_ONLY {
            described[name] = json!("x");
        }
        let tags = vec![json!({"key": "aws:x", "value": "1"}), json!({"key": "own", "value": ""})];
        let definition = TaskDefinition::from_described(&RawTaskDefinition { definition: described, tags });
        assert_eq!(
            *definition.expect("a task definition").document(),
            json!({
                "family": "f", "pidMode": "", "unknown": {"deep": [{"b": ""}]}, "volumes": [],
                "containerDefinitions": [{"name": "a", "image": "x", "command": [], "options": {"splunk-tag": ""}}],
                "tags": [{"key": "own", "value": ""}]
            })
        );
    }

    #[test]
    fn tags_that_are_all_reserved_leave_no_empty_list() {
        let definition = json!({"family": "f", "containerDefinitions": [{"name": "a"}]});
        let tags = vec![json!({"key": "aws:x", "value": "1"})];
        let definition = TaskDefinition::from_described(&RawTaskDefinition { definition, tags });
        assert!(definition.expect("a task definition").document().get("tags").is_none());
    }

    #[test]
    fn files_are_json_or_yaml_wrapped_or_not() {
        let plain = r#"{"family": "f", "containerDefinitions": [{"name": "a", "image": "x"}]}"#;
        let wrapped = format!(r#"{{"taskDefinition": {plain}, "tags": [{{"key": "k", "value": "v"}}]}}"#);
        let yaml = "family: f\ncontainerDefinitions:\n  - {name: a, image: x}\n";
        let expect = TaskDefinition::parse(plain).expect("JSON");
        assert_eq!(TaskDefinition::parse(yaml).expect("YAML"), expect);
        let wrapped = TaskDefinition::parse(&wrapped).expect("wrapped JSON");
        assert_eq!((wrapped.family(), wrapped.containers()), (expect.family(), expect.containers()));
        assert_eq!(wrapped.document()["tags"], json!([{"key": "k", "value": "v"}]));
    }

    #[test]
    fn yaml_scalars_become_the_texts_that_ecs_takes() {
        let yaml = "family: f\ncpu: 256\ncontainerDefinitions:\n  - {name: a, cpu: 1, environment: [{name: A, value: true}]}\n";
        let definition = TaskDefinition::parse(yaml).expect("YAML");
        let document = definition.document();
        assert_eq!((&document["cpu"], &document["containerDefinitions"][0]["cpu"]), (&json!("256"), &json!(1)));
        assert_eq!(document["containerDefinitions"][0]["environment"][0]["value"], "true");
    }

    #[test]
    fn what_is_no_task_definition_says_why() {
        let rows = [
            ("[]", "a task definition is a map of members"),
            ("family: f", "there is no `containerDefinitions`"),
            ("containerDefinitions: [{name: a}]", "there is no `family`"),
            (
                "{\"family\": \"f\", \"containerDefinitions\": [{}]}",
                "there is no `name` of a container in `containerDefinitions`",
            ),
            ("{\"family\": }", "expected value at line 1 column 12"),
        ];
        for (text, words) in rows {
            assert_eq!(TaskDefinition::parse(text).expect_err("no task definition").to_string(), words, "{text}");
        }
    }
}
