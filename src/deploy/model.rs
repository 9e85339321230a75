//! What a task definition has, as the SDK's own model tells it: nothing of it is listed by hand.
//!
//! The SDK reads an answer through a deserialiser that it is handed. This one is handed no answer; it writes down what
//! it is asked for, structure by structure, and so learns every member that this build of the SDK knows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use aws_sdk_ecs::operation::register_task_definition::RegisterTaskDefinitionInput;
use aws_sdk_ecs::types::TaskDefinition as Described;
use aws_smithy_schema::Schema;
use aws_smithy_schema::serde::{SerdeError, ShapeDeserializer};
use aws_smithy_types::{BigDecimal, BigInteger, Blob, DateTime, Document};
use serde_json::{Number, Value};

/// The form of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Named members.
    Structure(BTreeMap<String, Shape>),
    /// Any number of one form.
    List(Box<Shape>),
    /// Any keys, with values of one form.
    Map(Box<Shape>),
    /// Text, also of an enumeration.
    Text,
    /// A number.
    Number,
    /// True or false.
    Truth,
    /// Something else: a time.
    Other,
}

static DESCRIBED: LazyLock<Shape> = LazyLock::new(|| {
    let mut recorder = Recorder::default();
    // What it is told is made up, so whether a task definition comes of it says nothing.
    drop(Described::deserialize(&mut recorder));
    recorder.0.unwrap_or(Shape::Other)
});

/// Returns the form of a task definition as ECS describes it.
pub(super) fn task_definition() -> &'static Shape {
    &DESCRIBED
}

/// Returns the members that ECS describes and does not take back: those of the description less those of
/// RegisterTaskDefinition's input.
pub(super) fn describe_only() -> BTreeSet<&'static str> {
    let names = |schema: &'static Schema<'static>| schema.members().iter().filter_map(|member| member.member_name());
    let taken: BTreeSet<&str> = names(RegisterTaskDefinitionInput::SCHEMA).collect();
    names(Described::SCHEMA).filter(|name| !taken.contains(name)).collect()
}

/// Returns the members of a document that the model does not know, such as `containerDefinitions.newer`.
pub(super) fn unknown_members(document: &Value) -> BTreeSet<String> {
    let mut unknown = BTreeSet::new();
    let Value::Object(members) = document else { return unknown };
    // Tags stand beside the description; their form has not changed since there are any.
    for (name, member) in members.iter().filter(|(name, _)| *name != "tags") {
        find_unknown(name, member_of(task_definition(), name), member, &mut unknown);
    }
    unknown
}

fn member_of<'s>(shape: &'s Shape, name: &str) -> Option<&'s Shape> {
    match shape {
        Shape::Structure(members) => members.get(name),
        Shape::Map(value) => Some(value),
        _ => None,
    }
}

fn find_unknown(path: &str, shape: Option<&Shape>, value: &Value, unknown: &mut BTreeSet<String>) {
    match (shape, value) {
        (None, _) => {
            unknown.insert(path.to_owned());
        }
        (Some(Shape::List(item)), Value::Array(items)) => {
            items.iter().for_each(|one| find_unknown(path, Some(item), one, unknown));
        }
        (Some(shape @ Shape::Structure(_)), Value::Object(members)) => {
            for (name, member) in members {
                find_unknown(&format!("{path}.{name}"), member_of(shape, name), member, unknown);
            }
        }
        _ => {}
    }
}

/// Gives each value of a file the form that ECS takes: YAML makes numbers of what are texts (`cpu: 256`), and a variable
/// makes a text of what is a number (`"${PORT}"`).
///
/// # Errors
/// The path of a fraction that stands where a text is wanted: YAML has changed it by then (`1.10` became `1.1`).
pub(super) fn settle(document: &mut Value) -> Result<(), String> {
    settle_value("", task_definition(), document)
}

fn settle_value(path: &str, shape: &Shape, value: &mut Value) -> Result<(), String> {
    match (shape, &mut *value) {
        (Shape::Structure(_) | Shape::Map(_), Value::Object(members)) => {
            for (name, member) in members {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                if let Some(shape) = member_of(shape, name) {
                    settle_value(&path, shape, member)?;
                }
            }
        }
        (Shape::List(item), Value::Array(items)) => {
            items.iter_mut().try_for_each(|one| settle_value(path, item, one))?;
        }
        (Shape::Text, Value::Number(number)) if number.is_f64() => return Err(path.to_owned()),
        (Shape::Text, Value::Number(_) | Value::Bool(_)) => *value = Value::String(value.to_string()),
        (Shape::Number, Value::String(text)) => {
            if let Ok(number) = text.parse::<Number>() {
                *value = Value::Number(number);
            }
        }
        (Shape::Truth, Value::String(text)) => {
            if let Ok(truth) = text.parse::<bool>() {
                *value = Value::Bool(truth);
            }
        }
        _ => {}
    }
    Ok(())
}

/// Writes down what is asked of it.
#[derive(Default)]
struct Recorder(Option<Shape>);

impl Recorder {
    fn note<T>(&mut self, shape: Shape, made_up: T) -> Result<T, SerdeError> {
        self.0 = Some(shape);
        Ok(made_up)
    }

    fn number<T: Default>(&mut self) -> Result<T, SerdeError> {
        self.note(Shape::Number, T::default())
    }
}

