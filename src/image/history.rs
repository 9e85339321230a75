//! The history of a config: as many entries with a layer as there are layers (image-spec, config.md).

use serde_json::{Value, json};

/// What a repaired history says of a base layer that the base's own history does not name.
const UNNAMED: &str = "base layer without history";

/// Makes an entry of our own. It names no version of the tool: an update of it changes no image.
pub(super) fn entry(created: &str, created_by: &str, empty_layer: bool) -> Value {
    let mut entry = json!({"created": created, "created_by": created_by});
    if empty_layer {
        entry["empty_layer"] = true.into();
    }
    entry
}

/// Returns a base's history such that it names `layers` layers.
///
/// One that is right is kept as it stands. One that names too few gets entries at its end, one that names too many has
/// its last ones marked as empty: readers that go through layers and history side by side then stay in step. What is no
/// entry at all is dropped.
pub(super) fn repaired(history: &[Value], layers: usize) -> Vec<Value> {
    let mut entries: Vec<Value> = history.iter().filter(|entry| entry.is_object()).cloned().collect();
    let named = entries.iter().filter(|entry| has_layer(entry)).count();
    let surplus = named.saturating_sub(layers);
    for entry in entries.iter_mut().rev().filter(|entry| has_layer(entry)).take(surplus) {
        entry["empty_layer"] = true.into();
    }
    for _ in named..layers {
        entries.push(json!({"created_by": UNNAMED}));
    }
    entries
}

/// Returns whether an entry stands for a layer.
pub(super) fn has_layer(entry: &Value) -> bool {
    !entry.get("empty_layer").and_then(Value::as_bool).unwrap_or(false)
}
