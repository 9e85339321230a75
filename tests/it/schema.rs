//! The schemas, held against build files by another reader of JSON Schema than any of ours.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use dockless::spec::{build_file_schema, user_config_schema};
use serde_json::{Value, json};

/// What is refused for its meaning, which no schema knows, or for how it is written, which JSON does not show.
const REFUSED_BY_READING_ALONE: &str = include_str!("schema_limits.txt");

pub(crate) fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = std::fs::read_dir(folder).expect("a folder of fixtures");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    files
}

/// Returns a build file as an editor's YAML support sees it; nothing if it is not YAML.
pub(crate) fn as_json(text: &str) -> Option<Value> {
    // YAML 1.2, where `off` is a word.
    serde_saphyr::from_str_with_options(text, serde_saphyr::options! { strict_booleans: true }).ok()
}

/// Returns what is wrong with a document.
pub(crate) fn faults(schema: &Value, document: &Value) -> Vec<String> {
    let validator = jsonschema::validator_for(schema).expect("a schema");
    validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[test]
fn every_build_file_of_the_fixtures_fits() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let more = [root.join("fixtures/myshop/build.yaml"), root.join("build.yaml")];
    for file in files("fixtures/specs/valid").into_iter().chain(more) {
        let text = std::fs::read_to_string(&file).expect("a fixture");
        let document = as_json(&text).unwrap_or_else(|| panic!("{} is YAML", file.display()));
        assert_eq!(faults(&build_file_schema(), &document), Vec::<String>::new(), "{}", file.display());
    }
}

#[test]
fn what_is_wrong_by_form_does_not_fit() {
    let schema = build_file_schema();
    let fits = |file: &PathBuf| {
        let text = std::fs::read_to_string(file).expect("a fixture");
        as_json(&text).is_some_and(|document| faults(&schema, &document).is_empty())
    };
    let name = |file: PathBuf| file.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let accepted: BTreeSet<String> =
        files("fixtures/specs/invalid").into_iter().filter(fits).filter_map(name).collect();
    let expected: BTreeSet<String> = REFUSED_BY_READING_ALONE.lines().map(str::to_owned).collect();
    let list: Vec<&String> = accepted.difference(&expected).chain(expected.difference(&accepted)).collect();
    assert!(list.is_empty(), "the schema takes what it did not, or the reverse: {list:#?}");
}

#[test]
fn every_example_fits_its_own_key() {
    for schema in [build_file_schema(), user_config_schema()] {
        let sections = schema["definitions"].as_object().expect("definitions").values().chain([&schema]);
        for (name, property) in sections.flat_map(|section| section["properties"].as_object()).flatten() {
            for example in property["examples"].as_array().into_iter().flatten() {
                let mut alone = property.clone();
                alone["definitions"] = schema["definitions"].clone();
                assert_eq!(faults(&alone, example), Vec::<String>::new(), "{name}: {example}");
            }
        }
    }
}

#[test]
fn every_key_says_what_it_is_for() {
    for schema in [build_file_schema(), user_config_schema()] {
        let sections = schema["definitions"].as_object().expect("definitions").values().chain([&schema]);
        for (name, property) in sections.flat_map(|section| section["properties"].as_object()).flatten() {
            assert!(property["description"].as_str().is_some_and(|text| text.len() > 5), "{name}");
        }
    }
}

#[test]
fn user_configurations_fit_or_not() {
    let good = json!({"hosts": {"docker.io": {"mirrors": ["mirror.example.com"], "scheme": "https"}}, "cache": {"max_size": "2GiB"}});
    assert_eq!(faults(&user_config_schema(), &good), Vec::<String>::new());
    for bad in [
        json!({"host": {}}),
        json!({"hosts": {"docker.io": {"scheme": "ftp"}}}),
        json!({"hosts": {"docker.io": {"mirrors": "mirror.example.com"}}}),
        json!({"cache": {"max_size": "much"}}),
    ] {
        assert!(!faults(&user_config_schema(), &bad).is_empty(), "{bad}");
    }
}
