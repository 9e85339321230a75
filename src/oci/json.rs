//! The one serialiser of what dockless writes: keys sorted by bytes, no white space, stable bytes.

use serde::Serialize;
use serde_json::Value;

/// Serialises a value with sorted keys.
///
/// The order is made here and not left to a map type, since a dependency may switch JSON maps to insertion order.
///
/// # Panics
/// When the value cannot be JSON at all (a map with keys that are no strings), which is a defect in its type.
pub fn to_bytes(value: &impl Serialize) -> Vec<u8> {
    let value = serde_json::to_value(value).expect("types that dockless writes have string keys");
    let mut out = Vec::new();
    write(&value, &mut out);
    out
}

fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write(item, out);
            }
            out.push(b']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by(|a, b| a.0.cmp(b.0));
            out.push(b'{');
            for (index, (key, member)) in members.into_iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                scalar(&Value::String(key.clone()), out);
                out.push(b':');
                write(member, out);
            }
            out.push(b'}');
        }
        other => scalar(other, out),
    }
}

fn scalar(value: &Value, out: &mut Vec<u8>) {
    out.extend_from_slice(value.to_string().as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_sorted_at_every_depth() {
        let value: Value = serde_json::from_str(r#"{"b":[{"z":1,"a":"\u00e9\n"}],"a":null}"#).expect("JSON");
        assert_eq!(to_bytes(&value), "{\"a\":null,\"b\":[{\"a\":\"é\\n\",\"z\":1}]}".as_bytes());
    }
}
