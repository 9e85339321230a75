//! The schema and the reader, held against each other over build files that are wrong in one place.
//!
//! Whatever the reader takes, the schema takes: an editor never underlines what works. And what is wrong by form, the
//! schema finds: keys that are not there, and values of another kind.

use std::path::Path;

use dockless::spec::{self, Inputs, Overrides};
use serde_json::{Value, json};

use super::schema::{as_json, files};

/// Reads a document; JSON is YAML.
fn read(document: &Value) -> Result<(), String> {
    let overrides = Overrides::default();
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/specs/valid");
    let environment = |_: &str| Some("1".to_owned());
    let inputs = Inputs { project: &project, file: None, environment: &environment, overrides: &overrides };
    spec::load_text(&inputs, &document.to_string()).map(drop).map_err(|error| error.to_string())
}

/// Every place of a document, as the keys that lead to it.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(map) => map.iter().for_each(|(key, inner)| {
            places(inner, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), found);
        }),
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(index, inner)| places(inner, &format!("{at}/{index}"), found));
        }
        _ => {}
    }
}

/// The documents that come of one by a change in one place, each with what was changed.
fn changed(document: &Value) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    let mut places_found = Vec::new();
    places(document, "", &mut places_found);
    for place in places_found {
        let values = [
            json!(null),
            json!(true),
            json!(3),
            json!("word"),
            json!("a b"),
            json!([]),
            json!({}),
            json!(["x"]),
            json!({"x": "y"}),
            json!(-1),
            json!(1.5),
            json!(""),
            json!([null]),
            json!([["x"]]),
        ];
        for value in values {
            let mut copy = document.clone();
            let Some(spot) = copy.pointer_mut(&place) else { continue };
            if *spot != value {
                let what = format!("{place} = {value}");
                *spot = value;
                all.push((what, copy));
            }
        }
        let mut copy = document.clone();
        if let Some(Value::Object(map)) = copy.pointer_mut(&place) {
            map.insert("nonsense".to_owned(), json!("x"));
            all.push((format!("{place} + nonsense"), copy.clone()));
            let keys: Vec<String> = document
                .pointer(&place)
                .and_then(Value::as_object)
                .map(|map| map.keys().cloned().collect())
                .unwrap_or_default();
            for key in keys {
                let mut copy = document.clone();
                if let Some(Value::Object(map)) = copy.pointer_mut(&place) {
                    map.remove(&key);
                }
                all.push((format!("{place} - {key}"), copy));
            }
        }
    }
    all
}

#[test]
fn what_the_reader_takes_the_schema_takes() {
    let schema = spec::build_file_schema();
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let mut skipped = Vec::new();
    let (mut wrong, mut loose, mut tried) = (Vec::new(), Vec::new(), 0);
    for file in files("fixtures/specs/valid") {
        let text = std::fs::read_to_string(&file).expect("a fixture").replace("${git.", "${git_");
        let Some(document) = as_json(&text) else { continue };
        if let Err(error) = read(&document) {
            skipped.push(format!("{}: {error}", file.display()));
            continue;
        }
        for (what, document) in changed(&document) {
            // What no run asks for, the reader does not read: other environments, other platforms.
            let is_asked = !["environments", "/linux~1"].iter().any(|part| what.contains(part));
            if !is_asked || file.ends_with("environments_not_chosen.yaml") {
                continue;
            }
            tried += 1;
            let name = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            match (read(&document), validator.is_valid(&document)) {
                (Ok(()), false) => wrong.push(format!("{name}: {what}: the reader takes it")),
                (Err(error), true) => {
                    let of_form = error.contains("must be a") || error.contains("unknown key");
                    loose.extend(of_form.then(|| format!("{name}: {what}: {error}")));
                }
                _ => {}
            }
        }
    }
    assert!(tried > 5000 && skipped.is_empty(), "{tried}: {}", skipped.join("\n"));
    assert!(wrong.is_empty(), "the schema refuses it: {}", wrong.join("\n"));
    assert!(loose.is_empty(), "the schema takes it: {}", loose.join("\n"));
}
