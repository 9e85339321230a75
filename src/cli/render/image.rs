//! An image in words: platforms, config, layers with their sizes.

use std::fmt::Write;

use dockless::pipeline::{InspectedImage, Inspection};
use serde_json::Value;

use super::human::bytes;
use super::printable::line as printable;

/// What a layer is made by is cut to this many characters.
const MADE_BY: usize = 80;

/// Returns the description; its last line is the reference with the digest.
pub(crate) fn render(image: &Inspection) -> String {
    let mut text = format!("{}\n", kind(image));
    for one in &image.images {
        platform(&mut text, one);
    }
    for other in &image.others {
        let what = other.annotations.get("vnd.docker.reference.type").map_or(other.media_type.as_str(), String::as_str);
        line(&mut text, "other", &format!("{} {}, {}", other.digest, what, bytes(other.size)));
    }
    for (key, value) in &image.annotations {
        line(&mut text, "annotated", &format!("{}={}", printable(key), printable(value)));
    }
    text + &image.image + "\n"
}

fn kind(image: &Inspection) -> String {
    match image.images.len() {
        1 if image.others.is_empty() => format!("{}, {}", image.media_type, bytes(image.size)),
        count => format!("{}, {}, {count} images", image.media_type, bytes(image.size)),
    }
}

fn platform(text: &mut String, image: &InspectedImage) {
    line(text, "platform", &format!("{} {}", image.platform, image.digest));
    line(text, "size", &format!("{} in {} layers", bytes(image.total_size), image.layers.len()));
    if let Some(created) = image.config["created"].as_str() {
        line(text, "created", &printable(created));
    }
    let config = &image.config["config"];
    for key in ["Entrypoint", "Cmd", "WorkingDir", "User", "StopSignal"] {
        if let Some(value) = shown(&config[key]) {
            line(text, &key.to_lowercase(), &value);
        }
    }
    for key in ["ExposedPorts", "Volumes"] {
        let names: Vec<String> =
            config[key].as_object().into_iter().flatten().map(|(name, _)| printable(name)).collect();
        if !names.is_empty() {
            line(text, &key.to_lowercase(), &names.join(" "));
        }
    }
    for variable in config["Env"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        line(text, "env", &printable(variable));
    }
    for (name, value) in config["Labels"].as_object().into_iter().flatten() {
        line(text, "label", &format!("{}={}", printable(name), printable(value.as_str().unwrap_or_default())));
    }
    for layer in &image.layers {
        let codec = layer.media_type.rsplit('.').next().unwrap_or_default();
        let made: String = layer.created_by.iter().flat_map(|words| words.chars()).take(MADE_BY).collect();
        line(
            text,
            "layer",
            format!("{} {:>9} {codec}  {}", layer.digest, bytes(layer.size), printable(&made)).trim_end(),
        );
    }
}

/// Returns a value of the config as people write it; nothing for what is not set.
fn shown(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(printable(text)),
        Value::Array(items) if !items.is_empty() => Some(printable(&value.to_string())),
        _ => None,
    }
}

fn line(text: &mut String, name: &str, value: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{name:<12} {value}");
}
