//! Rules that a single file does not show: overrides, the environment, keys of later versions, the base's variables.

use std::cell::RefCell;

use super::*;
use crate::spec::{BaseSource, Destination, LayerOrigin, MtimeRule};

/// Loads a file with these lines after the two that every file has.
fn with(lines: &str) -> Result<BuildSpec, SpecError> {
    load_text(&format!("version: 1\nbase: scratch\n{lines}"))
}

#[test]
fn keys_of_later_versions_are_refused_at_their_line() {
    for (lines, key, line) in [
        ("environments: {prod: {}}\n", "environments", 3),
        ("deploy:\n  order_of_services: at_once\n", "order_of_services", 4),
        ("deploy:\n  all_or_nothing: true\n", "all_or_nothing", 4),
        ("deploy:\n  schedules: []\n", "schedules", 4),
        ("deploy:\n  before: []\n", "before", 4),
        ("deploy:\n  on_active_deployment: wait\n", "on_active_deployment", 4),
        ("deploy:\n  give_up: {}\n", "give_up", 4),
        ("deploy:\n  order: 1\n", "order", 4),
    ] {
        match with(lines) {
            Err(SpecError::Flaw(flaw)) => {
                assert_eq!(
                    (flaw.message.as_str(), flaw.line),
                    (format!("`{key}` is not supported yet").as_str(), line)
                );
            }
            other => panic!("{lines}: {other:?}"),
        }
    }
}

#[test]
fn overrides_count_instead_of_the_file() {
    let overrides = Overrides {
        name: Some("example.com/other".to_owned()),
        tags: vec!["a".to_owned(), "b".to_owned()],
        base: Some("oci:base".to_owned()),
        platforms: vec!["linux/arm64".to_owned()],
        ..Overrides::default()
    };
    let text = "version: 1\nbase: ${NO}\ntags: [\"${NO}\"]\nplatforms: [linux/amd64]\n\
                layers: [{from: \"bin/${TARGETARCH}\"}]\n";
    let spec = load_with(text, &environment, &overrides).expect("a build file");
    assert_eq!(spec.name.map(|name| name.to_string()).as_deref(), Some("example.com/other"));
    assert_eq!(spec.tags.len(), 2);
    assert_eq!(spec.images[0].base, BaseSource::Layout { path: spec.project.join("base"), tag: None });
    assert_eq!(spec.images[0].platform.as_ref().map(|platform| platform.to_string()).as_deref(), Some("linux/arm64"));
    assert_eq!(spec.images[0].layers[0].name, "bin/arm64");
}

#[test]
fn a_bad_override_names_its_option() {
    let tagged = Overrides { tags: vec![".a".to_owned()], ..Overrides::default() };
    let error = load_with("version: 1\nbase: scratch\n", &environment, &tagged).expect_err("a bad tag").to_string();
    assert!(error.starts_with("`--tag`: `.a` is not a tag"), "{error}");
    let platform = Overrides { platforms: vec!["x86_64".to_owned()], ..Overrides::default() };
    let error = load_with("version: 1\nbase: scratch\n", &environment, &platform).expect_err("a bad platform");
    assert_eq!(error.hint().as_deref(), Some("write `linux/amd64`"));
}

