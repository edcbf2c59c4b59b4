//! The answers to `config.schema` and `config.schema.lookup`.
//!
//! Both come from the types in [`crate::schema`] and the table in [`crate::reload`]. In paths `*`
//! stands for any key of a map and any item of a list.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value as Json};

use crate::keypath::{self, KeyPath, Segment};
use crate::known::near;
use crate::reload::ReloadClass;
use crate::secret::SENSITIVE;
use crate::shape;

/// Words of the schema that hold other schemas.
const NESTED: [&str; 5] = ["properties", "additionalProperties", "items", "anyOf", "oneOf"];

/// The answer to `config.schema`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigSchema {
    /// The JSON schema of the keys that this Gateway uses.
    pub schema: Json,
    /// What an interface shows for each key path.
    pub ui_hints: BTreeMap<String, UiHint>,
    /// The version of this program.
    pub version: String,
    /// When this answer was made.
    pub generated_at: String,
}

/// What an interface shows for one key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UiHint {
    /// A short name.
    pub label: String,
    /// The manual.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// The heading it belongs under.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Its place among its siblings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<i64>,
    /// Whether it is a secret.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub sensitive: bool,
}

/// The answer to `config.schema.lookup`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigSchemaLookup {
    /// The path that was asked for, in its usual form.
    pub path: String,
    /// The schema of that key, without what stands below it.
    pub schema: Json,
    /// Whether a change needs a restart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reload_kind: Option<&'static str>,
    /// What an interface shows for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<UiHint>,
    /// The path the hint stands under.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint_path: Option<String>,
    /// What stands right below it.
    pub children: Vec<ConfigSchemaChild>,
}

/// One key below the one that was asked for.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigSchemaChild {
    /// The key; `*` for any.
    pub key: String,
    /// Its whole path.
    pub path: String,
    /// The type of its values, when it has one.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<Json>,
    /// Whether it must be set.
    pub required: bool,
    /// Whether anything stands below it.
    pub has_children: bool,
    /// Whether a change needs a restart.
    pub reload_kind: &'static str,
    /// What an interface shows for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<UiHint>,
    /// The path the hint stands under.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint_path: Option<String>,
}

/// Describes every key.
#[must_use]
pub fn describe() -> ConfigSchema {
    let schema = shape::schema();
    let mut ui_hints = BTreeMap::new();
    collect_hints(schema, &mut String::new(), &mut ui_hints);
    ConfigSchema {
        schema: schema.clone(),
        ui_hints,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        generated_at: Timestamp::now().to_string(),
    }
}

/// Describes one key and what stands right below it; `None` for a key that is not used here.
///
/// `.` is the whole configuration. `agents.list[0]`, `agents.list[]` and `agents.list.*` are the
/// same.
#[must_use]
pub fn lookup(path: &str) -> Option<ConfigSchemaLookup> {
    let (path, keys) = usual_form(path)?;
    let schema = keys.iter().try_fold(shape::schema(), |schema, key| shape::at(schema, key))?;
    let required = required_of(schema);
    let children = children_of(schema)
        .into_iter()
        .map(|(key, child)| {
            let mut path = path.clone();
            keypath::push(&mut path, &key);
            ConfigSchemaChild {
                kind: type_of(child),
                required: required.contains(&key.as_str()),
                has_children: !children_of(child).is_empty(),
                reload_kind: ReloadClass::of(&path).wire(),
                hint: Some(hint(&key, child, None, None)),
                hint_path: Some(path.clone()),
                path,
                key,
            }
        })
        .collect();
    let named = keys.last().filter(|key| *key != "*");
    Some(ConfigSchemaLookup {
        schema: shallow(schema),
        reload_kind: (!keys.is_empty()).then(|| ReloadClass::of(&path).wire()),
        hint: named.map(|key| hint(key, schema, None, None)),
        hint_path: named.map(|_| path.clone()),
        path: if keys.is_empty() { ".".to_owned() } else { path },
        children,
    })
}

/// The key that was probably meant by one that is not used here, if one is close enough.
#[must_use]
pub fn meant(path: &str) -> Option<String> {
    let parsed = KeyPath::parse(path).ok()?;
    let (last, above) = parsed.0.split_last()?;
    let Segment::Key(key) = last else { return None };
    let mut shown = String::new();
    for segment in above {
        match segment {
            Segment::Key(key) => keypath::push(&mut shown, key),
            Segment::Index(index) => keypath::push_index(&mut shown, *index),
        }
    }
    let beside = lookup(if shown.is_empty() { "." } else { &shown })?;
    let near = near(key, beside.children.iter().map(|child| child.key.as_str()))?;
    keypath::push(&mut shown, near);
    Some(shown)
}

/// The path with `*` for indexes, and its keys.
fn usual_form(path: &str) -> Option<(String, Vec<String>)> {
    let path = path.replace("[]", ".*").replace("[*]", ".*");
    let parsed = if path == "." { KeyPath::default() } else { KeyPath::parse(&path).ok()? };
    let keys: Vec<String> = parsed
        .0
        .into_iter()
        .map(|segment| match segment {
            Segment::Key(key) => key,
            Segment::Index(_) => "*".to_owned(),
        })
        .collect();
    let mut shown = String::new();
    keys.iter().for_each(|key| keypath::push(&mut shown, key));
    Some((shown, keys))
}

fn collect_hints(schema: &Json, path: &mut String, hints: &mut BTreeMap<String, UiHint>) {
    let before = path.len();
    let top = path.is_empty();
    for (index, (key, child)) in children_of(schema).into_iter().enumerate() {
        keypath::push(path, &key);
        if key != "*" {
            let order = i64::try_from(index).ok();
            let group = top.then(|| label(&key));
            hints.insert(path.clone(), hint(&key, child, group, order));
        }
        collect_hints(child, path, hints);
        path.truncate(before);
    }
}

