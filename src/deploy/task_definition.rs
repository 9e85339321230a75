//! A task definition in the form that RegisterTaskDefinition takes, with every member that came.
//!
//! It is edited as the document it is and never passes through the SDK's types, which would drop what is newer than
//! they are. What ECS only describes goes out, tags come in from beside it, `null` goes out, and all else stays:
//! empty strings and empty lists are the user's, and ECS tells them from absent ones.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::aws::RawTaskDefinition;
use super::definition_file::Unfilled;
use super::model;
use crate::oci::{Reference, Repository};

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

    fn from_document(mut document: Map<String, Value>) -> Result<Self, TaskDefinitionError> {
        for name in model::describe_only() {
            document.remove(name);
        }
        let mut value = Value::Object(document);
        remove_nulls(&mut value);
        let mut definition = Self(value);
        definition.retain_tags(|key| !key.starts_with(RESERVED_TAGS));
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

    pub(super) fn containers_mut(&mut self) -> &mut [Value] {
        self.0.get_mut("containerDefinitions").and_then(Value::as_array_mut).map(Vec::as_mut_slice).unwrap_or_default()
    }

    /// Returns the members that this program's SDK does not know, such as `containerDefinitions.newer`. They are kept.
    pub fn newer_members(&self) -> BTreeSet<String> {
        model::unknown_members(&self.0)
    }

    /// Returns the value of a tag.
    pub fn tag(&self, key: &str) -> Option<&str> {
        self.0["tags"].as_array()?.iter().find(|tag| tag["key"] == *key)?["value"].as_str()
    }

    /// Returns the definition with a tag set.
    #[must_use]
    pub fn with_tag(&self, key: &str, value: &str) -> Self {
        let mut next = self.without_tag(key);
        let tag = json!({ "key": key, "value": value });
        match next.0.get_mut("tags").and_then(Value::as_array_mut) {
            Some(tags) => tags.push(tag),
            None => next.0["tags"] = json!([tag]),
        }
        next
    }

    /// Returns the definition without a tag.
    #[must_use]
    pub fn without_tag(&self, key: &str) -> Self {
        let mut next = self.clone();
        next.retain_tags(|tag| tag != key);
        next
    }

    /// Returns the definition without any tag.
    #[must_use]
    pub fn without_tags(&self) -> Self {
        let mut next = self.clone();
        next.retain_tags(|_| false);
        next
    }

    /// Returns whether it has tags.
    pub fn has_tags(&self) -> bool {
        self.0.get("tags").is_some()
    }

    fn retain_tags(&mut self, keep: impl Fn(&str) -> bool) {
        let Some(members) = self.0.as_object_mut() else { return };
        let Some(Value::Array(tags)) = members.get_mut("tags") else { return };
        tags.retain(|tag| keep(tag["key"].as_str().unwrap_or_default()));
        // ECS refuses an empty list of tags.
        if tags.is_empty() {
            members.remove("tags");
        }
    }
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
    /// A number with a fraction stands where ECS wants a text.
    #[error("`{0}` is a text, and a number with a fraction stands there")]
    Fraction(String),
    /// A variable has no value.
    #[error(transparent)]
    Variable(Unfilled),
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::deploy::model;
    use crate::spec::ContainerSpec;

    fn described(definition: Value, tags: Vec<Value>) -> TaskDefinition {
        TaskDefinition::from_described(&RawTaskDefinition { definition, tags }).expect("a task definition")
    }

    #[test]
    fn every_member_of_the_model_survives_describe_edit_and_register() {
        let whole = model::tests::filled(model::task_definition(), "td");
        let next = described(whole.clone(), vec![json!({"key": "k", "value": ""})]);
        let name = whole["containerDefinitions"][0]["name"].as_str().expect("a name");
        let next = next.edited(&[(&ContainerSpec::named(name), "e.com/new")]);
        let mut expect = whole;
        for name in model::describe_only() {
            expect.as_object_mut().expect("an object").remove(name);
        }
        expect["containerDefinitions"][0]["image"] = json!("e.com/new");
        expect["tags"] = json!([{"key": "k", "value": ""}]);
        assert_eq!(*next.document(), expect);
    }

    #[test]
    fn only_what_ecs_adds_is_dropped() {
        let mut definition = json!({
            "family": "f", "pidMode": "", "unknown": {"deep": [null, {"a": null, "b": ""}]}, "volumes": [], "cpu": null,
            "containerDefinitions": [{"name": "a", "image": "x", "command": [], "options": {"splunk-tag": ""}}]
        });
        for name in model::describe_only() {
            definition[name] = json!("x");
        }
        let tags = vec![json!({"key": "aws:x", "value": "1"}), json!({"key": "own", "value": ""})];
        assert_eq!(
            *described(definition, tags).document(),
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
        let definition = described(definition, vec![json!({"key": "aws:x", "value": "1"})]);
        assert!(!definition.has_tags());
        let tagged = definition.with_tag("k", "1").with_tag("k", "2");
        assert_eq!((tagged.tag("k"), tagged.document()["tags"].as_array().map(Vec::len)), (Some("2"), Some(1)));
        assert_eq!(tagged.without_tag("k"), definition);
    }
}