#[test]
fn a_context_of_the_command_line_counts_instead_of_the_file() {
    let mut overrides = Overrides::default();
    overrides.add_context("venv=/elsewhere=x").expect("a context");
    overrides.add_context("certs=../certs").expect("a context");
    let text = "version: 1\nbase: scratch\ncontexts: {venv: \"${NO}\", more: /more}\n\
                layers: [{context: venv, from: .}, {context: certs, from: .}, {context: more, from: .}]\n";
    let spec = load_with(text, &environment, &overrides).expect("a build file");
    let folders: Vec<_> = spec.images[0]
        .layers
        .iter()
        .filter_map(|layer| match &layer.source.as_ref()?.origin {
            LayerOrigin::Context { folder, .. } => Some(folder.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(folders, ["/elsewhere=x".into(), spec.project.join("../certs"), "/more".into()]);
}

#[test]
fn a_bad_context_of_the_command_line_names_its_option() {
    for (values, expect) in [
        (&["venv"][..], "`--context`: `venv` has no `=`"),
        (&["venv="], "`--context`: the folder of the context `venv` is empty or has a zero byte"),
        (&["=/x"], "`--context`: `` is not the name of a context"),
        (&["a b=/x"], "`--context`: `a b` is not the name of a context"),
        (&["a=/x", "a=/y"], "`--context`: the context `a` is given twice"),
    ] {
        let mut overrides = Overrides::default();
        let added = values.iter().try_for_each(|value| overrides.add_context(value));
        let loaded = added.and_then(|()| load_with("version: 1\nbase: scratch\n", &environment, &overrides));
        assert_eq!(loaded.expect_err("a bad context").to_string(), expect);
    }
}

#[test]
fn the_lock_stands_beside_the_build_file_under_its_stem() {
    let project = project();
    let overrides = Overrides::default();
    for (file, lock) in [
        ("build.yaml", "build.lock"),
        ("my.app.yml", "my.app.lock"),
        ("plain", "plain.lock"),
        ("x.lock", "x.lock.lock"),
    ] {
        std::fs::write(project.path().join(file), "version: 1\nbase: scratch\n").expect("written");
        let file = Some(std::path::Path::new(file));
        let inputs = Inputs { project: project.path(), file, environment: &environment, overrides: &overrides };
        assert_eq!(load(&inputs).expect("a build file").lock, project.path().join(lock));
    }
}

#[test]
fn the_base_environment_answers_late() {
    let spec = with(
        "config:\n  env:\n    A: \"x:${base.PATH}\"\n    B: ${base.NONE:-d${base.PATH}}\n    C: ${base.EMPTY:?fill it}\n    \
         D: ${base.NONE}\n    E: ${base.PATH:-${NO}}\n    F: ${base.NONE:-${NO}}\n    G: ${NO:-${base.PATH}}\n",
    )
    .expect("a build file");
    let base = [("PATH".to_owned(), "/bin".to_owned()), ("EMPTY".to_owned(), String::new())];
    let resolved: Vec<Result<String, String>> = spec.images[0]
        .config
        .env
        .iter()
        .map(|(_, value)| value.as_ref().expect("a value").resolve(&base).map_err(|error| error.to_string()))
        .collect();
    let first_lines: Vec<&str> = resolved
        .iter()
        .map(|result| result.as_deref().unwrap_or_else(|error| error.lines().next().unwrap_or_default()))
        .collect();
    let expect = [
        "x:/bin",
        "d/bin",
        "build.yaml:7:8: `base.EMPTY`: fill it",
        "build.yaml:8:8: the base image does not set `NONE`",
        "/bin",
        "build.yaml:10:21: `NO` is not set in the environment",
        "/bin",
    ];
    assert_eq!(first_lines, expect);
}

#[test]
fn the_epoch_comes_from_the_environment() {
    let text = "version: 1\nbase: scratch\nlayers: [{from: a, mtime: source_date_epoch}]\n";
    let epoch = |value: Option<&str>| {
        let value = value.map(str::to_owned);
        load_with(text, &move |name| value.clone().filter(|_| name == "SOURCE_DATE_EPOCH"), &Overrides::default())
    };
    let spec = epoch(Some("12")).expect("a build file");
    assert_eq!((spec.source_date_epoch, spec.images[0].layers[0].mtime), (Some(12), MtimeRule::Seconds(12)));
    for bad in ["yesterday", "-1", "1.5", "+1", "999999999999999"] {
        assert!(matches!(epoch(Some(bad)), Err(SpecError::Epoch { name: "SOURCE_DATE_EPOCH", .. })), "{bad}");
    }
    for missing in [None, Some("")] {
        let error = epoch(missing).expect_err("not set").to_string();
        assert!(error.contains(":3:27: `SOURCE_DATE_EPOCH` is not set"), "{error}");
    }
}

#[test]
fn only_named_variables_are_asked_for() {
    let asked = RefCell::new(Vec::new());
    let environment = |name: &str| {
        asked.borrow_mut().push(name.to_owned());
        Some("1".to_owned())
    };
    let text = "version: 1\nbase: scratch # ${COMMENT}\nx-y: ${IGNORED}\ntags: [\"${TAG}\"]\n\
                layers: [{files: [{path: /a, content: \"${CONTENT}\"}]}]\nconfig: {env: {\"${KEY}\": 1}}\n";
    let spec = load_with(text, &environment, &Overrides::default()).expect("a build file");
    assert_eq!(asked.into_inner(), ["SOURCE_DATE_EPOCH", "TAG"]);
    assert_eq!(spec.images[0].config.env[0].0, "${KEY}");
}

#[test]
fn an_empty_variable_counts_only_without_a_default() {
    let spec =
        with("config: {env: {A: \"[${EMPTY}]\", B: \"${EMPTY:-b}\", C: \"${NO:-${EMPTY:-c}}\"}}\n").expect("a file");
    let values = spec.images[0]
        .config
        .env
        .iter()
        .map(|(_, value)| value.as_ref().expect("a value").resolve(&[]).expect("a text"));
    assert_eq!(values.collect::<Vec<_>>(), ["[]", "b", "c"]);
}

#[test]
fn targets_stand_below_the_working_directory() {
    let lines = "layers: [{from: vendor}, {from: b, to: c/}, {from: ., to: /}, {name: d, from: d, to: .}]\n";
    let spec = with(lines).expect("a build file");
    let sources: Vec<_> = spec.images[0].layers.iter().filter_map(|layer| layer.source.as_ref()).collect();
    let targets = |working_dir| -> Vec<String> {
        sources.iter().map(|source| source.destination(working_dir).to_string()).collect()
    };
    assert_eq!(targets(Some("/srv")), ["/srv/vendor", "/srv/c", "/", "/srv"]);
    assert_eq!(targets(None), ["/vendor", "/c", "/", "/"]);
    assert_eq!(sources.iter().map(|source| source.to_is_folder).collect::<Vec<_>>(), [false, true, true, true]);
    let own = with(&format!("config: {{working_dir: /app}}\n{lines}")).expect("a build file");
    let vendor = own.images[0].layers[0].source.as_ref().expect("a source");
    assert!(matches!(&vendor.to, Destination::Absolute(path) if path.to_string() == "/app/vendor"));
}

#[test]
fn the_file_is_looked_for_by_both_names() {
    let project = project();
    let overrides = Overrides::default();
    let load_file = |file: Option<&str>| {
        let file = file.map(std::path::Path::new);
        load(&Inputs { project: project.path(), file, environment: &environment, overrides: &overrides })
    };
    assert!(matches!(load_file(None), Err(SpecError::NoBuildFile { .. })));
    assert!(matches!(load_file(Some("other.yaml")), Err(SpecError::File(error)) if error.is_not_found()));
    let write = |name: &str| std::fs::write(project.path().join(name), "version: 1\nbase: scratch\n").expect("written");
    write("dockless.yaml");
    assert_eq!(load_file(None).expect("a build file").file, project.path().join("dockless.yaml"));
    write("build.yaml");
    assert_eq!(load_file(None).expect("a build file").file, project.path().join("build.yaml"));
    write("other.yaml");
    assert_eq!(load_file(Some("other.yaml")).expect("a build file").file, project.path().join("other.yaml"));
}

#[test]
fn line_ends_and_a_byte_order_mark_change_nothing() {
    let spec = load_text("\u{feff}version: 1\r\nbase: scratch\r\nlayers:\r\n  - from: src\r\n").expect("a build file");
    assert_eq!(spec.images[0].layers[0].name, "src");
    let error = load_text("\u{feff}versions: 1\r\nversion: 1\r\n").expect_err("an unknown key").to_string();
    assert_eq!(error, "build.yaml:1:1: unknown key `versions`\n  1 | versions: 1\n    | ^^^^^^^^");
}

#[test]
fn what_is_no_text_or_too_large_is_refused() {
    let project = project();
    let overrides = Overrides::default();
    let load_bytes = |bytes: &[u8]| {
        std::fs::write(project.path().join("build.yaml"), bytes).expect("written");
        load(&Inputs { project: project.path(), file: None, environment: &environment, overrides: &overrides })
    };
    let error = load_bytes(b"version: 1\nbase: \xff\n").expect_err("no text").to_string();
    assert!(error.starts_with("build.yaml:2:7: the file is not UTF-8 text"), "{error}");
    assert!(matches!(load_bytes(&vec![b'#'; 2 << 20]), Err(SpecError::TooLarge { .. })));
    let deep = format!("version: 1\nbase: scratch\nx-a: {}", "[".repeat(10_000));
    let error = load_bytes(deep.as_bytes()).expect_err("too deep").to_string();
    assert!(error.contains("values are nested more than 64 deep"), "{error}");
    let mut chained = "x-0: &a0 [1]\n".to_owned();
    (1..100).for_each(|n| chained.push_str(&format!("x-{n}: &a{n} [*a{}]\n", n - 1)));
    let error = load_bytes(chained.as_bytes()).expect_err("too deep").to_string();
    assert!(error.contains("values are nested more than 64 deep"), "{error}");
}
