//! Reading JSON schemas as schemars writes them: references, alternatives, allowed values.

use serde_json::Value;

/// A schema with the definitions it may refer to.
#[derive(Clone, Copy)]
pub(crate) struct Schema<'a> {
    root: &'a Value,
    at: &'a Value,
}

impl<'a> Schema<'a> {
    /// A whole schema document.
    pub(crate) fn new(root: &'a Value) -> Self {
        Self { root, at: root }.resolved()
    }

    /// The properties in order, each with whether it is required.
    pub(crate) fn properties(self) -> Vec<(&'a str, bool, Self)> {
        let required: Vec<&str> =
            list(self.at, "required").filter_map(|name| name.as_str()).collect();
        self.at
            .get("properties")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .map(|(name, schema)| {
                let inner = Self { root: self.root, at: schema };
                (name.as_str(), required.contains(&name.as_str()), inner)
            })
            .collect()
    }

    /// What a value of a map looks like, if this is a map.
    pub(crate) fn map_value(self) -> Option<Self> {
        let inner = self.core().at.get("additionalProperties")?;
        inner.is_object().then_some(Self { root: self.root, at: inner })
    }

    /// What an item of an array looks like, if this is an array.
    pub(crate) fn item(self) -> Option<Self> {
        Some(Self { root: self.root, at: self.core().at.get("items")? })
    }

    /// The forms a value may have, where there are several.
    pub(crate) fn choices(self) -> Vec<Self> {
        self.alternatives().into_iter().filter(|form| !form.is_null()).collect()
    }

    /// Whether keys of their own stand below.
    pub(crate) fn has_fields(self) -> bool {
        let core = self.core();
        !core.properties().is_empty() || core.choices().iter().any(|form| form.has_fields())
    }

    /// Whether this very key is marked as one that has no effect yet.
    pub(crate) fn is_unserved(self) -> bool {
        self.at.get("x-unserved").is_some()
    }

    /// The description that stands nearest.
    pub(crate) fn description(self) -> &'a str {
        let own = self.at.get("description").or_else(|| self.core().at.get("description"));
        own.and_then(Value::as_str).unwrap_or_default()
    }

    /// The schema behind references and optional wrappers.
    pub(crate) fn core(self) -> Self {
        let resolved = self.resolved();
        let mut real = resolved.alternatives().into_iter().filter(|inner| !inner.is_null());
        match (real.next(), real.next()) {
            (Some(only), None) => only.core(),
            _ => resolved,
        }
    }

    /// A short name of the type: `string`, `integer`, `"a" or "b"`, `list of string`, `map of integer`.
    pub(crate) fn type_name(self) -> String {
        let core = self.core();
        let values = core.values();
        if !values.is_empty() {
            return values.join(" or ");
        }
        if let Some(item) = core.item() {
            return format!("list of {}", item.type_name());
        }
        if let Some(value) = core.map_value() {
            return format!("map of {}", value.type_name());
        }
        let choices = core.alternatives();
        if !choices.is_empty() {
            let mut names: Vec<String> = choices.into_iter().map(Self::type_name).collect();
            names.dedup();
            return names.join(" or ");
        }
        core.plain_type()
    }

    /// The allowed values, where they are listed one by one.
    fn values(self) -> Vec<String> {
        if let Some(constant) = self.at.get("const") {
            return vec![constant.to_string()];
        }
        let listed: Vec<String> =
            list(self.at, "enum").filter(|value| !value.is_null()).map(Value::to_string).collect();
        if !listed.is_empty() {
            return listed;
        }
        let choices = self.alternatives();
        let each: Vec<Vec<String>> = choices.iter().map(|choice| choice.values()).collect();
        if each.iter().any(Vec::is_empty) { Vec::new() } else { each.concat() }
    }

    fn plain_type(self) -> String {
        let name = match self.at.get("type") {
            Some(Value::String(name)) => Some(name.clone()),
            Some(Value::Array(names)) => {
                let names = names.iter().filter_map(Value::as_str).filter(|name| *name != "null");
                Some(names.collect::<Vec<_>>().join(" or "))
            }
            _ => None,
        };
        name.filter(|name| !name.is_empty()).unwrap_or_else(|| "any".to_owned())
    }

    fn alternatives(self) -> Vec<Self> {
        ["anyOf", "oneOf"]
            .into_iter()
            .flat_map(|key| list(self.at, key))
            .map(|inner| Self { root: self.root, at: inner }.resolved())
            .collect()
    }

    fn is_null(self) -> bool {
        self.at.get("type").and_then(Value::as_str) == Some("null")
    }

    fn resolved(self) -> Self {
        let mut at = self.at;
        while let Some(pointer) = at.get("$ref").and_then(Value::as_str) {
            let Some(target) = self.root.pointer(pointer.trim_start_matches('#')) else { break };
            at = target;
        }
        Self { root: self.root, at }
    }
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_types() {
        let root = json!({
            "$defs": { "Mode": { "oneOf": [{ "const": "a" }, { "const": "b" }] } },
            "properties": {
                "s": { "type": ["string", "null"] },
                "m": { "anyOf": [{ "$ref": "#/$defs/Mode" }, { "type": "null" }] },
                "l": { "type": "array", "items": { "type": "integer" } },
                "o": { "type": "object", "additionalProperties": { "$ref": "#/$defs/Mode" } },
                "u": { "anyOf": [{ "type": "string" }, { "type": "boolean" }] },
                "x": true,
            },
        });
        let named: Vec<(String, String)> = Schema::new(&root)
            .properties()
            .into_iter()
            .map(|(name, _, schema)| (name.to_owned(), schema.type_name()))
            .collect();
        for (name, expected) in [
            ("s", "string"),
            ("m", "\"a\" or \"b\""),
            ("l", "list of integer"),
            ("o", "map of \"a\" or \"b\""),
            ("u", "string or boolean"),
            ("x", "any"),
        ] {
            assert!(named.contains(&(name.to_owned(), expected.to_owned())), "{name}: {named:?}");
        }
    }
}
