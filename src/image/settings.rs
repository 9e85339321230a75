//! The settings of the build file laid over those of a base (image-spec, config.md, `config`).

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::oci::Config;
use crate::spec::{ConfigSpec, HealthcheckSpec};

type Settings = Map<String, Value>;

/// Returns the settings of an image: those of the build file over the base's.
pub fn settings(base: &Config, spec: &ConfigSpec, env: &[(String, Option<String>)]) -> Settings {
    let mut settings = base.settings().cloned().unwrap_or_default();
    lay_over(&mut settings, spec, env);
    settings
}

/// Lays `spec` and `env` over the settings. What is not set there stays; so do keys that nobody knows.
pub(super) fn lay_over(settings: &mut Settings, spec: &ConfigSpec, env: &[(String, Option<String>)]) {
    merge_env(settings, env);
    // Docker's rule: a new entrypoint makes the inherited arguments meaningless.
    if let Some(entrypoint) = &spec.entrypoint {
        set_list(settings, "Entrypoint", entrypoint);
        settings.remove("Cmd");
    }
    if let Some(cmd) = &spec.cmd {
        set_list(settings, "Cmd", cmd);
    }
    set_word(settings, "WorkingDir", spec.working_dir.as_deref());
    set_word(settings, "User", spec.user.as_deref());
    set_word(settings, "StopSignal", spec.stop_signal.as_deref());
    add_keys(settings, "ExposedPorts", &spec.ports);
    add_keys(settings, "Volumes", &spec.volumes);
    let mut labels = take_map(settings, "Labels");
    for (key, value) in &spec.labels {
        match value {
            Some(value) => drop(labels.insert(key.clone(), value.clone().into())),
            None => drop(labels.remove(key)),
        }
    }
    put_map(settings, "Labels", labels);
    if let Some(check) = &spec.healthcheck {
        settings.insert("Healthcheck".to_owned(), healthcheck(check));
    }
}

/// Keeps the base's order, replaces in place, appends what is new in the order of the file.
fn merge_env(settings: &mut Settings, env: &[(String, Option<String>)]) {
    let mut entries: Vec<String> = match settings.remove("Env") {
        Some(Value::Array(entries)) => entries.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    for (name, value) in env {
        let is_named = |entry: &String| entry.split_once('=').map_or(entry.as_str(), |(name, _)| name) == name;
        let place = entries.iter().position(is_named);
        let Some(value) = value else {
            entries.retain(|entry| !is_named(entry));
            continue;
        };
        let entry = format!("{name}={value}");
        match place {
            Some(place) => {
                entries[place] = entry;
                let mut index = 0;
                entries.retain(|entry| {
                    index += 1;
                    index - 1 <= place || !is_named(entry)
                });
            }
            None => entries.push(entry),
        }
    }
    set_list(settings, "Env", &entries);
}

fn set_list(settings: &mut Settings, key: &str, items: &[String]) {
    if items.is_empty() {
        settings.remove(key);
    } else {
        settings.insert(key.to_owned(), items.to_vec().into());
    }
}

fn set_word(settings: &mut Settings, key: &str, word: Option<&str>) {
    match word {
        None => {}
        Some("") => drop(settings.remove(key)),
        Some(word) => drop(settings.insert(key.to_owned(), word.into())),
    }
}

/// Adds keys to a map from names to `{}`.
fn add_keys(settings: &mut Settings, key: &str, names: &[String]) {
    let mut map = take_map(settings, key);
    for name in names {
        map.entry(name.clone()).or_insert_with(|| json!({}));
    }
    put_map(settings, key, map);
}

fn take_map(settings: &mut Settings, key: &str) -> Settings {
    match settings.remove(key) {
        Some(Value::Object(map)) => map,
        _ => Settings::new(),
    }
}

/// Empty maps are left out: some readers stumble over them.
fn put_map(settings: &mut Settings, key: &str, map: Settings) {
    if !map.is_empty() {
        settings.insert(key.to_owned(), Value::Object(map));
    }
}

/// Writes a health check as Docker's config has it; durations are nanoseconds.
fn healthcheck(check: &HealthcheckSpec) -> Value {
    let nanoseconds = |duration: Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
    let mut value = json!({"Test": check.test});
    for (key, duration) in
        [("Interval", check.interval), ("Timeout", check.timeout), ("StartPeriod", check.start_period)]
    {
        if let Some(duration) = duration {
            value[key] = nanoseconds(duration).into();
        }
    }
    if let Some(retries) = check.retries {
        value["Retries"] = retries.into();
    }
    value
}
