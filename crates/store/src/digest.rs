//! What request parameters boil down to when two requests are compared.

use std::fmt;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// SHA-256 of a request's parameters, the same whatever the order of their keys.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ParamsDigest(String);

impl ParamsDigest {
    /// Digests parameters as they came.
    #[must_use]
    pub fn of(params: &Value) -> Self {
        let mut hasher = Sha256::new();
        feed(&mut hasher, params);
        Self(hex::encode(hasher.finalize()))
    }

    /// The digest in hex.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for ParamsDigest {
    fn from(hex: String) -> Self {
        Self(hex)
    }
}

impl fmt::Display for ParamsDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Depth is bounded by the decoder that made the value.
fn feed(hasher: &mut Sha256, value: &Value) {
    match value {
        Value::Array(items) => {
            hasher.update(b"[");
            hasher.update(items.len().to_be_bytes());
            items.iter().for_each(|item| feed(hasher, item));
        }
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            hasher.update(b"{");
            hasher.update(entries.len().to_be_bytes());
            for (key, value) in entries {
                feed_text(hasher, key);
                feed(hasher, value);
            }
        }
        Value::String(text) => feed_text(hasher, text),
        Value::Null | Value::Bool(_) | Value::Number(_) => {
            let text = value.to_string();
            hasher.update(b"=");
            hasher.update(text.len().to_be_bytes());
            hasher.update(text.as_bytes());
        }
    }
}

fn feed_text(hasher: &mut Sha256, text: &str) {
    hasher.update(b"\"");
    hasher.update(text.len().to_be_bytes());
    hasher.update(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn order_of_keys_does_not_matter_but_everything_else_does() {
        let one: Value = serde_json::from_str(r#"{"a":1,"b":{"x":[1,2],"y":null}}"#).unwrap();
        let two: Value = serde_json::from_str(r#"{"b":{"y":null,"x":[1,2]},"a":1}"#).unwrap();
        assert_eq!(ParamsDigest::of(&one), ParamsDigest::of(&two));
        let different = [
            json!({"a": 1}),
            json!({"a": "1"}),
            json!({"a": [1]}),
            json!({"a": null}),
            json!(["a", 1]),
            json!(["a1"]),
            json!(["a", "1"]),
            json!([["a"], "1"]),
        ];
        for (index, left) in different.iter().enumerate() {
            for right in different.iter().skip(index + 1) {
                assert_ne!(ParamsDigest::of(left), ParamsDigest::of(right), "{left} {right}");
            }
        }
    }
}