/// What stands right below a schema: its keys, and `*` for the rest of a map or the items of a list.
fn children_of(schema: &Json) -> Vec<(String, &Json)> {
    let mut children: Vec<(String, &Json)> = Vec::new();
    if let Some(Json::Object(properties)) = schema.get("properties") {
        children.extend(properties.iter().map(|(key, child)| (key.clone(), child)));
    }
    for word in ["additionalProperties", "items"] {
        if let Some(child @ Json::Object(_)) = schema.get(word) {
            children.push(("*".to_owned(), child));
        }
    }
    for branch in shape::branches(schema) {
        for (key, child) in children_of(branch) {
            if !children.iter().any(|(known, _)| *known == key) {
                children.push((key, child));
            }
        }
    }
    children
}

fn hint(key: &str, schema: &Json, group: Option<String>, order: Option<i64>) -> UiHint {
    let help = schema.get("description").and_then(Json::as_str);
    UiHint {
        label: label(key),
        help: help.map(|help| help.replace('\n', " ")),
        group,
        order,
        sensitive: schema.get(SENSITIVE).is_some(),
    }
}

/// `customBindHost` as `Custom bind host`.
fn label(key: &str) -> String {
    let mut out = String::with_capacity(key.len() + 4);
    let mut previous_lower = false;
    for c in key.trim_start_matches('$').chars() {
        if out.is_empty() {
            out.extend(c.to_uppercase());
        } else if c.is_uppercase() && previous_lower {
            out.push(' ');
            out.extend(c.to_lowercase());
        } else {
            out.push(c);
        }
        previous_lower = c.is_lowercase() || c.is_ascii_digit();
    }
    out
}

fn required_of(schema: &Json) -> Vec<&str> {
    let names = schema.get("required").and_then(Json::as_array);
    names.into_iter().flatten().filter_map(Json::as_str).collect()
}

fn type_of(schema: &Json) -> Option<Json> {
    if let Some(kind) = schema.get("type") {
        return Some(kind.clone());
    }
    let mut kinds: Vec<Json> =
        shape::branches(schema).filter_map(|branch| branch.get("type").cloned()).collect();
    kinds.dedup();
    match kinds.as_slice() {
        [] => None,
        [only] => Some(only.clone()),
        _ => Some(Json::Array(kinds)),
    }
}

fn shallow(schema: &Json) -> Json {
    let Json::Object(map) = schema else { return schema.clone() };
    let kept = map.iter().filter(|(word, _)| !NESTED.contains(&word.as_str()));
    let mut out: Map<String, Json> =
        kept.map(|(word, value)| (word.clone(), value.clone())).collect();
    if let Some(kind) = type_of(schema) {
        out.insert("type".to_owned(), kind);
    }
    Json::Object(out)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_key_is_described() {
        let described = describe();
        let hint = &described.ui_hints["gateway.auth.token"];
        assert!(hint.sensitive && hint.help.is_some());
        assert_eq!(hint.label, "Token");
        assert_eq!(described.ui_hints["gateway"].group.as_deref(), Some("Gateway"));
        assert_eq!(described.ui_hints["gateway.customBindHost"].label, "Custom bind host");
        assert!(described.ui_hints.contains_key("models.providers.*.models.*.contextWindow"));
        assert!(described.ui_hints.values().all(|hint| !hint.label.is_empty()));
    }

    #[test]
    fn one_key_and_its_children() {
        let auth = lookup("gateway.auth").unwrap();
        assert_eq!((auth.path.as_str(), auth.reload_kind), ("gateway.auth", Some("restart")));
        assert!(auth.schema.get("properties").is_none());
        let child = |key: &str| auth.children.iter().find(|child| child.key == key).unwrap();
        assert_eq!(child("mode").kind, Some(json!("string")));
        assert_eq!(child("token").reload_kind, "hot");
        assert_eq!(child("token").kind, Some(json!(["string", "object"])));
        assert!(child("rateLimit").has_children && !child("mode").has_children);

        let port = lookup("gateway.port").unwrap();
        assert_eq!(port.schema["minimum"], 1);
        assert_eq!(port.schema["maximum"], 65535);
        assert!(port.children.is_empty());
        assert_eq!(lookup("gateway.remote.url").unwrap().reload_kind, Some("none"));
    }

    #[test]
    fn a_slip_is_recognised() {
        for (path, key) in [
            ("gatewy", Some("gateway")),
            ("gateway.prot", Some("gateway.port")),
            ("agents.list[0].nme", Some("agents.list[0].name")),
            ("gateway.nothingLikeIt", None),
            ("a..b", None),
        ] {
            assert_eq!(meant(path).as_deref(), key, "{path}");
        }
    }

    #[test]
    fn lists_maps_and_the_whole() {
        for path in ["agents.list.*", "agents.list[]", "agents.list[3]", "agents.list[*]"] {
            assert_eq!(lookup(path).unwrap().path, "agents.list.*", "{path}");
        }
        let providers = lookup("models.providers").unwrap();
        assert_eq!(providers.children[0].path, "models.providers.*");
        assert_eq!(lookup("models.providers.any.apiKey").unwrap().hint.unwrap().label, "Api key");
        let whole = lookup(".").unwrap();
        assert_eq!((whole.path.as_str(), whole.reload_kind, whole.hint), (".", None, None));
        assert!(whole.children.iter().any(|child| child.key == "gateway"));
        for path in ["gateway.prt", "channels.discord", "gateway.port.x", "a..b"] {
            assert!(lookup(path).is_none(), "{path}");
        }
    }
}
