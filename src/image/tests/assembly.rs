use std::time::Duration;

use serde_json::{Value, json};

use super::{base, document, layer, own, put_together, sample, scratch};
use crate::image::{Image, ImageError, Origin, OwnLayer, history};
use crate::oci::LayerCodec;
use crate::spec::{ConfigSpec, HealthcheckSpec};

/// Returns the settings of an image made of a base with these settings and one layer of it.
fn settings(before: Value, spec: &ConfigSpec, env: &[(&str, Option<&str>)]) -> Value {
    let layers = vec![layer(&mut Default::default(), LayerCodec::None, &["x"])];
    let image = put_together(&base(json!({"config": before}), layers), &[], spec, env).expect("an image");
    document(&image.config)["config"].take()
}

fn words(items: &[&str]) -> Option<Vec<String>> {
    Some(items.iter().map(|item| (*item).to_owned()).collect())
}

#[test]
fn env_keeps_the_base_order_then_the_order_of_the_file() {
    type Row = (&'static [&'static str], &'static [(&'static str, Option<&'static str>)], &'static [&'static str]);
    let table: [Row; 6] = [
        (&[], &[("B", Some("1")), ("A", Some("2"))], &["B=1", "A=2"]),
        (&["PATH=/bin", "B=b"], &[("C", Some("c")), ("PATH", Some("/x"))], &["PATH=/x", "B=b", "C=c"]),
        (&["A=1", "B=2", "A=3"], &[("A", Some("4"))], &["A=4", "B=2"]),
        (&["A=1", "B=2", "A=3"], &[("A", None), ("Z", None)], &["B=2"]),
        (&["A", "AB=1"], &[("A", Some("x=y"))], &["A=x=y", "AB=1"]),
        (&["A=1"], &[("A", None), ("A", Some("2"))], &["A=2"]),
    ];
    for (before, env, expect) in table {
        assert_eq!(settings(json!({"Env": before}), &ConfigSpec::default(), env)["Env"], json!(expect));
    }
    let none = settings(json!({"Env": ["A=1"]}), &ConfigSpec::default(), &[("A", None)]);
    assert_eq!(none, json!({}), "an empty list is left out");
}

#[test]
fn an_entrypoint_clears_the_inherited_cmd_but_not_ours() {
    let before = json!({"Entrypoint": ["a"], "Cmd": ["b"]});
    let table = [
        (None, None, json!({"Entrypoint": ["a"], "Cmd": ["b"]})),
        (None, words(&["c"]), json!({"Entrypoint": ["a"], "Cmd": ["c"]})),
        (words(&["e"]), None, json!({"Entrypoint": ["e"]})),
        (words(&["e"]), words(&["c"]), json!({"Entrypoint": ["e"], "Cmd": ["c"]})),
        (words(&[]), words(&["c"]), json!({"Cmd": ["c"]})),
        (None, words(&[]), json!({"Entrypoint": ["a"]})),
    ];
    for (entrypoint, cmd, expect) in table {
        let spec = ConfigSpec { entrypoint, cmd, ..ConfigSpec::default() };
        assert_eq!(settings(before.clone(), &spec, &[]), expect);
    }
}

#[test]
fn settings_are_merged_and_unknown_ones_survive() {
    let before = json!({"ExposedPorts": {"80/tcp": {}}, "Volumes": null, "Labels": {"a": "1", "b": "2"},
        "OnBuild": ["RUN x"], "X-New": 1, "User": "root", "WorkingDir": "/old"});
    let spec = ConfigSpec {
        ports: vec!["80/tcp".into(), "443/tcp".into()],
        volumes: vec!["/data".into()],
        labels: [("a".into(), None), ("b".into(), Some("3".into())), ("c".into(), Some("4".into()))].into(),
        user: Some("www-data".into()),
        working_dir: Some("/srv".into()),
        stop_signal: Some("SIGQUIT".into()),
        healthcheck: Some(HealthcheckSpec {
            test: vec!["CMD".into(), "/bin/ok".into()],
            interval: Some(Duration::from_secs(30)),
            timeout: None,
            retries: Some(3),
            start_period: Some(Duration::from_millis(1500)),
        }),
        ..ConfigSpec::default()
    };
    let expect = json!({"ExposedPorts": {"80/tcp": {}, "443/tcp": {}}, "Volumes": {"/data": {}},
        "Labels": {"b": "3", "c": "4"}, "OnBuild": ["RUN x"], "X-New": 1, "User": "www-data", "WorkingDir": "/srv",
        "StopSignal": "SIGQUIT", "Healthcheck": {"Test": ["CMD", "/bin/ok"], "Interval": 30_000_000_000_i64,
        "Retries": 3, "StartPeriod": 1_500_000_000_i64}});
    assert_eq!(settings(before, &spec, &[]), expect);
}

#[test]
fn a_history_names_as_many_layers_as_there_are() {
    let (full, empty) = (json!({"created_by": "x"}), json!({"created_by": "y", "empty_layer": true}));
    let pad = json!({"created_by": "base layer without history"});
    let emptied = json!({"created_by": "x", "empty_layer": true});
    let table: [(Vec<Value>, usize, Vec<Value>); 7] = [
        (vec![], 0, vec![]),
        (vec![], 2, vec![pad.clone(), pad.clone()]),
        (vec![full.clone(), empty.clone()], 1, vec![full.clone(), empty.clone()]),
        (vec![empty.clone(), full.clone()], 2, vec![empty.clone(), full.clone(), pad.clone()]),
        (vec![full.clone(), empty.clone(), full.clone()], 1, vec![full.clone(), empty.clone(), emptied.clone()]),
        (vec![full.clone()], 0, vec![emptied]),
        (vec![Value::Null, json!(1), full.clone()], 1, vec![full]),
    ];
    for (history, layers, expect) in table {
        assert_eq!(history::repaired(&history, layers), expect, "{history:?} for {layers}");
    }
}

fn histories(image: &Image) -> Vec<(String, bool)> {
    let document = document(&image.config);
    let entries = document["history"].as_array().expect("a history");
    let says = |entry: &Value| entry["created_by"].as_str().expect("a text").to_owned();
    entries.iter().map(|entry| (says(entry), entry["empty_layer"] == true)).collect()
}

#[test]
fn each_own_layer_has_one_history_entry_without_a_version() {
    let mut blobs = Default::default();
    let layers = [own(&mut blobs, "app", &["x"]), OwnLayer { name: "none".into(), start: None, blob: None }];
    let image = put_together(&scratch(), &layers, &ConfigSpec::default(), &[]).expect("an image");
    assert_eq!(histories(&image), [("dockless layer app".into(), false), ("dockless layer none".into(), true)]);
    assert_eq!(document(&image.config)["created"], "1970-01-01T00:00:01Z");
    assert_eq!(image.layers.len(), 1);
}

#[test]
fn settings_alone_give_an_empty_history_entry_and_no_layer() {
    let layers = vec![layer(&mut Default::default(), LayerCodec::None, &["x"])];
    let base = base(json!({"history": [{"created_by": "x"}], "x-new": [1]}), layers);
    let user = ConfigSpec { user: Some("1".into()), ..ConfigSpec::default() };
    let image = put_together(&base, &[], &user, &[]).expect("an image");
    assert_eq!(histories(&image), [("x".into(), false), ("dockless config".into(), true)]);
    assert_eq!(document(&image.config)["x-new"], json!([1]));
    let same = put_together(&base, &[], &ConfigSpec::default(), &[]).expect("an image");
    assert_eq!(histories(&same), [("x".into(), false)]);
}

#[test]
fn the_platform_is_the_base_s_with_all_that_belongs_to_it() {
    let layers = vec![layer(&mut Default::default(), LayerCodec::None, &["x"])];
    let config = json!({"variant": "v8", "os.version": "1", "os.features": ["a"]});
    let image = put_together(&base(config, layers), &[], &ConfigSpec::default(), &[]).expect("an image");
    assert_eq!(image.platform.to_string(), "linux/arm64/v8");
    let document = document(&image.config);
    assert_eq!([&document["os.version"], &document["os.features"][0]], ["1", "a"]);
}

#[test]
fn a_manifest_is_oci_s_throughout_and_names_its_base() {
    let image = sample(&mut Default::default());
    let manifest = document(&image.manifest);
    assert_eq!(manifest["schemaVersion"], 2);
    assert_eq!(manifest["mediaType"], "application/vnd.oci.image.manifest.v1+json");
    assert_eq!(manifest["config"]["mediaType"], "application/vnd.oci.image.config.v1+json");
    let types: Vec<_> = manifest["layers"].as_array().expect("layers").iter().map(|l| l["mediaType"].clone()).collect();
    let oci = |end: &str| json!(format!("application/vnd.oci.image.layer.v1.tar{end}"));
    assert_eq!(types, [oci(""), oci("+gzip"), oci("+zstd"), oci("+gzip"), oci("+gzip")]);
    assert_eq!(manifest["layers"][4]["annotations"], json!({"dev.dockless.layer": "1;gzip:6"}));
    assert_eq!(manifest["layers"][0].get("annotations"), None);
    let annotations = &manifest["annotations"];
    assert_eq!(annotations["org.opencontainers.image.base.name"], "example.com/base:1");
    assert!(annotations["org.opencontainers.image.base.digest"].is_string());
    assert_eq!(annotations["a"], "b");
    assert_eq!(image.layers[4].origin, Origin::Own("app".into()));
}

#[test]
fn annotations_are_the_build_file_s_and_the_name_and_digest_of_the_base_alone() {
    let manifest = document(&sample(&mut Default::default()).manifest);
    let keys: Vec<&String> = manifest["annotations"].as_object().expect("a map").keys().collect();
    assert_eq!(keys, ["a", "org.opencontainers.image.base.digest", "org.opencontainers.image.base.name"]);
}

#[test]
fn what_nobody_set_is_left_out_and_not_written_empty() {
    assert_eq!(settings(json!({}), &ConfigSpec::default(), &[]), json!({}));
    let removed = ConfigSpec { labels: [("a".into(), None)].into(), ..ConfigSpec::default() };
    assert_eq!(settings(json!({"Labels": {"a": "1"}}), &removed, &[]), json!({}));
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let digests: Vec<_> = (0..8).map(|_| sample(&mut Default::default()).digest()).collect();
    assert!(digests.iter().all(|digest| *digest == digests[0]));
}

#[test]
fn an_image_without_layers_or_with_too_many_is_refused() {
    let none = put_together(&scratch(), &[], &ConfigSpec::default(), &[]);
    assert!(matches!(none, Err(ImageError::NoLayers)));
    let mut blobs = Default::default();
    let base = base(json!({}), vec![layer(&mut blobs, LayerCodec::None, &["x"])]);
    let many = |count: usize| vec![own(&mut Default::default(), "x", &["x"]); count];
    assert!(put_together(&base, &many(126), &ConfigSpec::default(), &[]).is_ok());
    let error = put_together(&base, &many(127), &ConfigSpec::default(), &[]).expect_err("too many");
    assert!(error.to_string().starts_with("the image has 128 layers, 1 of the base"), "{error}");
}