impl ShapeDeserializer for Recorder {
    fn read_struct(
        &mut self,
        schema: &Schema<'_>,
        state: &mut dyn FnMut(&Schema<'_>, &mut dyn ShapeDeserializer) -> Result<(), SerdeError>,
    ) -> Result<(), SerdeError> {
        let mut members = BTreeMap::new();
        for member in schema.members() {
            let mut recorder = Self::default();
            // A structure that misses what it needs is not built; it was asked for all the same.
            drop(state(member, &mut recorder));
            if let (Some(name), Some(shape)) = (member.member_name(), recorder.0) {
                members.insert(name.to_owned(), shape);
            }
        }
        self.note(Shape::Structure(members), ())
    }

    fn read_list(
        &mut self,
        _: &Schema<'_>,
        state: &mut dyn FnMut(&mut dyn ShapeDeserializer) -> Result<(), SerdeError>,
    ) -> Result<(), SerdeError> {
        let mut recorder = Self::default();
        drop(state(&mut recorder));
        self.note(Shape::List(Box::new(recorder.0.unwrap_or(Shape::Other))), ())
    }

    fn read_map(
        &mut self,
        _: &Schema<'_>,
        state: &mut dyn FnMut(String, &mut dyn ShapeDeserializer) -> Result<(), SerdeError>,
    ) -> Result<(), SerdeError> {
        let mut recorder = Self::default();
        drop(state("key".to_owned(), &mut recorder));
        self.note(Shape::Map(Box::new(recorder.0.unwrap_or(Shape::Other))), ())
    }

    fn read_boolean(&mut self, _: &Schema<'_>) -> Result<bool, SerdeError> {
        self.note(Shape::Truth, true)
    }

    fn read_byte(&mut self, _: &Schema<'_>) -> Result<i8, SerdeError> {
        self.number()
    }

    fn read_short(&mut self, _: &Schema<'_>) -> Result<i16, SerdeError> {
        self.number()
    }

    fn read_integer(&mut self, _: &Schema<'_>) -> Result<i32, SerdeError> {
        self.number()
    }

    fn read_long(&mut self, _: &Schema<'_>) -> Result<i64, SerdeError> {
        self.number()
    }

    fn read_float(&mut self, _: &Schema<'_>) -> Result<f32, SerdeError> {
        self.number()
    }

    fn read_double(&mut self, _: &Schema<'_>) -> Result<f64, SerdeError> {
        self.number()
    }

    fn read_big_integer(&mut self, _: &Schema<'_>) -> Result<BigInteger, SerdeError> {
        self.number()
    }

    fn read_big_decimal(&mut self, _: &Schema<'_>) -> Result<BigDecimal, SerdeError> {
        self.number()
    }

    fn read_string(&mut self, _: &Schema<'_>) -> Result<String, SerdeError> {
        self.note(Shape::Text, String::new())
    }

    fn read_blob(&mut self, _: &Schema<'_>) -> Result<Blob, SerdeError> {
        self.note(Shape::Other, Blob::new([]))
    }

    fn read_timestamp(&mut self, _: &Schema<'_>) -> Result<DateTime, SerdeError> {
        self.note(Shape::Other, DateTime::from_secs(0))
    }

    fn read_document(&mut self, _: &Schema<'_>) -> Result<Document, SerdeError> {
        self.note(Shape::Other, Document::Null)
    }

    fn is_null(&self) -> bool {
        false
    }

    fn container_size(&self) -> Option<usize> {
        None
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;

    /// A value of a form with every member that there is, no two texts alike.
    pub(in crate::deploy) fn filled(shape: &Shape, path: &str) -> Value {
        match shape {
            Shape::Structure(members) => members
                .iter()
                .map(|(name, member)| (name.clone(), filled(member, &format!("{path}.{name}"))))
                .collect::<serde_json::Map<_, _>>()
                .into(),
            Shape::List(item) => json!([filled(item, path)]),
            Shape::Map(value) => json!({ "key": filled(value, path) }),
            Shape::Text => json!(path),
            Shape::Number => json!(7),
            Shape::Truth => json!(true),
            Shape::Other => json!(1.5),
        }
    }

    fn count(shape: &Shape) -> usize {
        match shape {
            Shape::Structure(members) => members.values().map(|member| 1 + count(member)).sum(),
            Shape::List(inner) | Shape::Map(inner) => count(inner),
            _ => 0,
        }
    }

    #[test]
    fn the_model_has_grown_when_these_numbers_change() {
        let Shape::Structure(members) = task_definition() else { panic!("a structure") };
        let Some(Shape::List(container)) = members.get("containerDefinitions") else { panic!("a list") };
        let Shape::Structure(container) = &**container else { panic!("a structure") };
        // A larger number is an SDK that knows more: look at what is new, then write the new number.
        assert_eq!((members.len(), container.len(), count(task_definition())), (26, 42, 176));
    }

    #[test]
    fn nine_members_are_described_and_not_taken_back() {
        let expect = [
            "compatibilities",
            "deleteRequestedAt",
            "deregisteredAt",
            "registeredAt",
            "registeredBy",
            "requiresAttributes",
            "revision",
            "status",
            "taskDefinitionArn",
        ];
        assert_eq!(describe_only(), BTreeSet::from(expect));
    }

    #[test]
    fn only_members_that_the_model_lacks_are_unknown() {
        let mut document = filled(task_definition(), "");
        assert_eq!(unknown_members(&document), BTreeSet::new());
        document["a"] = json!(1);
        document["containerDefinitions"][0]["b"] = json!({"c": 1});
        document["containerDefinitions"][0]["dockerLabels"]["d"] = json!("not a member");
        document["volumes"][0]["host"]["e"] = json!("");
        assert_eq!(
            unknown_members(&document),
            BTreeSet::from(["a", "containerDefinitions.b", "volumes.host.e"].map(str::to_owned))
        );
    }
}
