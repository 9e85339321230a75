//! The table as JSON Schema.
//!
//! Draft 7, which every editor's YAML support knows (json-schema.org/draft-07).

use serde_json::{Map, Value, json};

use super::{BUILD_FILE, Key, Needs, Section, Shape, USER_CONFIG};

/// Returns the JSON Schema of the build file.
#[must_use]
pub fn build_file_schema() -> Value {
    let mut schema = document(&BUILD_FILE, "dockless build file");
    // The user's own places, such as those of anchors.
    schema["patternProperties"] = json!({"^x-": {}});
    schema
}

/// Returns the JSON Schema of the user configuration.
#[must_use]
pub fn user_config_schema() -> Value {
    document(&USER_CONFIG, "dockless user configuration")
}

fn document(root: &'static Section, title: &str) -> Value {
    let mut definitions = Map::new();
    define(root, &mut definitions);
    let mut schema = definitions.remove(root.name).unwrap_or_default();
    schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    schema["title"] = json!(title);
    schema["definitions"] = Value::Object(definitions);
    schema
}

/// Adds a section and those within it; each stands once, however often it is referred to.
fn define(section: &'static Section, definitions: &mut Map<String, Value>) {
    if definitions.contains_key(section.name) {
        return;
    }
    definitions.insert(section.name.to_owned(), Value::Null);
    let properties: Map<String, Value> =
        section.keys.iter().map(|key| (key.name.to_owned(), property(key, definitions))).collect();
    let mut schema = json!({
        "type": "object",
        "description": section.about,
        "properties": properties,
        "additionalProperties": false,
    });
    require(&section.needs, &mut schema);
    definitions.insert(section.name.to_owned(), schema);
}

fn require(needs: &Needs, schema: &mut Value) {
    let each = |names: &[&str]| names.iter().map(|name| json!({"required": [name]})).collect::<Vec<_>>();
    match needs {
        Needs::Nothing => {}
        Needs::All(names) => schema["required"] = json!(names),
        Needs::AnyOf(names) => schema["anyOf"] = json!(each(names)),
        Needs::OneOf(names) => schema["oneOf"] = json!(each(names)),
        Needs::And(name, names) => {
            schema["required"] = json!([name]);
            schema["oneOf"] = json!(each(names));
        }
    }
}

fn property(key: &Key, definitions: &mut Map<String, Value>) -> Value {
    let mut schema = value(&key.shape, definitions);
    // Draft 7 reads nothing beside a `$ref`.
    if schema.get("$ref").is_some() {
        schema = json!({"allOf": [schema]});
    }
    schema["description"] = json!(key.about);
    let examples: Vec<Value> = key.examples.iter().filter_map(|text| serde_json::from_str(text).ok()).collect();
    if !examples.is_empty() {
        schema["examples"] = json!(examples);
    }
    schema
}

/// A text that variables are replaced in may become any scalar.
const VARIABLE: &str = r"\$\{";

fn or_variable(schema: Value) -> Value {
    json!({"anyOf": [schema, {"type": "string", "pattern": VARIABLE}]})
}

fn value(shape: &Shape, definitions: &mut Map<String, Value>) -> Value {
    match shape {
        Shape::Text => json!({"type": ["string", "number"]}),
        Shape::Form(form) => or_variable(json!({"type": "string", "pattern": form})),
        Shape::Scalar => json!({"type": ["string", "number", "boolean"]}),
        Shape::Boolean => or_variable(json!({"type": "boolean"})),
        Shape::True => or_variable(json!({"const": true})),
        Shape::Number(low, high) if low == high => or_variable(json!({"const": low})),
        Shape::Number(low, high) => or_variable(json!({"type": "integer", "minimum": low, "maximum": high})),
        Shape::Word(words) => or_variable(json!({"enum": words})),
        Shape::List(of) => json!({"type": "array", "items": value(of, definitions)}),
        Shape::Some(of) => json!({"type": "array", "items": value(of, definitions), "minItems": 1}),
        Shape::By(of) => json!({"type": "object", "additionalProperties": value(of, definitions)}),
        Shape::OrNull(of) => json!({"anyOf": [value(of, definitions), {"type": "null"}]}),
        Shape::Either(of) => {
            let each: Vec<Value> = of.iter().map(|shape| value(shape, definitions)).collect();
            json!({"anyOf": each})
        }
        Shape::Section(section) => {
            define(section, definitions);
            json!({"$ref": format!("#/definitions/{}", section.name)})
        }
    }
}
