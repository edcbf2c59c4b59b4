//! The JSON schema of [`Config`], made from its types once and put into the plainest form.
//!
//! The checker walks this schema and `config.schema` publishes it, so the two cannot disagree.
//! Plain means: no references, no `null` (a key is left out instead), closed lists as `enum`, and
//! every whole number with its limits.

use std::sync::OnceLock;

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::schema::Config;

/// Marks a key that is read and checked, but has no effect in this release yet.
pub(crate) const UNSERVED: &str = "x-unserved";

/// The schema of the whole configuration.
pub(crate) fn schema() -> &'static Value {
    static SCHEMA: OnceLock<Value> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        let settings = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true);
        let mut schema = settings.into_generator().into_root_schema_for::<Config>().to_value();
        simplify(&mut schema);
        schema
    })
}

fn simplify(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(simplify),
        Value::Object(map) => {
            map.values_mut().for_each(simplify);
            drop_null(map);
            for word in ["oneOf", "anyOf"] {
                collapse(map, word);
            }
            limit_integer(map);
        }
        _ => {}
    }
}

/// `null` would mean the same as leaving a key out; one way to say it is enough.
fn drop_null(map: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = map.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            map.insert("type".to_owned(), only);
        }
    }
    for word in ["anyOf", "oneOf"] {
        if let Some(Value::Array(branches)) = map.get_mut(word) {
            branches.retain(|branch| branch.get("type") != Some(&json!("null")));
        }
    }
    if map.get("default") == Some(&Value::Null) {
        map.remove("default");
    }
}

/// One branch is no choice, and a choice between constants is a closed list.
fn collapse(map: &mut Map<String, Value>, word: &str) {
    let Some(Value::Array(branches)) = map.get(word) else { return };
    let constants: Option<Vec<Value>> =
        branches.iter().map(|branch| branch.get("const").cloned()).collect();
    if let Some(constants) = constants.filter(|constants| !constants.is_empty()) {
        map.remove(word);
        map.insert("type".to_owned(), json!("string"));
        map.insert("enum".to_owned(), Value::Array(constants));
    } else if let [Value::Object(only)] = branches.as_slice() {
        let only = only.clone();
        map.remove(word);
        for (key, value) in only {
            map.entry(key).or_insert(value);
        }
    }
}

fn limit_integer(map: &mut Map<String, Value>) {
    let (least, most) = match map.get("format").and_then(Value::as_str) {
        Some("uint8") => (0, u64::from(u8::MAX)),
        Some("uint16") => (0, u64::from(u16::MAX)),
        Some("uint32") => (0, u64::from(u32::MAX)),
        // The largest whole number that every reader of JSON agrees on.
        Some("uint64" | "uint") => (0, 9_007_199_254_740_991),
        _ => return,
    };
    map.remove("format");
    map.entry("minimum").or_insert(json!(least));
    map.entry("maximum").or_insert(json!(most));
}

/// What the schema says about one key path; `None` when it says nothing.
///
/// Map keys and list items go through `additionalProperties` and `items`; `*` stands for either.
pub(crate) fn at<'s>(schema: &'s Value, key: &str) -> Option<&'s Value> {
    if let Some(found) = schema.get("properties").and_then(|properties| properties.get(key)) {
        return Some(found);
    }
    if let Some(any) = schema.get("additionalProperties").filter(|any| any.is_object()) {
        return Some(any);
    }
    if let Some(items) = schema.get("items")
        && (key == "*" || key == "[]" || key.parse::<usize>().is_ok())
    {
        return Some(items);
    }
    branches(schema).find_map(|branch| at(branch, key))
}

/// The alternatives of a schema, if it has any.
pub(crate) fn branches(schema: &Value) -> impl Iterator<Item = &Value> {
    let list = schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Value::as_array);
    list.into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every(schema: &Value, visit: &mut impl FnMut(&Map<String, Value>)) {
        match schema {
            Value::Array(items) => items.iter().for_each(|item| every(item, visit)),
            Value::Object(map) => {
                visit(map);
                map.values().for_each(|value| every(value, visit));
            }
            _ => {}
        }
    }

    #[test]
    fn the_schema_is_plain() {
        every(schema(), &mut |map| {
            assert!(!map.contains_key("$ref"), "{map:?}");
            assert!(!map.get("type").is_some_and(Value::is_array), "{map:?}");
            assert_ne!(map.get("type"), Some(&json!("null")), "{map:?}");
        });
    }

    #[test]
    fn every_key_has_a_manual() {
        fn visit(schema: &Value, path: &str) {
            let properties = schema.get("properties").and_then(Value::as_object);
            for (key, property) in properties.into_iter().flatten() {
                let path = format!("{path}.{key}");
                let tag = property.get("const").is_some();
                assert!(tag || property.get("description").is_some(), "{path}: {property}");
                visit(property, &path);
            }
            for inner in ["additionalProperties", "items"] {
                schema.get(inner).into_iter().for_each(|inner| visit(inner, path));
            }
            branches(schema).for_each(|branch| visit(branch, path));
        }
        visit(schema(), "");
    }

    #[test]
    fn paths_lead_through_maps_lists_and_choices() {
        for (path, expected) in [
            ("gateway.port", json!("integer")),
            ("models.providers.any.models.0.contextWindow", json!("integer")),
            ("agents.list.*.default", json!("boolean")),
            ("agents.defaults.model.primary", json!("string")),
            ("secrets.providers.x.passEnv", json!("array")),
            ("gateway.auth.token.id", json!("string")),
        ] {
            let found = path.split('.').try_fold(schema(), at);
            assert_eq!(found.and_then(|found| found.get("type")), Some(&expected), "{path}");
        }
        assert!(["gateway", "prt"].iter().try_fold(schema(), |s, key| at(s, key)).is_none());
    }
}
